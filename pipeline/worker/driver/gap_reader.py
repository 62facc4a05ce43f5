"""Reads what Faust passed over.

The state says which record comes next; Faust's position is only its proposal. Around rebalances Faust can clear or
skip slices that it has already fetched, and its committed offsets can be ahead of a state that was lost. A slice that
begins beyond the next offset is therefore not trusted: the records in between are read here first. Mostly there
are none: the marker of a collector's transaction, or mentions that retention has deleted.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from pipeline.worker.driver.installation import require_installed

_POLL_RECORDS: Final = 4000


class GapReader:
    """A consumer without a group, for one topic. One gap at a time."""

    def __init__(self, options: dict[str, Any], topic: str) -> None:
        """Connects at the first gap.

        Args:
            options: addresses and security, as pipeline.kafka.clients gives them.
            topic: the mentions topic.
        """
        self._options = options
        self._topic = topic
        self._consumer: AIOKafkaConsumer | None = None

    async def read(self, partition: int, start: int, end: int) -> AsyncIterator[list[Any]]:
        """The committed records with offsets in [start, end), in order and in portions; none if there are none.

        Raises:
            aiokafka.errors.KafkaError: the broker cannot be reached.
        """
        consumer = await self._connected()
        where = TopicPartition(self._topic, partition)
        consumer.assign([where])
        consumer.seek(where, start)
        while await consumer.position(where) < end:
            for polled in (await consumer.getmany(where, timeout_ms=200, max_records=_POLL_RECORDS)).values():
                wanted = [record for record in polled if record.offset < end]
                if wanted:
                    yield wanted
        consumer.unsubscribe()

    async def first_offset(self, partition: int) -> int:
        """The first offset that the partition still has.

        Raises:
            aiokafka.errors.KafkaError: the broker cannot be reached.
        """
        consumer = await self._connected()
        where = TopicPartition(self._topic, partition)
        first: int = (await consumer.beginning_offsets([where]))[where]
        return first

    async def _connected(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            require_installed("the gap reader")
            own = {
                "group_id": None,
                "enable_auto_commit": False,
                "isolation_level": "read_committed",
                "auto_offset_reset": "earliest",  # what retention has deleted cannot be read: go on after it
                "max_partition_fetch_bytes": 4 << 20,
                "fetch_max_wait_ms": 50,
                "request_timeout_ms": 30_000,
            }
            self._consumer = AIOKafkaConsumer(**(self._options | own))
            await self._consumer.start()
        return self._consumer

    async def close(self) -> None:
        """Close the connection."""
        if self._consumer is not None:
            await self._consumer.stop()
