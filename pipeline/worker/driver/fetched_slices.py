"""What aiokafka makes of a fetch, changed: the C parser's own records, checked batches, slices bounded in bytes.

Three classes of aiokafka's fetcher are replaced (driver.installation). `MemoryRecords` goes through the batches of one
fetch and knows how much they took decompressed; `LightRecords` goes through their records; `SliceResult` hands those
out, a slice for each poll. What any producer may write does not end the fetch: a batch that decompresses to more than
`driver.decompression` allows, or that `driver.batches` cannot read, is handed on as one record that the engine refuses.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Iterator
from typing import Any, Final

import aiokafka.consumer.fetcher as aiokafka_fetcher
import aiokafka.record.memory_records as aiokafka_memory_records

from pipeline.worker.driver.batches import CheckedBatch, UnreadableBatchError, refused_batch
from pipeline.worker.driver.decompression import BatchTooLargeError

SLICE_BYTES: Final = 4 << 20
"""Decompressed for a slice; no further batch is begun for it then. A refused batch counts as what it was allowed to.

As much as a fetch holds, so that only what was compressed is divided. It bounds the sixteen slices that Faust holds,
and the time of a poll, for which heartbeats wait."""


class _NotCompressed:
    """In the place of a batch: none, or one of an older format, whose records aiokafka decompresses."""

    decompressed_bytes: Final = 0


_NOT_COMPRESSED: Final = _NotCompressed()


class MemoryRecords:
    """aiokafka's `MemoryRecords` with checked batches, the bytes of the last one at hand, and a pause between two."""

    def __init__(self, data: bytes) -> None:
        self._records = aiokafka_memory_records.MemoryRecords(data)
        self._data = data
        self._start = self._end = 0
        self._current: CheckedBatch | _NotCompressed = _NOT_COMPRESSED
        self._before = 0  # decompressed bytes of the batches before the current one
        self.size_in_bytes = self._records.size_in_bytes
        self.pause_at: float = math.inf
        """As soon as so many bytes have been decompressed, no further batch is given."""

    @property
    def decompressed_bytes(self) -> int:
        """What the batches given so far took; those that were not compressed count nothing."""
        return self._before + self._current.decompressed_bytes

    def has_next(self) -> bool:
        """Whether there is a batch to be given now."""
        # Without a look at the property above: of one record or two a batch is most of the work.
        return self._before + self._current.decompressed_bytes < self.pause_at and bool(self._records.has_next())

    def is_paused(self) -> bool:
        """Whether there is one, but not now."""
        return self.decompressed_bytes >= self.pause_at and bool(self._records.has_next())

    def next_batch(self) -> Any:
        """The next batch, None after the last."""
        # Every format of Kafka's begins a batch with its offset (8 bytes) and its length without these 12 bytes.
        length = int.from_bytes(self._data[self._end + 8 : self._end + 12], "big")
        self._start, self._end = self._end, self._end + 12 + length
        self._before += self._current.decompressed_bytes
        batch = self._records.next_batch()
        if batch is None or self._data[self._start + 16] < 2:  # older formats, which brokers of today take no more
            self._current = _NOT_COMPRESSED
            return batch
        self._current = CheckedBatch(batch, memoryview(self._data)[self._start : self._end])
        return self._current

    @property
    def batch_bytes(self) -> bytes:
        """The batch that `next_batch` gave last."""
        return self._data[self._start : self._end]


class LightRecords(aiokafka_fetcher.PartitionRecords):
    """Records as aiokafka's C parser made them: offset, timestamp, key, value and headers, and nothing copied."""

    next_fetch_offset: int
    _records: MemoryRecords
    _records_iterator: Iterator[Any] | None

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._begin()

    def _begin(self) -> None:
        # Over a weak reference: a generator that held its owner would be a cycle, and a fetch that is dropped before
        # its end (by the gap reader, at a rebalance) would keep its megabytes until the garbage collector runs.
        own: Any = weakref.proxy(self)
        self._records_iterator = LightRecords._unpack_records(own)

    def begin_slice(self) -> None:
        """Stop, as if this were the end, at the first batch after SLICE_BYTES were decompressed from now on."""
        self._records.pause_at = self._records.decompressed_bytes + SLICE_BYTES

    def go_on(self) -> bool:
        """Whether it has stopped before its end; if so, the next slice can be read."""
        if self._records_iterator is not None or not self._records.is_paused():
            return False
        self._begin()
        return True

    def _consumer_record(self, tp: Any, record: Any) -> Any:  # noqa: ARG002 - aiokafka's signature
        return record

    def _unpack_records(self) -> Iterator[Any]:
        """As aiokafka does, but a batch that is too large or cannot be read is one record at its last offset.

        It is met only where aiokafka would have handed its records on: with the right checksum, and not in an aborted
        transaction. Records of it that were handed on before are none of what is refused.
        """
        while True:
            try:
                yield from super()._unpack_records()
            except (BatchTooLargeError, UnreadableBatchError) as error:
                refused = refused_batch(self._records.batch_bytes, self.next_fetch_offset, error)
                if refused.offset >= self.next_fetch_offset:
                    self.next_fetch_offset = refused.offset + 1
                    yield refused
            else:
                return


class SliceResult(aiokafka_fetcher.FetchResult):
    """What a fetch gave for a partition, handed out in slices that are bounded in bytes too."""

    _partition_records: LightRecords | None

    def getall(self, max_records: int | None = None) -> list[Any]:
        """The next records: at most so many, and none of a further batch once SLICE_BYTES were decompressed."""
        records = self._partition_records
        if records is not None:
            records.begin_slice()
        found: list[Any] = super().getall(max_records)
        if records is not None and records.go_on():
            self._partition_records = records
        return found


def light_records_work() -> bool:
    """Whether this aiokafka has the parts that light records rest on; without them its own records serve, slower."""
    from aiokafka.record.default_records import DefaultRecord  # noqa: PLC0415 - moved between versions; asked, not needed

    wanted = ("offset", "timestamp", "key", "value", "headers")
    return (
        hasattr(aiokafka_fetcher.PartitionRecords, "_consumer_record")
        and hasattr(aiokafka_fetcher.FetchResult, "getall")
        and all(hasattr(DefaultRecord, name) for name in wanted)
    )
