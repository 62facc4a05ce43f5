"""The knob: tolerated false alarms per brand-year, turned into a threshold on the crisis score."""

from __future__ import annotations

import math
from typing import Final

CALIBRATION_VERSION: Final = "2026-11-30"
THRESHOLD_AT_ONE_A_YEAR: Final = 3.78
THRESHOLD_PER_DOUBLING: Final = 0.44
"""Measured on simulated brands of all sizes in ordinary, rough and threaded noise: 4.65 at 0.25, 3.73 at 1, 2.87 at 4 a
year. Daily maxima have an exponential tail, so the threshold is linear in the log of the rate: it is what the shipped
tail (brand.params: peak_level, peaks_per_day, excess) reaches as often."""


def crisis_threshold(false_alarms_per_brand_year: float) -> float:
    """Score above which crises fire, for a tolerated rate of false alarms.

    The null hypothesis: the brand's rate and negative share vary as in an ordinary stream (season, autocorrelated
    noise, over-dispersion, benign bursts), with no crisis in it.

    Raises:
        ValueError: the rate is not positive.
    """
    if not false_alarms_per_brand_year > 0.0:
        raise ValueError(f"expected a rate > 0, got {false_alarms_per_brand_year}")
    return max(THRESHOLD_AT_ONE_A_YEAR - THRESHOLD_PER_DOUBLING * math.log2(false_alarms_per_brand_year), 1.0)


def rate_at(score: float) -> float:
    """Times a year that an ordinary brand's crisis score comes to so much."""
    return math.exp2((THRESHOLD_AT_ONE_A_YEAR - score) / THRESHOLD_PER_DOUBLING)


def rarity(per_year: float) -> float:
    """What happens so many times a year, on the scale of the crisis threshold; at least 0."""
    return max(THRESHOLD_AT_ONE_A_YEAR - THRESHOLD_PER_DOUBLING * math.log2(per_year), 0.0)
