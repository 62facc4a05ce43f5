"""Evidence measured against the brand's own extremes: what does an ordinary day's maximum look like here?

Dividing a surprise by the spread of the series' own daily maxima is what makes one threshold serve big and small,
calm and rough brands; nominal tail probabilities break under autocorrelation by one to three orders of magnitude.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import Final

import msgspec

from detectors.brand.params import PARAMS, Prior

SKIPPED_DAYS: Final = PARAMS.skipped_days
KNOWN_SIZES: Final = PARAMS.known_sizes
MAX_SILENT_DAYS: Final = 60
"""Days of silence that are learned one by one; a longer one is as good as forgetting."""

Fives = tuple[float, float, float, float, float]
"""A number for each kind of evidence: the crisis groups short, long, extra; shift; surge."""


_NOTHING: Final[Fives] = (0.0,) * 5
_ROW: Final = struct.Struct("<3d")
_HISTORY: Final = struct.Struct("<15d")


def prior_at(values: Sequence[float], log_size: float) -> float:
    """Linear interpolation of a prior over log size, flat beyond the ends."""
    if log_size <= KNOWN_SIZES[0]:
        return values[0]
    for i in (1, 2):
        if log_size <= KNOWN_SIZES[i]:
            f = (log_size - KNOWN_SIZES[i - 1]) / (KNOWN_SIZES[i] - KNOWN_SIZES[i - 1])
            return values[i - 1] + f * (values[i] - values[i - 1])
    return values[2]


class DailyMaxima(msgspec.Struct, array_like=True, gc=False):
    """Standardises evidence: (evidence - mean) / deviation of this brand's own daily maxima.

    Attributes:
        day, days: the day that is open, and how many have ended.
        mean, deviation: of the daily maxima, as believed since the day began.
        maximum: of the day that is open, so far.
        history: a row for each kind of evidence, packed: decayed sum, squares about the mean and number of its maxima.
    """

    day: int = -1
    days: int = 0
    mean: Fives = (-1.0,) * 5
    deviation: Fives = (1.0,) * 5
    maximum: Fives = (0.0,) * 5
    history: bytes = bytes(_HISTORY.size)

    def __post_init__(self) -> None:
        if len(self.history) != _HISTORY.size:
            raise ValueError(f"expected {_HISTORY.size} bytes of daily maxima, got {len(self.history)}")

    def standardise(self, evidence: Fives) -> Fives:
        """Deviations above an ordinary day's maximum; meaningless before the first day has ended."""
        a, b, c, d, e = evidence
        m, n, o, p, q = self.mean
        v, w, x, y, z = self.deviation
        return (a - m) / v, (b - n) / w, (c - o) / x, (d - p) / y, (e - q) / z

    def see(self, evidence: Fives) -> None:
        """Take part in today's maximum."""
        a, b, c, d, e = self.maximum
        v, w, x, y, z = evidence
        if v > a or w > b or x > c or y > d or z > e:
            self.maximum = (max(a, v), max(b, w), max(c, x), max(d, y), max(e, z))

    def forget_surges(self, prior: Prior, log_size: float) -> None:
        """Let the maxima of surges begin anew from their prior, as in a brand that has not been seen."""
        self.history = self.history[: -_ROW.size] + bytes(_ROW.size)
        self.maximum = (*self.maximum[:4], 0.0)
        if self.days:
            self.mean = (*self.mean[:4], prior_at(prior.mean, log_size))
            self.deviation = (*self.deviation[:4], prior_at(prior.deviation, log_size))

    def enter_day(
        self,
        day: int,
        priors: Sequence[Prior],
        log_size: float,
        unobserved_days: int = 0,
        left_out: tuple[bool, ...] = (),
    ) -> None:
        """Close the days before `day`.

        Args:
            day: the day that begins, after the open one.
            priors: of each kind of evidence.
            log_size: log of the level in mentions an hour.
            unobserved_days: whole days since the last one of which nothing is known: nothing is learned from them.
            left_out: whether the first, second ... of the ended days teaches nothing; those beyond its end do.
        """
        # Days of silence have the maximum 0.
        silent = min(max(day - self.day - 1 - unobserved_days, 0), MAX_SILENT_DAYS)
        ended = [] if self.day < 0 else [self.maximum, *[_NOTHING] * silent]
        skipped = max(SKIPPED_DAYS - self.days, 0)
        learned = [
            maxima
            for place, maxima in enumerate(ended)
            if place >= skipped and not (place < len(left_out) and left_out[place])
        ]
        history: list[float] = []
        means, deviations = [], []
        for kind, (row, prior) in enumerate(zip(_ROW.iter_unpack(self.history), priors, strict=True)):
            total, squares, weight = row
            prior_mean = prior_at(prior.mean, log_size)
            keep = 0.5 ** (1.0 / prior.half_life_days)
            for maxima in learned:
                mean = (total + prior.mean_days * prior_mean) / (weight + prior.mean_days)
                clipped = min(maxima[kind], mean + prior.clip * self.deviation[kind])
                squares = squares * keep + (clipped - mean) ** 2
                total = total * keep + clipped
                weight = weight * keep + 1.0
            history += (total, squares, weight)
            means.append((total + prior.mean_days * prior_mean) / (weight + prior.mean_days))
            prior_variance = prior_at(prior.deviation, log_size) ** 2
            variance = (squares + prior.deviation_days * prior_variance) / (weight + prior.deviation_days)
            deviations.append(max(math.sqrt(variance), prior.min_deviation))
        self.day, self.days = day, self.days + len(ended)
        self.maximum = _NOTHING
        self.mean, self.deviation = _five(means), _five(deviations)
        self.history = _HISTORY.pack(*history)


def _five(values: Sequence[float]) -> Fives:
    a, b, c, d, e = values
    return a, b, c, d, e
