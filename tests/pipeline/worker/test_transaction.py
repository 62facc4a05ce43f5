"""A checkpoint's transaction that the broker never ends, or refuses: said with the topics' names."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka.errors import (
    IllegalOperation,
    InvalidTxnState,
    KafkaError,
    MessageSizeTooLargeError,
    TransactionalIdAuthorizationFailed,
)
from aiokafka.record.memory_records import MemoryRecords

from pipeline.engine.encoding import OutRecord
from pipeline.errors import BrokerError
from pipeline.worker import transaction
from pipeline.worker.transaction import PartitionTransactions, Write


class TransactionManager:
    """aiokafka's knowledge of how the transaction has ended."""

    def __init__(self, refusal: Exception | None) -> None:
        self.refusal = refusal

    def wait_for_transaction_end(self) -> asyncio.Future[None]:
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.refusal is not None:
            ended.set_exception(self.refusal)
        return ended


class Producer:
    """Gives each batch the answer that is set for its topic; None never comes."""

    def __init__(self, answers: dict[str, Any], manager: TransactionManager | None = None) -> None:
        self.answers = answers
        self._txn_manager = manager
        self.ended = False

    async def begin_transaction(self) -> None:
        pass

    async def send_batch(self, batch: Any, topic: str, partition: int) -> asyncio.Future[Any]:
        acknowledged: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        answer = self.answers[topic]
        if isinstance(answer, Exception):
            acknowledged.set_exception(answer)
        elif answer is not None:
            acknowledged.set_result(answer)
        return acknowledged

    async def commit_transaction(self) -> None:
        self.ended = True


def commit(producer: Producer) -> None:
    one = object.__new__(PartitionTransactions)
    one._partition, one._producer = 3, producer
    asyncio.run(one.commit([Write("alerts", ["batch"]), Write("mentions-dlq", []), Write("brand-state", ["batch"])]))


def test_a_transaction_is_committed_when_every_batch_is_acknowledged():
    producer = Producer({"alerts": 1, "brand-state": 1})
    commit(producer)
    assert producer.ended


def test_a_refused_batch_names_its_topic_and_commits_nothing():
    producer = Producer({"alerts": MessageSizeTooLargeError(), "brand-state": 1})
    with pytest.raises(KafkaError) as caught:
        commit(producer)
    assert caught.value.__notes__ == ["writing alerts[3]"]
    assert not producer.ended


def test_a_transaction_that_does_not_end_is_an_error_and_no_endless_wait(monkeypatch):
    monkeypatch.setattr(transaction, "TRANSACTION_TIMEOUT_SECONDS", 0.05)
    producer = Producer({"alerts": None, "brand-state": 1})
    with pytest.raises(BrokerError, match=r"alerts\[3\], brand-state\[3\]: .*`tocsin topics plan`"):
        commit(producer)
    assert not producer.ended


@pytest.mark.parametrize("consequence", [InvalidTxnState(), IllegalOperation("not in transaction")])
def test_what_kafka_refuses_the_transaction_for_is_told_and_not_what_a_batch_hears_of_it(consequence):
    refused = TransactionManager(TransactionalIdAuthorizationFailed("tocsin-3"))
    producer = Producer({"alerts": consequence, "brand-state": 1}, refused)
    with pytest.raises(TransactionalIdAuthorizationFailed) as caught:
        commit(producer)
    assert caught.value.__notes__ == ["writing a checkpoint"]
    assert not producer.ended


def test_a_refused_batch_of_a_transaction_that_stands_is_told_itself():
    with pytest.raises(InvalidTxnState):
        commit(Producer({"alerts": InvalidTxnState(), "brand-state": 1}, TransactionManager(None)))


def test_packed_batches_hold_every_record_in_order_and_a_tenth_of_the_bytes():
    records = [
        OutRecord(b"b-%d" % n, b'{"version":1,"brand":"b-%d","mentions":%d,"detector":"daily-maxima/3"}' % (n, n), [])
        for n in range(20_000)
    ]
    write = object.__new__(PartitionTransactions).encode_packed("brand-activity", records)
    assert len(write.batches) > 1
    size = write.size
    packed = [batch._build() for batch in write.batches]
    assert sum(map(len, packed)) < size / 10
    found = [
        (one.key, one.value)
        for buffer in packed
        for batch in iter(MemoryRecords(bytes(buffer)).next_batch, None)
        for one in batch
    ]
    assert found == [(record.key, record.value) for record in records]
