"""The tails of detectors.brand.tails over arrays: the same values to about 1e-12, without a call per element."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.brand.tails import surprise

Array = NDArray[np.float64]

_FAR: Final = 12.0
_STEPS: Final = 4096
_WIDTH: Final = _FAR / _STEPS
_HALF_LOG_2PI: Final = 0.5 * math.log(2.0 * math.pi)


def _table() -> tuple[Array, Array]:
    """The surprise and its slope (the hazard of the normal law) at the ends of every step."""
    # One ulp below the far end: at it, detectors.brand.tails changes to Mills' ratio, which is 0.007 higher there.
    ends = [min(step * _WIDTH, math.nextafter(_FAR, 0.0)) for step in range(_STEPS + 1)]
    values = [surprise(z) for z in ends]
    slopes = [math.exp(value - 0.5 * z * z - _HALF_LOG_2PI) for z, value in zip(ends, values, strict=True)]
    return np.array(values), np.array(slopes)


_VALUES, _SLOPES = _table()


def surprises(z: Array) -> Array:
    """-ln P(N > z) in nats for roots z >= 0; a cubic through values and slopes of a table."""
    place = np.minimum((z * (1.0 / _WIDTH)).astype(np.int64), _STEPS - 1)
    t = z * (1.0 / _WIDTH) - place
    low, high = _VALUES[place], _VALUES[place + 1]
    rise = high - low
    slope = _SLOPES[place] * _WIDTH - rise
    end_slope = rise - _SLOPES[place + 1] * _WIDTH
    found: Array = low + t * rise + t * (1.0 - t) * (slope * (1.0 - t) + end_slope * t)
    far = np.flatnonzero(z >= _FAR)
    if far.size:
        x = z[far]
        found[far] = 0.5 * x * x + np.log(x) + _HALF_LOG_2PI
    return found


def negative_binomial_roots(count: Array, mean: Array, extra_variance: Array) -> Array:
    """Roots of the deviance of counts above their means; see detectors.brand.tails.negative_binomial_root."""
    shape = mean * mean / extra_variance
    excess = count - mean
    deviance = count * np.log1p(excess / mean) - (count + shape) * np.log1p(excess / (mean + shape))
    root: Array = np.sqrt(np.maximum(2.0 * deviance, 0.0))
    return root


def binomial_roots(successes: Array, trials: Array, probability: Array) -> Array:
    """Roots of the deviance of successes above their expectation; see detectors.brand.tails.binomial_root."""
    failures = np.maximum(trials - successes, 1e-9)
    deviance = successes * np.log(successes / (trials * probability))
    deviance += failures * np.log(failures / (trials * (1.0 - probability)))
    root: Array = np.sqrt(np.maximum(2.0 * deviance, 0.0))
    return root
