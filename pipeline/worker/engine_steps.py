"""The engine of one partition, driven in steps so short that the event loop turns between two of them.

Heartbeats, fetches and the transactions of other partitions have their turn there. Steps exclude each other, and a
snapshot with all of its pauses is one of them: nothing is ingested or closed while it is made.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final

from pipeline.engine.feedback import is_feedback
from pipeline.engine.records import SourceRecord
from pipeline.telemetry.worker_metrics import WorkerMetrics
from pipeline.worker.outbox import Outbox
from pipeline.worker.partition_engine import PartitionEngine

INGEST_RECORDS: Final = 300
"""Records ingested in one step: 2 ms as a rule, 12 where every one of them opens a bucket."""
CLOSE_BUCKETS: Final = 150
"""Brand-buckets closed in one step, quiet ones of a mention or two: 8 ms. Others count for more (engine.closing)."""

StateRecords = list[tuple[bytes, bytes | None]]
_END: Final = object()


def slices(records: Sequence[SourceRecord], most: int) -> Iterator[Sequence[SourceRecord]]:
    """The records, at most so many at a time; feedback begins a slice, for all that is due before it is closed first.

    Args:
        records: in offset order.
        most: records of a slice.
    """
    feedback = [place for place, record in enumerate(records) if record.value is None and is_feedback(record)]
    for first, end in pairwise(sorted({*range(0, len(records), most), *feedback, len(records)})):
        yield records[first:end]


class EngineSteps:
    """Runs the steps and records how long each took.

    Attributes:
        engine: changed only here.
        outbox: what the engine gave and no checkpoint has taken.
    """

    def __init__(
        self, engine: PartitionEngine, outbox: Outbox, metrics: WorkerMetrics, clock: Callable[[], float]
    ) -> None:
        """Nothing runs yet.

        Args:
            engine: changed by these steps only.
            outbox: takes what the engine gives.
            metrics: records the length of every step.
            clock: seconds, never going back.
        """
        self.engine = engine
        self.outbox = outbox
        self._metrics = metrics
        self._clock = clock
        self._free = asyncio.Lock()

    async def restore(self, records: Iterable[tuple[bytes, bytes | None]], turned: Callable[[], None]) -> None:
        """Take over a predecessor's state.

        Args:
            records: the last record of every key.
            turned: called between two steps.
        """
        steps = self.engine.restore_in_batches(records)
        more = True
        while more:
            started = self._clock()
            more = next(steps, _END) is not _END
            self._metrics.engine_step("restore", self._clock() - started)
            turned()
            await asyncio.sleep(0)

    async def ingest(self, records: Sequence[SourceRecord]) -> None:
        """One step: at most INGEST_RECORDS records."""
        async with self._free:
            started = self._clock()
            self.engine.ingest(records)
            self._metrics.engine_step("fold", self._clock() - started)

    async def close_due(self) -> bool:
        """One step: buckets behind the watermark are closed, and what comes of it goes into the outbox.

        Returns:
            Whether more are due.
        """
        async with self._free:
            started = self._clock()
            more = self.engine.close_due(CLOSE_BUCKETS)
            self.outbox.add(self.engine.take_outputs())
            self._metrics.engine_step("close", self._clock() - started)
        await asyncio.sleep(0)
        return more

    def alone(self) -> asyncio.Lock:
        """To be held around a `snapshot` and what belongs to it: no other step runs meanwhile."""
        return self._free

    async def snapshot(self, encode: Callable[[StateRecords], None]) -> None:
        """Encode the changed state, with a pause after every batch; `alone` must be held.

        Until something else is awaited, outbox and state then stand for the same offset. Where this is cancelled,
        everything is still as changed as before.

        Args:
            encode: called with some state records at a time.
        """
        self.outbox.add(self.engine.take_outputs())
        batches = self.engine.snapshot_in_batches()
        while True:
            started = self._clock()
            records = next(batches, None)
            if records is None:
                return
            encode(records)
            self._metrics.engine_step("encode", self._clock() - started)
            await asyncio.sleep(0)
