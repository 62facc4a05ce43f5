"""Is the partition's feed itself alive? A gap in the feed is not a quiet brand, and the return from it no onset.

A gap is known when the first mention after it comes. Until then ticks make time pass as silence, so that a brand whose
talk has died down is resolved even where it is alone on its partition.
"""

from __future__ import annotations

from typing import Final

import msgspec

RATE_MEMORY: Final = 288
"""Buckets: the usual number of mentions per bucket is a running mean over about a day."""
GAP_MENTIONS: Final = 60.0
"""So many mentions missing in a row are a gap. With fewer a quiet night of a thin feed would be one."""
KEPT_GAPS: Final = 64
"""Gaps that a brand not seen for long still knows of."""


class Gap(msgspec.Struct, array_like=True, frozen=True):
    """Buckets [first, end) in which the whole partition was silent; known for closings from bucket `due` on."""

    first: int
    end: int
    due: int


class Feed(msgspec.Struct, array_like=True):
    """How many mentions per bucket the whole partition usually brings, and when it was silent though it should not."""

    bucket: int = -1
    mentions: int = 0
    rate: float = 0.0
    seen: int = 0
    gaps: list[Gap] = msgspec.field(default_factory=list)

    def see(self, bucket: int, mentions: int, due: int) -> None:
        """Note mentions of any brand in this bucket.

        Args:
            bucket: in which they were written.
            mentions: how many.
            due: first bucket that was not yet due when this record came. A gap is known for the closing of buckets from
                it on, and for no earlier one, so that batches do not decide what a closing knows.
        """
        if bucket > self.bucket:
            if self.bucket >= 0:
                self._end_bucket(bucket, due)
            self.bucket = bucket
            self.mentions = 0
        self.mentions += mentions

    def unobserved(self, first: int, index: int) -> int:
        """Number of buckets of [first, index) that lie in gaps known when bucket `index` became due."""
        if not self.gaps:
            return 0
        known = [gap for gap in self.gaps if gap.due <= index][-KEPT_GAPS:]
        return sum(max(min(index, gap.end) - max(first, gap.first), 0) for gap in known)

    def is_unobserved(self, index: int) -> bool:
        """True when this bucket lies in a gap that was known when it became due."""
        return any(gap.due <= index and gap.first <= index < gap.end for gap in self.gaps)

    def drop_before(self, index: int) -> None:
        """Drop gaps that no closing from bucket `index` on will ask for."""
        if len(self.gaps) > KEPT_GAPS:
            known = sum(gap.due <= index for gap in self.gaps)
            del self.gaps[: max(known - KEPT_GAPS, 0)]

    def _end_bucket(self, bucket: int, due: int) -> None:
        silent = bucket - self.bucket - 1
        self.seen += 1
        # One flood, or one id sent a thousand times, must not make an ordinary pause look like a gap.
        counted = min(self.mentions, 10.0 * self.rate + 100.0) if self.seen > 1 else float(self.mentions)
        self.rate += (counted - self.rate) / min(self.seen, RATE_MEMORY)
        if silent and silent * self.rate >= GAP_MENTIONS:
            self.gaps.append(Gap(self.bucket + 1, bucket, due))
        elif silent:
            # An ordinary pause is part of what the feed usually brings.
            self.seen += silent
            self.rate *= (1.0 - 1.0 / min(self.seen, RATE_MEMORY)) ** silent
