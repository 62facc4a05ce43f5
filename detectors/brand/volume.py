"""How surprising is the number of mentions in a window, against the brand's own normal?

The variance of a window's sum is its dispersion times its mean; the dispersion is learned from residuals clipped at
three deviations, so autocorrelation of the rate widens long windows by what it really does for this brand.
"""

from __future__ import annotations

import math
from typing import Final

from detectors.brand.baseline import CLIP, COUNT_VARIANCE
from detectors.brand.params import PARAMS
from detectors.brand.tails import negative_binomial_root, surprise

FIRST_DISPERSION: Final = PARAMS.first_dispersion
MIN_OVERDISPERSION: Final = PARAMS.min_overdispersion
SHIFT_RATIO: Final = PARAMS.shift_ratio
SHIFT_MENTIONS: Final = PARAMS.shift_mentions
CLIP_VARIANCES: Final = PARAMS.clip_deviations**2
_CLIP_COUNT: Final = CLIP_VARIANCES * COUNT_VARIANCE


def volume_surprise(observed: float, mean: float, dispersion: float) -> float:
    """Negative-binomial surprise of a window with more mentions than its mean, in nats."""
    over = dispersion - 1.0
    if over < MIN_OVERDISPERSION:
        over = MIN_OVERDISPERSION
    return surprise(negative_binomial_root(observed - 0.5, mean, over * mean))


def is_shifted(observed: float, mean: float) -> bool:
    """Whether a day's sum speaks for another level rather than for a burst."""
    return observed > SHIFT_RATIO * mean and observed - mean > SHIFT_MENTIONS


def learned_dispersion(dispersion: float, residual: float, mean: float, rate: float) -> float:
    """The dispersion after a residual (mentions less their mean), which is clipped at three deviations."""
    ratio = residual * residual / mean
    if ratio > CLIP_VARIANCES * dispersion:
        ratio = min(ratio, CLIP_VARIANCES * max(dispersion, 1.0 + MIN_OVERDISPERSION) + _CLIP_COUNT / mean)
    dispersion += rate * (ratio - dispersion)
    return dispersion if dispersion > 1.0 else 1.0


def dispersion_after_silence(dispersion: float, first: float, last: float, mean: float, rate: float) -> float:
    """The dispersion after empty buckets, whose residuals change nearly linearly from the first to the last."""
    unclipped = CLIP_VARIANCES * mean * dispersion
    if first * first > unclipped or last * last > unclipped:
        limit = CLIP * math.sqrt(mean * max(dispersion, 1.0 + MIN_OVERDISPERSION) + COUNT_VARIANCE)
        first = min(max(first, -limit), limit)
        last = min(max(last, -limit), limit)
    ratio = (first * first + first * last + last * last) / (3.0 * mean)
    dispersion += rate * (ratio - dispersion)
    return dispersion if dispersion > 1.0 else 1.0
