"""What a partition does to Faust's events and to its transactions, with everything around it replaced."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from structlog.testing import capture_logs

from pipeline.config.model import Config
from pipeline.engine.engine import Engine
from pipeline.engine.records import RefusedBatch
from pipeline.engine.state import CHECKPOINT_KEY, decode_checkpoint
from pipeline.errors import StateError
from pipeline.telemetry.worker_metrics import WorkerMetrics
from pipeline.worker import checkpoints as checkpoints_module
from pipeline.worker.partition import Partition
from pipeline.worker.phase import IllegalMoveError, Phase
from pipeline.worker.state_loader import LoadedState
from schemas.rejection import Reason
from tests.fakes import Clock, run_virtual, turns
from tests.fakes.engine import OffsetEngine
from tests.pipeline.mention_streams import START
from tests.pipeline.worker.fake_partition import (
    TOPICS,
    Gaps,
    Transactions,
    brands,
    every,
    make_partition,
    mentions,
    slice_of,
    stored,
)


@pytest.fixture
def transactions() -> Transactions:
    return Transactions()


@pytest.fixture
def gaps() -> Gaps:
    return Gaps(mentions(0, 100))


@pytest.fixture
def partition(transactions: Transactions, gaps: Gaps) -> Partition:
    """Open, on a real engine."""
    made = make_partition(transactions=transactions, gaps=gaps)
    asyncio.run(made.open())
    return made


def opened(engine: OffsetEngine, clock: Clock, **changes: Any) -> Partition:
    """Open, on an engine that makes an alert of every record."""
    made = make_partition(engine=engine, clock=clock, **changes)
    run_virtual(made.open(), clock)
    return made


def kept_from(first: int, state: dict[bytes, bytes] | None = None) -> Callable[[], Awaitable[LoadedState]]:
    """A loader that finds this state, and mentions whose first offset that is kept is this."""

    async def load() -> LoadedState:
        return LoadedState(state or {}, len(state or {}), first, first + 5, 4)

    return load


def state_after(count: int, topic_ids: dict[str, str] | None = None) -> dict[bytes, bytes]:
    """What a worker has written after so many mentions."""
    before = Engine(0, Config())
    before.stand_for(topic_ids or {})
    before.process(mentions(0, count))
    return {key: value for key, value in before.snapshot() if value is not None}


def test_an_event_that_waits_for_its_checkpoint_holds_no_records(partition: Partition) -> None:
    event = slice_of(*mentions(0, 10))
    asyncio.run(partition.accept(event))
    assert event.value is None
    assert event.message.value is None


def test_a_slice_is_acknowledged_only_when_its_checkpoint_is_committed_and_with_it_all_before(
    partition: Partition, transactions: Transactions
) -> None:
    first, second = slice_of(*mentions(0, 10)), slice_of(*mentions(10, 20))

    async def run() -> None:
        await partition.accept(first)
        await partition.accept(second)
        assert (first.acks, second.acks) == (0, 0)
        await partition.checkpoint()

    asyncio.run(run())
    assert transactions.topics == [[TOPICS.state]]
    assert (first.acks, second.acks) == (0, 1)


def test_every_alert_is_a_line_in_the_log_once_it_is_committed() -> None:
    clock, transactions = Clock(), Transactions()
    partition = opened(OffsetEngine(), clock, transactions=transactions)

    async def run() -> list[list[int]]:
        await partition.accept(slice_of(*mentions(0, 3)))
        said = []
        for error in (RuntimeError("fenced"), None):
            transactions.error = error
            with capture_logs() as logged, suppress(RuntimeError):
                await partition.checkpoint()
            said.append([int(line["id"]) for line in logged if line["event"] == "alert"])
            if error:
                await partition.accept(slice_of(*mentions(3, 5)))
        return said

    # What a failed transaction held is told by the worker that goes on from the checkpoint before it.
    assert run_virtual(run(), clock) == [[], [3, 4]]


def test_a_failed_checkpoint_acknowledges_nothing(partition: Partition, transactions: Transactions) -> None:
    event = slice_of(*mentions(0, 10))
    transactions.error = RuntimeError("fenced")

    async def run() -> None:
        await partition.accept(event)
        await partition.checkpoint()

    with pytest.raises(RuntimeError, match="fenced"):
        asyncio.run(run())
    assert event.acks == 0


def test_what_faust_passes_over_is_read_before_the_slice_and_once_only(partition: Partition, gaps: Gaps) -> None:
    async def run() -> None:
        await partition.accept(slice_of(*mentions(5, 10)))
        await partition.accept(slice_of(*mentions(10, 12)))

    asyncio.run(run())
    assert gaps.asked == [(0, 5)]
    assert partition.engine.stats.consumed == 12
    assert partition.engine.stats.skipped == 0


def test_a_slice_read_again_counts_nothing_twice(partition: Partition) -> None:
    async def run() -> None:
        await partition.accept(slice_of(*mentions(0, 10)))
        await partition.accept(slice_of(*mentions(4, 12)))

    asyncio.run(run())
    assert partition.engine.stats.consumed == 12
    assert partition.engine.stats.skipped == 6


def test_records_before_the_state_is_loaded_are_refused_and_not_lost(transactions: Transactions) -> None:
    partition = make_partition(transactions=transactions)
    with pytest.raises(IllegalMoveError, match="OPENING cannot take records"):
        asyncio.run(partition.accept(slice_of(*mentions(0, 1))))
    assert partition.engine.next_offset == 0


def test_the_state_says_where_to_go_on(gaps: Gaps) -> None:
    state = state_after(10)
    partition = make_partition(load=stored(state), gaps=gaps)

    async def run() -> None:
        await partition.open()
        await partition.accept(slice_of(*mentions(8, 12)))

    asyncio.run(run())
    assert partition.engine.next_offset == 12
    assert (partition.engine.stats.consumed, partition.engine.stats.skipped) == (2, 2)
    assert gaps.asked == []


def test_a_state_of_other_mentions_is_refused() -> None:
    state = state_after(10)
    with pytest.raises(StateError, match=r"mentions\[0\]: expected at least 10 offsets, .* got 9: .*created again"):
        asyncio.run(make_partition(load=stored(state, end=9)).open())


@pytest.mark.parametrize("name", ["mentions", "brand-state"])
def test_a_state_for_another_topic_of_the_same_name_is_refused_however_long_the_new_one_is(name: str) -> None:
    state = state_after(10, topic_ids={"mentions": "a", "brand-state": "b", "alerts": "c"})
    now = {"mentions": "a", "brand-state": "b", "alerts": "c"} | {name: "z"}
    with pytest.raises(StateError, match=rf"^{name}\[0\]: expected the topic [ab], .* got z: .*again"):
        asyncio.run(make_partition(load=stored(state), topic_ids=now).open())


def test_a_new_topic_for_alerts_is_told_of_once_and_the_next_checkpoint_knows_it(transactions: Transactions) -> None:
    state = state_after(10, topic_ids={"mentions": "a", "alerts": "c"})
    now = {"mentions": "a", "alerts": "z"}
    partition = make_partition(load=stored(state), topic_ids=now, transactions=transactions)

    async def run() -> None:
        await partition.open()
        await partition.checkpoint()

    with capture_logs() as logs:
        asyncio.run(run())
    (line,) = (line for line in logs if line["log_level"] == "error")
    assert (line["topic"], line["expected_id"], line["id"]) == ("alerts", "c", "z")
    written = dict(transactions.written(TOPICS.state))
    assert decode_checkpoint(CHECKPOINT_KEY, written[CHECKPOINT_KEY]).topic_ids == now


@pytest.mark.parametrize("now", [{}, {"mentions": "a", "brand-state": "b"}])
def test_a_state_of_before_topics_had_ids_is_taken(now: dict[str, str], transactions: Transactions) -> None:
    partition = make_partition(load=stored(state_after(10)), topic_ids=now, transactions=transactions)

    async def run() -> None:
        await partition.open()
        await partition.checkpoint()

    asyncio.run(run())
    assert partition.engine.next_offset == 10
    assert bool(transactions.committed) == bool(now)


def test_a_partition_without_mentions_writes_nothing_for_the_ids_alone(transactions: Transactions) -> None:
    partition = make_partition(topic_ids={"mentions": "a"}, transactions=transactions)

    async def run() -> None:
        await partition.open()
        await partition.checkpoint()

    asyncio.run(run())
    assert transactions.committed == []


@pytest.mark.parametrize(
    ("committed", "state", "told"),
    [({0: 10}, False, True), ({0: 10}, True, False), ({}, False, False), ({1: 10}, False, False)],
    ids=["state gone", "state there", "a first start", "another partition"],
)
def test_a_state_that_is_gone_is_told_of(committed: dict[int, int], state: bool, told: bool) -> None:
    with capture_logs() as logs:
        asyncio.run(make_partition(load=stored(state_after(10) if state else {}), committed=committed).open())
    lines = [line for line in logs if line["log_level"] == "error"]
    assert [line["committed_offset"] for line in lines] == ([10] if told else [])


def lost(metrics: WorkerMetrics) -> float | None:
    return metrics.registry.get_sample_value("tocsin_mentions_lost_total", {"partition": "0"})


def test_mentions_that_were_deleted_before_they_were_read_are_told_of_and_counted_once() -> None:
    state = state_after(10)
    metrics = WorkerMetrics(Config())
    partition = make_partition(load=kept_from(15, state), metrics=metrics, gaps=Gaps((), 15))

    async def run() -> None:
        await partition.open()
        await partition.accept(slice_of(*mentions(15, 20)))

    with capture_logs() as logs:
        asyncio.run(run())
    (line,) = (line for line in logs if line["log_level"] == "error")
    assert (line["expected_offset"], line["first_offset"], line["records"]) == (10, 15, 5)
    assert lost(metrics) == 5


def test_mentions_that_retention_deletes_while_the_worker_runs_are_told_of_and_counted() -> None:
    metrics = WorkerMetrics(Config())
    gaps = Gaps()
    partition = make_partition(metrics=metrics, gaps=gaps)

    async def run() -> None:
        await partition.open()
        await partition.accept(slice_of(*mentions(0, 10)))
        gaps.first = 30
        await partition.accept(slice_of(*mentions(30, 31)))

    with capture_logs() as logs:
        asyncio.run(run())
    (line,) = (line for line in logs if line["log_level"] == "error")
    assert (line["expected_offset"], line["first_offset"]) == (10, 30)
    assert lost(metrics) == 20


def test_the_marker_of_a_transaction_and_what_is_gone_before_a_first_start_are_no_loss() -> None:
    metrics = WorkerMetrics(Config())
    partition = make_partition(load=kept_from(15), metrics=metrics, gaps=Gaps((), 15))

    async def run() -> None:
        await partition.open()
        await partition.accept(slice_of(*mentions(15, 20)))
        await partition.accept(slice_of(*mentions(21, 22)))

    with capture_logs() as logs:
        asyncio.run(run())
    assert not [line for line in logs if line["log_level"] == "error"]
    assert lost(metrics) == 0


def test_a_suspended_partition_begins_no_transaction_of_its_own_accord() -> None:
    clock, transactions = Clock(), Transactions()
    partition = opened(
        OffsetEngine(),
        clock,
        transactions=transactions,
        config=every(5),
    )

    async def run() -> None:
        keeping = asyncio.create_task(partition.keep_checkpointing())
        partition.suspend()
        await partition.accept(slice_of(*mentions(0, 10)))
        await asyncio.sleep(60)
        assert transactions.committed == []
        partition.resume()
        await turns()
        assert len(transactions.written(TOPICS.alerts)) == 10
        keeping.cancel()

    run_virtual(run(), clock)


def test_checkpoints_come_in_their_rhythm_and_at_once_with_an_alert() -> None:
    clock, transactions = Clock(), Transactions()
    partition = opened(
        OffsetEngine(),
        clock,
        transactions=transactions,
        config=every(5),
    )

    async def run() -> None:
        keeping = asyncio.create_task(partition.keep_checkpointing())
        await asyncio.sleep(1)
        await partition.accept(slice_of(*mentions(0, 1)))
        await turns()
        assert len(transactions.committed) == 1, "the alert does not wait"
        partition.engine.ingest(mentions(1, 2))
        await asyncio.sleep(4.9)
        assert len(transactions.committed) == 1
        await asyncio.sleep(0.2)
        assert len(transactions.committed) == 2, "the regular one"
        keeping.cancel()

    run_virtual(run(), clock)


def test_a_checkpoint_of_many_brands_lets_others_have_their_turn_and_is_still_one_snapshot(
    partition: Partition, transactions: Transactions
) -> None:
    """Heartbeats go on while state is encoded; mentions that come meanwhile wait and are in the next checkpoint."""
    seen: list[int] = []

    async def run() -> None:
        await partition.accept(slice_of(*brands(1200)))
        checkpoint = asyncio.create_task(partition.checkpoint())
        late = asyncio.create_task(partition.accept(slice_of(*mentions(1200, 1201))))
        while not checkpoint.done():
            seen.append(partition.engine.next_offset)
            await asyncio.sleep(0)
        await late

    asyncio.run(run())
    written = [key for key, _ in transactions.written(TOPICS.state)]
    assert len(written) == 1201  # the open buckets and the checkpoint
    assert written[-1] == b"#checkpoint"
    assert seen.count(1200) >= 3
    assert partition.engine.next_offset == 1201


@pytest.mark.parametrize(("lasted", "pause"), [(1.0, 2.0), (20.0, 5.0)])
def test_after_a_transaction_alerts_are_held_back_twice_its_time_but_no_longer_than_between_two_checkpoints(
    lasted: float, pause: float
) -> None:
    """A broker that was away for twenty seconds does not hold alerts back for forty more."""
    clock, ends = Clock(), []

    class Slow(Transactions):
        async def commit(self, writes: Any) -> None:
            if not self.committed:
                await asyncio.sleep(lasted)
            await super().commit(writes)
            ends.append(clock.now)

    partition = opened(OffsetEngine(), clock, transactions=Slow(), config=every(5))

    async def run() -> None:
        keeping = asyncio.create_task(partition.keep_checkpointing())
        await partition.accept(slice_of(*mentions(0, 10)))
        await turns()
        await partition.accept(slice_of(*mentions(10, 20)))
        await asyncio.sleep(60)
        keeping.cancel()

    run_virtual(run(), clock)
    assert ends[1] - ends[0] == pytest.approx(pause)


@pytest.mark.parametrize(("large", "at_once"), [(1, 1), (1_000, 2)])
def test_only_one_partition_of_a_worker_makes_a_large_checkpoint_at_a_time(
    monkeypatch: pytest.MonkeyPatch, large: int, at_once: int
) -> None:
    monkeypatch.setattr(checkpoints_module, "LARGE_CHANGES", large)
    under_way: list[int] = [0, 0]  # now, and at most

    class Watched(Transactions):
        """Counts the commits that are under way."""

        async def commit(self, writes: Any) -> None:
            under_way[0] += 1
            under_way[1] = max(under_way)
            await turns(10)
            under_way[0] -= 1
            await super().commit(writes)

    async def run() -> list[int]:
        one_large = asyncio.Lock()
        team = [make_partition(number, transactions=Watched(), one_large=one_large) for number in range(2)]
        for one in team:
            await one.open()
            await one.accept(slice_of(*mentions(0, 10)))
        await asyncio.gather(*(one.checkpoint() for one in team))
        return under_way

    assert asyncio.run(run()) == [0, at_once]


def test_a_refused_batch_at_the_head_of_a_slice_is_not_taken_for_a_gap(partition: Partition, gaps: Gaps) -> None:
    """It stands at its last offset; what it stands for was not passed over and need not be read again."""
    refused = RefusedBatch(19, START * 1000, b"packed", 10, Reason.TOO_LARGE, "expected, got")

    async def run() -> None:
        await partition.accept(slice_of(*mentions(0, 10)))
        await partition.accept(slice_of(refused, *mentions(20, 30)))

    asyncio.run(run())
    assert gaps.asked == []
    assert partition.engine.next_offset == 30
    assert partition.engine.stats.consumed == 20


@pytest.mark.parametrize("last", [False, True])
def test_a_checkpoint_that_is_cancelled_while_it_encodes_leaves_its_alerts_to_the_next(last: bool) -> None:
    clock, transactions = Clock(), Transactions()
    partition = opened(OffsetEngine(), clock, transactions=transactions)
    event = slice_of(*mentions(0, 10))

    async def run() -> None:
        await partition.accept(event)
        cancelled = asyncio.create_task(partition.checkpoint(last=last))
        await turns(2)
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        assert event.acks == 0
        await partition.checkpoint()

    run_virtual(run(), clock)
    assert transactions.topics == [[TOPICS.alerts, TOPICS.state]]
    assert len(transactions.written(TOPICS.alerts)) == 10
    assert event.acks == 1


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
    partition: Partition, transactions: Transactions, after: Callable[[Partition], None], written: bool
) -> None:
    transactions.let_through.clear()

    async def run() -> None:
        await partition.accept(slice_of(*mentions(0, 10)))
        earlier = asyncio.create_task(partition.checkpoint())
        await transactions.committing.wait()
        await partition.accept(slice_of(*mentions(10, 20)))
        partition.suspend()
        last = asyncio.create_task(partition.checkpoint(last=True))
        await turns()
        after(partition)
        transactions.let_through.set()
        await asyncio.gather(earlier, last)

    asyncio.run(run())
    assert transactions.topics == [[TOPICS.state]] * (2 if written else 1)


def test_a_regular_checkpoint_that_waited_into_a_rebalance_gives_up_and_goes_on_where_the_partition_stays(
    partition: Partition, transactions: Transactions
) -> None:
    async def run() -> None:
        await partition.accept(slice_of(*mentions(0, 10)))
        partition.suspend()
        await partition.checkpoint()
        assert transactions.committed == []
        partition.resume()
        await partition.checkpoint()

    asyncio.run(run())
    assert transactions.topics == [[TOPICS.state]]


def test_a_partition_that_was_left_while_it_was_loaded_stays_left(transactions: Transactions) -> None:
    partition = make_partition(transactions=transactions)

    async def run() -> None:
        opening = asyncio.create_task(partition.open())
        partition.leave()
        await opening
        await partition.accept(slice_of(*mentions(0, 10)))
        await partition.checkpoint(last=True)

    asyncio.run(run())
    assert partition.phase is Phase.LEFT
    assert partition.engine.next_offset == 0
    assert transactions.committed == []


def test_a_tick_that_is_on_its_way_ends_the_silence() -> None:
    clock = Clock()
    partition = opened(OffsetEngine(), clock)
    clock.now += 30
    assert partition.idle_seconds == 30
    partition.ticked()
    assert partition.idle_seconds == 0
