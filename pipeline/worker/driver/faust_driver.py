"""Faust's Kafka driver, changed so that one Faust message carries a whole slice of a partition.

Faust spends about 75 us on every message: four tasks, a lock, a decode and an acknowledgement each. Per slice of up to
`worker.max_poll_records` records that is nothing. Two things differ from Faust's own driver:

- a message's value is the list of records that one poll gave for one partition (`SliceScheduler`, `Consumer`);
- acknowledging a slice acknowledges every record up to its last one (`Consumer._new_offset`), which is sound because
  one agent takes the slices of a partition in order.

Everything private that is relied on here is pinned by tests/pipeline/worker/driver/test_faust_driver.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final

import faust
from faust.transport.drivers import aiokafka as driver
from faust.types.tuples import ConsumerMessage

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

    A decoding error inside Faust would acknowledge the message at once, past records that are not processed yet.
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


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """Runs aiokafka's consumer; reads committed records only, and waits for silent partitions no longer than others."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        # A collector that aborts its transaction has said nothing. Faust offers this only with its exactly-once mode.
        consumer._isolation_level = "read_committed"  # noqa: SLF001 - read once, when the consumer starts
        consumer._fetch_max_wait_ms = FETCH_WAIT_MILLISECONDS  # noqa: SLF001 - as above; Faust has no setting for it
        return consumer

    async def _fetch_records(self, consumer: Any, *args: Any, **options: Any) -> Any:
        """One poll; what it brings says how long the fetches that follow may wait.

        Raises:
            Exception: what has ended the member of the group. aiokafka wakes a poll that waits for records with it, and
                has every other one ask; Faust's never does, so a worker could run on without a place in its group.
        """
        consumer._coordinator.check_errors()  # noqa: SLF001 - as aiokafka's own getmany does
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
