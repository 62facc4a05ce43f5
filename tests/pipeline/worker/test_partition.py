"""What a partition does to Faust's events and to its transactions, with everything around it replaced."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.config.model import Config, WorkerConfig
from pipeline.engine.encoding import OutRecord
from pipeline.engine.engine import Engine
from pipeline.engine.records import Record, RefusedBatch
from pipeline.telemetry.health import Health
from pipeline.telemetry.worker_metrics import WorkerMetrics
from pipeline.worker import partition as partition_module
from pipeline.worker.partition import Partition, TopicNames
from pipeline.worker.transaction import Write
from schemas.rejection import Reason
from tests.pipeline.mention_streams import START, mention, record


class Transactions:
    """Remembers what is committed; a commit may be made to fail."""

    def __init__(self) -> None:
        self.committed: list[list[str]] = []
        self.error: Exception | None = None

    def encode(self, topic: str, records: Any) -> Write:
        return Write(topic, [SimpleNamespace(size=lambda: 1)] if list(records) else [])

    encode_state = encode

    async def commit(self, writes: list[Write]) -> None:
        if self.error:
            raise self.error
        self.committed.append([write.topic for write in writes if write.batches])


class Gaps:
    """Holds the records that Faust passed over."""

    def __init__(self, records: list[Record]) -> None:
        self.records = records
        self.asked: list[tuple[int, int]] = []

    async def read(self, partition: int, start: int, end: int) -> Any:
        self.asked.append((start, end))
        yield [one for one in self.records if start <= one.offset < end]


def slice_of(*records: Record | RefusedBatch) -> Any:
    event = SimpleNamespace(value=list(records), message=SimpleNamespace(value=list(records)), acks=0)

    def ack() -> None:
        event.acks += 1

    event.ack = ack
    return event


def mentions(first: int, end: int) -> list[Record]:
    return [record(n, mention(id=str(n), at=START + n)) for n in range(first, end)]


@pytest.fixture
def transactions():
    return Transactions()


@pytest.fixture
def gaps():
    return Gaps(mentions(0, 100))


@pytest.fixture
def partition(transactions, gaps):
    config = Config()
    return Partition(
        number=0,
        engine=Engine(0, config),
        transactions=transactions,
        gaps=gaps,
        topics=TopicNames("m", "a", "d", "s"),
        config=config.worker,
        metrics=WorkerMetrics(config),
        health=Health(),
    )


def test_an_event_that_waits_for_its_checkpoint_holds_no_records(partition):
    event = slice_of(*mentions(0, 10))
    asyncio.run(partition.accept(event))
    assert event.value is None
    assert event.message.value is None


def test_a_slice_is_acknowledged_only_when_its_checkpoint_is_committed_and_with_it_all_before(partition, transactions):
    first, second = slice_of(*mentions(0, 10)), slice_of(*mentions(10, 20))

    async def run() -> None:
        await partition.accept(first)
        await partition.accept(second)
        assert (first.acks, second.acks) == (0, 0)
        await partition.checkpoint()

    asyncio.run(run())
    assert transactions.committed == [["s"]]
    assert (first.acks, second.acks) == (0, 1)


def test_a_failed_checkpoint_acknowledges_nothing(partition, transactions):
    event = slice_of(*mentions(0, 10))
    transactions.error = RuntimeError("fenced")

    async def run() -> None:
        await partition.accept(event)
        await partition.checkpoint()

    with pytest.raises(RuntimeError, match="fenced"):
        asyncio.run(run())
    assert event.acks == 0


def test_what_faust_passes_over_is_read_before_the_slice_and_once_only(partition, gaps):
    async def run() -> None:
        await partition.accept(slice_of(*mentions(5, 10)))
        await partition.accept(slice_of(*mentions(10, 12)))

    asyncio.run(run())
    assert gaps.asked == [(0, 5)]
    assert partition.engine.stats.consumed == 12
    assert partition.engine.stats.skipped == 0


def test_a_slice_read_again_counts_nothing_twice(partition):
    async def run() -> None:
        await partition.accept(slice_of(*mentions(0, 10)))
        await partition.accept(slice_of(*mentions(4, 12)))

    asyncio.run(run())
    assert partition.engine.stats.consumed == 12
    assert partition.engine.stats.skipped == 6


def test_a_suspended_partition_begins_no_transaction_of_its_own_accord(partition, transactions):
    partition._config = WorkerConfig(checkpoint_seconds=0.1)
    transactions.error = RuntimeError("a transaction")

    async def run() -> None:
        await partition.accept(slice_of(*mentions(0, 10)))
        partition.suspend()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(partition.keep_checkpointing(), 0.3)
        partition.resume()
        with pytest.raises(RuntimeError, match="a transaction"):
            await asyncio.wait_for(partition.keep_checkpointing(), 10)

    asyncio.run(run())


def test_a_checkpoint_of_many_brands_lets_others_have_their_turn_and_is_still_one_cut(partition, transactions):
    """Heartbeats go on while state is encoded; mentions that come meanwhile wait and are in the next checkpoint."""
    brands = [record(n, mention(id=str(n), brand=f"brand-{n}"), key=f"brand-{n}".encode()) for n in range(1200)]
    turns: list[int] = []
    written: list[bytes] = []

    def encode_state(topic: str, records: list[tuple[bytes, bytes | None]]) -> Write:
        written.extend(key for key, _ in records)
        return transactions.encode(topic, records)  # type: ignore[no-any-return]  # the fake above

    transactions.encode_state = encode_state

    async def run() -> None:
        await partition.accept(slice_of(*brands))
        checkpoint = asyncio.create_task(partition.checkpoint())
        late = asyncio.create_task(partition.accept(slice_of(*mentions(1200, 1201))))
        while not checkpoint.done():
            turns.append(partition.engine.next_offset)
            await asyncio.sleep(0)
        await late

    asyncio.run(run())
    assert len(written) == 1201  # the open buckets and the checkpoint
    assert written[-1] == b"#checkpoint"
    assert turns.count(1200) >= 3
    assert partition.engine.next_offset == 1201


def test_after_a_transaction_that_took_long_alerts_are_held_back_no_longer_than_between_two_checkpoints(gaps):
    class SlowTransactions(Transactions):
        """The first commit takes a while, as when the broker was away."""

        def __init__(self) -> None:
            super().__init__()
            self.ends: asyncio.Queue[float] = asyncio.Queue()

        async def commit(self, writes: list[Write]) -> None:
            if not self.committed:
                await asyncio.sleep(0.4)
            await super().commit(writes)
            await self.ends.put(asyncio.get_running_loop().time())

    slow = SlowTransactions()
    config = Config()
    partition = Partition(
        number=0,
        engine=Engine(0, config),
        transactions=slow,  # type: ignore[arg-type]
        gaps=gaps,
        topics=TopicNames("m", "a", "d", "s"),
        config=WorkerConfig(checkpoint_seconds=0.1),
        metrics=WorkerMetrics(config),
        health=Health(),
    )

    async def run() -> list[float]:
        keeping = asyncio.create_task(partition.keep_checkpointing())
        ends = []
        async with asyncio.timeout(10):
            for first in (0, 10):
                await partition.accept(slice_of(*mentions(first, first + 10)))
                ends.append(await slow.ends.get())
        keeping.cancel()
        return ends

    before, after = asyncio.run(run())
    assert after - before < 0.6  # the pause and the wait for the regular one; twice the duration is 0.8


@pytest.mark.parametrize(("large", "at_once"), [(1, 1), (1_000, 2)])
def test_only_one_partition_of_a_worker_makes_a_large_checkpoint_at_a_time(gaps, monkeypatch, large, at_once):
    monkeypatch.setattr(partition_module, "LARGE_CHANGES", large)
    under_way: list[int] = [0, 0]  # now, and at most

    class Watched(Transactions):
        """Counts the commits that are under way."""

        async def commit(self, writes: list[Write]) -> None:
            under_way[0] += 1
            under_way[1] = max(under_way)
            for _ in range(10):
                await asyncio.sleep(0)
            under_way[0] -= 1
            await super().commit(writes)

    config = Config()

    async def run() -> list[int]:
        one_large = asyncio.Lock()
        team = [
            Partition(
                number=number,
                engine=Engine(number, config),
                transactions=Watched(),  # type: ignore[arg-type]
                gaps=gaps,
                topics=TopicNames("m", "a", "d", "s"),
                config=config.worker,
                metrics=WorkerMetrics(config),
                health=Health(),
                one_large=one_large,
            )
            for number in range(2)
        ]
        for one in team:
            await one.accept(slice_of(*mentions(0, 10)))
        await asyncio.gather(*(one.checkpoint() for one in team))
        return under_way

    assert asyncio.run(run()) == [0, at_once]


def test_a_refused_batch_at_the_head_of_a_slice_is_not_taken_for_a_gap(partition, gaps):
    """It stands at its last offset; what it stands for was not passed over and need not be read again."""
    refused = RefusedBatch(19, START * 1000, b"packed", 10, Reason.TOO_LARGE, "expected, got")

    async def run() -> None:
        await partition.accept(slice_of(*mentions(0, 10)))
        await partition.accept(slice_of(refused, *mentions(20, 30)))

    asyncio.run(run())
    assert gaps.asked == []
    assert partition.engine.next_offset == 30
    assert partition.engine.stats.consumed == 20


def brands(count: int) -> list[Record]:
    return [record(n, mention(id=str(n), brand=f"b-{n}", at=START), f"b-{n}".encode()) for n in range(count)]


def test_a_checkpoint_that_is_cancelled_while_it_encodes_leaves_its_alerts_to_the_next(partition, transactions):
    async def run() -> None:
        await partition.accept(slice_of(*brands(1200)))  # three slices of state
        partition._alerts.append(OutRecord(b"b-1", b"alert", []))
        regular = asyncio.create_task(partition.checkpoint())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        regular.cancel()
        with pytest.raises(asyncio.CancelledError):
            await regular
        await partition.checkpoint()

    asyncio.run(run())
    assert transactions.committed == [["a", "s"]]


@pytest.mark.parametrize(
    ("after", "written"),
    [
        (lambda partition: None, True),
        (lambda partition: partition.withdraw(), False),
        (lambda partition: partition.leave(), False),
    ],
    ids=["in time", "the time is over", "it has another owner"],
)
def test_a_last_checkpoint_that_has_had_to_wait_begins_only_while_the_partition_is_surely_ours(
    partition, transactions, after, written
):
    async def run() -> None:
        await partition.accept(slice_of(*mentions(0, 10)))
        partition.suspend()
        await partition._one_at_a_time.acquire()  # an earlier one is under way
        last = asyncio.create_task(partition.checkpoint(last=True))
        await asyncio.sleep(0)
        after(partition)
        partition._one_at_a_time.release()
        await last

    asyncio.run(run())
    assert transactions.committed == ([["s"]] if written else [])


def test_a_regular_checkpoint_that_waited_into_a_rebalance_gives_up_and_goes_on_where_the_partition_stays(
    partition, transactions
):
    async def run() -> None:
        await partition.accept(slice_of(*mentions(0, 10)))
        partition.suspend()
        await partition.checkpoint()
        assert transactions.committed == []
        partition.resume()
        await partition.checkpoint()

    asyncio.run(run())
    assert transactions.committed == [["s"]]
