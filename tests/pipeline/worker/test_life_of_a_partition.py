"""Whatever happens to a partition in whatever order: no write in a forbidden phase, no output lost or doubled.

A partition is fed, checkpointed, suspended, withdrawn, resumed and left, and others own it after it, while its
transactions take their time. The engine makes one alert of every record, so that at the end the topic of alerts must
hold every offset once, in order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from unittest import mock

import msgspec
from aiokafka.errors import ProducerFenced
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from structlog.testing import capture_logs

from pipeline.config.model import Config
from pipeline.engine.records import Record
from pipeline.telemetry.worker_metrics import WorkerMetrics
from pipeline.worker import outbox
from pipeline.worker import partition as partition_module
from pipeline.worker.partition import Partition
from pipeline.worker.phase import TRANSITIONS, IllegalMoveError, Move, Phase
from pipeline.worker.state_loader import LoadedState
from pipeline.worker.transaction import Write
from tests.fakes import Clock, VirtualLoop, turns
from tests.fakes.engine import ALERT_BYTES, STATE_KEY, OffsetEngine, offset_of
from tests.pipeline.worker.fake_partition import TOPICS, Gaps, Transactions, every, make_partition, slice_of

STEP = 2
"""Records in one step of the engine."""
WAITING = 5
"""Alerts that may wait for a checkpoint."""
COMMIT_SECONDS = 3.0


class Log:
    """What the broker holds: the records, what was written, and who owns the partition."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.alerts: list[int] = []
        self.state: dict[bytes, bytes] = {}
        self.owner: object = None

    @property
    def offset(self) -> int:
        """The next offset by the state."""
        return msgspec.json.decode(self.state[STATE_KEY])[0] if self.state else 0


class Owner(Transactions):
    """The producer of one owner; it is fenced by that of the next.

    Attributes:
        allowed: whether a checkpoint may begin now.
        forbidden: how many began when they might not.
    """

    def __init__(self, log: Log, allowed: Callable[[], bool]) -> None:
        super().__init__()
        self.log = log
        self.allowed = allowed
        self.forbidden = 0
        self.encoder: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await asyncio.sleep(1.0)
        self.log.owner = self

    def encode_state(self, topic: str, records: Iterable[tuple[bytes, bytes | None]]) -> Write:
        if self.encoder is not asyncio.current_task():  # the first records of a checkpoint
            self.encoder = asyncio.current_task()
            self.forbidden += not self.allowed()
        return super().encode_state(topic, records)

    async def commit(self, writes: Sequence[Write]) -> None:
        self.encoder = None
        self.committing.set()
        await asyncio.sleep(COMMIT_SECONDS)
        self.committing.clear()
        if self.log.owner is not self:
            raise ProducerFenced
        for write in writes:
            for batch in write.batches:
                if write.topic == TOPICS.alerts:
                    self.log.alerts += map(offset_of, batch)
                else:
                    self.log.state |= dict(batch)


