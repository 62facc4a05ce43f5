"""Brings feedback into the log of mentions: what people have said about episodes, from alert-feedback.

The owner of a partition reads the same partition of alert-feedback from where its state says, and appends what it finds
to the mentions. There it is in the log like any mention: a replay sees it at the same place and gives the same alerts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import TopicAuthorizationFailedError

from pipeline.engine.records import FEEDBACK_HEADER, FEEDBACK_OFFSET_HEADER, FEEDBACK_TOPIC_HEADER
from pipeline.worker.driver.installation import require_installed
from pipeline.worker.partition import Partition
from schemas.feedback import decode_feedback
from schemas.text import printable

_LOOK_SECONDS: Final = 1.0
"""Between two looks at which partitions are ours, and the time that a read waits for more."""
_DENIED_SECONDS: Final = 10.0
"""Between two attempts to do what was not allowed."""
_POLL_RECORDS: Final = 500

logger = structlog.get_logger("tocsin.worker")


class FeedbackRelay:
    """Appends feedback to the mentions of the partitions that are open here."""

    def __init__(
        self,
        options: dict[str, Any],
        *,
        feedback: str,
        feedback_id: str,
        mentions: str,
        open_partitions: Callable[[], Sequence[Partition]],
    ) -> None:
        """Connects when a partition is open.

        Args:
            options: addresses and security, as pipeline.kafka.clients gives them.
            feedback: full name of the topic that is read.
            feedback_id: its id, which goes with every record; "" where the broker gives none.
            mentions: full name of the topic that it is appended to.
            open_partitions: those that are open now.
        """
        self._options = options
        self._feedback = feedback
        self._feedback_id = feedback_id
        self._mentions = mentions
        self._open_partitions = open_partitions
        self._consumer: AIOKafkaConsumer | None = None
        self._producer: AIOKafkaProducer | None = None

    async def keep_relaying(self) -> None:
        """Relay until cancelled. Where that is not allowed, say so once and try again now and then.

        Feedback that is appended twice, or by an owner that is about to be replaced, changes nothing: an episode is
        acknowledged or answered once. So it needs neither transaction nor fencing.

        Raises:
            aiokafka.errors.KafkaError: the broker cannot be reached.
        """
        is_allowed = True
        while True:
            try:
                await self._look()
                is_allowed = True
            except TopicAuthorizationFailedError:
                if is_allowed:
                    logger.warning(
                        "no permission to bring feedback to the mentions: acknowledgements and answers change no "
                        "alert; allow Read on the one and Write on the other, or set worker.feedback = false",
                        topics=[self._feedback, self._mentions],
                    )
                is_allowed = False
                await self.close()  # what was read and not appended is read again
                await asyncio.sleep(_DENIED_SECONDS)

    async def _look(self) -> None:
        partitions = {partition.number: partition for partition in self._open_partitions()}
        if not partitions:
            await asyncio.sleep(_LOOK_SECONDS)
            return
        consumer, producer = await self._connected()
        ours = consumer.assignment()
        wanted = {TopicPartition(self._feedback, number) for number in partitions}
        if ours != wanted:
            kept = {one: await consumer.position(one) for one in ours & wanted}
            consumer.assign(sorted(wanted))
            for one in sorted(wanted):
                consumer.seek(one, kept.get(one, partitions[one.partition].engine.feedback_offset))
        found = await consumer.getmany(timeout_ms=int(_LOOK_SECONDS * 1000), max_records=_POLL_RECORDS)
        for where, records in found.items():
            for record in records:
                await self._append(producer, where.partition, record)

    async def _append(self, producer: AIOKafkaProducer, partition: int, record: Any) -> None:
        if record.value is None:  # the tombstone of one that was taken back
            return
        try:
            decode_feedback(record.value)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            logger.warning(
                "a record is no feedback, and is passed over",
                place=f"{self._feedback}[{partition}]@{record.offset}",
                error=printable(str(error), 200),
            )
            return
        # `send` refuses a record with neither key nor value; a batch takes it.
        batch = producer.create_batch()
        headers = [(FEEDBACK_HEADER, record.value), (FEEDBACK_OFFSET_HEADER, str(record.offset).encode())]
        if self._feedback_id:
            headers.append((FEEDBACK_TOPIC_HEADER, self._feedback_id.encode()))
        batch.append(timestamp=None, key=None, value=None, headers=headers)
        await (await producer.send_batch(batch, self._mentions, partition=partition))

    async def _connected(self) -> tuple[AIOKafkaConsumer, AIOKafkaProducer]:
        if self._consumer is None or self._producer is None:
            require_installed("the feedback relay")
            own = {
                "group_id": None,
                "enable_auto_commit": False,
                "isolation_level": "read_committed",
                "auto_offset_reset": "earliest",  # the topic was created again: what is there is new
                "request_timeout_ms": 30_000,
            }
            self._consumer = AIOKafkaConsumer(**(self._options | own))
            await self._consumer.start()
            self._producer = AIOKafkaProducer(**(self._options | {"acks": "all", "request_timeout_ms": 30_000}))
            await self._producer.start()
        return self._consumer, self._producer

    async def close(self) -> None:
        """Close the connections."""
        consumer, producer, self._consumer, self._producer = self._consumer, self._producer, None, None
        if consumer is not None:
            await consumer.stop()
        if producer is not None:
            await producer.stop()
