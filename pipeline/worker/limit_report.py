"""A line in the log when a partition holds as many brands as it may: a limit is never reached in silence."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import structlog

from pipeline.telemetry.readings import StatsReadings
from schemas.rejection import Reason

PAUSE_SECONDS: Final = 60.0
"""Shortest time between two lines of one partition: a flood of brands must not become a flood of lines."""

logger = structlog.get_logger("tocsin.worker")


class LimitReport:
    """What `engine.max_brands` has done to one partition, and how much of it was told."""

    def __init__(self, partition: int, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing is told yet.

        Args:
            partition: named in the lines.
            most: engine.max_brands.
            clock: seconds, never back.
        """
        self._partition = partition
        self._most = most
        self._clock = clock
        self._told = (0, 0)
        self._earliest = -PAUSE_SECONDS

    def look(self, stats: StatsReadings) -> None:
        """Tell of brands forgotten and mentions refused since the last line, unless that was just now."""
        forgotten, refused = counts = stats.forgotten.get("limit", 0), stats.rejected.get(Reason.TOO_MANY_BRANDS, 0)
        now = self._clock()
        if counts == self._told or now < self._earliest:
            return
        logger.warning(
            "engine.max_brands is reached: brands were forgotten, or mentions of unknown brands refused; see who "
            "invents brands, or raise it",
            partition=self._partition,
            max_brands=self._most,
            brands_forgotten=forgotten - self._told[0],
            mentions_refused=refused - self._told[1],
        )
        self._told = counts
        self._earliest = now + PAUSE_SECONDS
