"""Feedback in the log of mentions: who acts is not reminded, answers are told of, and nothing is lost or doubled."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config.model import BrandSection, Config, ConfigFile, SentimentConfig, WorkerConfig
from pipeline.config.playbooks import PlaybookConfig
from pipeline.engine.engine import Engine
from pipeline.engine.records import FEEDBACK_HEADER, FEEDBACK_OFFSET_HEADER, FEEDBACK_TOPIC_HEADER, Record
from schemas.alert import Alert
from schemas.feedback import FeedbackKind, encode_feedback, new_feedback
from schemas.rejection import Reason
from tests.pipeline.engine.engine_runs import undisturbed, with_crashes
from tests.pipeline.mention_streams import START, alerts_of, feedback_record, mention, record, tick

HOUR = 3600.0
BURNS = START + 40 * HOUR
CONFIG = Config(
    ConfigFile(
        brands={"acme": BrandSection(playbook=PlaybookConfig(owner="duty", respond_within_minutes=60))},
        sentiment=SentimentConfig(learn=False),  # a third of the time
    )
)


def burning(*, after: int = 60) -> list[bytes]:
    """A brand of some mentions an hour that is blamed by 60 people an hour, and by `after` from the fourth hour on."""
    r = random.Random(5)
    rates = [(START + hour * HOUR, 4, 0.1) for hour in range(40)]
    rates += [(BURNS + hour * HOUR, 60 if hour < 4 else after, 0.8) for hour in range(8)]
    found: list[bytes] = []
    for begin, rate, negative in rates:
        for moment in sorted(begin + r.random() * HOUR for _ in range(rate)):
            words = " ".join("".join(r.choices("abcdefghijklmnop", k=7)) for _ in range(9))
            n = len(found)
            sentiment = -0.9 if r.random() < negative else 0.5
            found.append(mention(id=f"m{n}", text=words, at=moment, sentiment=sentiment, author={"id": f"a{n}"}))
    return found


def stream(values: list[bytes], *said: tuple[datetime, bytes]) -> list[Record]:
    """Records of mentions, ticks at the end; between them what is said, when mentions of that time come."""
    waiting = sorted(said)
    records: list[Record] = []
    for value in values:
        at = msgspec.json.decode(value)["event_time"]
        while waiting and waiting[0][0].isoformat() < at:
            headers = (
                (FEEDBACK_HEADER, waiting.pop(0)[1]),
                (FEEDBACK_OFFSET_HEADER, str(100 + len(waiting)).encode()),
            )
            records.append(Record(len(records), (START + 400 * 86_400) * 1000, None, None, headers))
        records.append(record(len(records), value))
    return [*records, tick(len(records), BURNS + 30 * HOUR)]


def crises(records: list[Record]) -> list[Alert]:
    return [alert for alert in undisturbed(records, CONFIG).outputs.alerts if alert.kind == "crisis"]


def said(alert: Alert, kind: FeedbackKind, minutes: int) -> tuple[datetime, bytes]:
    """Feedback so many minutes after an alert."""
    when = alert.detected_time + timedelta(minutes=minutes)
    return when, encode_feedback(new_feedback(alert, kind, author="duty", time=when))


def response(alerts: list[Alert]) -> list[tuple[str, tuple[str, ...], int]]:
    """Alerts about the response: transition, changes, minutes after the opening."""
    opened = alerts[0].detected_time
    ours = {"answer", "backfired", "unanswered"}
    return [
        (alert.transition, alert.changes, int((alert.detected_time - opened).total_seconds() // 60))
        for alert in alerts
        if ours & set(alert.changes)
    ]


@pytest.fixture(scope="module")
def opened() -> Alert:
    return crises(stream(burning()))[0]


def test_that_nobody_acted_in_time_escalates_the_episode_once():
    alerts = crises(stream(burning()))
    ((transition, changes, minutes),) = response(alerts)
    assert (transition, changes) == ("escalated", ("unanswered",))
    assert 60 <= minutes <= 65
    (escalated,) = (alert for alert in alerts if "unanswered" in alert.changes)
    assert escalated.playbook is not None
    assert (escalated.playbook.owner, escalated.playbook.respond_by) == ("duty", None)
    assert len({alert.id for alert in alerts}) == len(alerts)


def test_whoever_says_in_time_that_they_act_is_not_reminded(opened):
    assert response(crises(stream(burning(), said(opened, "acknowledged", 20)))) == []


def test_where_nobody_can_be_heard_silence_is_not_told_of():
    deaf = Config(msgspec.structs.replace(CONFIG.file, worker=WorkerConfig(ticks=False)))
    alerts = undisturbed(stream(burning()), deaf).outputs.alerts
    assert alerts
    assert not [alert for alert in alerts if "unanswered" in alert.changes]
    assert deaf.brand("acme").config_hash != CONFIG.brand("acme").config_hash


def test_a_note_is_no_acknowledgement(opened):
    note = encode_feedback(new_feedback(opened, "note", author="duty", time=opened.detected_time, note="Hm."))
    assert len(response(crises(stream(burning(), (opened.detected_time + timedelta(minutes=20), note))))) == 1


def test_feedback_on_another_episode_or_brand_changes_nothing(opened):
    others = [
        msgspec.structs.replace(opened, episode_id="0" * 24),
        msgspec.structs.replace(opened, brand="bolt"),
    ]
    told = [said(other, "acknowledged", 20) for other in others]
    assert response(crises(stream(burning(), *told))) == response(crises(stream(burning())))


def test_an_answer_is_told_of(opened):
    ((transition, changes, minutes),) = response(crises(stream(burning(), said(opened, "answer", 50))))
    assert (transition, changes) == ("updated", ("answer",))
    assert 50 <= minutes <= 90


def test_an_answer_that_feeds_the_fire_is_told_of_and_one_that_does_not_is_not(opened):
    minutes = int((BURNS + 4 * HOUR - opened.detected_time.timestamp()) // 60)
    answered = said(opened, "answer", minutes)
    fed = crises(stream(burning(after=400), said(opened, "acknowledged", 10), answered))
    assert [changes for _, changes, _ in response(fed)] == [("answer",), ("backfired",)]
    calm = crises(stream(burning(after=30), said(opened, "acknowledged", 10), answered))
    assert [changes for _, changes, _ in response(calm)] == [("answer",)]


def test_an_answer_dated_ahead_of_its_own_record_is_judged_from_when_it_came(opened):
    minutes = int((BURNS + 4 * HOUR - opened.detected_time.timestamp()) // 60)
    when, _ = said(opened, "answer", minutes)
    ahead = encode_feedback(new_feedback(opened, "answer", author="duty", time=when + timedelta(days=9000)))
    fed = crises(stream(burning(after=400), said(opened, "acknowledged", 10), (when, ahead)))
    assert [changes for _, changes, _ in response(fed)] == [("answer",), ("backfired",)]


@settings(max_examples=4, deadline=None)
@given(st.integers(5, 400), st.sampled_from([(7, 1, True), (50, 3, False), (400, 0, True)]))
def test_crashes_neither_lose_nor_double_a_response(minutes, turn):
    first = crises(stream(burning()))[0]
    records = stream(burning(after=400), said(first, "acknowledged", minutes // 2), said(first, "answer", minutes))
    whole, broken = undisturbed(records, CONFIG), with_crashes(records, [turn], CONFIG)
    assert alerts_of(broken.outputs) == alerts_of(whole.outputs)
    assert broken.state == whole.state


def test_where_the_next_feedback_stands_is_part_of_the_checkpoint(opened):
    engine = Engine(0, CONFIG)
    engine.process([feedback_record(0, new_feedback(opened, "answer", author="x", time=opened.detected_time), 41)])
    restored = Engine(0, CONFIG)
    restored.restore(engine.snapshot())
    assert restored.feedback_offset == 42


@pytest.mark.parametrize(
    "headers",
    [
        ((FEEDBACK_HEADER, b"\xff"), (FEEDBACK_OFFSET_HEADER, b"1")),
        ((FEEDBACK_HEADER, b"{}"), (FEEDBACK_OFFSET_HEADER, b"1")),
        ((FEEDBACK_HEADER, b"[" * 100_000), (FEEDBACK_OFFSET_HEADER, b"1")),
        ((FEEDBACK_HEADER, b"GOOD"),),
        ((FEEDBACK_HEADER, None), (FEEDBACK_OFFSET_HEADER, b"1")),
        ((FEEDBACK_HEADER, b"GOOD"), (FEEDBACK_OFFSET_HEADER, None)),
        ((FEEDBACK_HEADER, b"GOOD"), (FEEDBACK_OFFSET_HEADER, b"-1")),
        ((FEEDBACK_HEADER, b"GOOD"), (FEEDBACK_OFFSET_HEADER, b"9" * 19)),  # no offset of Kafka: one seeks in vain
    ],
)
def test_a_header_that_holds_no_feedback_makes_a_dead_letter(opened, headers):
    good = encode_feedback(new_feedback(opened, "acknowledged", author="x", time=opened.detected_time))
    filled = tuple((name, good if value == b"GOOD" else value) for name, value in headers)
    run = undisturbed([Record(0, START * 1000, None, None, filled)], CONFIG)
    assert [letter.reason for letter in run.outputs.dead_letters] == [Reason.TOMBSTONE]


def test_of_another_topic_of_feedback_the_offset_begins_anew_and_of_the_same_it_stays() -> None:
    engine = Engine(0, CONFIG)
    engine.stand_for({"alert-feedback": "old", "mentions": "m"})
    engine._state.at.feedback_offset = 7
    engine.stand_for({"mentions": "other"})  # not known at this start: no reason to think that it is another one
    engine.stand_for({"alert-feedback": "old", "mentions": "m"})
    assert engine.feedback_offset == 7
    engine.stand_for({"alert-feedback": "new", "mentions": "m"})
    assert engine.feedback_offset == 0


def test_a_topic_of_feedback_made_anew_while_it_is_not_read_is_noticed_when_it_is_read_again() -> None:
    engine = Engine(0, CONFIG)
    engine.stand_for({"alert-feedback": "old", "mentions": "m"})
    engine._state.at.feedback_offset = 7
    engine.stand_for({"mentions": "m"})
    engine.stand_for({"alert-feedback": "new", "mentions": "m"})
    assert engine.feedback_offset == 0


@pytest.mark.parametrize(
    ("brought_from", "offset"),
    [(b"old", 0), (b"new", 42), (None, 42), (b"", 42)],
    ids=["of the topic of before", "of this one", "without a value", "of a broker without ids"],
)
def test_feedback_that_waited_while_its_topic_was_created_again_acts_and_puts_back_no_old_offset(
    opened, brought_from, offset
):
    waited = feedback_record(0, new_feedback(opened, "answer", author="x", time=opened.detected_time), 41)
    record = msgspec.structs.replace(waited, headers=(*waited.headers, (FEEDBACK_TOPIC_HEADER, brought_from)))
    engine = Engine(0, CONFIG)
    engine.stand_for({"alert-feedback": "old"})
    engine.stand_for({"alert-feedback": "new"})
    engine.process([record])
    assert engine.feedback_offset == offset
    assert engine.stats.feedback == 1


def test_feedback_of_releases_before_moves_the_offset_as_it_did(opened):
    engine = Engine(0, CONFIG)
    engine.stand_for({"alert-feedback": "new"})
    engine.process([feedback_record(0, new_feedback(opened, "answer", author="x", time=opened.detected_time), 41)])
    assert engine.feedback_offset == 42
