"""The normal of a brand before it became unusual, so that no episode is held against what it has taught itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from detectors.normal import Normal
from schemas.observation import BUCKETS_PER_DAY, BUCKETS_PER_HOUR

UNUSUAL_SCORE: Final = 0.0
"""An ordinary day's worst bucket: above it, what is learned may be the beginning of an episode."""
QUIET_BUCKETS: Final = 2 * BUCKETS_PER_HOUR


class Before(msgspec.Struct, array_like=True, gc=False):
    """A normal that was set aside.

    Attributes:
        normal: as it was then.
        since: bucket in which it was set aside.
        last: last bucket with an unusual score.
    """

    normal: Normal
    since: int
    last: int


def followed(
    before: Before | None, bucket: int, *, is_unusual: bool, has_episode: bool, normal: Callable[[], Normal]
) -> Before | None:
    """What is set aside after a bucket.

    Set aside when a score becomes unusual; let go after two quiet hours, and set aside anew after a day in which
    nothing opened: that is how the brand is now. While an episode is open it stays.

    Args:
        before: what was set aside.
        bucket: now.
        is_unusual: a score is above UNUSUAL_SCORE.
        has_episode: an episode is open.
        normal: gives the brand's normal as it is now.
    """
    if before is None:
        return Before(normal(), bucket, bucket) if is_unusual else None
    if is_unusual:
        before.last = bucket
    if has_episode:
        return before
    if bucket - before.last >= QUIET_BUCKETS:
        return None
    return Before(normal(), bucket, bucket) if bucket - before.since >= BUCKETS_PER_DAY else before
