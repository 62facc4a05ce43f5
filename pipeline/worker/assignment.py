"""The partitions that the consumer group has given to this worker, from assignment to hand-over."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final, NoReturn

import structlog

from pipeline.config.model import Config
from pipeline.engine.brands.cache import cache_share
from pipeline.telemetry.health import Health
from pipeline.telemetry.worker_metrics import WorkerMetrics
from pipeline.worker.driver.gap_reader import GapReader
from pipeline.worker.limit_report import LimitReport
from pipeline.worker.partition import Partition, PartitionEngine, TopicNames
from pipeline.worker.ticks import Ticker
from pipeline.worker.transaction import PartitionTransactions

WATCH_SECONDS: Final = 1.0
"""How often lag is read and idle partitions are looked for."""
HAND_OVER_SECONDS: Final = 5.0
"""Longest wait for the last checkpoint before a rebalance; without it the next owner only has more to read again."""

logger = structlog.get_logger("tocsin.worker")


class _Owned:
    """A partition and the tasks that serve it. `opened` is done when its state is loaded."""

    def __init__(
        self,
        partition: Partition,
        where: str,
        limits: LimitReport,
        opened: asyncio.Task[None],
        checkpoints: asyncio.Task[None],
    ) -> None:
        self.partition = partition
        self.where = where
        self.limits = limits
        self.opened = opened
        self.checkpoints = checkpoints

    @property
    def is_open(self) -> bool:
        return self.opened.done() and not self.opened.cancelled()


class Assignment:
    """Opens, feeds and closes partitions as Faust reports them. Every method runs on the one event loop."""

    def __init__(
        self,
        *,
        options: dict[str, Any],
        transactional_id_prefix: str,
        topics: TopicNames,
        config: Config,
        engine: Callable[[int], PartitionEngine],
        end_offset: Callable[[int], int | None],
        handed: Callable[[int], int],
        metrics: WorkerMetrics,
        health: Health,
        crash: Callable[[BaseException, str], NoReturn],
    ) -> None:
        """Nothing is owned yet.

        Args:
            options: addresses and security of Kafka.
            transactional_id_prefix: the partition number is put after it.
            topics: full names.
            config: detection and behaviour.
            engine: makes the engine of a partition.
            end_offset: end of a partition of mentions as last heard from the broker, None before.
            handed: offset after the last record of a partition of mentions that Faust has been given, 0 for none.
            metrics: told what happens.
            health: told the same.
            crash: the one way out after an unexpected error.
        """
        self._options = options
        self._prefix = transactional_id_prefix
        self._topics = topics
        self._config = config
        self._engine = engine
        self._end_offset = end_offset
        self._handed = handed
        self._metrics = metrics
        self._health = health
        self._crash = crash
        self._owned: dict[int, _Owned] = {}
        self._ticker = Ticker(options, topics.mentions)
        self._gaps = GapReader(options, topics.mentions)
        self._one_large = asyncio.Lock()
        self._background: set[asyncio.Task[None]] = set()  # a task that nobody holds may be collected

    async def deliver(self, event: Any) -> None:
        """Give a slice to its partition; a slice of a partition no longer owned is left to the new owner."""
        number = event.message.partition
        owned = self._owned.get(number)
        if owned is None:
            return
        await asyncio.wait((owned.opened,))
        if self._owned.get(number) is owned:
            await self._guarded(owned.partition.accept(event), owned.where)
            self._report_lag(owned.partition)
            self._health.heartbeat()

    async def revoked(self) -> None:
        """A rebalance begins: a last checkpoint each, then no transactions until `assigned`.

        A transaction still open when the next owner fences us would end this healthy worker.
        """
        self._health.not_ready("rebalance")
        if not await self._last_checkpoints(self._owned.values(), HAND_OVER_SECONDS):
            logger.warning("no checkpoint before the rebalance: the next owner reads the mentions since the last one")

    async def assigned(self, numbers: set[int]) -> None:
        """The rebalance is over: open what is new, go on with what was kept, drop what is gone.

        A kept partition keeps its engine: had anybody else owned it in between, its producer would be fenced.
        """
        for number in sorted(self._owned.keys() - numbers):
            gone = self._owned.pop(number)
            self._in_background(self._drop(gone), f"{gone.where}: closing")
        for number in sorted(numbers):
            if number in self._owned:
                self._owned[number].partition.resume()
            else:
                self._owned[number] = self._take(number)
        for one in self._owned.values():
            one.partition.engine.max_cached = cache_share(len(self._owned))
        logger.info("assigned", partitions=sorted(numbers))
        self._health.not_ready("loading state")
        self._in_background(self._report_ready(), "reporting")

    async def watch(self) -> None:
        """Heartbeats, lag, work that stands still, limits that are reached, and ticks, until cancelled."""
        while True:
            self._health.heartbeat()
            self._report_stall()
            for owned in list(self._owned.values()):
                if owned.is_open:
                    self._report_lag(owned.partition)
                    owned.limits.look(owned.partition.engine.stats)
                    self._metrics.refresh(owned.partition.number)
                    await self._tick_if_idle(owned.partition)
            await asyncio.sleep(WATCH_SECONDS)

    async def close(self, seconds: float) -> None:
        """The worker stops: last checkpoints, then the producers, in at most so many seconds."""
        self._health.not_ready("stopping")
        owned, self._owned = list(self._owned.values()), {}
        if not await self._last_checkpoints(owned, seconds):
            logger.warning("stopped without a last checkpoint: the mentions since the last one will be read again")
            return
        await asyncio.gather(*(self._drop(one) for one in owned), self._ticker.close(), self._gaps.close())

    async def _last_checkpoints(self, owned: Iterable[_Owned], seconds: float) -> bool:
        """One more checkpoint of each partition, then none; whether all were written in time.

        A late one is not cancelled: it would leave a transaction half done. One that has not begun gives up.
        """
        writing = []
        suspended = list(owned)
        for one in suspended:
            one.partition.suspend()
            if one.is_open:
                last = one.partition.checkpoint(last=True)
                writing.append(self._in_background(last, f"{one.where}: last checkpoint"))
        late: set[asyncio.Task[None]] = set()
        if writing:
            _, late = await asyncio.wait(writing, timeout=seconds)
        for one in suspended:
            one.partition.withdraw()
        return not late

    def _take(self, number: int) -> _Owned:
        partition = Partition(
            number=number,
            engine=self._engine(number),
            transactions=PartitionTransactions(self._options, f"{self._prefix}-{number}", number),
            gaps=self._gaps,
            topics=self._topics,
            config=self._config.worker,
            metrics=self._metrics,
            health=self._health,
            one_large=self._one_large,
        )
        where = f"{self._topics.mentions}[{number}]"
        opened = asyncio.create_task(self._guarded(partition.open(self._options), f"{where}: loading state"))
        checkpoints = asyncio.create_task(self._guarded(self._keep_checkpointing(partition, opened), where))
        return _Owned(partition, where, LimitReport(number, self._config.engine.max_brands), opened, checkpoints)

    async def _keep_checkpointing(self, partition: Partition, opened: asyncio.Task[None]) -> None:
        await asyncio.wait((opened,))
        await partition.keep_checkpointing()

    async def _drop(self, owned: _Owned) -> None:
        owned.partition.leave()
        for task in (owned.checkpoints, owned.opened):
            task.cancel()
        await asyncio.wait((owned.checkpoints, owned.opened))
        await owned.partition.close()

    async def _report_ready(self) -> None:
        owned = dict(self._owned)
        await asyncio.gather(*(asyncio.wait((one.opened,)) for one in owned.values()))
        if self._owned == owned:
            self._health.ready(owned.keys())
            logger.info("ready", partitions=sorted(owned))

    def _report_stall(self) -> None:
        opened = [owned.partition for owned in self._owned.values() if owned.is_open]
        reasons = [partition.stalled(self._handed(partition.number)) for partition in opened]
        self._health.stalled(next((why for why in reasons if why), None))

    def _report_lag(self, partition: Partition) -> None:
        end = self._end_offset(partition.number)
        if end is not None:
            self._metrics.consumer_lag(partition.number, max(0, end - partition.engine.next_offset))

    async def _tick_if_idle(self, partition: Partition) -> None:
        engine, worker = partition.engine, self._config.worker
        idle = time.monotonic() - partition.last_record_at
        if worker.ticks and idle >= worker.tick_idle_seconds and engine.event_time > 0 and engine.needs_time:
            partition.last_record_at = time.monotonic()  # the tick itself counts from here until it comes back to us
            await self._ticker.tick(partition.number, engine)

    def _in_background(self, work: Awaitable[None], where: str) -> asyncio.Task[None]:
        task = asyncio.create_task(self._guarded(work, where))
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task

    async def _guarded(self, work: Awaitable[None], where: str) -> None:
        try:
            await work
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - nothing unexpected may pass unseen: crash-only
            self._crash(error, where)
