"""The cost of a mention by number of brands, at the same rate: python -m benchmarks.known_brands [BRANDS ...].

Four partitions in one process, 300 mentions per second of event time, sentiment given, a checkpoint after every 50,000
mentions of a partition; CPU time, no broker. Two cases:

    known    so many brands are known, each mentioned once some hours before; the mentions are of 1,000 others
    active   the mentions are of all of them, by Zipf's law
"""

from __future__ import annotations

import multiprocessing
import sys
import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Final

from benchmarks import throughput
from benchmarks.goals import Goal
from benchmarks.memory import START, mentions, resident, tick
from pipeline.config.model import Config, ConfigFile, EngineConfig
from pipeline.engine.brands.cache import cache_share
from pipeline.engine.engine import Engine
from pipeline.engine.records import Record
from pipeline.kafka.partitioning import partition_of
from pipeline.worker.garbage import CycleCollector
from schemas.mention import decode_mention
from schemas.moments import moment

MENTIONS: Final = 200_000
PARTITIONS: Final = 4
STEP: Final = 1000
SNAPSHOT_EVERY: Final = 50_000
KNOWN_BEFORE: Final = 6 * 3600
"""Seconds of event time between the one mention of a known brand and the traffic."""
COUNTS: Final = (1_000, 10_000, 100_000, 1_000_000)


def main(counts: Sequence[int]) -> list[Goal]:
    """Print the table; returns how much more a mention costs with most brands than with fewest."""
    goals = []
    print(f"a mention by number of brands: {MENTIONS:,} mentions, {PARTITIONS} partitions, CPU us per mention")
    print(f"  {'':8}{'brands':>10}{'ingest':>8}{'close':>8}{'encode':>8}{'all':>8}{'ratio':>8}{'closed':>10}{'MiB':>8}")
    for name, measure in (("known", known), ("active", active)):
        first = 0.0
        for count in counts:
            # A process of its own: what one measurement leaves behind must not count in the next.
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                spent, closed, size = pool.apply(measure, (count,))
            each = [1e6 * seconds / MENTIONS for seconds in spent]
            first = first or sum(each)
            columns = "".join(f"{value:8.2f}" for value in (*each, sum(each), sum(each) / first))
            print(f"  {name:8}{count:>10,}{columns}{closed:>10,}{size:>8.0f}", flush=True)
        what = f"CPU of a mention, {counts[-1]:,} {name} brands against {counts[0]:,}"
        goals.append(Goal(what, sum(each) / first, 1.5, "times"))
    return goals


def known(brands: int) -> tuple[list[float], int, float]:
    """CPU seconds of ingest, close and encode for mentions of 1,000 brands while so many others are known."""
    team = _team(brands)
    traffic = _traffic(throughput.BRANDS, START)
    quiet = mentions(brands, START - KNOWN_BEFORE, "quiet", 0)
    _run(team, ((record.key or b"", record.value or b"") for record in quiet))
    for engine in team:  # their buckets are closed before the clock starts
        engine.process([tick(engine.next_offset, START - KNOWN_BEFORE + 1800)])
        engine.snapshot()
    return _measured(team, traffic)


def active(brands: int) -> tuple[list[float], int, float]:
    """CPU seconds of ingest, close and encode for mentions of so many brands."""
    return _measured(_team(brands), _traffic(brands, START))


def _team(brands: int) -> list[Engine]:
    config = Config(ConfigFile(engine=EngineConfig(max_brands=max(200_000, brands))))
    return [Engine(number, config, max_cached=cache_share(PARTITIONS)) for number in range(PARTITIONS)]


def _traffic(brands: int, begin: int) -> list[tuple[bytes, bytes]]:
    """The load of benchmarks.throughput, its first mention at this time."""
    made = list(throughput.mentions(MENTIONS, brands=brands, kind="given"))
    shift = begin - int(decode_mention(made[0][1]).event_time.timestamp())
    return [(key, _shifted(value, shift)) for key, value in made]


def _shifted(value: bytes, seconds: int) -> bytes:
    mark = b'"event_time":"'
    head, _, rest = value.partition(mark)
    written, _, tail = rest.partition(b'"')
    at = datetime.fromisoformat(written.decode()).timestamp() + seconds
    shown = moment(at).isoformat(timespec="milliseconds")
    return b"".join((head, mark, shown.encode(), b'"', tail))


def _measured(team: list[Engine], traffic: list[tuple[bytes, bytes]]) -> tuple[list[float], int, float]:
    CycleCollector(lambda _: None).take_over()
    before = sum(engine.stats.buckets_closed for engine in team)
    spent = _run(team, traffic)
    return spent, sum(engine.stats.buckets_closed for engine in team) - before, resident() / 2**20


def _run(team: list[Engine], pairs: Iterable[tuple[bytes, bytes]]) -> list[float]:
    """CPU seconds of ingest, close and encode."""
    spent = [0.0, 0.0, 0.0]
    waiting: list[list[Record]] = [[] for _ in team]
    written = [engine.next_offset for engine in team]
    now = 2 * START * 1000  # of the records: no mention lies in the future

    def take(number: int) -> None:
        engine = team[number]
        marks = [time.process_time()]
        engine.ingest(waiting[number])
        marks.append(time.process_time())
        engine.close_due()
        engine.take_outputs()
        marks.append(time.process_time())
        if engine.next_offset - written[number] >= SNAPSHOT_EVERY:
            engine.snapshot()
            written[number] = engine.next_offset
        marks.append(time.process_time())
        for stage, (begin, end) in enumerate(pairwise(marks)):
            spent[stage] += end - begin
        waiting[number] = []

    for key, value in pairs:
        number = partition_of(key, PARTITIONS)
        batch = waiting[number]
        batch.append(Record(team[number].next_offset + len(batch), now, key, value))
        if len(batch) == STEP:
            take(number)
    for number in range(PARTITIONS):
        take(number)
    return spent


if __name__ == "__main__":
    main([int(argument.replace("_", "")) for argument in sys.argv[1:]] or COUNTS)
