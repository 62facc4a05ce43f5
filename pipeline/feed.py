"""Is the partition's feed itself alive? A hole in the feed is not a quiet brand, and the return from it no onset."""

from __future__ import annotations

from typing import Final

from pipeline.state import FeedState

RATE_MEMORY: Final = 288
"""Buckets: the usual number of mentions a bucket is a running mean over about a day."""
HOLE_MENTIONS: Final = 60.0
"""So many mentions missing in a row are a hole. With fewer a quiet night of a thin feed would be one."""
KEPT_SILENCES: Final = 64


def see(feed: FeedState, bucket: int, mentions: int) -> None:
    """Note mentions of any brand in this bucket."""
    if bucket > feed.bucket:
        if feed.bucket >= 0:
            _close(feed, bucket)
        feed.bucket = bucket
        feed.mentions = 0
    feed.mentions += mentions


def unobserved(feed: FeedState, first: int, end: int) -> int:
    """Buckets of [first, end) that lie in holes."""
    if not feed.silences:
        return 0
    return sum(max(min(end, b) - max(first, a), 0) for a, b in feed.silences)


def _close(feed: FeedState, bucket: int) -> None:
    feed.seen += 1
    feed.rate += (feed.mentions - feed.rate) / min(feed.seen, RATE_MEMORY)
    silent = bucket - feed.bucket - 1
    if silent and silent * feed.rate >= HOLE_MENTIONS:
        feed.silences.append((feed.bucket + 1, bucket))
        del feed.silences[:-KEPT_SILENCES]
    elif silent:
        feed.seen += silent
        feed.rate *= (1.0 - 1.0 / min(feed.seen, RATE_MEMORY)) ** silent
