"""Is the partition's feed itself alive? A hole in the feed is not a quiet brand, and the return from it no onset.

A hole is known when the first mention after it comes. Until then ticks make time pass as silence, so that a brand whose
talk has died down is resolved even where it is alone on its partition.
"""

from __future__ import annotations

from typing import Final

from pipeline.engine.state import FeedState, Hole

RATE_MEMORY: Final = 288
"""Buckets: the usual number of mentions a bucket is a running mean over about a day."""
HOLE_MENTIONS: Final = 60.0
"""So many mentions missing in a row are a hole. With fewer a quiet night of a thin feed would be one."""
KEPT_HOLES: Final = 64
"""Holes that a brand not seen for long still knows of."""


def see(feed: FeedState, bucket: int, mentions: int, due: int) -> None:
    """Note mentions of any brand in this bucket.

    Args:
        feed: changed in place.
        bucket: in which they were written.
        mentions: how many.
        due: first bucket that was not yet due when this record came. A hole is known for the closing of buckets from
            it on, and for no earlier one, so that batches do not decide what a closing knows.
    """
    if bucket > feed.bucket:
        if feed.bucket >= 0:
            _end_bucket(feed, bucket, due)
        feed.bucket = bucket
        feed.mentions = 0
    feed.mentions += mentions


def unobserved(feed: FeedState, first: int, index: int) -> int:
    """Buckets of [first, index) that lie in holes known when bucket `index` became due."""
    if not feed.holes:
        return 0
    known = [hole for hole in feed.holes if hole.due <= index][-KEPT_HOLES:]
    return sum(max(min(index, hole.end) - max(first, hole.first), 0) for hole in known)


def is_unobserved(feed: FeedState, index: int) -> bool:
    """True when this bucket lies in a hole that was known when it became due."""
    return any(hole.due <= index and hole.first <= index < hole.end for hole in feed.holes)


def forget(feed: FeedState, index: int) -> None:
    """Drop holes that no closing from bucket `index` on will ask for."""
    if len(feed.holes) > KEPT_HOLES:
        known = sum(hole.due <= index for hole in feed.holes)
        del feed.holes[: max(known - KEPT_HOLES, 0)]


def _end_bucket(feed: FeedState, bucket: int, due: int) -> None:
    silent = bucket - feed.bucket - 1
    feed.seen += 1
    # One flood, or one id sent a thousand times, must not make an ordinary pause look like a hole.
    counted = min(feed.mentions, 10.0 * feed.rate + 100.0) if feed.seen > 1 else float(feed.mentions)
    feed.rate += (counted - feed.rate) / min(feed.seen, RATE_MEMORY)
    if silent and silent * feed.rate >= HOLE_MENTIONS:
        feed.holes.append(Hole(feed.bucket + 1, bucket, due))
    elif silent:
        feed.seen += silent
        feed.rate *= (1.0 - 1.0 / min(feed.seen, RATE_MEMORY)) ** silent
