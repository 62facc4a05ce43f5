"""The demo's counts: mentions are counted, ticks are not, and waiting ends whatever was refused."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from pipeline.demo.report import MentionCounts, count_line, mention_counts
from schemas.alert import decode_alert

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
