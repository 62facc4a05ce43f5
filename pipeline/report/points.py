"""What the charts draw: the brand's counts before, in and after an episode, in steps of five minutes to an hour."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from pipeline.report.review import Point
from pipeline.report.series import Array, Series, bucket_of
from schemas.observation import BUCKET_SECONDS, BUCKETS_PER_HOUR

AFTER: Final = timedelta(hours=12)
WIDTHS: Final = (1, 3, 6)
"""Buckets of a step below an hour."""
MOST_FINE: Final = 120
"""Steps below an hour that are drawn at most."""
LEAST_MENTIONS: Final = 5.0
"""In a step on the mean: with fewer in shorter ones, a negative share is noise."""
MOST_POINTS: Final = 24 * 60
"""Two months of hours."""


def points_of(series: Series, onset: datetime, end: datetime) -> tuple[int, tuple[Point, ...]]:
    """Seconds of a step, and the steps; the last one is left out where it is not whole."""
    first = series.shown_from(onset)
    last = min(bucket_of(end + AFTER), series.end)
    mean = float(series.mentions[series.between(first, last)].sum()) / max(last - first, 1)
    fine = (width for width in WIDTHS if last - first <= MOST_FINE * width and mean * width >= LEAST_MENTIONS)
    width = next(fine, BUCKETS_PER_HOUR)
    first = -(-first // width) * width
    starts = range(first, last // width * width, width)[:MOST_POINTS]
    return width * BUCKET_SECONDS, tuple(_point(series, start, width) for start in starts)


def _point(series: Series, start: int, width: int) -> Point:
    part = series.between(start, start + width)
    expected = float(series.expected[part].sum())
    above = math.sqrt(float(((series.upper[part] - series.expected[part]) ** 2).sum()))
    return Point(
        start * BUCKET_SECONDS,
        float(series.mentions[part].sum()),
        round(float(series.negatives[part].sum()), 1),
        round(expected, 2),
        round(max(expected - above, 0.0), 2),
        round(expected + above, 2),
        round(float(series.usual_share[part].mean()), 4),
        _greatest(series.score[part]),
        _greatest(series.threshold[part]),
    )


def _greatest(values: Array) -> float | None:
    there = values[~np.isnan(values)]
    return round(float(there.max()), 3) if len(there) else None
