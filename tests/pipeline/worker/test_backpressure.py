"""A transaction that takes its time holds reading up before memory fills, and everything arrives in the end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.config.model import Config, ConfigFile, EngineConfig
from pipeline.config.settings import Settings
from pipeline.engine.encoding import OutRecord
from pipeline.engine.engine import Engine
from pipeline.engine.records import Record
from pipeline.telemetry.health import Health
from pipeline.telemetry.worker_metrics import WorkerMetrics
from pipeline.worker.app import create_app
from pipeline.worker.partition import FOLD_RECORDS, WAITING_BYTES, Partition, TopicNames
from tests.pipeline.mention_streams import record

SIZE = 20_000


class SlowTransactions:
    """Keeps what is written; a commit waits until it is let through."""

    def __init__(self) -> None:
        self.let_through = asyncio.Event()
        self.committing = asyncio.Event()
        self.dead_letters: list[OutRecord] = []

    def encode(self, topic: str, records: Iterable[OutRecord]) -> Any:
        taken = list(records)
        return SimpleNamespace(size=1, batches=taken, topic=topic)

    def encode_state(self, topic: str, records: Any) -> Any:
        return SimpleNamespace(size=1, batches=[SimpleNamespace(size=lambda: 1) for _ in records], topic=topic)

    async def commit(self, writes: list[Any]) -> None:
        self.committing.set()
        await self.let_through.wait()
        for write in writes:
            if write.topic == "mentions-dlq":
                self.dead_letters += write.batches


def slice_of(first: int) -> list[Record]:
    return [record(n, b"x" * SIZE) for n in range(first, first + FOLD_RECORDS)]


def flooded_partition(transactions: SlowTransactions) -> Partition:
    config = Config(ConfigFile(engine=EngineConfig(dead_letter_run_limit=0)))
    return Partition(
        number=0,
        engine=Engine(0, config),
        transactions=transactions,  # type: ignore[arg-type]  # a broker that answers late, when the test says so
        gaps=None,  # type: ignore[arg-type]  # no gap is met here
        topics=TopicNames("mentions", "alerts", "mentions-dlq", "brand-state"),
        config=config.worker,
        metrics=WorkerMetrics(config),
        health=Health(),
    )


async def turns() -> None:
    """Let everybody do what can be done now."""
    for _ in range(200):
        await asyncio.sleep(0)


async def rebalance(*, stays: bool) -> None:
    transactions = SlowTransactions()
    transactions.let_through.set()
    partition = flooded_partition(transactions)
    partition.suspend()
    records = [one for first in range(0, 4 * FOLD_RECORDS, FOLD_RECORDS) for one in slice_of(first)]
    event = SimpleNamespace(message=SimpleNamespace(value=records), value=records, ack=lambda: None)
    folding = asyncio.create_task(partition.accept(event))
    await turns()
    assert not folding.done()
    assert not transactions.committing.is_set()
    assert partition.engine.next_offset * SIZE <= WAITING_BYTES + FOLD_RECORDS * SIZE
    if stays:
        partition.resume()
        await folding
        await partition.checkpoint()
        assert len(transactions.dead_letters) == 4 * FOLD_RECORDS
    else:
        partition._transactions = SimpleNamespace(stop=turns)  # type: ignore[assignment]  # nobody is connected here
        await partition.close()
        await folding
        assert not transactions.committing.is_set()


@pytest.mark.parametrize("stays", [True, False])
def test_a_rebalance_keeps_the_bound_on_what_waits(stays: bool) -> None:
    """Without checkpoints a partition folds on up to the bound, and then waits for its owner, itself or another."""
    asyncio.run(rebalance(stays=stays))


async def flood() -> None:
    transactions = SlowTransactions()
    partition = flooded_partition(transactions)
    acknowledged: list[int] = []

    async def feed() -> None:
        for first in range(0, 6 * FOLD_RECORDS, FOLD_RECORDS):
            records = slice_of(first)
            event = SimpleNamespace(
                message=SimpleNamespace(value=records),
                value=records,
                ack=lambda first=first: acknowledged.append(first),
            )
            await partition.accept(event)

    feeding = asyncio.create_task(feed())
    await transactions.committing.wait()
    await turns()
    assert not feeding.done()
    assert partition.engine.next_offset * SIZE <= WAITING_BYTES + 2 * FOLD_RECORDS * SIZE
    assert not acknowledged
    transactions.let_through.set()
    await feeding
    await partition.checkpoint()
    assert len(transactions.dead_letters) == 6 * FOLD_RECORDS
    assert acknowledged[-1] == 5 * FOLD_RECORDS


def test_a_slow_transaction_holds_reading_up_and_loses_nothing() -> None:
    """No more than the bound waits in memory while the broker hangs; afterwards all of it is written, in order."""
    asyncio.run(flood())


@pytest.mark.usefixtures("installed")
def test_what_faust_reads_ahead_is_bounded() -> None:
    """Sixteen slices, fetches of four megabytes: Faust's default would hold sixteen million records."""
    app = create_app(Settings(), Config())
    assert app.conf.stream_buffer_maxsize == 16
    assert app.conf.consumer_max_fetch_size == 4 << 20
    assert app.conf.broker_max_poll_records == Config().worker.max_poll_records
