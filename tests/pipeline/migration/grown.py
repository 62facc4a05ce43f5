"""A topic that is grown in the middle of a stream: what lies on which partition, and which of it was read."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

from pipeline.config.model import Config
from pipeline.engine.engine import Engine
from pipeline.engine.placement import home_of
from pipeline.engine.records import Outputs, Record
from pipeline.migration.drain import State, Unread
from tests.pipeline.engine.engine_runs import add, latest
from tests.pipeline.mention_streams import START, mention

DAY = 86_400
MIDDLE = b"2026-01-02T07"
"""The second hour of the storms of a stream."""
FAR = (START + 400 * DAY) * 1000
"""A Kafka timestamp for which no event time of these tests lies in the future."""


def stream(seed: int, *, hours: int = 42, brands: int = 9) -> list[tuple[bytes, bytes]]:
    """Key and value of mentions in the order of their event times; three of the brands have a storm from hour 30 on."""
    r = random.Random(seed)
    found: list[tuple[float, bytes, bytes]] = []
    for number in range(brands):
        name, burns = f"house-{number}", number % 3 == 0
        times = [START + hour * 3600 + r.random() * 3600 for hour in range(hours) for _ in range(6)]
        if burns:
            times += [START + 30 * 3600 + r.random() * 3 * 3600 for _ in range(900)]
        for n, at in enumerate(times):
            bad = r.random() < (0.9 if burns and START + 30 * 3600 <= at < START + 33 * 3600 else 0.1)
            value = mention(
                brand=name, id=f"{name}-{n}", at=at, text=f"{r.random()} of it", sentiment=-0.8 if bad else 0.6
            )
            found.append((at, name.encode(), value))
    return [(key, value) for _, key, value in sorted(found)]


class Topic:
    """The partitions of a topic of mentions; the broker's clock goes on by a millisecond a record."""

    def __init__(self, partitions: int, config: Config | None = None) -> None:
        self.config = config or Config()
        self.partitions: list[list[Record]] = [[] for _ in range(partitions)]
        self._clock = FAR

    def grow(self, partitions: int) -> None:
        self.partitions += [[] for _ in range(partitions - len(self.partitions))]

    def write(self, records: Iterable[tuple[bytes, bytes]]) -> None:
        """As a producer that knows all partitions."""
        for key, value in records:
            self.put(home_of(self.config, key.decode(), len(self.partitions)), key, value)

    def put(
        self, partition: int, key: bytes | None, value: bytes | None, headers: tuple[tuple[str, bytes], ...] = ()
    ) -> None:
        self._clock += 1
        own = self.partitions[partition]
        own.append(Record(len(own), self._clock, key, value, headers))

    @property
    def ends(self) -> list[int]:
        return [len(own) for own in self.partitions]

    def unread(self, starts: Sequence[int]) -> list[Unread]:
        """All from these offsets on, in the order in which the broker took them; partitions without one are whole."""
        begun = [*starts, *[0] * len(self.partitions)]
        found = [Unread(number, one) for number, own in enumerate(self.partitions) for one in own[begun[number] :]]
        return sorted(found, key=lambda one: one.record.timestamp)


class Workers:
    """The engines of all partitions, and what they gave."""

    def __init__(self, config: Config, partitions: int, states: Sequence[State] | None = None) -> None:
        self.engines = [Engine(number, config, partitions=partitions) for number in range(partitions)]
        self.states: list[State] = [dict(state) for state in states or [{}] * partitions]
        for engine, state in zip(self.engines, self.states, strict=True):
            engine.restore(state.items())
        self.outputs = Outputs()

    def read(self, topic: Topic, ends: Sequence[int] | None = None) -> None:
        """Read on to these offsets, or to the end, and leave a checkpoint."""
        for number, engine in enumerate(self.engines):
            own = topic.partitions[number]
            end = len(own) if ends is None else ends[number]
            self.give(number, own[engine.next_offset : end])

    def give(self, number: int, records: Sequence[Record]) -> None:
        engine = self.engines[number]
        add(self.outputs, engine.process(records))
        self.states[number] = latest([*self.states[number].items(), *engine.snapshot()])
