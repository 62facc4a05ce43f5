"""The write side of one partition: everything of a checkpoint in one Kafka transaction, fenced by the partition."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import IllegalOperation, InvalidTxnState, KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import DefaultRecordBatch

from pipeline.engine.encoding import OutRecord
from pipeline.errors import BrokerError, StateError

BATCH_BYTES: Final = 900_000
"""A batch of records stays below max.message.bytes (1 MiB) of the topics, its header included."""
MAX_STATE_BYTES: Final = 1_048_576
"""max.message.bytes of the state topic."""
REQUEST_BYTES: Final = 4 << 20
"""A dead letter is as large as the largest mention (1 MiB) plus its headers and goes out beside other batches."""
TRANSACTION_TIMEOUT_SECONDS: Final = 60
"""The broker aborts a transaction left open for so long, so that a dead worker holds up no read_committed consumer.

We wait no longer either: aiokafka tries for ever to add a partition that is not there to a transaction."""
DELIVERY_TIMEOUT_SECONDS: Final = 30
"""A broker that is away for longer ends the worker; shorter restarts of a broker are waited for."""


class Write(msgspec.Struct, frozen=True):
    """Records for one partition of one topic, encoded into Kafka batches; None stands for the producer's own."""

    topic: str
    batches: list[Any]
    partition: int | None = None

    @property
    def size(self) -> int:
        """Bytes on the wire; of packed batches, before they are packed."""
        return sum(batch.size() for batch in self.batches)


class PartitionTransactions:
    """A transactional producer that belongs to one partition of mentions, under every owner.

    The transactional id comes from the partition, so starting the producer of a new owner aborts what the old one
    left open and fences it: its next commit raises aiokafka.errors.ProducerFenced.
    """

    def __init__(self, options: dict[str, Any], transactional_id: str, partition: int) -> None:
        """Nothing is sent before `start`.

        Args:
            options: addresses and security, as pipeline.kafka.clients gives them.
            transactional_id: the same for every owner of the partition, different for every partition.
            partition: the partition that is written to in every topic, where a write does not say another.
        """
        self._partition = partition
        own = {
            "transactional_id": transactional_id,
            "enable_idempotence": True,
            "acks": "all",
            "linger_ms": 0,
            "max_batch_size": BATCH_BYTES,
            "max_request_size": REQUEST_BYTES,
            "transaction_timeout_ms": TRANSACTION_TIMEOUT_SECONDS * 1000,
            "request_timeout_ms": DELIVERY_TIMEOUT_SECONDS * 1000,
        }
        self._producer = AIOKafkaProducer(**(options | own))

    async def start(self) -> None:
        """Fence the previous owner. Only afterwards is the end of the state topic final."""
        await self._producer.start()

    async def stop(self) -> None:
        """Close the connections; an open transaction is left to the broker."""
        await self._producer.stop()

    def encode_state(self, topic: str, records: Iterable[tuple[bytes, bytes | None]]) -> Write:
        """State records as batches.

        Raises:
            StateError: a record does not fit into a message of the topic.
        """
        write = self.encode(topic, (OutRecord(key, value, []) for key, value in records))
        for batch in write.batches:
            if batch.size() > MAX_STATE_BYTES:
                raise StateError(
                    f"{topic}: expected state records of at most {MAX_STATE_BYTES} bytes, got one of {batch.size()} "
                    "bytes: lower engine.max_ids_per_brand"
                )
        return write

    def encode(self, topic: str, records: Iterable[OutRecord], partition: int | None = None) -> Write:
        """Records as batches, in order, for this partition. A record larger than a batch gets one of its own.

        Batches rather than `send`: a fifth of the CPU per record, and `send` refuses a record without key and value,
        which the dead letter of a tombstone without a key is.
        """
        return _in_batches(topic, records, self._producer.create_batch, partition)

    def encode_packed(self, topic: str, records: Iterable[OutRecord]) -> Write:
        """The same in batches that are compressed when they are sent: for many small records that are alike.

        zstd takes 1 us and a tenth of the bytes; gzip takes 12 us for the same, lz4 5 us. Brokers since 2.1 keep it.
        """
        return _in_batches(topic, records, _packed_batch, None)

    async def commit(self, writes: Iterable[Write]) -> None:
        """Write everything in one transaction.

        Raises:
            aiokafka.errors.ProducerFenced: another worker owns the partition now; nothing was written.
            aiokafka.errors.KafkaError: the broker refused or cannot be reached; nothing was written.
            BrokerError: aiokafka waits for something that does not come, such as a topic that was deleted.
        """
        writes = list(writes)
        try:
            async with asyncio.timeout(TRANSACTION_TIMEOUT_SECONDS):
                await self._commit(writes)
        except TimeoutError:
            topics = ", ".join(f"{write.topic}[{self._target(write)}]" for write in writes if write.batches)
            raise BrokerError(
                f"{topics}: expected a checkpoint to be written within {TRANSACTION_TIMEOUT_SECONDS} s, got no end of "
                "it: was a topic deleted? `tocsin topics plan` tells what is missing"
            ) from None
        except (IllegalOperation, InvalidTxnState) as error:
            refusal = self._refusal()
            if refusal is None:
                raise
            refusal.add_note("writing a checkpoint")
            raise refusal from error

    def _refusal(self) -> BaseException | None:
        """Why Kafka refuses the transaction; its batches hear of the consequences only, and often before."""
        ended = self._producer._txn_manager.wait_for_transaction_end()  # noqa: SLF001 - nothing else tells
        found: BaseException | None = ended.exception() if ended.done() else None
        return found

    async def _commit(self, writes: Iterable[Write]) -> None:
        await self._producer.begin_transaction()
        await asyncio.gather(
            *[await self._send(batch, write.topic, self._target(write)) for write in writes for batch in write.batches]
        )
        await self._producer.commit_transaction()

    def _target(self, write: Write) -> int:
        return self._partition if write.partition is None else write.partition

    async def _send(self, batch: Any, topic: str, partition: int) -> asyncio.Task[None]:
        """Queue a batch; the task ends with its acknowledgement. A refusal names the topic: Kafka's does not always."""
        try:
            acknowledged = await self._producer.send_batch(batch, topic, partition=partition)
        except KafkaError as error:
            error.add_note(f"writing {topic}[{partition}]")
            raise

        async def await_acknowledgement() -> None:
            try:
                await acknowledged
            except KafkaError as error:
                error.add_note(f"writing {topic}[{partition}]")
                raise

        return asyncio.create_task(await_acknowledgement())


def _in_batches(topic: str, records: Iterable[OutRecord], create: Callable[[], Any], partition: int | None) -> Write:
    batches: list[Any] = []
    for record in records:
        if batches and _append(batches[-1], record):
            continue
        batches.append(create())
        if not _append(batches[-1], record):
            raise StateError(f"{topic}: aiokafka refused a record of {len(record.value or b'')} bytes")
    for batch in batches:
        batch.close()
    return Write(topic, batches, partition)


def _packed_batch() -> Any:
    """As the producer's own `create_batch`, which knows one compression for all topics."""
    return BatchBuilder(BATCH_BYTES, DefaultRecordBatch.CODEC_ZSTD, is_transactional=True)


def _append(batch: Any, record: OutRecord) -> bool:
    """Whether the record still fitted; an empty batch takes any record."""
    return batch.append(timestamp=None, key=record.key, value=record.value, headers=record.headers) is not None
