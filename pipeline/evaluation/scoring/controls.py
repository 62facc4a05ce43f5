"""Controls: alarms made without a detector, which any detector's figures have to beat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Starts = list[NDArray[np.int64]]


def always_on(brands: int, buckets: int, cool_down_buckets: int) -> Starts:
    """An alarm as soon as the cool-down of the last one is over."""
    return [np.arange(0, buckets, max(cool_down_buckets, 1), dtype=np.int64) for _ in range(brands)]


def never_on(brands: int) -> Starts:
    """No alarm."""
    return [np.array([], np.int64) for _ in range(brands)]


def random_at(rate_per_bucket: float, brands: int, buckets: int, cool_down_buckets: int, seed: int) -> Starts:
    """Alarms at random, as often as a detector's, the cool-down kept.

    Args:
        rate_per_bucket: alarms of the detector per brand and bucket.
        brands: how many.
        buckets: of each.
        cool_down_buckets: from one alarm to the next at least.
        seed: of the generator.
    """
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(brands):
        kept: list[int] = []
        for start in np.sort(rng.integers(0, buckets, rng.poisson(rate_per_bucket * buckets))):
            if not kept or start - kept[-1] >= cool_down_buckets:
                kept.append(int(start))
        found.append(np.array(kept, np.int64))
    return found
