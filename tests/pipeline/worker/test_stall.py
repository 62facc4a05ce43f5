"""A partition whose work stands still is told from one that has nothing to do."""

from __future__ import annotations

import asyncio

import pytest

from pipeline.worker.partition import Partition
from pipeline.worker.stall import STALL_SECONDS
from tests.fakes import Clock, turns
from tests.pipeline.mention_streams import mention, record
from tests.pipeline.worker.fake_partition import Transactions, make_partition, mentions, slice_of


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def transactions() -> Transactions:
    return Transactions()


@pytest.fixture
def partition(clock: Clock, transactions: Transactions) -> Partition:
    """An open partition whose clock the test moves."""
    made = make_partition(2, transactions=transactions, clock=clock)
    asyncio.run(made.open())
    return made


def test_mentions_that_were_handed_over_and_are_not_ingested_are_a_stall(partition: Partition, clock: Clock) -> None:
    assert partition.stalled(5) is None
    clock.now += STALL_SECONDS
    assert partition.stalled(5) is None
    clock.now += 1
    assert partition.stalled(5) == "mentions[2]: mentions wait, and none has been ingested for 61 s"
    partition.engine.ingest([record(0, mention())])
    assert partition.stalled(5) is None


def test_a_partition_without_work_never_stalls_and_its_idle_time_does_not_count_later(
    partition: Partition, clock: Clock
) -> None:
    for _ in range(3):
        clock.now += STALL_SECONDS + 1
        assert partition.stalled(0) is None
    assert partition.stalled(1) is None
    clock.now += STALL_SECONDS
    assert partition.stalled(1) is None


def test_a_rebalance_is_no_stall(partition: Partition, clock: Clock) -> None:
    partition.suspend()
    assert partition.stalled(5) is None
    clock.now += STALL_SECONDS + 1
    assert partition.stalled(5) is None
    partition.resume()
    assert partition.stalled(5) is None
    clock.now += STALL_SECONDS + 1
    assert partition.stalled(5) is not None


def test_a_checkpoint_that_does_not_end_is_a_stall_until_it_does(
    partition: Partition, transactions: Transactions, clock: Clock
) -> None:
    transactions.let_through.clear()

    async def run() -> None:
        await partition.accept(slice_of(*mentions(0, 1)))
        writing = asyncio.create_task(partition.checkpoint())
        await turns(5)
        clock.now += STALL_SECONDS
        assert partition.stalled(0) is None
        clock.now += 1
        assert partition.stalled(0) == "mentions[2]: a checkpoint has been under way for 61 s"
        transactions.let_through.set()
        await writing
        assert partition.stalled(0) is None

    asyncio.run(run())
