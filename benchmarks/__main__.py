"""`make bench`: the cost of every part on this machine, measured one after the other in one run.

Figures are CPU time. They differ between machines; ratios within a run hold. The last ones are in benchmarks/README.md.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from benchmarks import closing, known_brands, live, memory, reading, sentiment, throughput, vectorised
from benchmarks.goals import Goal, table
from pipeline.config.model import Config
from pipeline.engine.engine import Engine
from pipeline.engine.records import Record
from pipeline.kafka.partitioning import partition_of
from pipeline.simulation import demo_stream
from schemas.mention import decode_mention

MENTIONS = 100_000


def engine() -> None:
    """The engine's stages over simulated mentions, texts scored, a fifth of them with a trusted sentiment."""
    lines = [line.rstrip() for batch in islice(demo_stream(seed=1).batches(), 400) for line in batch.lines][:MENTIONS]
    now = int(datetime.now(UTC).timestamp() * 1000)
    keys = [decode_mention(line).brand.encode() for line in lines]
    records: list[list[Record]] = [[] for _ in range(4)]
    for line, key in zip(lines, keys, strict=True):
        part = records[partition_of(key, 4)]
        part.append(Record(len(part), now, key, line))
    spent = dict.fromkeys(("decode alone", "ingest", "close", "encode state"), 0.0)
    began = time.process_time()
    for line in lines:
        decode_mention(line)
    spent["decode alone"] = time.process_time() - began
    buckets = state = 0
    for number, part in enumerate(records):
        one = Engine(number, Config())
        for start in range(0, len(part), 1000):
            marks = [time.process_time()]
            one.ingest(part[start : start + 1000])
            marks.append(time.process_time())
            one.close_due()
            marks.append(time.process_time())
            state += sum(len(value or b"") for _, value in one.snapshot())
            marks.append(time.process_time())
            for stage, a, b in zip(("ingest", "close", "encode state"), marks, marks[1:], strict=False):
                spent[stage] += b - a
        buckets += one.stats.buckets_closed
    print(f"engine: {len(lines)} mentions of 200 brands, {buckets} brand-buckets closed")
    for stage, seconds in spent.items():
        print(f"  {stage:14} {1e6 * seconds / len(lines):7.2f} us per mention")
    print(f"  {'close':14} {1e6 * spent['close'] / buckets:7.2f} us per closed brand-bucket")
    print(f"  {'state written':14} {state / len(lines):7.0f} bytes per mention (a snapshot every 1,000 mentions)")


def main() -> None:
    """Run everything, and print the goals beside the figures at the end."""
    began = time.monotonic()
    engine()
    closing.main(10, 4)
    vectorised.main(20_000, 20)
    found = throughput.main(1_000_000)
    goals = [
        Goal(f"the whole worker, {what}", 1e6 / found[row], asked, "mentions per second and core", more=True)
        for what, row, asked in (
            ("sentiment given", "tocsin", 150_000.0),
            ("English texts", "tocsin, texts english", 80_000.0),
            ("mixed texts", "tocsin, texts mixed", 50_000.0),
        )
    ]
    goals += known_brands.main(known_brands.COUNTS)
    goals += live.main([])
    goals += memory.main(100_000)
    reading.main()
    data = Path(__file__).parents[2] / "shared" / "data" / "sentiment"
    if data.is_dir():
        sentiment.main([str(data)], standalone_mode=False)
    else:
        print("sentiment: the labelled texts are not beside this checkout; skipped")
    print(f"\nIn {(time.monotonic() - began) / 60:.0f} minutes, load average at the end {os.getloadavg()[0]:.1f}:\n")
    print(table(goals))


if __name__ == "__main__":
    main()
