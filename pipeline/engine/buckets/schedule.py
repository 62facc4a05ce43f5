"""Open buckets in order of event time: which brands have one, and which buckets the watermark has passed."""

from __future__ import annotations

import heapq

from schemas.observation import BUCKET_SECONDS


class BucketSchedule:
    """The brands with an open bucket, by bucket; a bucket is due when the watermark reaches its end.

    Attributes:
        brands: by bucket, the brands with an open one, in the order of their first mention.
        waiting: by bucket, the brands with an open one in which nothing but late mentions waits.
        due_end: buckets before it are due; -1 before the first mention.
        due_at: event time at which the next bucket becomes due, Unix seconds.
        open_count: open buckets that are not due, but for those in which nothing but late mentions waits.
        waiting_count: these.
    """

    __slots__ = ("_lateness", "_order", "brands", "due_at", "due_end", "open_count", "waiting", "waiting_count")

    def __init__(self, lateness_seconds: float) -> None:
        """Nothing is open.

        Args:
            lateness_seconds: how far the watermark stays behind the largest event time.
        """
        self._lateness = lateness_seconds
        self._order: list[int] = []
        self.brands: dict[int, dict[str, None]] = {}
        self.waiting: dict[int, set[str]] = {}
        self.due_end = -1
        self.due_at = 0.0
        self.open_count = 0
        self.waiting_count = 0

    def enter(self, index: int, name: str) -> None:
        """A brand has opened a bucket."""
        brands = self.brands.get(index)
        if brands is None:
            brands = self.brands[index] = {}
            heapq.heappush(self._order, index)
        brands[name] = None
        self.open_count += 1
        waiting = self.waiting.get(index)
        if waiting and name in waiting:
            waiting.discard(name)
            self.waiting_count -= 1

    def let_wait(self, index: int, name: str) -> None:
        """A late mention waits in a bucket of a brand that has no other mention in it."""
        waiting = self.waiting.get(index)
        if waiting is None:
            waiting = self.waiting[index] = set()
            heapq.heappush(self._order, index)
        waiting.add(name)
        self.waiting_count += 1

    def is_entered(self, index: int, name: str) -> bool:
        """Whether a brand has a bucket with more than late mentions."""
        return name in self.brands.get(index, ())

    def advance(self, event_time: float) -> None:
        """Let event time pass; buckets become due."""
        # Never back: a longer lateness after a restart must not open buckets that were closed.
        due = int((event_time - self._lateness) // BUCKET_SECONDS)
        if due > self.due_end:
            self.due_end = due
            self.recount()
        self.due_at = (self.due_end + 1) * BUCKET_SECONDS + self._lateness

    def recount(self) -> None:
        """Count the open buckets that are not due."""
        self.open_count = sum(len(brands) for index, brands in self.brands.items() if index >= self.due_end)
        self.waiting_count = sum(len(brands) for index, brands in self.waiting.items() if index >= self.due_end)

    def next_open(self) -> int:
        """The next bucket that is open, or `due_end` where that comes first."""
        order = self._order
        while order and order[0] not in self.brands and order[0] not in self.waiting:
            heapq.heappop(order)
        return min(order[0], self.due_end) if order else self.due_end

    def close(self, index: int) -> None:
        """A bucket has been closed for every brand."""
        self.brands.pop(index, None)
        self.waiting.pop(index, None)
        while self._order and self._order[0] <= index:
            heapq.heappop(self._order)
