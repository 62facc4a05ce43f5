"""The mentions that no checkpoint holds yet, counted as if the topic had never been grown.

Every old partition's engine takes the unread mentions of the keys that were its own, from whatever partition they lie
on now, in the order of their Kafka timestamps. So a brand's mentions come in the order in which they were written,
before and after the growth, and each of them counts once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil
from typing import Final

import msgspec

from pipeline.config.model import Config
from pipeline.engine.engine import Engine
from pipeline.engine.placement import home_of
from pipeline.engine.records import REROUTED_HEADER, TICK_HEADER, DeadLetter, Record, RefusedBatch, SourceRecord
from pipeline.engine.state import CHECKPOINT_KEY, decode_checkpoint
from schemas.activity import Activity
from schemas.alert import Alert
from schemas.observation import BUCKET_SECONDS

State = dict[bytes, bytes]
"""The last record of every key of one partition of the state topic."""

_CHUNK: Final = 1000


class Unread(msgspec.Struct, frozen=True):
    """A source record with the partition of mentions that it lies on."""

    partition: int
    record: SourceRecord


class _Moved(msgspec.Struct, frozen=True):
    """An unread record under the next offset of the engine that takes it."""

    offset: int
    unread: Unread

    @property
    def timestamp(self) -> int:
        return self.unread.record.timestamp

    @property
    def key(self) -> bytes | None:
        return self.unread.record.key

    @property
    def value(self) -> bytes | None:
        return self.unread.record.value

    @property
    def headers(self) -> Sequence[tuple[str, bytes]]:
        return self.unread.record.headers


class Drained(msgspec.Struct):
    """What the old engines gave, and the state that they leave behind.

    Attributes:
        states: by old partition.
        alerts, activity: of each old partition, in order.
        dead_letters: each with the place where its record lies.
        mentions: taken, ticks and refused records not counted.
    """

    states: list[State]
    alerts: list[list[Alert]]
    activity: list[list[Activity]]
    dead_letters: list[DeadLetter] = []
    mentions: int = 0


class Drain:
    """The engines of the old partitions, brought to the end of what there is to read."""

    def __init__(self, config: Config, states: Sequence[State], after: int, topic: str) -> None:
        """Restore the old engines.

        Args:
            config: what holds for the brands; that of the workers.
            states: of the old partitions.
            after: partitions of the topic now.
            topic: of the mentions, named in dead letters.

        Raises:
            StateError: a record cannot be read.
        """
        self._config = config
        self._before, self._after = len(states), after
        self._topic = topic
        self._engines = [Engine(number, config, partitions=len(states), topic=topic) for number in range(len(states))]
        for engine, state in zip(self._engines, states, strict=True):
            engine.restore(state.items())
        self._drained = Drained([dict(state) for state in states], [[] for _ in states], [[] for _ in states])
        self._waiting: list[list[_Moved]] = [[] for _ in states]
        # A lateness that was raised since leaves buckets closed that the watermark has not reached.
        closed = (
            decode_checkpoint(CHECKPOINT_KEY, state[CHECKPOINT_KEY]) for state in states if CHECKPOINT_KEY in state
        )
        lateness = config.engine.allowed_lateness_seconds
        self._closed_to = max((one.next_bucket * BUCKET_SECONDS + lateness for one in closed), default=0)
        self._next = [engine.next_offset for engine in self._engines]

    def take(self, unread: Iterable[Unread]) -> None:
        """Take records, in the order in which their brands' mentions were written.

        Raises:
            DeadLetterLimitError: more refused records in a row than configured.
        """
        for one in unread:
            if isinstance(one.record, RefusedBatch):
                rejected = one.record.rejected
                letter = DeadLetter(one.record, self._topic, one.partition, rejected.reason, str(rejected))
                self._drained.dead_letters.append(letter)
                continue
            number = old_partition(self._config, one, self._before, self._after)
            if number is None:
                continue
            self._waiting[number].append(_Moved(self._next[number], one))
            self._next[number] += 1
            if len(self._waiting[number]) >= _CHUNK:
                self._process(number)

    def finish(self) -> Drained:
        """Process what waits, and give the outputs and the states.

        Where a new partition gets brands of several old ones, these must stand at one point of event time: the largest
        there is, so that no closed bucket is opened again.
        """
        for number in range(self._before):
            self._process(number)
        if self._after % self._before:
            latest = ceil(max(self._closed_to, *(engine.event_time for engine in self._engines)) * 1000)
            for number, engine in enumerate(self._engines):
                tick = ((TICK_HEADER, str(latest).encode()),)
                self._give(number, [Record(engine.next_offset, latest, None, None, tick)])
        for state, engine in zip(self._drained.states, self._engines, strict=True):
            for key, value in engine.snapshot():
                if value is None:
                    state.pop(key, None)
                else:
                    state[key] = value
        self._drained.mentions = sum(engine.stats.consumed for engine in self._engines)
        return self._drained

    def _process(self, number: int) -> None:
        waiting, self._waiting[number] = self._waiting[number], []
        self._give(number, waiting)

    def _give(self, number: int, records: Sequence[SourceRecord]) -> None:
        outputs = self._engines[number].process(records)
        self._drained.alerts[number] += outputs.alerts
        self._drained.activity[number] += outputs.activity
        self._drained.dead_letters += map(_as_it_lies, outputs.dead_letters)


def _as_it_lies(letter: DeadLetter) -> DeadLetter:
    """The dead letter with the record, offset and partition that its reader will look for."""
    moved = letter.record
    if not isinstance(moved, _Moved):
        return letter
    return msgspec.structs.replace(letter, record=moved.unread.record, partition=moved.unread.partition)


def old_partition(config: Config, unread: Unread, before: int, after: int) -> int | None:
    """The old partition that takes an unread record; None for one that nobody needs.

    A mention goes to the old partition of its key, whether it was written before or after the growth. One that lies
    where neither puts it is misplaced, and stays so, unless misplaced ones are rerouted. Ticks of a partition that was
    added say nothing about an old one.
    """
    partition, record = unread.partition, unread.record
    if not record.key:
        return partition % before if partition < before or record.value is not None else None
    brand = record.key.decode("utf-8", "replace")
    home = home_of(config, brand, before)
    if partition in {home, home_of(config, brand, after)}:
        return home
    was_rerouted = any(name == REROUTED_HEADER for name, _ in record.headers)
    return home if config.worker.misplaced == "reroute" and not was_rerouted else partition % before
