"""A line in the log every minute: what the worker did in it, and where it stands; silence in the log means trouble."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final

import structlog

from pipeline.telemetry.catalogue import PREFIX
from pipeline.telemetry.snapshot import WorkerSnapshot
from schemas.moments import moment

BEAT_SECONDS: Final = 60.0
COUNTED: Final = {
    "records": "mentions_consumed_total",
    "refused": "mentions_rejected_total",
    "late": "mentions_late_total",
    "duplicate": "mentions_duplicate_total",
    "buckets_closed": "buckets_closed_total",
    "alerts": "alerts_total",
}
"""Fields of the line, and the counters of which they tell the increase."""

logger = structlog.get_logger("tocsin.worker")


class Heartbeat:
    """Says once a minute how much was counted since the last line."""

    def __init__(self, newest: Callable[[], WorkerSnapshot], clock: Callable[[], float]) -> None:
        """The first line comes after a minute.

        Args:
            newest: the figures of now.
            clock: seconds, never going back.
        """
        self._newest = newest
        self._clock = clock
        self._said_at = clock()
        self._before: Counter[str] = Counter()

    def beat(self) -> None:
        """Write the line, if a minute has passed."""
        now = self._clock()
        seconds = now - self._said_at
        if seconds < BEAT_SECONDS:
            return
        snapshot = self._newest()
        totals: Counter[str] = Counter()
        for counts in (snapshot.gone, *(one.counts for one in snapshot.partitions)):
            for (name, _), count in counts:
                totals[name] += count
        increase = {field: totals[PREFIX + name] - self._before[PREFIX + name] for field, name in COUNTED.items()}
        newest = max((one.watermark for one in snapshot.partitions), default=0.0)
        logger.info(
            "heartbeat",
            seconds=round(seconds),
            **increase,
            partitions=[one.partition for one in snapshot.partitions],
            brands=sum(one.brands for one in snapshot.partitions),
            open_episodes=sum(len(one.shown.episodes) for one in snapshot.partitions),
            lag=sum(one.lag or 0 for one in snapshot.partitions),
            watermark=moment(newest).isoformat() if newest > 0.0 else None,
        )
        self._said_at, self._before = now, totals
