"""The cost of closing a brand-bucket, and the memory of a quiet brand: python -m benchmarks.closing [BRANDS] [DAYS].

Brands of three sizes with a season, noise and bursts; buckets without mentions are left out, as the engine leaves them
out. The detector alone and the whole engine take the same counts, so their ratio is what surrounds the detector.
"""

from __future__ import annotations

import gc
import sys
import time
import tracemalloc
from collections.abc import Iterable, Iterator

import numpy as np

from detectors.brand.model import BrandAssessment, BrandModel
from pipeline.config.model import Config
from pipeline.engine.activity import ActivityRecorder, usual
from pipeline.engine.alerts.brand_alert import ClosedBucket
from pipeline.engine.buckets.closed_counts import BucketCounts
from pipeline.engine.encoding import activity_record
from pipeline.engine.engine import Engine
from schemas.observation import BUCKET_SECONDS, BUCKETS_PER_DAY, Observation

RATES = {"small": 5.0, "medium": 150.0, "large": 3000.0}
"""Mentions per hour."""
FIRST_BUCKET = 5_000_000
RECORDED = 2_000
"""Times that the records of activity are made; the least counts."""

Counts = tuple[int, int, int]
"""Bucket, mentions, negatives."""


def counts(rate: float, days: int, seed: int) -> list[Counts]:
    """The buckets of one brand that have mentions."""
    buckets = days * BUCKETS_PER_DAY
    rng = np.random.default_rng(seed)
    mean = rate / 12.0 * (1.0 + 0.6 * np.sin(2.0 * np.pi * np.arange(buckets) / BUCKETS_PER_DAY))
    mean *= rng.gamma(8.0, 1.0 / 8.0, buckets)
    share = np.full(buckets, 0.15)
    for start in rng.integers(0, buckets, days):
        mean[start : start + 30] *= rng.uniform(2.0, 8.0)
        share[start : start + 30] = rng.choice([0.05, 0.5])
    mentions = rng.poisson(mean)
    negatives = rng.binomial(mentions, share)
    rows = zip(range(FIRST_BUCKET, FIRST_BUCKET + buckets), mentions.tolist(), negatives.tolist(), strict=True)
    return [row for row in rows if row[1]]


def assessments(model: BrandModel, rows: Iterable[Counts]) -> Iterator[BrandAssessment]:
    """Score, then learn, as the engine does."""
    for bucket, mentions, negatives in rows:
        yield model.close(bucket, mentions, negatives)


def observations(brands: list[list[Counts]]) -> list[Observation]:
    """The same counts as the engine takes them, in order of time; one mention of another brand closes the last."""
    rows = sorted((bucket, brand, n, k) for brand, rows in enumerate(brands) for bucket, n, k in rows)
    end = max(rows)[0] + 2
    return [
        Observation(brand=f"brand-{brand}", start=bucket * BUCKET_SECONDS, mentions=n, negatives=k)
        for bucket, brand, n, k in [*rows, (end, len(brands), 1, 0)]
    ]


def engine_seconds(rows: list[Observation], engine: Engine) -> float:
    """CPU seconds of closing alone, a bucket at a time."""
    spent, start = 0.0, 0
    for place in range(1, len(rows) + 1):
        if place == len(rows) or rows[place].start != rows[start].start:
            engine.ingest_observations(rows[start:place])
            began = time.process_time()
            engine.close_due()
            spent += time.process_time() - began
            start = place
    return spent


def activity_seconds(rows: list[Observation]) -> float:
    """CPU seconds of what was normal in the last bucket of every brand, of its record and of the record's bytes.

    Timed by itself: beside the noise of closing, what it adds to that is too small to be seen in a difference.
    """
    last: dict[str, ClosedBucket] = {}
    engine = Engine(0, Config(), activity="off", observe=lambda closed: last.update({closed.brand.name: closed}))
    engine_seconds(rows, engine)
    recorder = ActivityRecorder("all")
    least = float("inf")
    for _ in range(RECORDED):
        began = time.process_time()
        for closed in last.values():
            found = usual(closed.assessment, closed.assessment.expected_now, None)
            if recorder.wants(closed.assessment, is_burning=False):
                number = BucketCounts(closed.index, 12, 2.5, 12.0, 2.5)
                activity_record(recorder.record(closed, number, 1.5, found, has_open=False))
        least = min(least, time.process_time() - began)
    return least / len(last)


def memory_per_brand(brands: int) -> float:
    """Bytes that the engine keeps of a small brand, four days old, between its mentions."""
    rows = [counts(RATES["small"], 4, seed) for seed in range(2 * brands)]
    return (_memory(rows) - _memory(rows[:brands])) / brands


def _memory(rows: list[list[Counts]]) -> int:
    fed = observations(rows)
    tracemalloc.start()
    engine = Engine(0, Config(), activity="off")
    engine_seconds(fed, engine)
    engine.snapshot()
    gc.collect()  # freed tuples and floats are in free lists until then
    kept = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return kept


def main(brands: int, days: int) -> None:
    """Print the table; activity is what its records cost on top of the engine, of a brand-bucket."""
    print(f"closing: {brands} brands of each size, {days} days; CPU us per closed brand-bucket")
    print("  size    mentions/h  buckets  detector  engine  ratio  activity  state bytes")
    for size, rate in RATES.items():
        rows = [counts(rate, days, seed) for seed in range(brands)]
        closed = sum(map(len, rows))
        detector = engine = float("inf")
        state = 0
        for _ in range(3):
            models = [BrandModel() for _ in rows]
            began = time.process_time()
            for model, one in zip(models, rows, strict=True):
                for _ in assessments(model, one):
                    pass
            detector = min(detector, time.process_time() - began)
            engine = min(engine, engine_seconds(observations(rows), Engine(0, Config(), activity="off")))
            state = max(len(model.snapshot()) for model in models)
        print(
            f"  {size:8}{rate:10.0f}{closed:9}{1e6 * detector / closed:10.1f}{1e6 * engine / closed:8.1f}"
            f"{engine / detector:7.2f}{1e6 * activity_seconds(observations(rows)):10.1f}{state:13}"
        )
    print(f"  memory of a brand of mentions every day, as objects: {memory_per_brand(64):.0f} bytes")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10, int(sys.argv[2]) if len(sys.argv) > 2 else 4)
