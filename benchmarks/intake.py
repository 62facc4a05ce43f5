"""CPU time of the engine's intake alone: python -m benchmarks.intake [TREE] [--mentions N] [--rounds N].

The load of benchmarks.throughput on one partition of four: sentiment given, English and mixed texts, 200 and 20,000
brands in the partition, slices of 300 and 4,000 records; buckets are closed after every slice, outside the measurement.
With TREE, another checkout of this repository, both are measured by turns in processes of their own, and the last
column is the median of the ratios of the rounds. Neighbours disturb: the figure of a row is its least, and a ratio is
worth more than a figure.
"""

from __future__ import annotations

import gc
import pickle
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import click

from benchmarks import throughput
from pipeline.config.model import Config
from pipeline.engine.engine import Engine
from pipeline.engine.records import Record
from pipeline.kafka.partitioning import partition_of

PARTITIONS = 4
BRANDS = (200, 20_000)
SLICES = (300, 4_000)
KINDS = ("given", "english", "mixed")
CLOSED = 150
"""Brand-buckets closed at a time, as a worker does."""

_CHILD = """
import runpy, sys
sys.path.insert(0, sys.argv[1])
runpy.run_path(sys.argv[2], run_name="child")["serve"](sys.argv[3])
"""


def load(count: int, *, brands: int, kind: str) -> list[tuple[bytes, bytes]]:
    """Keys and values of one partition, at the rate that it has beside the others."""
    made = throughput.mentions(PARTITIONS * count, brands=PARTITIONS * brands, kind=kind)
    return [(key, value) for key, value in made if partition_of(key, PARTITIONS) == 0]


def seconds(records: list[Record], size: int) -> float:
    """CPU seconds of taking the records in slices of so many."""
    engine = Engine(0, Config())
    spent = 0.0
    for first in range(0, len(records), size):
        part = records[first : first + size]
        began = time.process_time()
        engine.ingest(part)
        spent += time.process_time() - began
        while engine.close_due(CLOSED):
            pass
        engine.take_outputs()
    return spent


def serve(folder: str) -> None:
    """Measure what each line of the standard input asks for: the name of a load and the size of a slice."""
    now = int(time.time() * 1000)
    gc.disable()  # as in a worker
    loaded = ""
    records: list[Record] = []
    print("ready", flush=True)
    for line in sys.stdin:
        name, size = line.split()
        if name != loaded:
            pairs = pickle.loads((Path(folder) / name).read_bytes())
            records = [Record(offset, now, key, value) for offset, (key, value) in enumerate(pairs)]
            loaded = name
        print(1e6 * seconds(records, int(size)) / len(records), flush=True)


class Tree:
    """A checkout that is measured in a process of its own: by the `serve` of a script, this one as a rule."""

    def __init__(self, tree: Path, folder: str, script: str = __file__) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _CHILD, str(tree), script, folder],
            cwd=tree,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._answer()

    def measure(self, name: str, size: int) -> float:
        """CPU microseconds per mention of a load in slices of so many."""
        return float(self.ask(name, size))

    def ask(self, *words: object) -> str:
        """What the process answers to a line."""
        assert self._process.stdin is not None
        print(*words, file=self._process.stdin, flush=True)
        return self._answer()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the process of a tree ended with {self._process.wait()}")
        return answer

    def close(self) -> None:
        self._process.communicate()


@click.command(help=__doc__)
@click.argument("against", required=False, type=click.Path(exists=True, file_okay=False, resolve_path=True))
@click.option("--mentions", default=60_000, help="Mentions of each load.")
@click.option("--rounds", default=5, help="Measurements of each row.")
def main(against: str | None, mentions: int, rounds: int) -> None:
    """Print the table."""
    trees = [Path(__file__).parents[1], *([Path(against)] if against else [])]
    print(f"intake: {mentions:,} mentions, CPU us per mention, least of {rounds}")
    print(f"  {'':8}{'brands':>8}{'slice':>8}{'us':>8}" + (f"{'TREE':>8}{'ratio':>10}" if against else ""))
    with tempfile.TemporaryDirectory() as folder:
        children = [Tree(tree, folder) for tree in trees]
        for brands in BRANDS:
            for kind in KINDS:
                name = f"{kind}-{brands}"
                (Path(folder) / name).write_bytes(pickle.dumps(load(mentions, brands=brands, kind=kind)))
                for size in SLICES:
                    found = [[tree.measure(name, size) for tree in children] for _ in range(rounds)]
                    columns = "".join(f"{least:8.2f}" for least in map(min, zip(*found, strict=True)))
                    if against:
                        columns += f"{median(ours / theirs for ours, theirs in found):10.3f}"
                    print(f"  {kind:8}{brands:>8,}{size:>8,}{columns}", flush=True)
        for child in children:
            child.close()


if __name__ == "__main__":
    main()
