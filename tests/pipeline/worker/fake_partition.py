"""A partition with everything around it replaced: transactions that are remembered, gaps that are at hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from itertools import chain
from types import SimpleNamespace
from typing import Any

from pipeline.config.model import Config, ConfigFile, EngineConfig, WorkerConfig
from pipeline.engine.encoding import OutRecord
from pipeline.engine.engine import Engine
from pipeline.engine.records import Record, RefusedBatch
from pipeline.telemetry.health import Health
from pipeline.telemetry.worker_metrics import WorkerMetrics
from pipeline.worker.context import TopicNames, WorkerContext
from pipeline.worker.partition import Partition
from pipeline.worker.state_loader import LoadedState
from pipeline.worker.transaction import Write
from tests.pipeline.mention_streams import START, mention, record

REFUSING = Config(ConfigFile(engine=EngineConfig(dead_letter_run_limit=0)))
"""Of an engine that refuses records without end."""
TOPICS = TopicNames("mentions", "alerts", "mentions-dlq", "brand-state", "brand-activity")


class Batch(list[Any]):
    """Records as they were given, in the place of a batch in bytes."""

    def size(self) -> int:
        return len(self)


class Transactions:
    """Keeps what is committed. A commit may be made to fail, and waits for `let_through`.

    Attributes:
        committed: of every transaction, the records by topic; topics without any are left out.
        committing: set while a commit is under way.
    """

    def __init__(self) -> None:
        self.committed: list[dict[str, list[Any]]] = []
        self.error: BaseException | None = None
        self.let_through = asyncio.Event()
        self.let_through.set()
        self.committing = asyncio.Event()

    async def start(self) -> None:
        """Nobody is fenced."""

    async def stop(self) -> None:
        """Nobody is connected."""

    def encode(self, topic: str, records: Iterable[OutRecord], partition: int | None = None) -> Write:
        batch = Batch(records)
        return Write(topic, [batch] if batch else [], partition)

    def encode_packed(self, topic: str, records: Iterable[OutRecord]) -> Write:
        return self.encode(topic, records)

    def encode_state(self, topic: str, records: Iterable[tuple[bytes, bytes | None]]) -> Write:
        return Write(topic, [Batch(records)])

    async def commit(self, writes: Sequence[Write]) -> None:
        self.committing.set()
        await self.let_through.wait()
        self.committing.clear()
        if self.error is not None:
            raise self.error
        self.committed.append({write.topic: [*chain(*write.batches)] for write in writes if write.batches})

    @property
    def topics(self) -> list[list[str]]:
        """The topics of every transaction."""
        return [list(written) for written in self.committed]

    def written(self, topic: str) -> list[Any]:
        """All records of a topic."""
        return [one for written in self.committed for one in written.get(topic, [])]


class Gaps:
    """Holds the records that Faust passed over; the log begins at `first`."""

    def __init__(self, records: Sequence[Record] = (), first: int = 0) -> None:
        self.records = records
        self.first = first
        self.asked: list[tuple[int, int]] = []

    async def first_offset(self, partition: int) -> int:
        return self.first

    async def read(self, partition: int, start: int, end: int) -> AsyncIterator[list[Record]]:
        self.asked.append((start, end))
        yield [one for one in self.records if start <= one.offset < end]


def stored(records: dict[bytes, bytes] | None = None, end: int = 1_000_000) -> Callable[[], Awaitable[LoadedState]]:
    """A loader that finds this state."""

    async def load() -> LoadedState:
        return LoadedState(records or {}, len(records or {}), 0, end, 4)

    return load


def every(seconds: float) -> Config:
    """Checkpoints at this pace."""
    return Config(ConfigFile(worker=WorkerConfig(checkpoint_seconds=seconds)))


def make_partition(number: int = 0, **changes: Any) -> Partition:
    """A partition, not yet opened, on a real engine that refuses without end; what is given takes the place of that."""
    own: dict[str, Any] = {
        "engine": changes.get("engine") or Engine(number, REFUSING),
        "load": stored(),
        "transactions": Transactions(),
    }
    around: dict[str, Any] = {
        "gaps": Gaps(),
        "topics": TOPICS,
        "config": REFUSING,
        "metrics": changes.get("metrics") or WorkerMetrics(REFUSING),
        "health": Health(),
    }
    own |= {name: changes.pop(name) for name in list(changes) if name in own}
    return Partition(number, **own, context=WorkerContext(**(around | changes)))


def slice_of(*records: Record | RefusedBatch) -> Any:
    """An event of Faust's with these records; `acks` counts how often it was acknowledged."""
    event = SimpleNamespace(value=list(records), message=SimpleNamespace(value=list(records)), acks=0)

    def ack() -> None:
        event.acks += 1

    event.ack = ack
    return event


def mentions(first: int, end: int) -> list[Record]:
    """Mentions of one brand at these offsets, a second apart."""
    return [record(n, mention(id=str(n), at=START + n)) for n in range(first, end)]


def brands(count: int) -> list[Record]:
    """One mention each of so many brands."""
    return [record(n, mention(id=str(n), brand=f"b-{n}", at=START), f"b-{n}".encode()) for n in range(count)]
