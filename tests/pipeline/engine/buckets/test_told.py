"""What is worth an update of an episode: something that the last alert did not say, and at most one in half an hour."""

from __future__ import annotations

import random
from datetime import timedelta

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.engine.buckets.told import DOUBLED, UPDATE_BUCKETS, LastTold, changed
from pipeline.engine.records import Record
from schemas.alert import CHANGES, Alert
from schemas.observation import BUCKET_SECONDS
from tests.pipeline.engine.alerts.test_evidence import BURST, HOUR, THINGS, own_complaint, quiet
from tests.pipeline.engine.engine_runs import undisturbed
from tests.pipeline.mention_streams import mention, record, tick

words = st.sampled_from(["", "fire", "recall", "refund"])
told = st.builds(
    LastTold,
    bucket=st.integers(0, 1000),
    hourly=st.integers(0, 1000),
    terms=st.lists(words.filter(bool), max_size=3, unique=True).map(tuple),
    cause=words,
    trigger=words,
    platforms=st.lists(words.filter(bool), max_size=3, unique=True).map(tuple),
)


@given(told, st.integers(0, 1000))
def test_the_same_again_is_no_change_however_much_later(last: LastTold, later: int) -> None:
    now = msgspec.structs.replace(last, bucket=last.bucket + later)
    assert changed(last, now) == (("volume",) if last.hourly >= DOUBLED * max(last.hourly, 1) else ())
    assert changed(last, now) == ()


@given(told, told)
def test_changes_are_those_of_the_contract_in_its_order_each_once(last: LastTold, now: LastTold) -> None:
    found = changed(last, now)
    assert list(found) == sorted(set(found), key=CHANGES.index)
    assert "joined" not in found


@given(told, told)
def test_what_is_no_longer_known_and_fewer_mentions_are_no_change(last: LastTold, now: LastTold) -> None:
    assert changed(last, LastTold(now.bucket, min(last.hourly, now.hourly))) == ()


@given(told, told)
def test_a_change_is_something_that_was_not_told(last: LastTold, now: LastTold) -> None:
    found = changed(last, now)
    assert ("cause" in found) == (now.cause not in {"", last.cause})
    assert ("trigger" in found) == (now.trigger not in {"", last.trigger})
    assert ("platform" in found) == (not set(now.platforms) <= set(last.platforms))
    assert ("term" in found) == (bool(now.terms) and now.terms[0] not in last.terms)
    assert ("volume" in found) == (now.hourly >= 2 * max(last.hourly, 1))


@given(told, told)
def test_what_has_been_told_is_not_told_again(last: LastTold, now: LastTold) -> None:
    assert changed(now, now) == ()
    assert changed(now, msgspec.structs.replace(now, terms=now.terms[::-1])) == ()


# ---- In the engine --------------------------------------------------------------------------------------------------


def restless(seed: int) -> list[Record]:
    """A crisis of six hours whose volume, words, platforms and most shared post change every few minutes."""
    r = random.Random(seed)
    values, at, n = quiet(4), BURST, 0
    while at < BURST + 6 * HOUR:
        rate, thing = r.choice([20, 60, 240]), r.choice(THINGS)
        platform, first = r.choice(["x", "reddit", "mastodon", "weibo"]), f"{r.choice(THINGS)}{r.randrange(9)}"
        for _ in range(rate // 6):
            n += 1
            is_repost = r.random() < 0.4
            values.append(
                mention(
                    id=f"h{n}",
                    text=f"RT @{first}: the {first} scandal" if is_repost else f"{thing} {thing} {own_complaint(n)}",
                    repost_of=first if is_repost else None,
                    at=at + r.random() * 600,
                    sentiment=-0.8,
                    platform=platform,
                    author={"id": f"p{n}", "followers": r.randrange(100_000)},
                )
            )
        at += 600
    records = [record(n, value) for n, value in enumerate(values)]
    return [*records, tick(len(records), BURST + 30 * HOUR)]


def crisis_alerts(records: list[Record]) -> list[Alert]:
    return [alert for alert in undisturbed(records).outputs.alerts if alert.kind == "crisis"]


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000))
def test_an_episode_is_updated_at_most_once_in_half_an_hour_and_every_update_says_what_about(seed: int) -> None:
    found = crisis_alerts(restless(seed))
    updates = [alert for alert in found if alert.transition == "updated" and alert.changes != ("joined",)]
    assert updates
    assert all(alert.changes for alert in updates)
    assert all(not alert.changes for alert in found if alert.transition != "updated")
    gap = timedelta(seconds=UPDATE_BUCKETS * BUCKET_SECONDS)
    for update in updates:
        before = [alert for alert in found if alert.detected_time < update.detected_time]
        assert update.detected_time - max(alert.detected_time for alert in before) >= gap


def test_a_crisis_that_goes_on_as_it_began_is_not_updated() -> None:
    """The same complaint, from the same place, as often in every hour."""
    complaint = "My kettle broke after two days, support refuses the refund, this is a terrible disgrace"
    steady = [
        mention(
            id=f"h{n}",
            text=f"{complaint} {own_complaint(n % 40)}",
            at=BURST + n * 45,
            sentiment=-0.8,
            author={"id": f"p{n}"},
        )
        for n in range(480)
    ]
    records = [record(n, value) for n, value in enumerate([*quiet(4), *steady])]
    found = crisis_alerts([*records, tick(len(records), BURST + 30 * HOUR)])
    settled = [alert for alert in found if alert.detected_time.timestamp() > BURST + 2 * HOUR]
    assert {alert.transition for alert in settled} <= {"resolved", "escalated"}
    assert found[-1].transition == "resolved"
