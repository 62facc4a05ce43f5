"""Outcomes of alarms: recall, delay and false alarms, each with an interval over brands."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.observation import BUCKET_SECONDS, BUCKETS_PER_DAY

Array = NDArray[np.float64]
BUCKET_MINUTES: Final = BUCKET_SECONDS / 60.0
BUCKETS_PER_YEAR: Final = BUCKETS_PER_DAY * 365.0
REPEATS: Final = 1000
_SEED: Final = 20261101


class Estimate(msgspec.Struct, frozen=True):
    """A ratio with a 95 % interval.

    Attributes:
        value: events over exposure.
        low, high: percentile bootstrap over brands; with no event, or nothing but events, the exact one-sided bound.
        events: number of events counted.
        exposure: what they are counted over: brand-years, crises, bursts, brands.
    """

    value: float
    low: float
    high: float
    events: float
    exposure: float


class Delays(msgspec.Struct, frozen=True):
    """Quartiles of the minutes from onset to alarm; a crisis that was missed took infinitely long (None)."""

    lower: float | None
    median: float | None
    upper: float | None


class Found(msgspec.Struct, frozen=True):
    """Recall and delay of the crises of one kind."""

    recall: Estimate
    delay: Delays


def estimate(events: Sequence[float] | Array, exposure: Sequence[float] | Array, *, is_share: bool = False) -> Estimate:
    """Sum of events over sum of exposure, resampled over brands.

    Args:
        events: one number per brand.
        exposure: one number per brand, >= 0, not all 0.
        is_share: events are part of the exposure, so that the ratio is at most 1.

    Raises:
        ValueError: no exposure.
    """
    e, x = np.asarray(events, np.float64), np.asarray(exposure, np.float64)
    total, over = float(e.sum()), float(x.sum())
    if not over > 0.0:
        raise ValueError(f"expected an exposure > 0, got {over}")
    value = total / over
    if total == 0.0 or (is_share and total == over):
        # Resampling what never varies would claim certainty; 3 / n is the one-sided 95 % bound ("rule of three").
        margin = -math.log(0.05) / over
        low, high = (0.0, margin) if total == 0.0 else (max(1.0 - margin, 0.0), 1.0)
        return Estimate(value, low, min(high, 1.0) if is_share else high, total, over)
    rng = np.random.default_rng(_SEED)
    picks = rng.multinomial(len(e), np.full(len(e), 1.0 / len(e)), size=REPEATS)
    weight = picks @ x
    ratios = (picks @ e)[weight > 0.0] / weight[weight > 0.0]
    low, high = np.quantile(ratios, (0.025, 0.975))
    return Estimate(value, float(low), float(high), total, over)


def delay_quartiles(minutes: Sequence[float] | Array) -> Delays:
    """Quartiles of delays of which some may be infinite."""
    ordered = np.sort(np.asarray(minutes, np.float64))
    if not ordered.size:
        return Delays(None, None, None)
    chosen = (float(ordered[min(math.ceil(q * ordered.size), ordered.size) - 1]) for q in (0.25, 0.5, 0.75))
    return Delays(*(value if math.isfinite(value) else None for value in chosen))


def first_delay(starts: NDArray[np.int64], onset: int, horizon_buckets: int) -> float:
    """Minutes from the onset to the end of the bucket whose alarm comes first within the horizon; infinite without one.

    An episode that was open already does not count: its alert said nothing new.
    """
    place = int(np.searchsorted(starts, onset))
    if place == len(starts) or starts[place] - onset >= horizon_buckets:
        return math.inf
    return (float(starts[place]) + 1.0 - onset) * BUCKET_MINUTES


def found(delays_by_brand: Sequence[Sequence[float]]) -> Found:
    """Recall with its interval, and delays, from the delays of every brand's crises.

    Raises:
        ValueError: no crises.
    """
    hits = [sum(math.isfinite(delay) for delay in delays) for delays in delays_by_brand]
    recall = estimate(hits, [len(delays) for delays in delays_by_brand], is_share=True)
    return Found(recall, delay_quartiles([delay for delays in delays_by_brand for delay in delays]))


def false_alarms_per_year(starts_by_brand: Sequence[NDArray[np.int64]], buckets_by_brand: Sequence[float]) -> Estimate:
    """False alarms per brand-year.

    Args:
        starts_by_brand: alarms that no crisis explains.
        buckets_by_brand: covered time of each brand, without that of its crises.
    """
    years = [buckets / BUCKETS_PER_YEAR for buckets in buckets_by_brand]
    return estimate([len(starts) for starts in starts_by_brand], years)
