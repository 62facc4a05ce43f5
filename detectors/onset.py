"""When did it begin? The change that makes the last buckets likeliest, with the stretch of time it may lie in.

Maximum likelihood of one change (Hinkley 1970, "Inference about the change-point in a sequence of random variables"):
before bucket c every count has its usual mean m; from c on the mean rises evenly to (1 + a) m over L buckets and stays
there. Rises of several lengths are tried, because a crisis that burns slowly is no step, and a step fitted to it lies
hours after its beginning. With the weights g of such a rise, X = sum g x, A = sum g m and B = sum g^2 m, N = X A / B
has mean and variance M = A^2 / B where nothing has changed, as a Poisson count has; its log likelihood ratio is that
count's, N ln(N / M) - (N - M). Ratios of several channels add up.

The usual mean itself wanders: counts above it by `MARGIN` of its own deviations are no change, or every large brand
would have changed at its last slow drift.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import Final, NamedTuple

RISES: Final = (1, 2, 4, 8, 16, 32, 64, 128)
"""Buckets from the beginning of a rise to its full height: five minutes to eleven hours."""
MARGIN: Final = 0.7
"""Deviations of the usual mean, chosen on simulated crises."""
SLACK: Final = 3.0
"""Log likelihood, times the root of the counts' dispersion, by which a bucket of the interval may be below the best."""

Channel = tuple[Sequence[float], Sequence[float]]
"""Counts by bucket, and their usual means."""
_Sums = tuple[list[float], list[float], list[float]]
"""Of every place the sums from there to the end: of the counts' sums, the means' sums, and these times 2 place + 1."""


class Change(NamedTuple):
    """The likeliest first bucket of the change, and the first and last that may be it; places in the sequence."""

    first: int
    earliest: int
    latest: int


def likeliest_change(channels: Sequence[Channel], noise: float = 0.0, dispersion: float = 1.0) -> Change:
    """Where the change began that goes on at the end of the counts.

    Args:
        channels: counts that rise together, of equal length; at least one bucket.
        noise: deviation of the usual mean over an hour, as a share of it.
        dispersion: variance over mean of the counts of an hour, at least 1.

    Raises:
        ValueError: no channel, or no bucket.
    """
    if not channels or not channels[0][0]:
        raise ValueError("expected at least one channel with at least one bucket")
    lift = 1.0 + MARGIN * noise
    sums = [_sums(observed, [lift * mean for mean in expected]) for observed, expected in channels]
    ratios = [0.0] * len(channels[0][0])
    for rise in RISES:
        ratios = list(map(max, ratios, _ratios(sums, rise, len(ratios))))
    best = max(range(len(ratios)), key=lambda place: (ratios[place], place))
    least = ratios[best] - SLACK * math.sqrt(dispersion)
    earliest = latest = best
    while earliest > 0 and ratios[earliest - 1] >= least:
        earliest -= 1
    while latest + 1 < len(ratios) and ratios[latest + 1] >= least:
        latest += 1
    return Change(best, earliest, latest)


def _sums(observed: Sequence[float], expected: Sequence[float]) -> _Sums:
    means = _from_the_end(expected)
    odd = [(2 * place + 1) * mean for place, mean in enumerate(means)]
    return _from_the_end(_from_the_end(observed)), _from_the_end(means), _from_the_end(odd)


def _ratios(channels: Sequence[_Sums], rise: int, length: int) -> list[float]:
    """Log likelihood ratio of a rise of so many buckets that begins at each place; 0 where the counts do not rise."""
    ratios = [0.0] * length
    for observed, expected, odd in channels:
        for place in range(length):
            after = min(place + rise, length)
            # g at distance d is min(d + 1, L) / L: the number of the places c .. c + L - 1 at or before it, over L.
            x = observed[place] - observed[after]
            a = expected[place] - expected[after]
            if x > a > 0.0:
                m = a * a / (odd[place] - odd[after] - 2 * place * a)
                n = m * x / a
                ratios[place] += n * math.log(x / a) - (n - m)
    return ratios


def _from_the_end(values: Sequence[float]) -> list[float]:
    """Of each place the sum from there to the end; one more, 0, behind the last."""
    sums = list(accumulate(reversed(values), initial=0.0))
    sums.reverse()
    return sums
