"""What a worker looks at once a second: heartbeats, lag, work that stands still, limits that are reached, silence."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from pipeline.config.model import Config
from pipeline.telemetry.health import Health
from pipeline.worker.limit_report import LimitReport
from pipeline.worker.partition import Partition
from pipeline.worker.ticks import Ticker

WATCH_SECONDS: Final = 1.0


class Watch:
    """Looks at the open partitions of a worker. Everything runs on one event loop."""

    def __init__(
        self,
        *,
        open_partitions: Callable[[], Sequence[Partition]],
        handed: Callable[[int], int],
        ticker: Ticker,
        config: Config,
        health: Health,
        beat: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        """Nothing has been looked at.

        Args:
            open_partitions: those that are open now.
            handed: offset after the last record of a partition of mentions that Faust has been given, 0 for none.
            ticker: appends ticks.
            config: when a partition counts as silent, and the limit on brands.
            health: gets heartbeats, and the reason when work stands still.
            beat: writes the line of every minute when it is due.
            clock: seconds, never going back.
        """
        self._beat = beat
        self._open_partitions = open_partitions
        self._handed = handed
        self._ticker = ticker
        self._config = config
        self._health = health
        self._clock = clock
        self._limits: dict[Partition, LimitReport] = {}

    async def keep_looking(self) -> None:
        """Look every second, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(WATCH_SECONDS)

    async def look(self) -> None:
        """Look once.

        Raises:
            aiokafka.errors.KafkaError: a tick cannot be written.
        """
        self._health.heartbeat()
        partitions = self._open_partitions()
        reasons = [partition.stalled(self._handed(partition.number)) for partition in partitions]
        self._health.stalled(next((why for why in reasons if why), None))
        self._limits = {partition: self._limits.get(partition) or self._report(partition) for partition in partitions}
        for partition in partitions:
            partition.report()
            self._limits[partition].look(partition.engine.stats)
            await self._tick_if_silent(partition)
            await asyncio.sleep(0)
        self._beat()

    def _report(self, partition: Partition) -> LimitReport:
        return LimitReport(partition.number, self._config.engine.max_brands, self._clock)

    async def _tick_if_silent(self, partition: Partition) -> None:
        engine, worker = partition.engine, self._config.worker
        if not worker.ticks or partition.idle_seconds < worker.tick_idle_seconds:
            return
        if engine.event_time > 0 and engine.needs_time:
            partition.ticked()
            await self._ticker.tick(partition.number, engine)
