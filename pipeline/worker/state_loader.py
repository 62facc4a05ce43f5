"""The read side of a checkpoint: the state of one partition, as the last committed transaction left it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from pipeline.engine.records import RefusedBatch
from pipeline.engine.state import unreadable
from pipeline.worker.driver.installation import require_installed

_FETCH_BYTES: Final = 8 << 20
_POLL_RECORDS: Final = 5000


class LoadedState(msgspec.Struct, frozen=True):
    """What was found on loading.

    Attributes:
        records: the last value of every key, in the order in which they were written; no tombstones.
        read: records read for it, superseded ones and tombstones included.
        source_start: first offset that the source partition still has.
        source_end: offset after the last committed record of the source partition.
    """

    records: dict[bytes, bytes]
    read: int
    source_start: int
    source_end: int
    partitions: int


async def load_state(
    options: dict[str, Any], state_topic: str, source_topic: str, partition: int, progress: Callable[[], None]
) -> LoadedState:
    """Read a partition of the state topic from its beginning to its end.

    The partition's producer must have been started: only then is the previous owner fenced and the end final.

    Args:
        options: addresses and security, as pipeline.kafka.clients gives them.
        state_topic: the compacted topic.
        source_topic: the mentions topic, whose offsets the checkpoint speaks of.
        partition: of both topics.
        progress: called after every poll, so that a long load is not taken for a stuck worker.

    Raises:
        StateError: a batch of the state topic cannot be read.
        aiokafka.errors.KafkaError: the broker cannot be reached.
    """
    require_installed("the state loader")
    own = {
        "group_id": None,
        "enable_auto_commit": False,
        "isolation_level": "read_committed",
        # With aiokafka's default, "latest", the position after seek_to_beginning is the end: state would load empty.
        "auto_offset_reset": "earliest",
        "max_partition_fetch_bytes": _FETCH_BYTES,
        "fetch_max_wait_ms": 50,
        "request_timeout_ms": 30_000,
    }
    consumer = AIOKafkaConsumer(**(options | own))
    await consumer.start()
    try:
        state, source = TopicPartition(state_topic, partition), TopicPartition(source_topic, partition)
        consumer.assign([state])
        end = (await consumer.end_offsets([state]))[state]
        await consumer.seek_to_beginning(state)
        records: dict[bytes, bytes] = {}
        read = 0
        # Until the position, not the last record seen, reaches the end: the last offsets are transaction markers.
        while await consumer.position(state) < end:
            for polled in (await consumer.getmany(state, timeout_ms=200, max_records=_POLL_RECORDS)).values():
                read += len(polled)
                for record in polled:
                    if isinstance(record, RefusedBatch):  # state that is passed over would be state that is lost
                        raise unreadable(f"{state_topic}[{partition}]@{record.offset}".encode(), record.rejected)
                    records.pop(record.key, None)
                    if record.value is not None:
                        records[record.key] = record.value
            progress()
        return LoadedState(
            records,
            read,
            (await consumer.beginning_offsets([source]))[source],
            (await consumer.end_offsets([source]))[source],
            len(consumer.partitions_for_topic(state_topic) or ()),
        )
    finally:
        await consumer.stop()
