"""Does a partition's work stand still? A loop that turns says nothing about a task that waits for ever."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

STALL_SECONDS: Final = 60.0
"""Work that has not moved for so long is stuck; the broker gets less (transaction.DELIVERY_TIMEOUT_SECONDS)."""


class StallWatch:
    """Watches one partition; to be asked every second or so."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Nothing has been seen yet.

        Args:
            clock: seconds, never going back.
        """
        self._clock = clock
        self._mark: object = None
        self._moved_at = clock()
        self._writing_since: float | None = None

    def writing(self, under_way: bool) -> None:
        """A checkpoint transaction begins, or has ended."""
        self._writing_since = self._clock() if under_way else None

    def reason(self, mark: object, *, waiting: bool) -> str | None:
        """Why the work counts as stuck, None while it does not.

        Args:
            mark: differs from the last one when the work has moved.
            waiting: there is work to be done now.
        """
        now = self._clock()
        if not waiting or mark != self._mark:
            self._mark, self._moved_at = mark, now
        if self._writing_since is not None and now - self._writing_since > STALL_SECONDS:
            return f"a checkpoint has been under way for {now - self._writing_since:.0f} s"
        if now - self._moved_at > STALL_SECONDS:
            return f"mentions wait, and none has been ingested for {now - self._moved_at:.0f} s"
        return None
