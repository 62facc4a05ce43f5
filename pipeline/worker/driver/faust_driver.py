"""Faust's Kafka driver, changed so that one Faust message carries a whole slice of a partition.

Faust spends about 75 us on every message: four tasks, a lock, a decode and an acknowledgement each. Per slice of up to
`worker.max_poll_records` records that is nothing. Four things differ from Faust's own driver:

- a message's value is the list of records that one poll gave for one partition (`SliceScheduler`, `Consumer`);
- acknowledging a slice acknowledges every record up to its last one (`Consumer._new_offset`), which is sound because
  one agent takes the slices of a partition in order;
- records are aiokafka's own C records (`LightRecords`) instead of an eleven-field dataclass made of each, and what any
  producer may write does not end the fetch: a batch that unpacks to more than `driver.decompression` allows, or that
  `driver.batches` cannot read, is handed on as one record that the engine refuses;
- a slice ends at `SLICE_BYTES` too, because a fetch of packed batches can unpack to anything (`SliceResult`).

Everything private that is relied on here is pinned by tests/pipeline/worker/driver/test_faust_driver.py.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final

import aiokafka.consumer.fetcher as aiokafka_fetcher
import aiokafka.record.memory_records as aiokafka_memory_records
import faust
from faust import streams
from faust.transport.drivers import TRANSPORTS
from faust.transport.drivers import aiokafka as driver
from faust.types.tuples import ConsumerMessage

from pipeline.errors import ConfigError
from pipeline.worker.driver import decompression
from pipeline.worker.driver.batches import CheckedBatch, UnreadableBatchError, refused_batch
from pipeline.worker.driver.decompression import UnpacksTooLargeError

SCHEME: Final = "tocsin"
"""Scheme of the broker URLs that select this driver."""

# Faust and aiokafka ship no types that mypy can use, so every base class below is Any to it: hence the ignores.


class SliceScheduler:
    """Faust's `ConsumerScheduler`: the order in which polled records are handed on. Here: one item a partition."""

    def iterate(self, records: Mapping[Any, list[Any]]) -> Iterator[tuple[Any, list[Any]]]:
        """(partition, its records in offset order) for every partition that has any."""
        for partition, polled in records.items():
            if polled:
                yield partition, polled


class SliceSchema(faust.Schema):
    """Hands the list of records to the agent as it is: mentions are decoded by the engine, never by Faust.

    A decoding error inside Faust would acknowledge the message at once, past records that are still being folded.
    """

    def loads_key(self, app: Any, message: Any, **options: Any) -> Any:  # noqa: ARG002 - Faust's signature
        """None: a slice has no key."""
        return None

    def loads_value(self, app: Any, message: Any, **options: Any) -> Any:  # noqa: ARG002 - Faust's signature
        """The list of records."""
        return message.value


FETCH_WAIT_MILLISECONDS: Final = 400
"""How long a broker may keep a fetch that finds nothing. aiokafka has one fetch a broker under way, so the records of a
busy partition wait for the fetch that asks for its silent neighbours: with Faust's 1,500 ms a backlog of one partition
was read in steps of a second."""
BACKLOG_WAIT_MILLISECONDS: Final = 20
"""The same while there is a backlog. A partition's fetch holds some 13,000 mentions, work for an eighth of a second:
with the wait of above two workers that shared a backlog stood idle for a third of the time. A worker that always asked
so often would take several hundredths of a core for nothing."""
BACKLOG_RECORDS: Final = 1000
"""Records of one partition in one poll that show a backlog."""
SLICE_BYTES: Final = 4 << 20
"""Unpacked for a slice; no further batch is begun for it then. A refused batch counts as what it was allowed to.

As much as a fetch holds, so that only what was packed is cut. It bounds the sixteen slices that Faust holds, and the
time of a poll, for which heartbeats wait."""


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """Runs aiokafka's consumer; reads committed records only, and waits for silent partitions no longer than others."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        # A collector that aborts its transaction has said nothing. Faust offers this only with its exactly-once mode.
        consumer._isolation_level = "read_committed"  # noqa: SLF001 - read once, when the consumer starts
        consumer._fetch_max_wait_ms = FETCH_WAIT_MILLISECONDS  # noqa: SLF001 - as above; Faust has no setting for it
        return consumer

    async def _fetch_records(self, consumer: Any, *args: Any, **options: Any) -> Any:
        """One poll; what it brings says how long the fetches that follow may wait."""
        polled = await super()._fetch_records(consumer, *args, **options)
        fetcher = consumer._fetcher  # noqa: SLF001 - aiokafka asks it for every request
        # What the poll left behind is a backlog too, however large mentions are and however few a poll may take.
        is_behind = bool(fetcher._records) or max(map(len, polled.values()), default=0) >= BACKLOG_RECORDS  # noqa: SLF001
        fetcher._fetch_max_wait_ms = BACKLOG_WAIT_MILLISECONDS if is_behind else FETCH_WAIT_MILLISECONDS  # noqa: SLF001
        return polled


class Consumer(driver.Consumer):
    """Faust's consumer with slices for messages and spans for acknowledgements."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.handed: dict[Any, int] = {}
        """By partition: the offset after the last record that was handed to Faust."""

    def _new_consumer_thread(self) -> Any:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def _to_message(self, tp: Any, record: list[Any]) -> Any:
        last = record[-1]
        self.handed[tp] = last.offset + 1
        return ConsumerMessage(
            topic=tp.topic,
            partition=tp.partition,
            offset=last.offset,
            timestamp=last.timestamp / 1000,
            timestamp_type=0,
            headers=(),
            key=None,
            value=record,
            checksum=None,
            serialized_key_size=0,
            serialized_value_size=0,
            tp=tp,
            generation_id=self.app.consumer_generation_id,
        )

    async def _add_gap(self, tp: Any, offset_from: int, offset_to: int) -> None:
        """Nothing: the offsets between two slices' last records are the second slice, not a gap to be filled."""

    def _new_offset(self, tp: Any) -> int | None:
        """The offset to commit: one past the last acknowledged slice, which covers every slice before it."""
        acked: list[int] = self._acked[tp]
        if not acked:
            return None
        last = max(acked)
        self._acked_index[tp].difference_update(acked)
        acked.clear()
        return last + 1

    def verify_event_path(self, now: float, tp: Any) -> None:
        """Nothing: Faust's guesses at stalled streams false-alarm on idle partitions; telemetry.health answers this."""


