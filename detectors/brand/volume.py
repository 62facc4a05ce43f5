"""How surprising is the number of mentions in a window, against the brand's own normal?

The variance of a window's sum is its dispersion times its mean; the dispersion is learned from residuals cut at three
deviations, so autocorrelation of the rate widens long windows by what it really does for this brand.
"""

from __future__ import annotations

import math
from typing import Final

from detectors.brand.tails import negative_binomial_root, surprise

FIRST_DISPERSION: Final = 1.5
"""Variance over mean of a window's sum before anything is known of the brand."""
LEAST_OVERDISPERSION: Final = 0.02

SHIFT_RATIO: Final = 2.0
SHIFT_MENTIONS: Final = 8.0
"""The level is released when the 24-hour window holds twice what is normal, and at least so many mentions more: about
eight hours at three times the normal volume. Measured (docs/results/2026-11-ablation.md): after a lasting shift volume
alarms last 8 to 21 hours instead of 10 to 35, one crisis in six that such a shift opens is spared; recall stays within
its noise."""


def volume_surprise(observed: float, mean: float, dispersion: float) -> float:
    """Negative-binomial surprise of a window with more mentions than its mean, in nats."""
    over = dispersion - 1.0
    over = max(over, LEAST_OVERDISPERSION)
    return surprise(negative_binomial_root(observed - 0.5, mean, over * mean))


def is_shifted(observed: float, mean: float) -> bool:
    """Whether a day's sum speaks for another level rather than for a burst."""
    return observed > SHIFT_RATIO * mean and observed - mean > SHIFT_MENTIONS


def learned_dispersion(dispersion: float, residual: float, mean: float, rate: float) -> float:
    """The dispersion after a residual (mentions less their mean), which is cut at three deviations."""
    ratio = residual * residual / mean
    if ratio > 9.0 * dispersion:
        ratio = min(ratio, 9.0 * max(dispersion, 1.0 + LEAST_OVERDISPERSION) + 2.25 / mean)
    dispersion += rate * (ratio - dispersion)
    return max(1.0, dispersion)


def dispersion_after_silence(dispersion: float, first: float, last: float, mean: float, rate: float) -> float:
    """The dispersion after empty buckets, whose residuals change nearly linearly from the first to the last."""
    nine_variances = 9.0 * mean * dispersion
    if first * first > nine_variances or last * last > nine_variances:
        limit = 3.0 * math.sqrt(mean * max(dispersion, 1.0 + LEAST_OVERDISPERSION) + 0.25)
        first = min(max(first, -limit), limit)
        last = min(max(last, -limit), limit)
    ratio = (first * first + first * last + last * last) / (3.0 * mean)
    dispersion += rate * (ratio - dispersion)
    return max(1.0, dispersion)
