"""Memory of the engine, as resident set of a process of its own: active brands, idle ones, a million unknown ones.

python -m benchmarks.memory           # 100,000 brands
python -m benchmarks.memory 20000     # so many
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from benchmarks.goals import Goal
from pipeline.config.model import Config
from pipeline.engine.engine import Engine
from pipeline.engine.records import TICK_HEADER, Record

START = 1_767_225_600
DAY = 86_400
BATCH = 1000
SNAPSHOT_EVERY = 20_000
TEXT = "an ordinary post of the usual length about the parcel that came today"


def main(brands: int) -> list[Goal]:
    """Print the figures; returns the goals."""
    sizes: list[int] = []
    for measure, count in ((active, brands), (unknown, 1_000_000)):
        # A process of its own: what one measurement leaves behind must not count in the next.
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            lines, found = pool.apply(measure, (count,))
        print("\n".join(lines), flush=True)
        sizes += found
    active_bytes, idle_bytes, max_bytes = sizes
    return [
        Goal(f"resident memory of {brands:,} active brands of one partition", active_bytes / 2**20, 600.0, "MiB"),
        Goal("resident memory of one of them when idle", idle_bytes / brands / 1024, 4.0, "KiB"),
        Goal("a million unknown brands against the default limits, maximum", max_bytes / 2**20, 600.0, "MiB"),
    ]


def active(brands: int) -> tuple[list[str], list[int]]:
    """Three days of so many brands, four mentions each a day, then two of silence: lines; bytes active and idle."""
    engine = Engine(0, Config())
    before = resident()
    began = time.process_time()
    offset = 0
    for quarter in range(12):
        at = START + quarter * DAY // 4
        offset = feed(engine, mentions(brands, at, f"{quarter}", offset))
        offset = feed(engine, [tick(offset, at + 1800)])
    spent = time.process_time() - began
    active_bytes = resident() - before
    feed(engine, [tick(offset, at + 2 * DAY)])
    gc.collect()
    idle_bytes = resident() - before
    return [
        f"memory: {brands} brands, {offset} mentions, {spent:.0f} CPU s",
        f"  active brands  {active_bytes / 2**20:7.0f} MiB  {active_bytes / brands:6.0f} bytes per brand",
        f"  idle           {idle_bytes / 2**20:7.0f} MiB  {idle_bytes / brands:6.0f} bytes per brand",
    ], [active_bytes, idle_bytes]


def unknown(brands: int) -> tuple[list[str], list[int]]:
    """So many brands mentioned once, 5,000 per minute, against the default limits: lines; maximum of bytes."""
    engine = Engine(0, Config())
    before, max_bytes, offset, alive = resident(), 0, 0, []
    for first in range(0, brands, 5000):
        at = START + first // 5000 * 60
        offset = feed(engine, mentions(5000, at, "u", offset, first))
        max_bytes = max(max_bytes, resident() - before)
        alive.append(engine.brands)
    limit = Config().engine.max_brands
    return [
        f"memory: {brands} unknown brands, engine.max_brands {limit}",
        f"  maximum        {max_bytes / 2**20:7.0f} MiB, {max(alive)} brands in memory; at the end {engine.brands}",
        f"  expired        {dict(engine.stats.forgotten)}, dead letters {sum(engine.stats.rejected.values())}",
    ], [max_bytes]


def mentions(brands: int, at: float, batch: str, offset: int, first: int = 0) -> Iterator[Record]:
    """One mention of each brand, at this time."""
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
    for number in range(first, first + brands):
        brand = f"brand-{number:07d}"
        value = {
            "id": f"{batch}-{number}",
            "brand": brand,
            "text": f"{number * 7919 % 1_000_003} {TEXT}",
            "event_time": moment,
            "platform": "x",
            "sentiment": -0.6 if number % 5 == 0 else 0.5,
            "author": {"id": f"author-{number}", "followers": number % 1000},
        }
        yield Record(offset, int(at) * 1000, brand.encode(), msgspec.json.encode(value))
        offset += 1


def tick(offset: int, at: float) -> Record:
    """A tick record: event time passes."""
    return Record(offset, int(at) * 1000, None, None, ((TICK_HEADER, str(int(at * 1000)).encode()),))


def feed(engine: Engine, records: Iterator[Record] | list[Record]) -> int:
    """Let the engine take the records as a worker would, checkpoints included; returns the next offset."""
    batch: list[Record] = []
    for record in records:
        batch.append(record)
        if len(batch) == BATCH:
            engine.process(batch)
            batch = []
        if record.offset % SNAPSHOT_EVERY == 0:
            engine.snapshot()
    engine.process(batch)
    engine.snapshot()
    return engine.next_offset


def resident() -> int:
    """Resident memory of this process, in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