class Transport(driver.Transport):
    """Faust's driver with the consumer above."""

    Consumer: ClassVar[Any] = Consumer


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
        """Stop, as if this were the end, at the first batch after SLICE_BYTES have been unpacked from now on."""
        self._records.pause_at = decompression.spent.bytes + SLICE_BYTES

    def go_on(self) -> bool:
        """Whether it has stopped before its end; if so, the next slice can be read."""
        if self._records_iterator is not None or not self._records.is_paused():
            return False
        self._begin()
        return True

    def _consumer_record(self, tp: Any, record: Any) -> Any:  # noqa: ARG002 - aiokafka's signature
        return record

    def _unpack_records(self) -> Iterator[Any]:
        """As aiokafka does, but a batch that must not be unpacked or cannot be read is one record at its last offset.

        It is met only where aiokafka would have handed its records on: with the right checksum, and not in an aborted
        transaction. Records of it that were handed on before are none of what is refused.
        """
        while True:
            try:
                yield from super()._unpack_records()
            except (UnpacksTooLargeError, UnreadableBatchError) as error:
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
        """The next records: at most so many, and none of a further batch once SLICE_BYTES were unpacked for them."""
        records = self._partition_records
        if records is not None:
            records.begin_slice()
        found: list[Any] = super().getall(max_records)
        if records is not None and records.go_on():
            self._partition_records = records
        return found


class MemoryRecords:
    """aiokafka's `MemoryRecords` with checked batches, the bytes of the last one at hand, and a pause between two."""

    def __init__(self, data: bytes) -> None:
        self._records = aiokafka_memory_records.MemoryRecords(data)
        self._data = data
        self._batch = self._end = 0
        self.size_in_bytes = self._records.size_in_bytes
        self.pause_at: float = math.inf
        """By decompression.spent."""

    def has_next(self) -> bool:
        """Whether there is a batch to be given now."""
        return decompression.spent.bytes < self.pause_at and bool(self._records.has_next())

    def is_paused(self) -> bool:
        """Whether there is one, but not now."""
        return decompression.spent.bytes >= self.pause_at and bool(self._records.has_next())

    def next_batch(self) -> Any:
        """The next batch, None after the last."""
        # Every format of Kafka's begins a batch with its offset (8 bytes) and its length without these 12 bytes.
        length = int.from_bytes(self._data[self._end + 8 : self._end + 12], "big")
        self._batch, self._end = self._end, self._end + 12 + length
        batch = self._records.next_batch()
        if batch is None or self._data[self._batch + 16] < 2:  # older formats, which brokers of today take no more
            return batch
        return CheckedBatch(batch, memoryview(self._data)[self._batch : self._end])

    @property
    def batch_bytes(self) -> bytes:
        """The batch that `next_batch` gave last."""
        return self._data[self._batch : self._end]


def install() -> None:
    """Make the driver known to Faust under SCHEME; hand out light records and bound batches in this process.

    Raises:
        ConfigError: the installed Faust lacks its compiled stream iterator, whose pure-Python stand-in acknowledges
            messages that it skips.
    """
    if streams._CStreamIterator is None:  # noqa: SLF001 - the only sign of it
        raise ConfigError(
            "faust-streaming: expected its compiled extension (faust._cython.streams), got the pure-Python fall-back, "
            "which commits messages that it skips: install a wheel for this platform and unset NO_CYTHON"
        )
    TRANSPORTS.aliases[SCHEME] = f"{__name__}:{Transport.__name__}"
    if light_records_work():
        aiokafka_fetcher.PartitionRecords = LightRecords
        aiokafka_fetcher.MemoryRecords = MemoryRecords
        aiokafka_fetcher.FetchResult = SliceResult
        decoders = decompression.decoders_of_aiokafka()
        if decoders is not None:
            decompression.install(decoders)


def light_records_work() -> bool:
    """Whether this aiokafka has the parts that light records rest on; without them its own records serve, slower."""
    from aiokafka.record.default_records import DefaultRecord  # noqa: PLC0415 - moved between versions; asked, not needed

    wanted = ("offset", "timestamp", "key", "value", "headers")
    return (
        hasattr(aiokafka_fetcher.PartitionRecords, "_consumer_record")
        and hasattr(aiokafka_fetcher.FetchResult, "getall")
        and all(hasattr(DefaultRecord, name) for name in wanted)
    )
