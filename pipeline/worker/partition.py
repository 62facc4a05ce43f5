"""One partition of mentions at work: its engine, and the rhythm of its aligned checkpoints.

A checkpoint is one cut through the engine (alerts, dead letters, changed state, offset: nobody folds or closes while it
is made) written in one transaction; only then is Faust told that the offset may be committed. So whatever happens, the
alerts on the topic, the state and the offset in the state say the same thing, and Faust's committed offset is at most
behind: what is read again, the engine skips.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, Protocol

import msgspec
import structlog

from pipeline.config.model import WorkerConfig
from pipeline.engine.encoding import OutRecord, alert_record, dead_letter_record
from pipeline.engine.records import Outputs, RefusedBatch, SourceRecord
from pipeline.errors import StateError
from pipeline.kafka.partitioning import partition_of
from pipeline.telemetry.health import Health
from pipeline.telemetry.readings import EngineReadings
from pipeline.telemetry.worker_metrics import WorkerMetrics
from pipeline.worker.driver.gap_reader import GapReader
from pipeline.worker.stall import StallWatch
from pipeline.worker.state_loader import load_state
from pipeline.worker.transaction import PartitionTransactions, Write

FOLD_RECORDS: Final = 300
"""Records folded in before other work (heartbeats, other partitions' transactions) gets its turn: 2 ms as a rule, 12
where every one of them opens a bucket."""
CLOSE_BUCKETS: Final = 150
"""Brand-buckets closed before the same: 8 ms."""
WAITING_BYTES: Final = 16 << 20
"""Dead letters and alerts waiting for a checkpoint; at this size the partition waits for one instead of reading on."""
PACE: Final = 2.0
"""A checkpoint is followed by a pause of so many times its own duration, so that many alerts share a transaction; but
by no more than `checkpoint_seconds`, or an outage of half a minute would hold back alerts for another minute."""

LARGE_CHANGES: Final = 4000
"""State records from which on a checkpoint is large: some 5 MB. Large ones of a worker are made one after the other:
all at once, those of 100,000 brands held 200 MB, and none was ready sooner, for one core encodes them all."""

_END: Final = object()

logger = structlog.get_logger("tocsin.worker")


class PartitionEngine(EngineReadings, Protocol):
    """What a partition needs of an engine; pipeline.engine.engine.Engine is the one that runs."""

    @property
    def next_offset(self) -> int: ...
    @property
    def event_time(self) -> float: ...
    @property
    def last_timestamp(self) -> int: ...
    @property
    def needs_time(self) -> bool: ...
    @property
    def categorised(self) -> Sequence[tuple[str, str]]: ...
    @property
    def changes(self) -> int: ...
    @property
    def max_cached(self) -> int: ...
    @max_cached.setter
    def max_cached(self, count: int) -> None: ...
    def restore_in_batches(self, records: Iterable[tuple[bytes, bytes | None]]) -> Iterator[None]: ...
    def ingest(self, records: Sequence[SourceRecord]) -> None: ...
    def close_due(self, limit: int = 0) -> bool: ...
    def take_outputs(self) -> Outputs: ...
    def snapshot_in_batches(self) -> Iterator[list[tuple[bytes, bytes | None]]]: ...


class TopicNames(msgspec.Struct, frozen=True):
    """Full names of the topics, prefix included."""

    mentions: str
    alerts: str
    dead_letters: str
    state: str


class Partition:
    """A partition that this worker owns. Everything runs on one event loop; `fold` is called by one task at a time."""

    def __init__(
        self,
        *,
        number: int,
        engine: PartitionEngine,
        transactions: PartitionTransactions,
        gaps: GapReader,
        topics: TopicNames,
        config: WorkerConfig,
        metrics: WorkerMetrics,
        health: Health,
        one_large: asyncio.Lock | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is loaded yet.

        Args:
            number: of the partition.
            engine: fresh.
            transactions: of this partition.
            gaps: reads what Faust passes over.
            topics: full names.
            config: rhythm of checkpoints.
            metrics: told what happens.
            health: told the same.
            one_large: shared by the partitions of a worker; held by the one that makes a large checkpoint.
            clock: seconds, never going back; for the watch over work that stands still.
        """
        self.number = number
        self.engine = engine
        self.last_record_at = time.monotonic()
        self._transactions = transactions
        self._gaps = gaps
        self._topics = topics
        self._config = config
        self._metrics = metrics
        self._health = health
        self._one_large = one_large or asyncio.Lock()
        self._stall = StallWatch(clock)
        self._read_to = 0  # offsets below it are known to hold nothing more
        self._covered: Any = None  # the last Faust event whose slice is folded in and not yet in a checkpoint
        self._alerts: list[OutRecord] = []
        self._dead_letters: list[OutRecord] = []
        self._waiting_bytes = 0
        self._urgent = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()
        self._engine_free = asyncio.Lock()  # held while the engine changes, and while a cut through it is made
        self._suspended = False
        self._last_may_begin = False
        self._may_go_on = asyncio.Event()  # of folding with WAITING_BYTES waiting, while suspended
        self._closed = False
        self._earliest_next = 0.0
        self._partitions = 0
        self._placed = 0  # categorised brands whose partition was looked at
        self._misplaced: Counter[str] = Counter()

    async def open(self, options: dict[str, Any]) -> None:
        """Fence the previous owner, then load what it left.

        Raises:
            StateError: the state cannot be restored, or speaks of mentions that the topic does not have.
        """
        started = time.monotonic()
        await self._transactions.start()
        loaded = await load_state(
            options, self._topics.state, self._topics.mentions, self.number, self._health.heartbeat
        )
        self._partitions = loaded.partitions
        await self._restore(loaded.records)
        if self.engine.next_offset > loaded.source_end:
            raise StateError(
                f"{self._topics.mentions}[{self.number}]: expected at least {self.engine.next_offset} offsets, as the "
                f"checkpoint in {self._topics.state} says, got {loaded.source_end}: the topic was made anew; "
                f"delete the records of {self._topics.state} too, or set another TOCSIN_TOPIC_PREFIX"
            )
        if 0 < self.engine.next_offset < loaded.source_start:
            logger.error(
                "mentions were deleted by retention before they were read",
                partition=self.number,
                expected_offset=self.engine.next_offset,
                first_offset=loaded.source_start,
            )
        seconds = time.monotonic() - started
        self.last_record_at = time.monotonic()
        self._metrics.attach(self.number, self.engine)
        self._metrics.restored(self.number, seconds, loaded.read)
        self._check_placement()
        logger.info(
            "partition open",
            partition=self.number,
            next_offset=self.engine.next_offset,
            state_records=len(loaded.records),
            seconds=round(seconds, 3),
        )

    async def _restore(self, records: dict[bytes, bytes]) -> None:
        """Take over the state, slice by slice so that the event loop turns meanwhile."""
        slices = self.engine.restore_in_batches(records.items())
        more = True
        while more:
            started = time.perf_counter()
            more = next(slices, _END) is not _END
            self._metrics.engine_step("restore", time.perf_counter() - started)
            self._health.heartbeat()
            await asyncio.sleep(0)

    async def accept(self, event: Any) -> None:
        """Fold in a slice, close what is due, and keep the event for the next checkpoint.

        Raises:
            DeadLetterLimitError: too many refused records in a row.
        """
        records: list[SourceRecord] = event.message.value
        # An event waits for its checkpoint for seconds: it must not keep its records alive (1.1 GB in a drain).
        event.message.value = event.value = None
        self.last_record_at = time.monotonic()
        first = records[0]
        # A refused batch stands at its last offset: what it stands for was not passed over.
        await self._fill_gap(first.first_offset if isinstance(first, RefusedBatch) else first.offset)
        await self._process(records)
        if not self._closed:
            self._covered = event
        self._metrics.worked(self.number)

    async def _fill_gap(self, start: int) -> None:
        """Fold in what lies between the next offset and the start of a slice, if anything does."""
        expected = max(self.engine.next_offset, self._read_to)
        if start > expected:
            found = 0
            async for records in self._gaps.read(self.number, expected, start):
                found += len(records)
                await self._process(records)
            self._read_to = start
            if found:
                logger.warning(
                    "records that Faust passed over were read again",
                    partition=self.number,
                    records=found,
                    first_offset=expected,
                    end_offset=start,
                )

    async def _process(self, records: Sequence[SourceRecord]) -> None:
        for first in range(0, len(records), FOLD_RECORDS):
            if self._closed:
                return
            async with self._engine_free:
                started = time.perf_counter()
                self.engine.ingest(records[first : first + FOLD_RECORDS])
                self._metrics.engine_step("fold", time.perf_counter() - started)
            self._check_placement()
            await self._close_due()
            while self._waiting_bytes > WAITING_BYTES and not self._closed:
                if self._suspended:
                    await self._may_go_on.wait()
                else:
                    await self.checkpoint()

    def _check_placement(self) -> None:
        """Tell of brands that lie on another partition than their category's: they are judged alone."""
        found = self.engine.categorised
        for brand, category in found[self._placed :]:
            expected = partition_of(category.encode(), self._partitions)
            if expected != self.number:
                self._misplaced[category] += 1
                if self._misplaced[category] == 1:
                    logger.warning(
                        "a brand lies on another partition than its category's and is judged alone; "
                        "let its producer choose the partition by the category",
                        brand=brand,
                        category=category,
                        partition=self.number,
                        expected_partition=expected,
                    )
        if len(found) != self._placed:
            self._placed = len(found)
            self._metrics.misplaced(self.number, self._misplaced.total())

    async def _close_due(self) -> None:
        more = True
        while more and not self._closed:
            async with self._engine_free:
                started = time.perf_counter()
                more = self.engine.close_due(CLOSE_BUCKETS)
                self._collect()
                self._metrics.engine_step("close", time.perf_counter() - started)
            await asyncio.sleep(0)

    def _collect(self) -> None:
        """Take over the engine's outputs; an alert does not wait for the next regular checkpoint."""
        outputs = self.engine.take_outputs()
        alerts = list(map(alert_record, outputs.alerts))
        dead_letters = list(map(dead_letter_record, outputs.dead_letters))
        self._alerts += alerts
        self._dead_letters += dead_letters
        self._waiting_bytes += sum(len(one.value or b"") + 1024 for one in (*alerts, *dead_letters))
        if self._alerts:
            self._urgent.set()

    async def keep_checkpointing(self) -> None:
        """A checkpoint every `checkpoint_seconds` and whenever an alert waits; runs until cancelled.

        Raises:
            aiokafka.errors.ProducerFenced: another worker owns the partition.
            aiokafka.errors.KafkaError: the transaction failed.
        """
        while True:
            try:
                async with asyncio.timeout(self._config.checkpoint_seconds):
                    await self._urgent.wait()
            except TimeoutError:
                pass  # the regular one is due
            await asyncio.sleep(max(0.0, self._earliest_next - time.monotonic()))
            if self._suspended:
                self._urgent.clear()
            else:
                await self.checkpoint()

    async def checkpoint(self, *, last: bool = False) -> None:
        """Write everything since the last checkpoint in one transaction, then let Faust commit the offset.

        Nothing is written once the partition is closed, nor while it is suspended, but for a last one that begins
        before `withdraw`.

        Args:
            last: it is the one before the partition may get another owner.
        """
        async with self._one_at_a_time:
            if self.engine.changes < LARGE_CHANGES:
                await self._write_checkpoint(last=last)
            else:
                async with self._one_large:
                    await self._write_checkpoint(last=last)

    async def _write_checkpoint(self, *, last: bool) -> None:
        # Asked here, after the waiting: meanwhile the partition may have gone to another owner.
        if self._closed or (self._suspended and not (last and self._last_may_begin)):
            return
        started = time.perf_counter()
        async with self._engine_free:
            self._collect()
            state = await self._encode_state()
            # After what may be cancelled: state that went out without these would lose them.
            self._urgent.clear()
            alerts, self._alerts = self._alerts, []
            dead_letters, self._dead_letters = self._dead_letters, []
            self._waiting_bytes = 0
            covered, self._covered = self._covered, None
        writes = [
            self._transactions.encode(self._topics.alerts, alerts),
            self._transactions.encode(self._topics.dead_letters, dead_letters),
            state,
        ]
        size = sum(write.size for write in writes)
        encoded = time.perf_counter()
        if any(write.batches for write in writes):
            self._stall.writing(under_way=True)
            await self._transactions.commit(writes)
            self._stall.writing(under_way=False)
            committed = time.perf_counter()
            self._metrics.engine_seconds("commit", committed - encoded)
            self._metrics.checkpoint(self.number, committed - started, size)
            pause = min(PACE * (committed - started), self._config.checkpoint_seconds)
            self._earliest_next = time.monotonic() + pause
        if covered is not None:
            covered.ack()

    async def _encode_state(self) -> Write:
        """The changed state, encoded slice by slice so that the event loop turns meanwhile; the engine must be held."""
        batches: list[Any] = []
        slices = self.engine.snapshot_in_batches()
        while True:
            started = time.perf_counter()
            records = next(slices, None)
            if records is None:
                return Write(self._topics.state, batches)
            batches += self._transactions.encode_state(self._topics.state, records).batches
            self._metrics.engine_step("encode", time.perf_counter() - started)
            await asyncio.sleep(0)

    def stalled(self, handed: int) -> str | None:
        """Why this open partition counts as stuck, None while it does not.

        Measured against what was handed over to us, not against the end of the log: behind the last committed record
        there may be markers, or a transaction of a collector that stays open.

        Args:
            handed: offset after the last record that Faust has been given for it, 0 for none.
        """
        mark = (self.engine.next_offset, self.engine.stats.buckets_closed, self._read_to)
        waiting = self.engine.next_offset < handed and not self._suspended
        why = self._stall.verdict(mark, waiting=waiting)
        return None if why is None else f"{self._topics.mentions}[{self.number}]: {why}"

    def suspend(self) -> None:
        """No checkpoint of its own accord until `resume`: the partition may be about to get another owner.

        Folding goes on up to WAITING_BYTES; what is over is left to the owner that there will be.
        """
        self._suspended = self._last_may_begin = True
        self._may_go_on.clear()

    def withdraw(self) -> None:
        """The time for a last checkpoint is over: one that has not begun is left to the next owner."""
        self._last_may_begin = False

    def leave(self) -> None:
        """The partition has another owner: no further checkpoint begins, folding ends; `close` follows."""
        self._closed = True
        self._may_go_on.set()

    def resume(self) -> None:
        """The partition stays ours: checkpoints go on."""
        self._suspended = False
        self._may_go_on.set()
        if self._alerts:
            self._urgent.set()

    async def close(self) -> None:
        """Stop working on it. What is not in a checkpoint is left to the next owner."""
        self.leave()
        self._metrics.detach(self.number)
        await self._transactions.stop()
