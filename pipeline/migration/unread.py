"""The records of mentions that no checkpoint holds, from all partitions, in the order of their Kafka timestamps."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from pipeline.kafka.arrival_order import in_order_of_arrival
from pipeline.migration.drain import Unread
from pipeline.worker.driver.installation import require_installed

_POLL_RECORDS: Final = 2000


def committed_consumer(options: dict[str, Any]) -> Any:
    """A consumer without a group that reads committed records, not yet started."""
    require_installed("the reader of unread mentions")
    own = {
        "group_id": None,
        "enable_auto_commit": False,
        "isolation_level": "read_committed",
        "auto_offset_reset": "earliest",  # what retention has deleted cannot be read: go on after it
        "max_partition_fetch_bytes": 1 << 20,
        "fetch_max_wait_ms": 50,
        "request_timeout_ms": 30_000,
    }
    return AIOKafkaConsumer(**(options | own))


async def ends_of(consumer: Any, topic: str, partitions: int) -> list[int]:
    """The offsets after the last committed record of every partition."""
    wanted = [TopicPartition(topic, number) for number in range(partitions)]
    consumer.assign(wanted)
    found = await consumer.end_offsets(wanted)
    return [found[one] for one in wanted]


async def unread(
    consumer: Any, topic: str, starts: Mapping[int, int], ends: Mapping[int, int]
) -> AsyncIterator[list[Unread]]:
    """The committed records from start to end of every partition, in portions.

    Each partition's keep their order; of two partitions the record that the broker took first comes first.

    Args:
        consumer: started, of the topic alone.
        topic: of the mentions.
        starts: by partition, the first offset that is wanted.
        ends: by partition, the first offset that is not.

    Raises:
        aiokafka.errors.KafkaError: the broker cannot be reached.
    """
    left = {TopicPartition(topic, number) for number, start in starts.items() if start < ends[number]}
    if not left:
        return
    consumer.assign(sorted(left))
    for one in left:
        consumer.seek(one, starts[one.partition])
    waiting: dict[Any, deque[Any]] = {one: deque() for one in left}
    while left:
        hungry = [one for one in left if not waiting[one]]
        for one, polled in (await consumer.getmany(*hungry, timeout_ms=200, max_records=_POLL_RECORDS)).items():
            waiting[one].extend(record for record in polled if record.offset < ends[one.partition])
        for one in hungry:
            # Not the last record but the position tells: the last offsets may be markers of transactions.
            if not waiting[one] and await consumer.position(one) >= ends[one.partition]:
                left.discard(one)
                del waiting[one]
        if left and all(waiting[one] for one in left):
            yield [Unread(one.partition, record) for one, record in in_order_of_arrival(waiting, left)]
