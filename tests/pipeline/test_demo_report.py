"""The demo's counts: mentions are counted, ticks are not, and waiting ends whatever was refused."""

from __future__ import annotations

from collections import Counter

import pytest

from pipeline.demo_report import MentionCounts, mention_counts


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
