"""Openings that did not happen: counted, and listed in the next alert of the brand.

What would have opened is followed as an episode would be, with release, quiet time and cool-down, so that one hour
above the threshold counts once and not twelve times.
"""

from __future__ import annotations

from typing import Final

import msgspec

from schemas.alert import SuppressionReason

LISTED: Final = 3
"""Suppressed openings of one kind that are listed; all are counted."""


class HeldBack(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One suppressed opening: bucket, score and why."""

    bucket: int
    score: float
    reason: SuppressionReason


class Suppression(msgspec.Struct, array_like=True, gc=False):
    """What has been suppressed of one kind of one brand.

    Attributes:
        last_above: last bucket at or above the release level of what would be an episode; -1 while there is none.
        ended: bucket in which the last such one would have been resolved; -1 before the first.
        count: suppressed openings since the brand's last alert.
        recent: the last few of them.
    """

    last_above: int = -1
    ended: int = -1
    count: int = 0
    recent: tuple[HeldBack, ...] = ()

    def hold(self, reason: SuppressionReason, *, bucket: int, score: float, quiet: int, cool_down: int) -> bool:
        """Note that an episode would open in this bucket; True where it is a new one, not one that goes on.

        Args:
            reason: why it does not.
            bucket: now.
            score: at or above the threshold.
            quiet: buckets below the release level after which an episode ends.
            cool_down: buckets after an end in which none opens.
        """
        self._pass(bucket - 1, quiet)
        goes_on = self.last_above >= 0
        if not goes_on and self.ended >= 0 and bucket - self.ended < cool_down:
            return False
        self.last_above = bucket
        if goes_on:
            return False
        self.count += 1
        self.recent = (*self.recent, HeldBack(bucket, score, reason))[-LISTED:]
        return True

    def follow(self, *, bucket: int, is_above: bool, quiet: int) -> None:
        """Let a bucket below the threshold act on what is held back; `is_above` is at or above the release level."""
        if self.last_above < 0:
            return
        self._pass(bucket - is_above, quiet)
        if is_above and self.last_above >= 0:
            self.last_above = bucket

    def opened(self) -> None:
        """An episode has opened after all: nothing is held back any more. It stays counted and listed."""
        self.last_above = -1

    def reported(self) -> None:
        """An alert has carried what was suppressed."""
        self.count = 0
        self.recent = ()

    def _pass(self, bucket: int, quiet: int) -> None:
        if self.last_above >= 0 and bucket - self.last_above >= quiet:
            self.ended = self.last_above + quiet
            self.last_above = -1
