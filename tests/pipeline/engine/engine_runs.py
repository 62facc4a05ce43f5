"""Runs of the engine over a stream: at one go, and with crashes in between."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import count, cycle
from typing import NamedTuple

from pipeline.config.model import Config
from pipeline.engine.engine import Engine
from pipeline.engine.records import Outputs, Record
from pipeline.engine.stats import EngineStats

MOST_DEATHS = 40
"""More of them in one run cost seconds each and found nothing that others had not."""
StateLog = list[tuple[bytes, bytes | None]]


class Run(NamedTuple):
    """What a run put out, the state that it left behind, and the counts of its (last) engine."""

    outputs: Outputs
    state: dict[bytes, bytes]
    stats: EngineStats


def latest(log: Iterable[tuple[bytes, bytes | None]]) -> dict[bytes, bytes]:
    """What compaction leaves of a state log."""
    kept: dict[bytes, bytes] = {}
    for key, value in log:
        if value is None:
            kept.pop(key, None)
        else:
            kept[key] = value
    return kept


def add(sum_: Outputs, outputs: Outputs) -> None:
    """Append outputs to those before them."""
    sum_.alerts += outputs.alerts
    sum_.dead_letters += outputs.dead_letters
    sum_.rerouted += outputs.rerouted
    sum_.activity += outputs.activity


def undisturbed(records: Sequence[Record], config: Config | None = None, partitions: int = 0) -> Run:
    """One engine that sees everything at once."""
    engine = Engine(0, config or Config(), partitions=partitions)
    outputs = engine.process(records)
    return Run(outputs, latest(engine.snapshot()), engine.stats)


def with_crashes(
    records: Sequence[Record],
    rhythm: Sequence[tuple[int, int, bool]],
    config: Config | None = None,
    partitions: int = 0,
) -> Run:
    """Engines that die every third turn, or some forty times in a longer run, and go on from what was committed.

    Args:
        records: what they see.
        rhythm: of each turn, over and over: records folded in, brands closed, and whether it ends with a commit.
        config: of all of them.
        partitions: of the topic.
    """
    config = config or Config()
    engine, committed, log = Engine(0, config, partitions=partitions), Outputs(), StateLog()
    turns = len(records) * len(rhythm) // sum(size for size, *_ in rhythm)
    life = max(3, turns // MOST_DEATHS)
    for turn, (size, closings, commits) in zip(count(1), cycle(rhythm)):
        if engine.next_offset >= len(records):
            break
        engine.ingest(records[engine.next_offset : engine.next_offset + size])
        for _ in range(closings):
            engine.close_due(1)
        if commits or turn % 7 == 0:  # now and then in any case, or it would never get anywhere
            add(committed, engine.take_outputs())
            log += engine.snapshot()
        if turn % life == 0:
            engine = Engine(0, config, partitions=partitions)
            engine.restore(log)
            log = list(latest(log).items())  # now and then it is compacted
    engine.close_due()
    add(committed, engine.take_outputs())
    log += engine.snapshot()
    return Run(committed, latest(log), engine.stats)
