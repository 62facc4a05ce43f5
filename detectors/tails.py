"""Tail probabilities as surprise in nats, exact enough far out and cheap enough for every bucket of every brand.

The signed root of a deviance is close to standard normal even for small counts (McCullagh & Nelder, Generalized
Linear Models, 2nd ed., 1989, section 2.4), so one normal tail serves the negative binomial and the binomial alike.
"""

from __future__ import annotations

import math

_SQRT2 = math.sqrt(2.0)
_HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)
_FAR = 12.0


def surprise(z: float) -> float:
    """-ln P(N > z) of a standard normal N, in nats: 0.69 at z = 0, 13.3 at z = 4.75."""
    if z < _FAR:
        return -math.log(0.5 * math.erfc(z / _SQRT2)) if z > -_FAR else 0.0
    # Mills' ratio: erfc underflows near z = 38, long before a burst on a big brand ends.
    return 0.5 * z * z + math.log(z) + _HALF_LOG_2PI


def negative_binomial_root(count: float, mean: float, extra_variance: float) -> float:
    """Signed root of the deviance of `count` under a negative binomial.

    Args:
        count: observed count, >= 0 (half a count less for a continuity correction is the caller's choice).
        mean: expected count, > 0.
        extra_variance: variance beyond Poisson's, > 0; the shape is mean^2 / extra_variance.

    Returns:
        Positive where the count exceeds the mean.
    """
    shape = mean * mean / extra_variance
    count = max(count, 1e-9)
    deviance = 2.0 * (count * math.log(count / mean) - (count + shape) * math.log((count + shape) / (mean + shape)))
    root = math.sqrt(max(deviance, 0.0))
    return root if count > mean else -root


def binomial_root(successes: float, trials: float, probability: float) -> float:
    """Signed root of the deviance of `successes` among `trials` at `probability` (all may be fractional)."""
    successes = max(successes, 1e-9)
    failures = max(trials - successes, 1e-9)
    deviance = 2.0 * (
        successes * math.log(successes / (trials * probability))
        + failures * math.log(failures / (trials * (1.0 - probability)))
    )
    root = math.sqrt(max(deviance, 0.0))
    return root if successes > trials * probability else -root
