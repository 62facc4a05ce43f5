"""What a worker does with its partitions as the group gives and takes them; everything around them is replaced."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
from structlog.testing import capture_logs

from pipeline.engine.records import Record
from pipeline.telemetry.health import Health
from pipeline.worker.assignment import HAND_OVER_SECONDS, Assignment
from pipeline.worker.partition import Partition
from pipeline.worker.phase import Phase
from tests.fakes import Clock, run_virtual, turns
from tests.fakes.engine import OffsetEngine
from tests.pipeline.worker.fake_partition import TOPICS, Gaps, Transactions, make_partition, mentions, slice_of


class Worker:
    """An assignment, and the partitions that it has made."""

    def __init__(self, **changes: Any) -> None:
        self.clock = Clock()
        self.health = Health(self.clock)
        self.made: list[Partition] = []
        self.transactions: list[Transactions] = []
        self.crashes: list[tuple[BaseException, str]] = []
        self.changes = changes
        self.assignment = Assignment(topic=TOPICS.mentions, partition=self.make, health=self.health, crash=self.crash)

    def make(self, number: int) -> Partition:
        self.transactions.append(Transactions())
        parts = {"engine": OffsetEngine(), "transactions": self.transactions[-1], "clock": self.clock} | self.changes
        self.made.append(make_partition(number, **parts))
        return self.made[-1]

    def crash(self, error: BaseException, where: str) -> NoReturn:
        """Ends the task, as the worker's own ends the process."""
        self.crashes.append((error, where))
        raise asyncio.CancelledError

    @property
    def phases(self) -> dict[int, Phase]:
        return {one.number: one.phase for one in self.made}

    async def deliver(self, number: int, first: int, end: int) -> Any:
        event = slice_of(*mentions(first, end))
        event.message.partition = number
        await self.assignment.deliver(event)
        return event


@pytest.fixture
def worker() -> Worker:
    return Worker()


def test_partitions_are_opened_fed_and_ready(worker: Worker) -> None:
    async def run() -> None:
        await worker.assignment.assigned({0, 2})
        assert worker.health.readiness().why == "loading state"
        await worker.deliver(2, 0, 3)
        await turns()
        assert worker.health.readiness().partitions == (0, 2)
        assert [one.engine.next_offset for one in worker.assignment.open_partitions()] == [0, 3]

    run_virtual(run(), worker.clock)
    assert worker.phases == {0: Phase.RUNNING, 2: Phase.RUNNING}


def test_a_slice_of_a_partition_that_is_not_ours_is_left_to_its_owner(worker: Worker) -> None:
    event = run_virtual(worker.deliver(1, 0, 3), worker.clock)
    assert event.acks == 0
    assert worker.made == []


def test_a_rebalance_writes_last_checkpoints_and_nothing_more_until_it_is_over(worker: Worker) -> None:
    async def run() -> None:
        await worker.assignment.assigned({0, 1})
        event = await worker.deliver(0, 0, 3)
        await worker.assignment.revoked()
        assert worker.health.readiness().why == "rebalance"
        assert event.acks == 1
        assert worker.phases == {0: Phase.WITHDRAWN, 1: Phase.WITHDRAWN}
        await worker.deliver(0, 3, 6)
        await asyncio.sleep(600)
        assert len(worker.transactions[0].written(TOPICS.alerts)) == 3
        await worker.assignment.assigned({0, 2})
        await turns()
        assert len(worker.transactions[0].written(TOPICS.alerts)) == 6

    run_virtual(run(), worker.clock)
    assert worker.phases == {0: Phase.RUNNING, 1: Phase.LEFT, 2: Phase.RUNNING}
    assert len(worker.made) == 3, "a partition that stays keeps its engine"


def test_a_checkpoint_that_takes_too_long_is_neither_waited_for_nor_cancelled_and_none_follows(
    worker: Worker,
) -> None:
    async def run() -> None:
        await worker.assignment.assigned({0})
        worker.transactions[0].let_through.clear()
        await worker.deliver(0, 0, 3)
        began = worker.clock.now
        with capture_logs() as logs:
            await worker.assignment.revoked()
        assert worker.clock.now - began == pytest.approx(HAND_OVER_SECONDS)
        assert [line["event"] for line in logs] == [
            "no checkpoint before the rebalance: the next owner reads the mentions since the last one"
        ]
        worker.transactions[0].let_through.set()
        await asyncio.sleep(600)
        assert len(worker.transactions[0].committed) == 1

    run_virtual(run(), worker.clock)
    assert worker.crashes == []


def test_a_rebalance_while_the_state_is_loaded_waits_for_nothing(worker: Worker) -> None:
    loading = asyncio.Event()

    async def load() -> Any:
        await loading.wait()
        return SimpleNamespace(records={}, read=0, source_start=0, source_end=9, partitions=4)

    worker.changes["load"] = load

    async def run() -> None:
        await worker.assignment.assigned({0})
        await turns()
        await worker.assignment.revoked()
        assert worker.phases == {0: Phase.INTERRUPTED}
        await worker.assignment.assigned({0})
        loading.set()
        await turns()

    run_virtual(run(), worker.clock)
    assert worker.phases == {0: Phase.RUNNING}


def test_the_end_of_the_worker_writes_last_checkpoints_and_leaves(worker: Worker) -> None:
    async def run() -> bool:
        await worker.assignment.assigned({0})
        event = await worker.deliver(0, 0, 3)
        in_time = await worker.assignment.close(3.0)
        assert event.acks == 1
        return in_time

    assert run_virtual(run(), worker.clock)
    assert worker.phases == {0: Phase.LEFT}
    assert worker.health.readiness().why == "stopping"
    assert worker.assignment.open_partitions() == []


def test_the_end_of_the_worker_ends_the_reading_of_a_gap_before_its_reader_is_closed() -> None:
    class EndlessGaps(Gaps):
        ended = False

        async def read(self, partition: int, start: int, end: int) -> AsyncIterator[list[Record]]:
            try:
                await asyncio.Event().wait()
            finally:
                self.ended = True
            yield []

    gaps = EndlessGaps()
    worker = Worker(gaps=gaps)

    async def run() -> None:
        await worker.assignment.assigned({0})
        await worker.deliver(0, 0, 3)
        delivering = asyncio.create_task(worker.deliver(0, 5, 8))
        await turns()
        assert await worker.assignment.close(3.0)
        assert gaps.ended
        await delivering

    run_virtual(run(), worker.clock)
    assert worker.crashes == []
    assert len(worker.transactions[0].written(TOPICS.alerts)) == 3


def test_the_end_in_the_middle_of_a_rebalance_begins_no_checkpoint(worker: Worker) -> None:
    """The partition may have another owner, whose producer would fence ours amid a transaction."""

    async def run() -> None:
        await worker.assignment.assigned({0})
        await turns()
        await worker.assignment.revoked()
        await worker.deliver(0, 0, 3)
        assert await worker.assignment.close(3.0)

    run_virtual(run(), worker.clock)
    assert worker.transactions[0].committed == []


def test_what_nobody_expects_ends_the_worker_with_the_place(worker: Worker) -> None:
    async def run() -> None:
        await worker.assignment.assigned({3})
        await turns()
        worker.transactions[0].error = RuntimeError("refused")
        await worker.deliver(3, 0, 3)
        await turns()

    run_virtual(run(), worker.clock)
    ((error, where),) = worker.crashes
    assert (str(error), where) == ("refused", "mentions[3]")
