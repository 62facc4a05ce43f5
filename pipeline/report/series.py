"""The activity of one brand as arrays without holes, one place for every five minutes."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.activity import Activity
from schemas.alert import Kind
from schemas.observation import BUCKET_SECONDS, BUCKETS_PER_HOUR

Array = NDArray[np.float64]

SHOWN_BEFORE: Final = timedelta(hours=6)
"""Before its onset, of what an episode is shown beside: as much as the hub keeps, so that all reports begin alike."""


class Series(msgspec.Struct, frozen=True):
    """Counts of a brand by bucket; a bucket without a record is one without a mention.

    Attributes:
        first: index of the first bucket since the epoch.
        mentions, negatives: counted.
        expected, lower, upper: mentions that are normal, with their interval of 95 %.
        usual_share: negative share that is normal.
        score, threshold: of the kind of the episode; NaN where there is no record, for a muted kind, and for one that
            is not scored by counts.
    """

    first: int
    mentions: Array
    negatives: Array
    expected: Array
    lower: Array
    upper: Array
    usual_share: Array
    score: Array
    threshold: Array

    def __len__(self) -> int:
        return len(self.mentions)

    @property
    def end(self) -> int:
        """Index of the first bucket that is not known."""
        return self.first + len(self)

    def between(self, start: int, end: int) -> slice:
        """The places of the buckets start to end, as far as they are known."""
        low = min(max(start - self.first, 0), len(self))
        return slice(low, min(max(end - self.first, low), len(self)))

    def hours(self, start: int, end: int) -> list[Hour]:
        """The hours of the clock from the one with bucket `start` to that with the last before `end`.

        Of the first hour only what is from `start` on is counted, as the alerts count from the onset on; what is
        expected is that of the whole hour, as theirs is.
        """
        found = []
        for hour in range(start // BUCKETS_PER_HOUR, math.ceil(end / BUCKETS_PER_HOUR)):
            whole = self.between(hour * BUCKETS_PER_HOUR, (hour + 1) * BUCKETS_PER_HOUR)
            counted = self.between(max(hour * BUCKETS_PER_HOUR, start), min((hour + 1) * BUCKETS_PER_HOUR, end))
            if whole.stop == whole.start:
                continue
            found.append(
                Hour(
                    hour,
                    float(self.mentions[counted].sum()),
                    float(self.negatives[counted].sum()),
                    float(self.expected[whole].mean()) * BUCKETS_PER_HOUR,
                    float(self.usual_share[whole].mean()),
                )
            )
        return found

    def shown_from(self, onset: datetime) -> int:
        """Index of the bucket with which charts and the phase before an onset begin."""
        return max(bucket_of(onset - SHOWN_BEFORE), self.first)


class Hour(msgspec.Struct, frozen=True):
    """One hour of the clock: its number since the epoch, counts, and what is normal."""

    number: int
    mentions: float
    negatives: float
    expected: float
    usual_share: float


def bucket_of(moment: datetime) -> int:
    """Index of the bucket that holds a moment."""
    return int(moment.timestamp() // BUCKET_SECONDS)


def series_of(activity: Iterable[Activity], kind: Kind = "crisis") -> Series:
    """The records of one brand; of two of the same bucket the later one counts. Without any, an empty series.

    Args:
        activity: in the order of its writing.
        kind: whose score is taken.
    """
    by_bucket = {one.start // BUCKET_SECONDS: one for one in activity}
    if not by_bucket:
        empty = np.zeros(0)
        return Series(0, *[empty] * 8)
    first, last = min(by_bucket), max(by_bucket)
    table = np.zeros((8, last - first + 1))
    table[6:] = np.nan
    known = by_bucket[first].expected
    for place in range(last - first + 1):
        one = by_bucket.get(first + place)
        if one is not None:
            known = one.expected
            table[0, place], table[1, place] = one.mentions, one.negatives
            if kind != "high_reach_post":
                bar: float | None = getattr(one.thresholds, kind)
                table[6, place] = getattr(one.scores, kind)
                table[7, place] = math.nan if bar is None else bar
        table[2:6, place] = known.value, known.lower, known.upper, known.negative_share
    return Series(first, *table)
