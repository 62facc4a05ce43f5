"""A partition whose work stands still is told from one that has nothing to do."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pipeline.config.model import Config
from pipeline.engine.engine import Engine
from pipeline.telemetry.health import Health
from pipeline.telemetry.worker_metrics import WorkerMetrics
from pipeline.worker.driver.gap_reader import GapReader
from pipeline.worker.partition import Partition, TopicNames
from pipeline.worker.stall import STALL_SECONDS
from tests.pipeline.mention_streams import mention, record


class Transactions:
    """Encodes nothing and commits when it is told to: how a broker that never answers looks from the partition."""

    def __init__(self) -> None:
        self.answer = asyncio.Event()

    def encode(self, *_: Any) -> Any:
        return type("Write", (), {"size": 1, "batches": [b"x"]})()

    encode_state = encode

    async def commit(self, _: Any) -> None:
        await self.answer.wait()


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def partition(clock):
    """An open partition whose clock the test moves."""
    config = Config()
    return Partition(
        number=2,
        engine=Engine(2, config),
        transactions=Transactions(),  # type: ignore[arg-type]  # no broker can be made to hang for a minute in a test
        gaps=GapReader({}, "mentions"),  # no gap is met here, and it connects at the first
        topics=TopicNames("mentions", "alerts", "mentions-dlq", "brand-state"),
        config=config.worker,
        metrics=WorkerMetrics(config),
        health=Health(),
        clock=clock,
    )


def test_mentions_that_were_handed_over_and_are_not_folded_in_are_a_stall(partition, clock):
    assert partition.stalled(5) is None
    clock.now += STALL_SECONDS
    assert partition.stalled(5) is None
    clock.now += 1
    assert partition.stalled(5) == "mentions[2]: mentions wait, and none has been folded in for 61 s"
    partition.engine.ingest([record(0, mention())])
    assert partition.stalled(5) is None


def test_a_partition_without_work_never_stalls_and_its_idle_time_does_not_count_later(partition, clock):
    for _ in range(3):
        clock.now += STALL_SECONDS + 1
        assert partition.stalled(0) is None
    assert partition.stalled(1) is None
    clock.now += STALL_SECONDS
    assert partition.stalled(1) is None


def test_a_rebalance_is_no_stall(partition, clock):
    partition.suspend()
    assert partition.stalled(5) is None
    clock.now += STALL_SECONDS + 1
    assert partition.stalled(5) is None
    partition.resume()
    assert partition.stalled(5) is None
    clock.now += STALL_SECONDS + 1
    assert partition.stalled(5) is not None


def test_a_checkpoint_that_does_not_end_is_a_stall_until_it_does(partition, clock):
    async def run() -> None:
        writing = asyncio.create_task(partition.checkpoint())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        clock.now += STALL_SECONDS
        assert partition.stalled(0) is None
        clock.now += 1
        assert partition.stalled(0) == "mentions[2]: a checkpoint has been under way for 61 s"
        partition._transactions.answer.set()
        await writing
        assert partition.stalled(0) is None

    asyncio.run(run())
