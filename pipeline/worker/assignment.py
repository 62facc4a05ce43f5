"""The partitions that the consumer group has given to this worker, from assignment to hand-over."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final, NoReturn

import structlog

from pipeline.engine.brands.cache import cache_share
from pipeline.telemetry.health import Health
from pipeline.worker.partition import Partition

HAND_OVER_SECONDS: Final = 5.0
"""Longest wait for the last checkpoint before a rebalance; without it the next owner only has more to read again."""

logger = structlog.get_logger("tocsin.worker")


class _Owned:
    """A partition and the tasks that serve it. `opened` is done when its state is loaded."""

    def __init__(
        self, partition: Partition, where: str, opened: asyncio.Task[None], checkpoints: asyncio.Task[None]
    ) -> None:
        self.partition = partition
        self.where = where
        self.opened = opened
        self.checkpoints = checkpoints
        self.accepting: asyncio.Task[None] | None = None


class Assignment:
    """Opens, feeds and closes partitions as Faust reports them. Every method runs on the one event loop."""

    def __init__(
        self,
        *,
        topic: str,
        partition: Callable[[int], Partition],
        health: Health,
        crash: Callable[[BaseException, str], NoReturn],
    ) -> None:
        """Nothing is owned yet.

        Args:
            topic: of the mentions, named in messages.
            partition: makes a partition, not yet opened.
            health: reports whether the worker is ready.
            crash: the one way out after an unexpected error.
        """
        self._topic = topic
        self._partition = partition
        self._health = health
        self._crash = crash
        self._owned: dict[int, _Owned] = {}
        self._background: set[asyncio.Task[None]] = set()  # a task that nobody holds may be collected

    def open_partitions(self) -> list[Partition]:
        """Those whose state is loaded."""
        return [owned.partition for owned in self._owned.values() if owned.partition.is_open]

    async def deliver(self, event: Any) -> None:
        """Give a slice to its partition; a slice of a partition no longer owned is left to the new owner."""
        number = event.message.partition
        owned = self._owned.get(number)
        if owned is None:
            return
        await asyncio.wait((owned.opened,))
        if self._owned.get(number) is owned:
            # A task of its own: whoever closes the partition ends it, with the gap that it may be reading. What it
            # reads with is closed next.
            owned.accepting = asyncio.create_task(self._guarded(owned.partition.accept(event), owned.where))
            try:
                await asyncio.wait((owned.accepting,))
            finally:
                owned.accepting.cancel()
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

    async def close(self, seconds: float) -> bool:
        """The worker stops: last checkpoints, then the producers.

        Args:
            seconds: for the last checkpoints.

        Returns:
            Whether they were all written in that time; the producers are left alone where they were not.
        """
        self._health.not_ready("stopping")
        owned, self._owned = list(self._owned.values()), {}
        if not await self._last_checkpoints(owned, seconds):
            logger.warning("stopped without a last checkpoint: the mentions since the last one will be read again")
            return False
        await asyncio.gather(*(self._drop(one) for one in owned))
        return True

    async def _last_checkpoints(self, owned: Iterable[_Owned], seconds: float) -> bool:
        """One more checkpoint of each partition, then none; whether all were written in time.

        A late one is not cancelled: it would leave a transaction half done. One that has not begun gives up.
        """
        writing = []
        suspended = list(owned)
        for one in suspended:
            one.partition.suspend()
            if one.partition.is_open:
                last = one.partition.checkpoint(last=True)
                writing.append(self._in_background(last, f"{one.where}: last checkpoint"))
        late: set[asyncio.Task[None]] = set()
        if writing:
            _, late = await asyncio.wait(writing, timeout=seconds)
        for one in suspended:
            one.partition.withdraw()
        return not late

    def _take(self, number: int) -> _Owned:
        partition = self._partition(number)
        where = f"{self._topic}[{number}]"
        opened = asyncio.create_task(self._guarded(partition.open(), f"{where}: loading state"))
        checkpoints = asyncio.create_task(self._guarded(self._keep_checkpointing(partition, opened), where))
        return _Owned(partition, where, opened, checkpoints)

    async def _keep_checkpointing(self, partition: Partition, opened: asyncio.Task[None]) -> None:
        await asyncio.wait((opened,))
        await partition.keep_checkpointing()

    async def _drop(self, owned: _Owned) -> None:
        owned.partition.leave()
        tasks = [task for task in (owned.checkpoints, owned.opened, owned.accepting) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await owned.partition.close()

    async def _report_ready(self) -> None:
        owned = dict(self._owned)
        await asyncio.gather(*(asyncio.wait((one.opened,)) for one in owned.values()))
        if self._owned == owned:
            self._health.ready(owned.keys())
            logger.info("ready", partitions=sorted(owned))

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
