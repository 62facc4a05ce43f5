"""One partition of mentions at work, from the loading of its state to the hand-over."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import structlog

from pipeline.engine.feedback import is_feedback
from pipeline.engine.records import RefusedBatch, SourceRecord
from pipeline.engine.state import CHECKPOINT_KEY
from pipeline.errors import PartitionsChangedError, StateError
from pipeline.worker.checkpoints import Checkpoints
from pipeline.worker.context import WorkerContext
from pipeline.worker.engine_steps import INGEST_RECORDS, EngineSteps, slices
from pipeline.worker.outbox import Outbox
from pipeline.worker.partition_engine import PartitionEngine
from pipeline.worker.phase import Life, Move, Phase
from pipeline.worker.placement import PlacementReport
from pipeline.worker.stall import StallWatch
from pipeline.worker.state_loader import LoadedState
from pipeline.worker.topic_identity import WAY_ON, check_topics
from pipeline.worker.transaction import PartitionTransactions

logger = structlog.get_logger("tocsin.worker")


class Partition:
    """A partition that this worker owns. Everything runs on one event loop; `accept` is called by one task at a time.

    worker.phase says what may be done with it, and when.
    """

    def __init__(
        self,
        number: int,
        *,
        engine: PartitionEngine,
        load: Callable[[], Awaitable[LoadedState]],
        transactions: PartitionTransactions,
        context: WorkerContext,
    ) -> None:
        """Nothing is loaded yet.

        Args:
            number: of the partition.
            engine: fresh.
            load: reads what the previous owner left, once that one is fenced.
            transactions: of this partition.
            context: what the partitions of the worker share.
        """
        self.number = number
        self.engine = engine
        self._load = load
        self._transactions = transactions
        self._context = context
        self._topics = context.topics
        self._metrics = context.metrics
        self._clock = context.clock
        self._life = Life()
        self._steps = EngineSteps(engine, Outbox(context.config.worker.ce_source), self._metrics, self._clock)
        self._stall = StallWatch(self._clock)
        self._checkpoints = Checkpoints(
            number,
            steps=self._steps,
            life=self._life,
            transactions=transactions,
            stall=self._stall,
            context=context,
        )
        self._placement: PlacementReport | None = None
        self._read_to = 0  # offsets below it are known to hold nothing more
        self._last_record_at = self._clock()

    @property
    def phase(self) -> Phase:
        """Where it is in its life."""
        return self._life.phase

    @property
    def is_open(self) -> bool:
        """Whether its state is loaded and it is not left."""
        return self._life.is_open

    @property
    def idle_seconds(self) -> float:
        """Since its last slice, or since `ticked`."""
        return self._clock() - self._last_record_at

    def ticked(self) -> None:
        """A tick is on its way: idle time counts from here until it comes back to us."""
        self._last_record_at = self._clock()

    async def open(self) -> None:
        """Fence the previous owner, then load what it left.

        Raises:
            StateError: the state cannot be restored, or speaks of mentions that the topic does not have.
        """
        started = self._clock()
        if 0 < self._context.partitions <= self.number:
            raise PartitionsChangedError(self._topics.mentions, self._context.partitions, self.number + 1)
        await self._transactions.start()
        loaded = await self._load()
        await self._steps.restore(loaded.records.items(), self._context.health.heartbeat)
        self._check_source(loaded)
        self._placement = PlacementReport(
            self.number, self._context.partitions or loaded.partitions, self._context.config, self._clock
        )
        self._last_record_at = self._clock()
        seconds = self._last_record_at - started
        self._metrics.attach(self.number, self.engine)
        self._metrics.restored(self.number, seconds, loaded.read)
        self._check_placement()
        self._life.move(Move.OPENED)
        logger.info(
            "partition open",
            partition=self.number,
            next_offset=self.engine.next_offset,
            state_records=len(loaded.records),
            seconds=round(seconds, 3),
        )

    def _check_source(self, loaded: LoadedState) -> None:
        """The state against the topics that there are, and its offset against what the topic of mentions holds."""
        if self._context.generation > 1 and CHECKPOINT_KEY not in loaded.records:
            raise StateError(
                f"{self._topics.state}[{self.number}]: expected a checkpoint, as every partition of a migrated state "
                f"has, got none: run `tocsin migrate partitions` again with TOCSIN_STATE_GENERATION="
                f"{self._context.generation - 1}, or set that for the workers if there was no migration"
            )
        ids = self._context.topic_ids
        check_topics(self.engine.topic_ids, ids, self._topics, self.number)
        if ids:
            self.engine.stand_for(ids)
        if self.engine.next_offset > loaded.source_end:
            raise StateError(
                f"{self._topics.mentions}[{self.number}]: expected at least {self.engine.next_offset} offsets, as the "
                f"checkpoint in {self._topics.state} says, got {loaded.source_end}: the topic was created again; "
                f"{WAY_ON}"
            )
        if self.engine.next_offset > 0:
            self._report_lost(self.engine.next_offset, loaded.source_start)
        elif self._context.committed.get(self.number):
            logger.error(
                "the state of a partition is gone: what was learned has to be learned again, and what follows from the "
                "mentions that are still there is written once more",
                topic=self._topics.state,
                partition=self.number,
                committed_offset=self._context.committed[self.number],
            )
        self._read_to = loaded.source_start

    def _report_lost(self, expected: int, first: int) -> None:
        """Say which offsets from `expected` on were gone before they were read, if any; `first` is the first kept."""
        if expected < first:
            logger.error(
                "mentions were deleted by retention before they were read",
                partition=self.number,
                expected_offset=expected,
                first_offset=first,
                records=first - expected,
            )
            self._metrics.lost(self.number, first - expected)

    async def accept(self, event: Any) -> None:
        """Process a slice, and keep its event for the next checkpoint. The partition must be open, or left.

        Raises:
            DeadLetterLimitError: too many refused records in a row.
            IllegalMoveError: the partition is still being opened.
        """
        self._life.require_opened()
        records: list[SourceRecord] = event.message.value
        # An event waits for its checkpoint for seconds: it must not keep its records alive (1.1 GB in a drain).
        event.message.value = event.value = None
        self._last_record_at = self._clock()
        first = records[0]
        # A refused batch stands at its last offset: what it stands for was not passed over.
        await self._fill_gap(first.first_offset if isinstance(first, RefusedBatch) else first.offset)
        await self._process(records)
        if self._life.is_open:
            self._checkpoints.cover(event)
        self._report_lag()
        self._metrics.worked(self.number)

    async def _fill_gap(self, start: int) -> None:
        """Process the records between the next offset and the start of a slice, if there are any."""
        expected = max(self.engine.next_offset, self._read_to)
        if start > expected:
            found = 0
            async for records in self._context.gaps.read(self.number, expected, start):
                found += len(records)
                await self._process(records)
            self._read_to = start
            if found < start - expected:  # the rest were markers of transactions, or retention was faster than we
                self._report_lost(expected, min(start, await self._context.gaps.first_offset(self.number)))
            if found:
                logger.warning(
                    "records that Faust passed over were read again",
                    partition=self.number,
                    records=found,
                    first_offset=expected,
                    end_offset=start,
                )

    async def _process(self, records: Sequence[SourceRecord]) -> None:
        """Ingest records and close what becomes due, as long as the partition is open."""
        for part in slices(records, INGEST_RECORDS):
            if is_feedback(part[0]):
                await self._close_due()  # here with pauses; else the engine would do it in one go
            if not self._life.is_open:
                return
            await self._steps.ingest(part)
            self._check_placement()
            await self._close_due()

    async def _close_due(self) -> None:
        """Close all that is due, as long as the partition is open."""
        while self._life.is_open and await self._steps.close_due():
            await self._make_room()
        await self._make_room()

    async def _make_room(self) -> None:
        """Backpressure: while too much waits for a checkpoint, make one; while none may begin, wait until one may."""
        while self._steps.outbox.is_full and self._life.is_open:
            if self._life.phase is Phase.RUNNING:
                await self._checkpoints.write()
            else:
                await self._life.until(Phase.RUNNING, Phase.LEFT)

    def _check_placement(self) -> None:
        if self._placement is not None:
            misplaced = self._placement.look(self.engine.misplaced)
            if misplaced is not None:
                self._metrics.misplaced(self.number, *misplaced)

    def report(self) -> None:
        """Show where it is, whatever was shown before."""
        self._check_placement()
        self._report_lag()
        self._metrics.refresh(self.number)

    def _report_lag(self) -> None:
        end = self._context.end_offset(self.number)
        if end is not None:
            self._metrics.consumer_lag(self.number, max(0, end - self.engine.next_offset))

    async def keep_checkpointing(self) -> None:
        """Checkpoints of its own accord, while it runs; until cancelled. See Checkpoints.keep_writing."""
        await self._checkpoints.keep_writing()

    async def checkpoint(self, *, last: bool = False) -> None:
        """A checkpoint now, if the phase allows one. See Checkpoints.write."""
        await self._checkpoints.write(last=last)

    def stalled(self, handed: int) -> str | None:
        """Why this open partition counts as stuck, None while it does not.

        Measured against what was handed over to us, not against the end of the log: behind the last committed record
        there may be markers, or a transaction of a collector that stays open.

        Args:
            handed: offset after the last record that Faust has been given for it, 0 for none.
        """
        mark = (self.engine.next_offset, self.engine.stats.buckets_closed, self._read_to)
        waiting = self.engine.next_offset < handed and self._life.phase is Phase.RUNNING
        why = self._stall.reason(mark, waiting=waiting)
        return None if why is None else f"{self._topics.mentions}[{self.number}]: {why}"

    def suspend(self) -> None:
        """A rebalance begins: no checkpoint but a last one until `resume`, for another owner may be about to come.

        Records are ingested up to outbox.WAITING_BYTES; what is over is left to the owner that there will be.
        """
        self._life.move(Move.SUSPEND)

    def withdraw(self) -> None:
        """The time for a last checkpoint is over: one that has not begun is left to the next owner."""
        self._life.move(Move.WITHDRAW)

    def resume(self) -> None:
        """The partition stays ours: checkpoints go on."""
        self._life.move(Move.RESUME)

    def leave(self) -> None:
        """The partition has another owner: no further checkpoint begins, processing ends; `close` follows."""
        self._life.move(Move.LEAVE)

    async def close(self) -> None:
        """Stop working on it. What is not in a checkpoint is left to the next owner."""
        self.leave()
        self._metrics.detach(self.number)
        await self._transactions.stop()
