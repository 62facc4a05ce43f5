"""A transaction that takes its time holds reading up before memory fills, and everything arrives in the end."""

from __future__ import annotations

import asyncio

import pytest

from pipeline.config.model import Config
from pipeline.config.settings import Settings
from pipeline.engine.engine import Engine
from pipeline.engine.records import Record
from pipeline.worker.app import create_app
from pipeline.worker.engine_steps import CLOSE_BUCKETS, INGEST_RECORDS
from pipeline.worker.outbox import WAITING_BYTES
from tests.fakes import turns
from tests.pipeline.mention_streams import START, record, tick
from tests.pipeline.worker.fake_partition import TOPICS, Transactions, brands, make_partition, slice_of

SIZE = 20_000


def refused(first: int, count: int) -> list[Record]:
    """Records of which each becomes a dead letter of SIZE bytes."""
    return [record(n, b"x" * SIZE) for n in range(first, first + count)]


async def rebalance(*, stays: bool) -> None:
    transactions = Transactions()
    partition = make_partition(transactions=transactions)
    await partition.open()
    partition.suspend()
    processing = asyncio.create_task(partition.accept(slice_of(*refused(0, 4 * INGEST_RECORDS))))
    await turns()
    assert not processing.done()
    assert transactions.committed == []
    assert partition.engine.next_offset * SIZE <= WAITING_BYTES + INGEST_RECORDS * SIZE
    partition.withdraw()
    await turns()
    assert not processing.done()
    if stays:
        partition.resume()
        await processing
        await partition.checkpoint()
        assert len(transactions.written(TOPICS.dead_letters)) == 4 * INGEST_RECORDS
    else:
        await partition.close()
        await processing
        assert transactions.committed == []


@pytest.mark.parametrize("stays", [True, False])
def test_a_rebalance_keeps_the_bound_on_what_waits(stays: bool) -> None:
    """Without checkpoints a partition goes on up to the bound, and then waits for its owner, itself or another."""
    asyncio.run(rebalance(stays=stays))


async def flood() -> None:
    transactions = Transactions()
    transactions.let_through.clear()
    partition = make_partition(transactions=transactions)
    await partition.open()
    events = [slice_of(*refused(first, INGEST_RECORDS)) for first in range(0, 6 * INGEST_RECORDS, INGEST_RECORDS)]

    async def feed() -> None:
        for event in events:
            await partition.accept(event)

    feeding = asyncio.create_task(feed())
    await transactions.committing.wait()
    await turns()
    assert not feeding.done()
    assert partition.engine.next_offset * SIZE <= WAITING_BYTES + 2 * INGEST_RECORDS * SIZE
    assert not any(event.acks for event in events)
    transactions.let_through.set()
    await feeding
    await partition.checkpoint()
    assert len(transactions.written(TOPICS.dead_letters)) == 6 * INGEST_RECORDS
    assert events[-1].acks == 1


def test_a_slow_transaction_holds_reading_up_and_loses_nothing() -> None:
    """No more than the bound waits in memory while the broker hangs; afterwards all of it is written, in order."""
    asyncio.run(flood())


async def many_brands(count: int) -> None:
    transactions = Transactions()
    partition = make_partition(transactions=transactions, engine=Engine(0, Config()))
    await partition.open()
    closing = tick(count, START + 3600)
    await partition.accept(slice_of(*brands(count), closing))
    (part,) = transactions.committed
    most = len(part[TOPICS.activity])
    assert 0 < most < count, "one bucket of so many brands is more than may wait"
    assert most * 1024 <= WAITING_BYTES + CLOSE_BUCKETS * 2048
    await partition.checkpoint()
    activity = transactions.written(TOPICS.activity)
    assert [one.key for one in activity] == [f"b-{n}".encode() for n in range(count)]
    await partition.close()


def test_the_activity_of_many_brands_is_written_in_parts_while_their_bucket_closes() -> None:
    """In order, each once, and never more of it in memory than may wait for a checkpoint."""
    asyncio.run(many_brands(14_000))


@pytest.mark.usefixtures("installed")
def test_what_faust_reads_ahead_is_bounded() -> None:
    """Sixteen slices, fetches of four megabytes: Faust's default would hold sixteen million records."""
    app = create_app(Settings(), Config())
    assert app.conf.stream_buffer_maxsize == 16
    assert app.conf.consumer_max_fetch_size == 4 << 20
    assert app.conf.broker_max_poll_records == Config().worker.max_poll_records
