"""What a target has been told survives a restart; two processes never share it."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pipeline.errors import TocsinError
from pipeline.notify.decision import Reason
from pipeline.notify.memory import open_memory
from schemas.alert import Alert
from schemas.delivery import new_delivery
from schemas.moments import moment
from tests.pipeline.notify.examples import crisis

ROOT = Path(__file__).parents[3]


def test_a_restart_remembers_what_was_delivered_what_is_open_and_what_waits(tmp_path):
    path = tmp_path / "deep" / "chat.sqlite3"
    first, second = crisis(number=1, episode=1), crisis(number=2, episode=2)
    with contextlib.closing(open_memory(path)) as memory:
        memory.delivered([first], now=1000.0)
        memory.hold(second, Reason.QUIET_HOURS, published=900.0)
    with contextlib.closing(open_memory(path)) as memory:
        assert memory.past(first, now=1001.0).delivered
        assert memory.told(first.episode_id) == (first.episode_id, first)
        assert memory.recent(now=1001.0) == 1
        assert [(one.alert, one.reason, one.published) for one in memory.held()] == [(second, "quiet_hours", 900.0)]


def test_a_second_process_on_the_same_file_is_refused_until_the_first_has_ended(tmp_path):
    path = tmp_path / "chat.sqlite3"
    program = f"""
from pathlib import Path
from pipeline.notify.memory import open_memory
memory = open_memory(Path({str(path)!r}))
print("open", flush=True)
input()
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(TocsinError, match="another `tocsin notify` uses it"):
            open_memory(path)
        other.kill()
    open_memory(path).close()


def test_what_is_no_memory_is_refused_with_what_to_do(tmp_path):
    junk = tmp_path / "junk.sqlite3"
    junk.write_text("a letter of more than a hundred characters " * 10, encoding="utf-8")
    with pytest.raises(TocsinError, match=r"file is not a database; move it away to start anew"):
        open_memory(junk)
    later = tmp_path / "later.sqlite3"
    with contextlib.closing(sqlite3.connect(later)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(TocsinError, match="version 99 instead of 2"):
        open_memory(later)
    with pytest.raises(TocsinError, match="expected a folder that can be written to"):
        open_memory(junk / "below" / "x.sqlite3")


def test_a_file_of_the_version_before_is_brought_up_to_date_with_all_that_it_has(tmp_path):
    path = tmp_path / "chat.sqlite3"
    with contextlib.closing(open_memory(path)) as memory:
        memory.delivered([crisis(number=1)], now=0.0)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript("DROP TABLE unrecorded; PRAGMA user_version = 1;")
    record = new_delivery(crisis(number=2), target=("chat", "apprise"), time=moment(5.0))
    with contextlib.closing(open_memory(path)) as memory:
        assert memory.past(crisis(number=1), now=1.0).delivered
        memory.delivered([crisis(number=2)], now=5.0, records=[record])
    with contextlib.closing(open_memory(path)) as memory:
        assert memory.unrecorded(10) == [record]
        memory.recorded([record.id])
        assert memory.unrecorded_count() == 0


def test_what_was_in_flight_when_it_ended_is_known_afterwards(tmp_path):
    path = tmp_path / "chat.sqlite3"
    for delivered in (False, True):
        with contextlib.closing(open_memory(path)) as memory:
            memory.attempt([crisis(number=1), crisis(number=2)])
            if delivered:
                memory.delivered([crisis(number=1)], now=0.0)
        with contextlib.closing(open_memory(path)) as memory:
            assert memory.interrupted() == [crisis(number=number).id for number in ((2,) if delivered else (1, 2))]


def test_what_cannot_be_read_again_is_forgotten(tmp_path):
    day = 86_400.0
    with contextlib.closing(open_memory(None)) as memory:
        memory.delivered([crisis(number=1)], now=0.0)
        records = [new_delivery(crisis(), target=("chat", "apprise"), time=moment(n * day)) for n in (0, 50)]
        memory.delivered([crisis(number=2)], now=50 * day, records=records)
        memory.forget(now=101 * day)
        assert memory.unrecorded(10) == records[1:]
        assert not memory.past(crisis(number=1), now=101 * day).delivered
        assert memory.past(crisis(number=2), now=101 * day).delivered


class Remembering(RuleBasedStateMachine):
    """The memory against a model of plain sets, through restarts."""

    def __init__(self) -> None:
        super().__init__()
        self.memory = open_memory(None)
        self.delivered: set[str] = set()
        self.told: dict[str, Alert] = {}
        self.held: list[Alert] = []
        self.number = 0

    def fresh(self, episode: int, transition: str, incident: int) -> Alert:
        self.number += 1
        return crisis(transition, self.number, episode, incident_id=f"{incident:012x}")

    @rule(episode=st.integers(1, 3), incident=st.integers(1, 2), transition=st.sampled_from(["opened", "resolved"]))
    def deliver(self, episode, incident, transition):
        alert = self.fresh(episode, transition, incident)
        dropped = self.memory.delivered([alert], now=0.0)
        superseded = [one for one in self.held if one.episode_id == alert.episode_id]
        assert dropped == len(superseded)
        self.delivered |= {alert.id, *(one.id for one in superseded)}
        self.held = [one for one in self.held if one not in superseded]
        self.told.pop(alert.episode_id, None)
        if transition == "opened":
            self.told[alert.episode_id] = alert

    @rule(episode=st.integers(1, 3))
    def hold(self, episode):
        alert = self.fresh(episode, "updated", 1)
        for _ in range(2):
            self.memory.hold(alert, Reason.RATE_LIMITED, 0.0)
        self.held.append(alert)

    @precondition(lambda self: self.held)
    @rule()
    def deliver_what_waits(self):
        alerts = self.held
        self.memory.delivered(alerts, now=0.0)
        self.delivered |= {one.id for one in alerts}
        self.told |= {one.episode_id: one for one in alerts}
        self.held = []

    @precondition(lambda self: self.held)
    @rule()
    def give_up(self):
        alert = self.held.pop(0)
        self.memory.give_up(alert, now=0.0)
        self.delivered.add(alert.id)

    @invariant()
    def is_what_the_model_says(self):
        assert [one.alert for one in self.memory.held()] == self.held
        assert self.memory.held_count() == len(self.held)
        assert {one.id for one in self.memory.open_alerts()} == {one.id for one in self.told.values()}
        for number in range(1, self.number + 1):
            alert = crisis(number=number, episode=99)
            assert self.memory.past(alert, now=0.0).delivered is (alert.id in self.delivered)
        for episode, alert in self.told.items():
            key = alert.incident_id or ""
            others = {one.episode_id for one in self.told.values() if one.incident_id == key} - {episode}
            assert self.memory.is_shared(key, episode) is bool(others)

    def teardown(self):
        self.memory.close()


TestRemembering = Remembering.TestCase
TestRemembering.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)
