"""The demo's report: which events were detected and when, and counts that leave ticks out."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from pipeline.demo.report import MentionCounts, count_line, label_lines, mention_counts
from pipeline.simulation import demo_stream
from schemas.alert import Alert, decode_alert

EXAMPLES = Path(__file__).parents[3] / "schemas" / "examples" / "alert" / "v1" / "valid"


def sums(consumed: int, rejected: int, ticks: int) -> Counter[str]:
    """What the worker's metrics add up to."""
    return Counter({"mentions_consumed_total": consumed, "mentions_rejected_total": rejected, "ticks_total": ticks})


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (sums(100, 3, 4), MentionCounts(100, 3, 0, 0, complete=True)),
        (sums(104, 7, 0), MentionCounts(100, 3, 0, 0, complete=True)),
        (sums(102, 5, 2), MentionCounts(100, 3, 0, 0, complete=True)),
        (sums(100, 3, 6), MentionCounts(100, 3, 0, 0, complete=True)),
        (sums(100, 3, 3), MentionCounts(100, 3, 0, 0, complete=False)),
        (sums(99, 3, 9), MentionCounts(99, 3, 0, 0, complete=False)),
        (sums(0, 0, 0), MentionCounts(0, 0, 0, 0, complete=False)),
    ],
    ids=["all well", "ticks refused", "some refused", "the worker's own ticks", "tick to come", "one to come", "start"],
)
def test_refused_ticks_are_no_mentions_of_the_file(found: Counter[str], expected: MentionCounts) -> None:
    assert mention_counts(found, 100, 4) == expected


def test_alerts_are_counted_by_kind_and_transition_in_plain_words() -> None:
    names = ("crisis-opened", "volume-surge-opened", "crisis-opened", "crisis-resolved", "volume-surge-opened")
    alerts = [decode_alert((EXAMPLES / f"{name}.json").read_bytes()) for name in names]
    assert count_line(alerts) == "2 crises opened, 1 crisis resolved, 2 volume surges opened"
    assert count_line([]) == "none"


LABELS = demo_stream(brands=20).labels
SUDDEN = next(label for label in LABELS.labels if label.shape == "sudden")
SLOW = next(label for label in LABELS.labels if label.shape == "slow")
PRAISE = next(label for label in LABELS.labels if label.kind == "praise")


def crisis(brand: str, minutes: float, identity: str) -> Alert:
    """A crisis that opened so long after the sudden crisis began."""
    opened = decode_alert((EXAMPLES / "crisis-opened.json").read_bytes())
    assert SUDDEN.onset_time is not None
    detected = SUDDEN.onset_time + timedelta(minutes=minutes)
    return msgspec.structs.replace(opened, id=identity * 32, brand=brand, detected_time=detected)


def shown(*alerts: Alert) -> dict[str, str]:
    """Lines by brand, and that of alarms without an event."""
    lines = label_lines(LABELS, alerts, LABELS.end.timestamp())
    return {line.partition(":")[0]: line for line in lines[:-1]} | {"others": lines[-1]}


@pytest.mark.parametrize(
    ("minutes", "delay"), [(27, "27 minutes after onset"), (1, "1 minute after onset"), (-3, "3 minutes before onset")]
)
def test_the_delay_of_a_detected_crisis_is_counted_from_its_onset(minutes: float, delay: str) -> None:
    line = shown(crisis(SUDDEN.brand, minutes, "a"))[SUDDEN.brand]
    assert line == f"{SUDDEN.brand}: sudden crisis from {SUDDEN.onset_time:%d %b %H:%M} UTC, detected {delay}"


def test_a_crisis_without_an_alarm_is_said_to_be_missed_and_a_praised_brand_to_be_right() -> None:
    lines = shown()
    assert lines[SLOW.brand].endswith("UTC, not detected (so far)")
    assert lines[PRAISE.brand].endswith("UTC, no crisis alarm: right")
    assert lines["others"].startswith("0 crisis alarms on brands without a crisis, in ")


def test_false_alarms_are_named() -> None:
    other = next(brand.brand for brand in LABELS.brands if brand.brand not in {one.brand for one in LABELS.labels})
    lines = shown(crisis(PRAISE.brand, 30, "a"), crisis(other, 30, "b"))
    assert lines[PRAISE.brand] == f"{PRAISE.brand}: praise, a crisis alarm fired: WRONG"
    assert lines["others"].startswith("1 crisis alarm on brands without a crisis, in ")
    assert lines["others"].endswith(f"({other})")


def test_an_event_later_than_the_end_of_the_run_is_not_judged() -> None:
    lines = label_lines(LABELS, (), LABELS.history_end.timestamp())
    assert lines[0].endswith("crisis, not yet reached")