class Life(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.changes = ExitStack()
        self.changes.enter_context(capture_logs())
        self.changes.enter_context(
            mock.patch.object(outbox, "WAITING_BYTES", WAITING * (outbox.RECORD_BYTES + ALERT_BYTES))
        )
        self.changes.enter_context(mock.patch.object(partition_module, "INGEST_RECORDS", STEP))
        self.clock = Clock()
        self.loop = VirtualLoop(self.clock)
        self.log = Log()
        self.metrics = WorkerMetrics(Config(), clock=self.clock)
        self.events: list[tuple[int, object]] = []
        self.loop.run_until_complete(self.take_over(opened=True))

    async def take_over(self, *, opened: bool) -> None:
        """Another owner begins with what the one before has left."""
        self.owner, self.engine = Owner(self.log, self.may_begin), OffsetEngine()

        async def load() -> LoadedState:
            await asyncio.sleep(1.0)
            return LoadedState(dict(self.log.state), 0, 0, len(self.log.records), 1)

        self.partition = make_partition(
            engine=self.engine,
            load=load,
            transactions=self.owner,
            gaps=Gaps(self.log.records),
            config=every(10),
            metrics=self.metrics,
            clock=self.clock,
        )
        self.opening = asyncio.create_task(self.partition.open())
        self.keeping = asyncio.create_task(self.keep(self.partition, self.opening))
        self.feeding: asyncio.Task[None] | None = None
        self.writing: asyncio.Task[None] | None = None
        self.is_last = False
        self.delivered = self.log.offset
        if opened:
            await self.opening

    async def keep(self, partition: Partition, opening: asyncio.Task[None]) -> None:
        await opening
        await partition.keep_checkpointing()

    @property
    def is_idle(self) -> bool:
        return self.feeding is None or self.feeding.done()

    def run(self, seconds: float = 0.0, count: int = 1) -> None:
        """Let it work for so long, or for so many turns."""

        async def work() -> None:
            if seconds:
                await asyncio.sleep(seconds)
            await turns(count)

        self.loop.run_until_complete(work())

    @rule(
        count=st.integers(1, 9),
        skipped=st.integers(0, 3),
        again=st.integers(0, 3),
        pieces=st.integers(1, 4),
        turned=st.integers(0, 20),
    )
    @precondition(lambda self: self.opening.done() and self.is_idle)
    def accept(self, count: int, skipped: int, again: int, pieces: int, turned: int) -> None:
        """A slice, after some that Faust passes over, or with some that came before."""
        self.engine.pieces = pieces
        end = self.delivered + skipped + count
        while len(self.log.records) < end:
            self.log.records.append(Record(len(self.log.records), 0, None, b""))
        first = max(0, self.delivered + skipped - (0 if skipped else again))
        event = slice_of(*self.log.records[first:end])
        self.delivered = end
        self.events.append((end, event))
        self.feeding = self.loop.create_task(self.partition.accept(event))
        self.run(count=turned)

    @rule(count=st.integers(1, 12), seconds=st.sampled_from([0.0, 0.0, 0.5, 2.0, 30.0]))
    def work(self, count: int, seconds: float) -> None:
        self.run(seconds, count)

    @rule(regular=st.booleans(), turned=st.integers(0, 6), cancelled=st.booleans())
    @precondition(lambda self: self.opening.done() and (self.writing is None or self.writing.done()))
    def checkpoint(self, regular: bool, turned: int, cancelled: bool) -> None:
        """A last one, or one that is asked for at the wrong time too.

        It is cancelled only while it waits or encodes; once it is being committed it is left to its end, as in the
        worker.
        """
        self.is_last = last = self.partition.phase is not Phase.RUNNING and not regular
        self.writing = self.loop.create_task(self.partition.checkpoint(last=last))
        self.run(count=turned)
        if cancelled and not self.writing.done() and not self.owner.committing.is_set():
            self.writing.cancel()

    @rule()
    def suspend(self) -> None:
        self.move(Move.SUSPEND, self.partition.suspend)

    @rule()
    @precondition(lambda self: self.partition.phase is not Phase.RUNNING)
    def withdraw(self) -> None:
        self.move(Move.WITHDRAW, self.partition.withdraw)

    @rule()
    @precondition(lambda self: self.partition.phase is not Phase.RUNNING)
    def resume(self) -> None:
        self.move(Move.RESUME, self.partition.resume)

    def move(self, move: Move, act: Callable[[], None]) -> None:
        """What the table says happens, and nothing else."""
        following = TRANSITIONS.get((self.partition.phase, move))
        try:
            act()
        except IllegalMoveError:
            assert following is None
        else:
            assert self.partition.phase is following

    @rule(fenced=st.booleans(), opened=st.sampled_from([True, True, True, False]))
    @precondition(lambda self: self.partition.phase in {Phase.SUSPENDED, Phase.WITHDRAWN})
    def leave(self, fenced: bool, opened: bool) -> None:
        """Another owner takes over: as a rule after the last checkpoint, or before it has ended."""
        self.loop.run_until_complete(self.hand_over(fenced=fenced))
        self.loop.run_until_complete(self.take_over(opened=opened))

    async def hand_over(self, *, fenced: bool) -> None:
        old, tasks = self.partition, [self.keeping, self.feeding, self.writing]
        old.suspend()
        old.withdraw()
        if fenced:
            self.log.owner = None
        elif self.owner.committing.is_set():
            await asyncio.sleep(COMMIT_SECONDS)
        old.leave()
        self.keeping.cancel()
        _, *rest = await asyncio.gather(*(task for task in tasks if task is not None), return_exceptions=True)
        assert all(one is None or isinstance(one, ProducerFenced | asyncio.CancelledError) for one in rest), rest
        await old.close()
        self.nothing_is_written_in_a_forbidden_phase()

    def may_begin(self) -> bool:
        """Whether a checkpoint of the partition may begin, by what was asked of it."""
        phase = self.partition.phase
        last_waits = self.is_last and self.writing is not None and not self.writing.done()
        return phase is Phase.RUNNING or (phase is Phase.SUSPENDED and last_waits)

    @invariant()
    def nothing_is_written_in_a_forbidden_phase(self) -> None:
        assert not self.owner.forbidden

    @invariant()
    def alerts_are_written_once_and_in_order_and_the_state_agrees(self) -> None:
        assert self.log.alerts == list(range(len(self.log.alerts)))
        if self.log.state:
            offset, open_records = msgspec.json.decode(self.log.state[STATE_KEY])
            assert len(self.log.alerts) + len(open_records) == offset

    @invariant()
    def what_is_acknowledged_is_in_the_state(self) -> None:
        assert all(end <= self.log.offset for end, event in self.events if event.acks)  # type: ignore[attr-defined]

    @invariant()
    def what_waits_is_bounded(self) -> None:
        assert self.engine.next_offset - len(self.engine.waiting) - len(self.log.alerts) <= 2 * (WAITING + STEP)

    def teardown(self) -> None:
        try:
            self.loop.run_until_complete(self.finish())
        finally:
            self.loop.close()
            self.changes.close()

    async def finish(self) -> None:
        await self.opening
        self.partition.suspend()
        self.partition.resume()
        for task in (self.feeding, self.writing):
            if task is not None:
                await asyncio.gather(task, return_exceptions=True)
        # One more record closes what the state holds open; before it, what an earlier owner had and did not write.
        self.log.records.append(Record(len(self.log.records), 0, None, b""))
        await self.partition.accept(slice_of(*self.log.records[self.delivered :]))
        await self.partition.checkpoint()
        self.keeping.cancel()
        await asyncio.gather(self.keeping, return_exceptions=True)
        assert self.log.alerts == list(range(len(self.log.records)))
        self.nothing_is_written_in_a_forbidden_phase()


TestLifeOfAPartition = Life.TestCase
TestLifeOfAPartition.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)
