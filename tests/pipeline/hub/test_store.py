"""The store: nothing lost, nothing twice, whatever is read again; bounded; one writer, readers that cannot write."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import TocsinError
from pipeline.hub.store.reader import Reader, Search
from pipeline.hub.store.retention import DAY, HOUR, Retention
from pipeline.hub.store.writer import Incoming, Writer
from schemas.alert import Alert, Playbook
from schemas.delivery import new_delivery
from schemas.feedback import new_feedback
from schemas.moments import moment
from tests.pipeline.hub.world import DETECTED, START, activity, alert, buckets, burn, episode, later

TABLES = ("episodes", "alerts", "feedback", "deliveries", "buckets", "hours", "days", "offsets", "facts")


def content(path: Path) -> dict[str, list[Any]]:
    """Every row but the one that says when was last looked for what is to be forgotten: that depends on the rounds."""
    with sqlite3.connect(path) as connection:
        found = {table: sorted(connection.execute(f"SELECT * FROM {table}"), key=repr) for table in TABLES}
    connection.close()
    found["facts"] = [row for row in found["facts"] if row[0] != "forgotten"]
    return found


def topics() -> dict[str, list[Any]]:
    """Four topics of a crisis, in the order of their offsets."""
    opened = episode(1)
    said = new_feedback(opened, "acknowledged", author="Kim", time=moment(DETECTED + 60))
    records = [record for n in range(12) for brand in ("acme", "bolt") for record in [activity(brand, START + 300 * n)]]
    alerts = [opened, later(opened, 2, "escalated", 10, severity="critical"), later(opened, 3, "resolved", 20)]
    told = [new_delivery(one, target=("chat", "apprise"), time=one.detected_time) for one in (*alerts, alerts[-1])]
    return {"alerts": alerts, "activity": records, "feedback": [said], "deliveries": told}


def read_on(writer: Writer, log: dict[str, list[Any]], limit: int) -> bool:
    """One round of a reader that goes on where the store ends; whether there was anything left."""
    taken: dict[str, Any] = {}
    offsets = {}
    for topic, records in log.items():
        begin = writer.next_offsets(topic).get(0, 0)
        taken[topic] = records[begin : begin + limit]
        if taken[topic]:
            offsets[topic, 0] = begin + len(taken[topic])
    writer.apply(Incoming(offsets=offsets, **taken))
    return bool(offsets)


class KilledError(Exception):
    """Stands for the end of the process in the middle of a transaction."""


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(1, 9), st.sampled_from(["commits", "killed", "restarts"])), max_size=12))
def test_whatever_round_is_killed_the_store_is_what_one_undisturbed_reading_gives(rounds):
    log = topics()
    with TemporaryDirectory() as folder:
        with Writer(Path(folder) / "whole.sqlite") as whole:
            while read_on(whole, log, 100):
                pass
        path = Path(folder) / "killed.sqlite"
        writer = Writer(path)
        for limit, fate in rounds:
            if fate == "killed":
                with pytest.MonkeyPatch.context() as patch:
                    patch.setattr(writer, "_store_activity", fail)
                    with pytest.raises(KilledError):
                        read_on(writer, log, limit)
            else:
                read_on(writer, log, limit)
            if fate != "commits":
                writer.close()
                writer = Writer(path)
        while read_on(writer, log, 7):
            pass
        writer.close()
        assert content(path) == content(Path(folder) / "whole.sqlite")


def fail(*_: object) -> None:
    raise KilledError


def test_records_that_are_read_a_second_time_change_nothing(tmp_path):
    with Writer(tmp_path / "store.sqlite") as writer:
        log = topics()
        once = Incoming(**log, offsets={})
        writer.apply(once)
        before = content(writer.path)
        change = writer.apply(once)
        assert content(writer.path) == before
        assert (change.episodes, change.brands) == (frozenset(), frozenset())


def test_an_episode_keeps_its_gravest_severity_and_shows_its_last_alert(tmp_path):
    opened = episode(1, severity="critical")
    last = later(opened, 2, "updated", 10, severity="warning", headline="It goes on.")
    with Writer(tmp_path / "store.sqlite") as writer:
        writer.apply(Incoming(alerts=[opened, last]))
        (found,) = Reader(writer.path).open_episodes()
    assert (found.severity, found.alert.headline) == ("critical", "It goes on.")
    assert found.opened == DETECTED


def test_five_minutes_are_kept_for_a_day_and_near_an_episode_for_as_long_as_that(tmp_path):
    rule = Retention()
    with Writer(tmp_path / "store.sqlite") as writer:
        opened = episode(1)
        writer.apply(
            Incoming(
                alerts=[opened, later(opened, 2, "resolved", 60)],
                activity=[*buckets("acme", START - 8 * HOUR, 240), *buckets("bolt", START - 8 * HOUR, 240)],
            )
        )
        for hour in range(3 * 24):
            writer.apply(Incoming(activity=[activity("cora", START + DAY + hour * HOUR)]))
        reader = Reader(writer.path)
        end = START + 5 * DAY
        near = [bucket.start for bucket in reader.five_minutes("acme", START - DAY, end)]
        assert near[0] == START - rule.before
        assert START + rule.after <= near[-1] <= DETECTED + HOUR + rule.after
        assert reader.five_minutes("bolt", START - DAY, end) == []
        assert len(reader.periods("bolt", START - DAY, end, HOUR)) == 20


def test_what_is_older_than_its_time_is_forgotten_alerts_feedback_and_deliveries_too(tmp_path):
    with Writer(tmp_path / "store.sqlite") as writer:
        opened = episode(1)
        said = new_feedback(opened, "note", author="Kim", time=moment(DETECTED), note="seen")
        # The second is of an episode whose alerts were gone before they were read.
        told = [new_delivery(one, target=("chat", "apprise"), time=moment(DETECTED)) for one in (opened, episode(2))]
        writer.apply(Incoming(alerts=[opened], feedback=[said], deliveries=told, activity=buckets("acme", START, 12)))
        writer.apply(Incoming(activity=[activity("bolt", START + 500 * DAY)]))
        writer.apply(Incoming(activity=[activity("acme", START + 501 * DAY)]))
        writer.apply(Incoming(activity=[activity("bolt", START + 1000 * DAY)]))
        reader = Reader(writer.path)
        left = {name: len(rows) for name, rows in content(writer.path).items() if name not in {"facts", "offsets"}}
        assert reader.brands("", (), 10) == (["bolt"], 1)
        reader.close()
    assert left == {"episodes": 0, "alerts": 0, "feedback": 0, "deliveries": 0, "buckets": 1, "hours": 1, "days": 1}


def test_the_sum_of_an_hour_has_a_narrower_band_than_its_buckets_added(tmp_path):
    with Writer(tmp_path / "store.sqlite") as writer:
        writer.apply(Incoming(activity=buckets("acme", START, 12)))
        (hour,) = Reader(writer.path).periods("acme", START, START + HOUR, HOUR)
    assert (hour.mentions, hour.negatives, hour.expected) == (48.0, 12.0, 48.0)
    assert hour.lower == pytest.approx(48 - (12 * 9) ** 0.5, abs=0.1)
    assert hour.upper == pytest.approx(48 + (12 * 16) ** 0.5, abs=0.1)


def test_silent_buckets_of_an_hour_are_expected_as_its_others_are(tmp_path):
    with Writer(tmp_path / "store.sqlite") as writer:
        writer.apply(Incoming(activity=[activity("acme", START), activity("acme", START + HOUR - 300)]))
        (hour,) = Reader(writer.path).periods("acme", START, START + HOUR, HOUR)
    assert (hour.mentions, hour.expected) == (8.0, 48.0)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Search(), 3),
        (Search(brand="acm"), 2),
        (Search(text="HEADSET"), 1),
        (Search(text="100%"), 0),
        (Search(text="_"), 0),
        (Search(kind="crisis", since=DETECTED + DAY), 1),
        (Search(until=DETECTED + 1), 1),
        (Search(cause="safety"), 2),
    ],
)
def test_episodes_are_found_by_brand_words_kind_cause_and_period(tmp_path, wanted, found):
    def cause(name: str) -> dict[str, Any]:
        example: Alert = alert()
        assert example.evidence.cause is not None
        changed = msgspec.structs.replace(example.evidence.cause, name=name)
        return {"evidence": msgspec.structs.replace(example.evidence, cause=changed, terms=(), triggers=())}

    with Writer(tmp_path / "store.sqlite") as writer:
        writer.apply(
            Incoming(
                alerts=[
                    episode(1, kind="crisis", headline="The headset burns", **cause("safety")),
                    episode(2, kind="crisis", headline="Prices", detected=DETECTED + 2 * DAY, **cause("safety")),
                    episode(
                        3,
                        brand="bolt",
                        headline="100 reasons",
                        detected=DETECTED + DAY,
                        kind="volume_surge",
                        **cause("other"),
                    ),
                ]
            )
        )
        assert len(Reader(writer.path).search(wanted, limit=10)) == found


def test_a_file_that_is_no_store_or_of_another_layout_is_refused_and_stays(tmp_path):
    other, newer, text = tmp_path / "other.sqlite", tmp_path / "newer.sqlite", tmp_path / "text.sqlite"
    for path, statement in ((other, "CREATE TABLE t (a)"), (newer, "PRAGMA user_version = 99")):
        connection = sqlite3.connect(path)
        connection.execute(statement)
        connection.close()
    text.write_text("no database, though long enough to be taken for one" * 100)
    for path, words in ((other, "another database"), (newer, "layout 99"), (text, "not a database")):
        before = path.read_bytes()
        with pytest.raises(TocsinError, match=words):
            Writer(path)
        assert path.read_bytes()[:16] == before[:16]


def test_a_full_disk_costs_the_transaction_and_nothing_that_was_stored(tmp_path):
    with Writer(tmp_path / "store.sqlite") as writer:
        burn(writer)
        before = content(writer.path)
        pages = writer._connection.execute("PRAGMA page_count").fetchone()[0]
        writer._connection.execute(f"PRAGMA max_page_count = {pages}")
        many = Incoming(activity=[activity(f"b{n}", START + 600) for n in range(5000)], offsets={("t", 0): 1})
        with pytest.raises(TocsinError, match=r"expected a store that can be written, got: .*full"):
            writer.apply(many)
        assert content(writer.path) == before
        writer._connection.execute("PRAGMA max_page_count = 1000000")
        assert len(writer.apply(many).brands) == 5000


def test_a_second_writer_is_refused_until_the_first_has_ended(tmp_path):
    path = tmp_path / "store.sqlite"
    with Writer(path), pytest.raises(TocsinError, match="in use"):
        Writer(path)
    Writer(path).close()


def test_a_reader_can_write_nothing(tmp_path):
    with Writer(tmp_path / "store.sqlite") as writer:
        burn(writer)
        reader = Reader(writer.path)
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            reader._rows("DELETE FROM episodes")
        reader.close()


def test_a_store_of_the_layout_before_is_kept_and_brought_up_to_date(tmp_path):
    path = tmp_path / "store.sqlite"
    opened = episode(1, playbook=Playbook(owner="duty", respond_by=moment(DETECTED + 600)))
    records = Incoming(
        alerts=[opened, later(opened, 2, "escalated", 15, playbook=None, changes=("unanswered",)), episode(3)],
        feedback=[new_feedback(opened, "note", author="Kim", time=moment(DETECTED), note="x")],
    )
    with Writer(path) as writer:
        writer.apply(records)
    before = content(path)
    with sqlite3.connect(path) as connection:
        connection.executescript(
            "ALTER TABLE feedback DROP COLUMN arrival; ALTER TABLE episodes DROP COLUMN due; DROP TABLE deliveries; "
            "PRAGMA user_version = 1;"
        )
    connection.close()
    with Writer(path) as writer:
        migrated = content(path)
        assert migrated["episodes"] == before["episodes"]
        assert writer.next_offsets("alert-deliveries") == {}
        writer.apply(Incoming(deliveries=[new_delivery(opened, target=("chat", "apprise"), time=moment(DETECTED))]))
        assert len(content(path)["deliveries"]) == 1
        assert [row[:-1] for row in migrated["feedback"]] == [row[:-1] for row in before["feedback"]]
        writer.apply(Incoming(feedback=[new_feedback(opened, "note", author="Ann", time=moment(DETECTED), note="x")]))
        reader = Reader(path)
        assert [one.author for one in reader.feedback([opened.episode_id])] == ["Kim", "Ann"]
        found = reader.episode(opened.episode_id)
        assert found
        assert found.due == DETECTED + 600
        reader.close()
