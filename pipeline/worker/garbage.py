"""Python's cyclic garbage collector, run by rule instead of by chance.

By itself it starts in the middle of a step, after so many new containers, and walks all of them: up to 150 ms in which
100,000 brands that are mentioned together wait. This worker makes next to no cycles (none in ten seconds without
mentions, seven objects in ten at full load, 800 while it starts): reference counts free what it uses up. So the
collector runs rarely, between two steps, and what the imports have made is never walked.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable
from typing import Final

COLLECT_SECONDS: Final = 600.0
"""Between two collections."""
MAX_NEW: Final = 2_000_000
"""Containers made and not freed since the last collection, from which on none is waited for: an error that makes cycles
again and again (a broker that is away for hours, for one) must not fill the memory meanwhile."""
LOOK_SECONDS: Final = 1.0


class CycleCollector:
    """Decides when to collect, and reports how long it took."""

    def __init__(self, report: Callable[[float], None], clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing changes yet.

        Args:
            report: called with the seconds of every collection.
            clock: seconds, never going back.
        """
        self._report = report
        self._clock = clock
        self._last = clock()

    def take_over(self) -> None:
        """Collect once, keep what is left out of all that follow, and let Python start none by itself."""
        gc.collect()
        gc.freeze()
        gc.disable()
        self._last = self._clock()

    def look(self) -> None:
        """Collect, if it is time."""
        if self._clock() - self._last < COLLECT_SECONDS and gc.get_count()[0] < MAX_NEW:
            return
        started = self._clock()
        gc.collect()
        self._last = self._clock()
        self._report(self._last - started)

    async def keep_looking(self) -> None:
        """Look every second, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.look()
