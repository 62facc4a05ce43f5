"""When did it begin? A bucket, with the stretch of time it may lie in.

**Crises** (`likely_beginning`): the posterior median over the beginning of an even rise, which makes the absolute error
least, where the likeliest beginning does not. Negatives are held against the mentions that came (binomial), mentions
against those expected (Poisson): tone tells more than volume, which wanders by itself. Length and height of the rise
and tone of what is added come from a coarse prior; all beginnings are as likely. Level and usual share are known but
for an offset, which drifts: its distribution is that of the buckets before, forgotten towards the prior (a power
discount: Smith 1979, "A generalization of the Bayesian steady forecasting model"). Counts weigh as far as they are
independent of each other: mentions through the learned dispersion of an hour.

**Volume or tone alone** (`likeliest_change`): maximum likelihood of one change (Hinkley 1970, "Inference about the
change-point in a sequence of random variables"). Before bucket c every count has its usual mean m; from c on the mean
rises evenly to (1 + a) m over L buckets and stays there. Rises of several lengths are tried. With the weights g of such
a rise, X = sum g x, A = sum g m and B = sum g^2 m, N = X A / B has mean and variance M = A^2 / B where nothing has
changed, as a Poisson count has; its log likelihood ratio is that count's, N ln(N / M) - (N - M). Ratios of several
channels add up. The usual mean itself wanders: counts above it by `MARGIN` of its own deviations are no change,
or every large brand would have changed at its last slow drift.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.observation import BUCKETS_PER_DAY, BUCKETS_PER_HOUR

RISES: Final = (1, 2, 4, 8, 16, 32, 64, 128)
"""Buckets from the beginning of a rise to its full height: five minutes to eleven hours."""
MARGIN: Final = 0.7
"""Deviations of the usual mean, chosen on simulated crises."""
SLACK: Final = 3.0
"""Log likelihood, times the root of the counts' dispersion, by which a bucket of the interval may be below the best."""

RISE_BUCKETS: Final = (3, 9, 36, 108)
"""Lengths of a crisis's rise: a quarter of an hour to nine hours."""
RISE_WEIGHTS: Final = (1.0, 1.0, 1.0, 2.0)
"""Prior of these, chosen on simulated crises like all that follows."""
HEIGHTS: Final = (1.0, 2.0, 5.0)
"""Additional mentions at full height, over the usual ones."""
TONES: Final = (0.6, 0.9)
"""Negative share of the additional mentions."""
OFFSETS: Final = (-1.2, 0.0, 1.2)
"""In deviations: the places at which an offset from the normal is tried."""
VOLUME_OFFSET: Final = (0.28, 4.0)
"""Deviation of the log of the level, and the hours in which half of what was learned of it is forgotten."""
SHARE_OFFSET: Final = (0.3, 12.0)
"""The same of the logit of the negative share."""
SHARE_NOISE: Final = 0.01
"""Variance of an hour's negatives beyond chance, as a share of their mean squared."""
INTERVAL: Final = (0.05, 0.95)
"""Quantiles of the beginning that the interval lies between."""
_TIE: Final = 1e-9
"""Below a quantile, so that the last digit of a sum does not decide between two buckets."""

Array = NDArray[np.float64]

Channel = tuple[Sequence[float], Sequence[float]]
"""Counts by bucket, and their usual means."""
_Sums = tuple[list[float], list[float], list[float]]
"""Of every place the sums from there to the end: of the counts' sums, the means' sums, and these times 2 place + 1."""


class Change(NamedTuple):
    """The first bucket of the change as estimated, and the first and last that may be it; places in the sequence."""

    first: int
    earliest: int
    latest: int


def likely_beginning(
    mentions: Sequence[float],
    negatives: Sequence[float],
    expected: Sequence[float],
    base_rate: float,
    dispersion: float = 1.0,
) -> Change:
    """Where the crisis began that goes on at the end of the counts: the posterior median, and a 90 % interval.

    Args:
        mentions: by bucket, of at most a day; at least one bucket.
        negatives: among them.
        expected: mentions usual in each bucket; 0 where none could be seen.
        base_rate: usual negative share, 0..1.
        dispersion: variance over mean of the mentions of an hour, at least 1.

    Raises:
        ValueError: no bucket, more than a day of them, or sequences of different lengths.
    """
    length = len(mentions)
    if not 0 < length <= BUCKETS_PER_DAY or len(negatives) != length or len(expected) != length:
        raise ValueError(f"expected 1 to {BUCKETS_PER_DAY} buckets of three sequences")
    seen, usual = np.asarray(mentions, np.float64), np.asarray(expected, np.float64)
    bad = np.minimum(np.asarray(negatives, np.float64), seen)
    share = min(max(base_rate, 0.001), 0.999)
    hourly_negatives = share * float(usual[-BUCKETS_PER_HOUR:].sum())
    volume = _volume_evidence(seen / dispersion, usual / dispersion)
    noise = 1.0 + SHARE_NOISE * hourly_negatives
    tone = _tone_evidence(seen / noise, bad / noise, share)
    evidence = volume[:, :, :, None] + tone + np.log(RISE_WEIGHTS)[:, None, None]
    weights = np.exp(evidence - evidence.max()).sum(axis=(1, 2, 3))
    below = np.cumsum(weights / weights.sum())
    earliest, first, latest = (int(np.searchsorted(below, q - _TIE)) for q in (INTERVAL[0], 0.5, INTERVAL[1]))
    return Change(first, earliest, min(latest, length - 1))


