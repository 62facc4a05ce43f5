"""One target's loop, by a clock that stands still unless it is moved: order, retries, quiet hours, restarts."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.notify.config import TargetSection
from pipeline.notify.courier import Courier, Profile
from pipeline.notify.decision import Reason
from pipeline.notify.memory import open_memory
from pipeline.notify.messages import Message, Style
from pipeline.notify.rehearsal import Count
from pipeline.notify.source import Incoming
from pipeline.notify.targets.contract import Delivered, Notice, Outcome, Refused, Retry
from schemas.alert import Alert
from tests.pipeline.notify.examples import crisis

MIDNIGHT = 1_772_409_600.0
"""2026-03-02 00:00 UTC."""
HOUR = 3600.0


class Topic:
    """The alerts topic as one consumer group sees it."""

    def __init__(self) -> None:
        self.records: list[Incoming] = []
        self.committed = 0
        self.position = 0
        self.asked = 0

    def publish(self, alert: Alert | None, at: float) -> None:
        place = f"alerts[0]@{len(self.records)}"
        problem = "" if alert else "no JSON"
        self.records.append(
            Incoming(place=place, alert=alert, problem=problem, published=at, partition=0, offset=len(self.records))
        )

    def next(self, seconds: float) -> Incoming | None:
        if self.position == len(self.records):
            return None
        self.position += 1
        return self.records[self.position - 1]

    def done(self, record: Incoming) -> None:
        assert record.offset == self.committed, "an offset was passed over"
        self.committed = record.offset + 1

    def is_caught_up(self) -> bool:
        self.asked += 1
        return self.position == len(self.records)

    def crash(self) -> None:
        self.position = self.committed


class People:
    """A target that hears, or answers with what it is told to."""

    def __init__(self, one_by_one: bool = False) -> None:
        self.heard: list[str] = []
        self.notices: list[Notice] = []
        self.messages: list[Message] = []
        self.answers: list[Outcome] = []
        self.reminded: list[list[str]] = []
        self.one_by_one = one_by_one

    def deliver(self, notice: Notice) -> Outcome:
        self.notices.append(notice)
        return self._answer([notice.alert], notice.message)

    def deliver_waiting(self, alerts: Sequence[Alert], message: Message) -> Outcome | None:
        return None if self.one_by_one else self._answer(alerts, message)

    def remind(self, alerts: Sequence[Alert]) -> Outcome | None:
        self.reminded.append([alert.id for alert in alerts])
        return None

    def _answer(self, alerts: Sequence[Alert], message: Message) -> Outcome:
        outcome = self.answers.pop(0) if self.answers else Delivered()
        if isinstance(outcome, Delivered):
            self.heard.append("+".join(f"{alert.transition} {int(alert.episode_id, 16)}" for alert in alerts))
            self.messages.append(message)
        return outcome


class Scene:
    """A courier with all that it touches."""

    def __init__(self, people: People | None = None, **section: Any) -> None:
        self.now = MIDNIGHT
        self.topic, self.people, self.memory = Topic(), people or People(), open_memory(None)
        self.count = Count()
        self.profile = Profile(
            name="chat",
            section=TargetSection(**({"type": "apprise", "url": "json://h"} | section)),
            style=Style(hub_url="https://hub.example"),
        )
        self.number = 0
        self.courier = self.start()

    def start(self) -> Courier:
        return Courier(self.profile, self.people, self.memory, self.count, clock=lambda: self.now, chance=lambda: 1.0)

    def publish(self, transition: str = "opened", episode: int = 1, age: float = 0.0, **changes: Any) -> Alert:
        self.number += 1
        alert = crisis(transition, self.number, episode, **changes)
        self.topic.publish(alert, self.now - age)
        return alert

    def settle(self, steps: int = 30) -> list[str]:
        """Step until nothing is left to do but wait, then tell what was heard."""
        for _ in range(steps):
            self.courier.step(self.topic)
        return self.people.heard

    def restart(self) -> None:
        """What kill -9 leaves: the memory and the committed offset."""
        self.topic.crash()
        self.courier = self.start()


def test_alerts_are_told_in_their_order_and_then_committed():
    scene = Scene()
    for transition in ("opened", "updated", "escalated", "resolved"):
        scene.publish(transition)
    assert scene.settle() == ["opened 1", "updated 1", "escalated 1", "resolved 1"]
    assert scene.topic.committed == 4
    assert scene.memory.open_alerts() == []


def test_a_failure_is_tried_again_after_twice_the_time_and_nothing_is_committed_meanwhile():
    scene = Scene()
    scene.people.answers = [Retry("timeout", "no answer")] * 4
    scene.publish()
    waits = []
    while not scene.people.heard:
        wait = scene.courier.step(scene.topic)
        assert scene.topic.committed == (1 if scene.people.heard else 0)
        if not wait:
            waits.append(0.0)
        scene.now += wait
        waits[-1] += wait
    assert waits == pytest.approx([1, 2, 4, 8, 0])


def test_a_target_that_names_its_time_is_given_it():
    scene = Scene()
    scene.people.answers = [Retry("status_429", "too many", after=120.0)]
    scene.publish()
    assert scene.settle() == []
    scene.now += 119
    assert scene.settle() == []
    scene.now += 1
    assert scene.settle() == ["opened 1"]


def test_what_is_refused_is_counted_and_does_not_hold_up_the_next():
    scene = Scene()
    scene.people.answers = [Refused("status_4xx", "not like this")]
    scene.publish(episode=1)
    scene.publish(episode=2)
    assert scene.settle() == ["opened 2"]
    assert scene.count.reasons == {"refused": 1}
    assert scene.topic.committed == 2


def test_a_record_that_is_no_alert_is_passed_over():
    scene = Scene()
    scene.topic.publish(None, scene.now)
    scene.publish()
    assert scene.settle() == ["opened 1"]
    assert scene.count.reasons == {"unreadable": 1}


def test_what_waited_in_quiet_hours_is_one_message_with_the_last_of_every_episode():
    scene = Scene(quiet_hours="22:00-07:00 UTC")
    scene.publish(episode=1)
    scene.publish("updated", episode=1)
    scene.publish(episode=2)
    scene.publish("resolved", episode=2)
    scene.publish(episode=3, severity="critical")
    assert scene.settle() == ["opened 3"]
    scene.now += 7 * HOUR
    scene.publish(episode=4)
    assert scene.settle() == ["opened 3", "opened 4", "updated 1"]
    assert scene.count.reasons == {"quiet_hours": 3, "not_told": 1, "superseded": 2}
    scene.publish("resolved", episode=1)
    assert scene.settle()[-1] == "resolved 1"


def test_several_that_waited_come_together_and_each_can_be_closed():
    scene = Scene(quiet_hours="22:00-07:00 UTC")
    for episode in (1, 2, 3):
        scene.publish(episode=episode)
    scene.settle()
    scene.now += 7 * HOUR
    assert scene.settle() == ["opened 1+opened 2+opened 3"]
    assert scene.people.messages[0].title == "3 waiting alerts"
    assert scene.people.messages[0].text.count("https://hub.example/episodes/") == 3
    scene.publish("resolved", episode=2)
    assert scene.settle()[-1] == "resolved 2"


def test_a_machine_gets_what_waited_one_by_one():
    scene = Scene(People(one_by_one=True), quiet_hours="22:00-07:00 UTC")
    for episode in (1, 2):
        scene.publish(episode=episode)
    scene.settle()
    scene.now += 7 * HOUR
    assert scene.settle() == ["opened 1", "opened 2"]


def test_what_is_above_the_rate_waits_for_room_and_comes_together():
    scene = Scene(rate_per_hour=2)
    for episode in range(1, 6):
        scene.publish(episode=episode)
    scene.publish(episode=6, severity="critical")
    assert scene.settle() == ["opened 1", "opened 2", "opened 6"]
    scene.now += HOUR + 1
    assert scene.settle()[3:] == ["opened 3+opened 4+opened 5"]


def test_after_a_day_away_only_what_is_still_open_is_told_and_what_is_new_at_once():
    scene = Scene()
    scene.people.answers = [Retry("connection", "down")]
    scene.publish(episode=1)
    scene.settle()
    scene.publish("resolved", episode=1)
    scene.publish(episode=2)
    scene.publish("escalated", episode=2)
    scene.publish(episode=3)
    scene.now += 24 * HOUR
    scene.publish(episode=4)
    assert scene.settle() == ["opened 4", "escalated 2+opened 3"]
    assert scene.topic.committed == 6


def test_a_long_history_is_gone_through_before_the_broker_is_asked_whether_that_was_all():
    scene = Scene()
    for episode in range(1, 101):
        scene.publish(episode=episode, age=24 * HOUR)
    for _ in range(100):
        scene.courier.step(scene.topic)
    assert (scene.people.heard, scene.topic.asked) == ([], 0)
    (digest,) = scene.settle()
    assert digest.count("opened") == 100
    assert scene.people.messages[0].text.endswith("and 90 more")


def test_an_end_that_the_target_missed_for_a_day_is_told():
    scene = Scene()
    scene.publish(episode=1)
    scene.settle()
    scene.publish("resolved", episode=1, age=24 * HOUR)
    assert scene.settle() == ["opened 1", "resolved 1"]


def test_a_digest_that_is_refused_is_told_one_by_one():
    scene = Scene(quiet_hours="22:00-07:00 UTC")
    for episode in (1, 2, 3):
        scene.publish(episode=episode)
    scene.settle()
    scene.now += 7 * HOUR
    scene.people.answers = [Refused("status_4xx", "too long"), Delivered(), Refused("status_4xx", "bad")]
    assert scene.settle() == ["opened 1", "opened 3"]
    assert scene.memory.held_count() == 0


def test_a_digest_that_fails_is_kept():
    scene = Scene(quiet_hours="22:00-07:00 UTC")
    for episode in (1, 2):
        scene.publish(episode=episode)
    scene.settle()
    scene.now += 7 * HOUR
    scene.people.answers = [Retry("timeout", "no answer")]
    assert scene.settle() == []
    scene.now += 60
    assert scene.settle() == ["opened 1+opened 2"]


def test_a_pager_is_told_which_key_is_free_when_an_episode_becomes_part_of_another():
    scene = Scene()
    alone = scene.publish(episode=1)
    joined = scene.publish("updated", episode=1, incident_id="f" * 12)
    scene.settle()
    assert [(one.previous, one.free_key) for one in scene.people.notices] == [(None, None), (alone, alone.episode_id)]
    scene.publish("updated", episode=1, incident_id="f" * 12)
    scene.settle()
    assert (scene.people.notices[2].previous, scene.people.notices[2].free_key) == (joined, None)


def test_a_key_that_another_episode_needs_is_not_free():
    scene = Scene()
    scene.publish(episode=1, incident_id="a" * 12)
    scene.publish(episode=2, incident_id="a" * 12)
    scene.publish("updated", episode=1, incident_id="b" * 12)
    scene.settle()
    assert scene.people.notices[-1].free_key is None


def test_what_is_open_is_said_again_every_minute():
    scene = Scene()
    opened = scene.publish()
    scene.settle()
    scene.now += 61
    scene.settle()
    assert scene.people.reminded[-1] == [opened.id]
    assert len(scene.people.reminded) == 2


@given(st.lists(st.sampled_from(["alert", "crash", "fail", "hour"]), max_size=40), st.booleans())
def test_through_crashes_and_failures_every_episode_is_told_and_no_alert_twice(events, quiet):
    """A crash between the steps; that within a delivery is what the receiver's own dedup is for."""
    scene = Scene(quiet_hours="01:00-05:00 UTC" if quiet else None, rate_per_hour=3)
    told: list[str] = []
    for event in events:
        match event:
            case "alert":
                scene.publish(episode=scene.number % 3 + 1, transition="opened" if scene.number < 3 else "updated")
            case "crash":
                scene.restart()
            case "fail":
                scene.people.answers.append(Retry("timeout", "no answer"))
            case "hour":
                scene.now += HOUR
        scene.courier.step(scene.topic)
    scene.people.answers.clear()
    for _ in range(40):
        scene.now += HOUR
        scene.settle(5)
    told = [one for heard in scene.people.heard for one in heard.split("+")]
    assert scene.topic.committed == scene.number
    assert scene.memory.held_count() == 0
    assert {one.split()[1] for one in told} == {str(number + 1) for number in range(min(scene.number, 3))}
    delivered = [notice.alert.id for notice in scene.people.notices]
    assert len(told) <= scene.number
    assert scene.count.told == len(told)
    assert len(set(delivered)) <= scene.number


def test_where_nothing_can_be_remembered_nothing_is_told():
    """Else a full disk would have people told the same thing again and again."""
    scene = Scene()
    scene.publish()
    scene.memory._connection.execute("PRAGMA query_only = ON")
    with pytest.raises(sqlite3.OperationalError):
        scene.courier.step(scene.topic)
    assert scene.people.notices == []


def test_no_alert_that_was_delivered_is_delivered_again_after_a_restart():
    scene = Scene()
    scene.publish()
    scene.settle()
    scene.topic.committed = 0  # as if the commit had been lost
    scene.restart()
    assert scene.settle() == ["opened 1"]
    assert scene.count.reasons == {Reason.ALREADY_DELIVERED.value: 1}
