"""A line in the log when a partition holds as many brands as it may: a limit is never reached in silence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import structlog

from pipeline.telemetry.readings import StatsReadings
from schemas.rejection import Reason

PAUSE_SECONDS: Final = 60.0
"""Shortest time between two lines of one partition: a flood of brands must not become a flood of lines."""

logger = structlog.get_logger("tocsin.worker")


class LimitReport:
    """What `engine.max_brands` has done to one partition, and how much of it was reported."""

    def __init__(self, partition: int, max_brands: int, clock: Callable[[], float]) -> None:
        """Nothing is reported yet.

        Args:
            partition: named in the lines.
            max_brands: engine.max_brands.
            clock: seconds, never going back.
        """
        self._partition = partition
        self._max_brands = max_brands
        self._clock = clock
        self._reported = (0, 0)
        self._earliest = -PAUSE_SECONDS

    def look(self, stats: StatsReadings) -> None:
        """Report brands forgotten and mentions refused since the last line, unless that was just now."""
        forgotten, refused = counts = stats.forgotten.get("limit", 0), stats.rejected.get(Reason.TOO_MANY_BRANDS, 0)
        now = self._clock()
        if counts == self._reported or now < self._earliest:
            return
        logger.warning(
            "engine.max_brands is reached: brands were forgotten, or mentions of unknown brands refused; see who "
            "invents brands, or raise it",
            partition=self._partition,
            max_brands=self._max_brands,
            brands_forgotten=forgotten - self._reported[0],
            mentions_refused=refused - self._reported[1],
        )
        self._reported = counts
        self._earliest = now + PAUSE_SECONDS
