"""Closing beside another checkout of this repository, by turns: python -m benchmarks.closing_turns [TREE] [--rounds N].

The brands of benchmarks.closing, and BURNING brands of which all are in a crisis at once, so that evidence is made for
them in the same buckets. Both checkouts do the same work in processes of their own. Neighbours disturb, so of every
bucket, and of every step, the least CPU time of the rounds counts. The row "longest step" is what a worker's event loop
waits for: closing CLOSED steps, and encoding what comes of them.
"""

from __future__ import annotations

import gc
import json
import random
import sys
import time
from pathlib import Path

import click

from benchmarks.closing import FIRST_BUCKET, RATES, counts, observations
from benchmarks.intake import Tree
from pipeline.config.model import Config
from pipeline.engine.encoding import activity_record, alert_record
from pipeline.engine.engine import Engine
from pipeline.engine.records import Record
from schemas.activity import ActivityChoice
from schemas.moments import moment
from schemas.observation import BUCKET_SECONDS, Observation

BRANDS = 2
DAYS = 4
CLOSED = 150
BURNING = 100
"""Brands in a crisis."""
HISTORY = 320
"""Buckets before it."""
CRISIS = 16
POSTS = 12
"""Of a brand in a bucket of the crisis."""


def closing(size: str, choice: ActivityChoice) -> list[float]:
    """CPU seconds of every bucket, a call of `close_due` each; the brand-buckets closed come last."""
    rows = observations([counts(RATES[size], DAYS, seed) for seed in range(BRANDS)])
    engine = Engine(0, Config(), activity=choice)
    spent, start = [], 0
    for place in range(1, len(rows) + 1):
        if place == len(rows) or rows[place].start != rows[start].start:
            engine.ingest_observations(rows[start:place])
            began = time.process_time()
            engine.close_due()
            list(map(activity_record, engine.take_outputs().activity))
            spent.append(time.process_time() - began)
            start = place
    return [*spent, float(engine.stats.buckets_closed)]


def history() -> list[Observation]:
    """A few mentions in every bucket of every brand."""
    return [
        Observation(brand=f"brand-{n}", start=(FIRST_BUCKET + bucket) * BUCKET_SECONDS, mentions=2, negatives=0)
        for bucket in range(HISTORY)
        for n in range(BURNING)
    ]


def crisis(bucket: int, offset: int) -> list[Record]:
    """The posts of one bucket: every brand is blamed, in words of many people."""
    rng = random.Random(bucket)
    begin = (FIRST_BUCKET + HISTORY + bucket) * BUCKET_SECONDS
    made = []
    for number in range(BURNING * POSTS):
        brand = f"brand-{number % BURNING}"
        document = {
            "id": f"{bucket}-{number}",
            "brand": brand,
            "text": " ".join("".join(rng.choices("abcdefghijklmno", k=5)) for _ in range(12)),
            "event_time": moment(begin + number * BUCKET_SECONDS / (BURNING * POSTS)).isoformat(),
            "platform": "x",
            "lang": "en",
            "sentiment": -0.9,
            "author": {"id": f"a{rng.random()}", "followers": 1000},
        }
        at = (begin + 2 * BUCKET_SECONDS) * 1000
        made.append(Record(offset + number, at, brand.encode(), json.dumps(document).encode()))
    return made


def steps() -> list[float]:
    """CPU seconds of every step of closing the crises; the alerts come last."""
    engine = Engine(0, Config(), activity="all")
    engine.ingest_observations(history())
    engine.close_due()
    engine.take_outputs()
    spent, alerts = [], 0
    for bucket in range(CRISIS):
        engine.ingest(crisis(bucket, engine.next_offset))
        more = True
        while more:
            began = time.process_time()
            more = engine.close_due(CLOSED)
            outputs = engine.take_outputs()
            list(map(activity_record, outputs.activity))
            alerts += len(list(map(alert_record, outputs.alerts)))
            spent.append(time.process_time() - began)
    return [*spent, float(alerts)]


def serve(folder: str) -> None:
    """Answer each line of the standard input, "steps" or a size and whose activity is recorded, with the times."""
    del folder
    gc.disable()  # as in a worker
    print("ready", flush=True)
    for line in sys.stdin:
        words = line.split()
        print(json.dumps(steps() if words == ["steps"] else closing(*words)), flush=True)
        gc.collect()


def least(trees: list[Tree], rounds: int, *words: str) -> list[list[float]]:
    """Of each tree the least time of every bucket or step; the count stays the last."""
    found = [[json.loads(tree.ask(*words)) for tree in trees] for _ in range(rounds)]
    return [[min(times) for times in zip(*rows, strict=True)] for rows in zip(*found, strict=True)]


@click.command(help=__doc__)
@click.argument("against", required=False, type=click.Path(exists=True, file_okay=False, resolve_path=True))
@click.option("--rounds", default=10, help="Measurements of each row.")
def main(against: str | None, rounds: int) -> None:
    """Print the table."""
    places = [Path(__file__).parents[1], *([Path(against)] if against else [])]
    trees = [Tree(place, "", __file__) for place in places]
    print(
        f"closing: CPU us per brand-bucket, least of {rounds}" + (f"; the second column: {against}" if against else "")
    )
    for size in RATES:
        for choice in ("off", "all"):
            found = least(trees, rounds, size, choice)
            costs = [1e6 * sum(times) / closed for *times, closed in found]
            ratio = f"{costs[0] / costs[-1]:10.3f}" if against else ""
            print(f"  {size:8}activity {choice:4}" + "".join(f"{cost:9.2f}" for cost in costs) + ratio, flush=True)
    found = least(trees, max(rounds // 3, 1), "steps")
    alerts = ", ".join(f"{one[-1]:.0f}" for one in found)
    columns = "".join(f"{1000 * max(times):9.1f}" for *times, _ in found)
    print(f"  {'longest step, ms':21}{columns}    {BURNING} brands in a crisis, alerts {alerts}", flush=True)
    for tree in trees:
        tree.close()


if __name__ == "__main__":
    main()
