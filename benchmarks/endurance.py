"""At full load for a time: does memory grow once every limit has been reached?

    python -m benchmarks.endurance 600             # the engine alone; seconds of wall clock
    python -m benchmarks.endurance --worker 1800   # a worker on a local broker

2,000 brands mentioned in every five minutes of event time and a flood of brands mentioned once, against
engine.max_brands = 10,000 (2,500 in each of the worker's four partitions), so that brands expire all the time.
With the engine alone every mention carries a sentiment, which may teach the models; with a worker a fifth does, and the
texts of the others are scored.
"""

from __future__ import annotations

import argparse
import time

from benchmarks import live_endurance
from benchmarks.memory import START, mentions, resident, tick
from pipeline.config.model import Config, ConfigFile, EngineConfig
from pipeline.engine.engine import Engine

REGULAR = 2000
UNSEEN = 500
STEP = 300
"""Seconds of event time between two rounds."""


def main(arguments: list[str] | None = None) -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.endurance", description="Does memory grow?")
    parser.add_argument("seconds", type=float, nargs="?", default=600.0, help="of wall clock")
    parser.add_argument("--worker", action="store_true", help="a worker on a local broker, not the engine alone")
    asked = parser.parse_args(arguments)
    (live_endurance.main if asked.worker else engine_alone)(asked.seconds)


def engine_alone(seconds: float) -> None:
    """Print a line every thirtieth of the time."""
    engine = Engine(0, Config(ConfigFile(engine=EngineConfig(max_brands=10_000))))
    began, shown = time.monotonic(), 0.0
    offset = rounds = 0
    print("seconds  mentions  event days  brands    expired  MiB")
    while (passed := time.monotonic() - began) < seconds:
        at = START + rounds * STEP
        batch = [
            *mentions(REGULAR, at, f"r{rounds}", offset),
            *mentions(UNSEEN, at, f"u{rounds}", offset + REGULAR, REGULAR + rounds * UNSEEN),
            tick(offset + REGULAR + UNSEEN, at + STEP - 1),
        ]
        for first in range(0, len(batch), 1000):
            engine.process(batch[first : first + 1000])
        engine.snapshot()
        offset += len(batch)
        rounds += 1
        if passed >= shown:
            shown += seconds / 30
            expired = sum(engine.stats.forgotten.values())
            print(
                f"{passed:7.0f} {offset:9d} {rounds * STEP / 86_400:11.1f} {engine.brands:7d} {expired:10d} "
                f"{resident() / 2**20:6.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
