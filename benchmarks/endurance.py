"""The engine at full load for a time: does its memory grow once every limit has been reached?

    python -m benchmarks.endurance 600    # seconds of wall clock

2,000 brands with a fifth of the mentions each minute and a flood of brands heard of once, against engine.max_brands =
10,000, so that brands are forgotten all the time; texts are scored, a fifth of the mentions teach the models.
"""

from __future__ import annotations

import sys
import time

from benchmarks.memory import START, mentions, resident, tick
from pipeline.config import Config, ConfigFile, EngineConfig
from pipeline.engine import Engine

REGULAR = 2000
UNSEEN = 500
STEP = 300
"""Seconds of event time between two rounds."""


def main(seconds: float) -> None:
    """Print a line every thirtieth of the time."""
    engine = Engine(0, Config(ConfigFile(engine=EngineConfig(max_brands=10_000))))
    began, shown = time.monotonic(), 0.0
    offset = rounds = 0
    print("seconds  mentions  event days  brands  forgotten  MiB")
    while (passed := time.monotonic() - began) < seconds:
        at = START + rounds * STEP
        batch = [
            *mentions(REGULAR, at, f"r{rounds}", offset),
            *mentions(UNSEEN, at, f"u{rounds}", offset + REGULAR, REGULAR + rounds * UNSEEN),
            tick(offset + REGULAR + UNSEEN, at + STEP - 1),
        ]
        for first in range(0, len(batch), 1000):
            engine.process(batch[first : first + 1000])
        engine.cut()
        offset += len(batch)
        rounds += 1
        if passed >= shown:
            shown += seconds / 30
            forgotten = sum(engine.stats.forgotten.values())
            print(
                f"{passed:7.0f} {offset:9d} {rounds * STEP / 86_400:11.1f} {engine.brands:7d} {forgotten:10d} "
                f"{resident() / 2**20:6.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 600.0)
