"""Bucket streams of one brand for tests: seeded Poisson-like counts with a daily season, and bursts of either tone."""

from __future__ import annotations

import math
import random
from functools import cache
from typing import Any

DAY = 288


def ordinary(seed: int, days: int, *, per_bucket: float = 8.0, share: float = 0.15) -> list[dict[str, Any]]:
    """Days of normal buckets as River features."""
    return [_row(bucket, *counts) for bucket, counts in enumerate(_ordinary(seed, days, per_bucket, share))]


@cache
def _ordinary(seed: int, days: int, per_bucket: float, share: float) -> list[tuple[int, int]]:
    """Mentions and negatives of every bucket; many checks ask for the same days."""
    r = random.Random(seed)
    found = []
    for bucket in range(days * DAY):
        mean = per_bucket * (1.0 + 0.5 * math.sin(2 * math.pi * bucket / DAY)) * r.gammavariate(10, 0.1)
        mentions = _poisson(r, mean)
        found.append((mentions, sum(r.random() < share for _ in range(mentions))))
    return found


def burst(seed: int, start: int, *, buckets: int = 12, per_bucket: float = 60.0, share: float) -> list[dict[str, Any]]:
    """A burst of so many buckets with this share of negatives."""
    r = random.Random(seed)
    rows = []
    for bucket in range(start, start + buckets):
        mentions = _poisson(r, per_bucket)
        rows.append(_row(bucket, mentions, sum(r.random() < share for _ in range(mentions))))
    return rows


def _row(bucket: int, mentions: int, negatives: int) -> dict[str, Any]:
    return {"start": bucket * 300, "mentions": mentions, "negatives": negatives}


def _poisson(r: random.Random, mean: float) -> int:
    if mean > 30.0:
        return max(round(r.gauss(mean, math.sqrt(mean))), 0)
    limit, product, n = math.exp(-mean), r.random(), 0
    while product > limit:
        product *= r.random()
        n += 1
    return n
