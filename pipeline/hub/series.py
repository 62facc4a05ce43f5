"""Activity as evenly spaced points, as a chart needs them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from pipeline.hub.store.reader import Bucket
from schemas.observation import BUCKET_SECONDS

STEPS: Final = (300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 86_400)
"""Seconds that a point may stand for."""
_HOUR: Final = 3600


class Point(msgspec.Struct, frozen=True):
    """What happened from `start` (Unix seconds) for the step of its series.

    `share` is the negative share of the hour that ends with the point, None without mentions; `score` is None where
    nothing was scored.
    """

    start: int
    mentions: float
    negatives: float
    expected: float
    lower: float
    upper: float
    share: float | None
    usual_share: float
    score: float | None


def step_for(seconds: int, points: int) -> int:
    """The shortest step that cuts a stretch of time into no more points than these."""
    return next((step for step in STEPS if seconds / step <= points), STEPS[-1])


def spaced(
    buckets: Sequence[Bucket], since: int, until: int, *, step: int, size: int = BUCKET_SECONDS, kind: str = "crisis"
) -> list[Point]:
    """Points from `since` to `until`, each the sum of the buckets in it.

    A bucket that is missing had no mention; what was expected of it is what was expected of the one before.

    Args:
        buckets: in order, each of `size` seconds.
        since: Unix seconds; the first point starts at a multiple of `step`.
        until: Unix seconds, not in it.
        step: seconds of a point, a multiple of `size`.
        size: seconds of a bucket.
        kind: whose score is shown.
    """
    by_start = {bucket.start: bucket for bucket in buckets}
    known = buckets[0] if buckets else None
    whole: list[Point] = []
    for start in range(since - since % step, until, step):
        found: list[Bucket] = []
        scores: list[float] = []
        for at in range(start, min(start + step, until), size):
            bucket = by_start.get(at)
            if bucket is not None:
                known = bucket
                found.append(bucket)
                if kind in bucket.scores:
                    scores.append(bucket.scores[kind])
            elif known is not None:
                found.append(msgspec.structs.replace(known, start=at, mentions=0.0, negatives=0.0))
        if found:
            whole.append(_sum(start, found, max(scores, default=None)))
    return _with_shares(whole, max(_HOUR // step, 1))


def _sum(start: int, buckets: Sequence[Bucket], score: float | None) -> Point:
    whole = _added(
        [
            Point(
                start=start,
                mentions=bucket.mentions,
                negatives=bucket.negatives,
                expected=bucket.expected,
                lower=bucket.lower,
                upper=bucket.upper,
                share=None,
                usual_share=bucket.usual_share,
                score=None,
            )
            for bucket in buckets
        ]
    )
    usual = sum(bucket.usual_share * bucket.expected for bucket in buckets)
    return msgspec.structs.replace(whole, usual_share=usual / whole.expected if whole.expected else 0.0, score=score)


def last_hour(points: Sequence[Point], step: int) -> Point | None:
    """The last hour of a series as one point; None for an empty one."""
    hour = points[-max(_HOUR // step, 1) :]
    if not hour:
        return None
    last = hour[-1]
    return msgspec.structs.replace(
        _added(hour), start=hour[0].start, share=last.share, usual_share=last.usual_share, score=last.score
    )


def added(series: Sequence[Sequence[Point]]) -> list[Point]:
    """The sum of several series of the same steps; without shares and scores."""
    by_start: dict[int, list[Point]] = {}
    for points in series:
        for point in points:
            by_start.setdefault(point.start, []).append(point)
    return [_added(found) for _, found in sorted(by_start.items())]


def _added(points: Sequence[Point]) -> Point:
    expected = sum(point.expected for point in points)
    below = sum((point.expected - point.lower) ** 2 for point in points) ** 0.5
    above = sum((point.upper - point.expected) ** 2 for point in points) ** 0.5
    return Point(
        start=points[0].start,
        mentions=sum(point.mentions for point in points),
        negatives=sum(point.negatives for point in points),
        expected=expected,
        lower=max(expected - below, 0.0),
        upper=expected + above,
        share=None,
        usual_share=0.0,
        score=None,
    )


def _with_shares(points: Sequence[Point], window: int) -> list[Point]:
    found = []
    for index, point in enumerate(points):
        hour = points[max(index + 1 - window, 0) : index + 1]
        mentions = sum(one.mentions for one in hour)
        share = min(sum(one.negatives for one in hour) / mentions, 1.0) if mentions else None
        found.append(msgspec.structs.replace(point, share=share))
    return found