def _volume_evidence(seen: Array, usual: Array) -> Array:
    """Log likelihood of the mentions by beginning, length and height of the rise, (length, rises, heights)."""
    length = len(seen)
    deviation, hours = VOLUME_OFFSET
    logs = deviation * np.array(OFFSETS)
    levels = np.exp(logs)
    rises, heights = _RISEN[:length], np.array(HEIGHTS)
    calm = seen[:, None] * logs - usual[:, None] * levels
    added = _sums_from_each((usual, rises))[:, None, :, None] * heights
    told = _sums_from_each((seen, np.log1p(rises[:, :, None] * heights)))
    since = calm[::-1].cumsum(axis=0)[::-1]
    risen = since[:, :, None, None] + told[:, None] - levels[:, None, None] * added
    return _over_offsets(calm, risen, hours)


def _tone_evidence(seen: Array, bad: Array, share: float) -> Array:
    """The same of the negatives among the mentions, by tone of what is added too, (length, rises, heights, tones)."""
    deviation, hours = SHARE_OFFSET
    usual = 1.0 / (1.0 + np.exp(-(math.log(share / (1.0 - share)) + deviation * np.array(OFFSETS))))
    more = _RISEN[: len(seen), :, None] * np.array(HEIGHTS)
    negative = more[..., None] * np.array(TONES)
    shares = (usual[:, None, None, None] + negative[:, None]) / (1.0 + more[:, None, :, :, None])
    calm = bad[:, None] * np.log(usual) + (seen - bad)[:, None] * np.log1p(-usual)
    risen = _sums_from_each((bad, np.log(shares)), (seen - bad, np.log1p(-shares)))
    return _over_offsets(calm, risen, hours)


def _over_offsets(calm: Array, risen: Array, hours: float) -> Array:
    """Log likelihood of all buckets where a rise begins at each, whatever the offset is.

    Args:
        calm: log likelihood of each bucket without a rise, (length, offsets).
        risen: of all buckets from each on with one, (length, offsets, ...).
        hours: in which half of what was learned of the offset is forgotten.
    """
    keep = 0.5 ** (1.0 / (hours * BUCKETS_PER_HOUR))
    # In plain numbers: arrays of three are slow.
    prior = _normed([-0.5 * offset * offset for offset in OFFSETS])[0]
    known, before = [], []
    belief, total = prior, 0.0
    for bucket in calm.tolist():
        known.append(belief)
        before.append(total)
        learned, likelihood = _normed([own + more for own, more in zip(belief, bucket, strict=True)])
        total += likelihood
        kept = [keep * own + (1.0 - keep) * first for own, first in zip(learned, prior, strict=True)]
        belief = _normed(kept)[0]
    rest = (1,) * (risen.ndim - 2)
    after = np.logaddexp.reduce(risen + np.array(known).reshape(*calm.shape, *rest), axis=1)
    summed: Array = after + np.array(before).reshape(-1, *rest)
    return summed


def _normed(logs: list[float]) -> tuple[list[float], float]:
    """Logs of weights that sum to 1, and the log of what they summed to."""
    most = max(logs)
    total = most + math.log(sum(math.exp(value - most) for value in logs))
    return [value - total for value in logs], total


def _sums_from_each(*terms: tuple[Array, Array]) -> Array:
    """Of each place c the sum over t >= c of values[t] times factors[t - c], added up over the terms.

    Args:
        terms: values, (length,), and their factors by distance, (length, ...): correlations, by Fourier transform.
    """
    length, shape = len(terms[0][0]), terms[0][1].shape
    spectrum: NDArray[np.complex128] | float = 0.0
    for values, by_distance in terms:
        columns = np.fft.rfft(by_distance.reshape(length, -1), 2 * length, axis=0)
        spectrum = spectrum + np.fft.rfft(values[::-1], 2 * length)[:, None] * columns
    sums: Array = np.fft.irfft(spectrum, 2 * length, axis=0)[length - 1 :: -1]
    return sums.reshape(shape)


_RISEN: Final[Array] = np.minimum((np.arange(BUCKETS_PER_DAY)[:, None] + 0.5) / np.array(RISE_BUCKETS), 1.0)
"""How far a rise has come so many buckets after its beginning, (a day's buckets, rises)."""


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
