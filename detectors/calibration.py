"""Evidence measured against the brand's own extremes: what does an ordinary day's maximum look like here?

Dividing a surprise by the spread of the series' own daily maxima is what makes one threshold serve big and small,
calm and rough brands; nominal tail probabilities break under autocorrelation by one to three orders of magnitude.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import msgspec

SKIPPED_DAYS: Final = 2
"""The first days teach nothing: the level is still finding itself."""
KNOWN_SIZES: Final = (math.log(3.16), math.log(122.0), math.log(3160.0))
"""Log mentions an hour of the sizes at which priors were measured (small, medium, large)."""


class Prior(msgspec.Struct, frozen=True):
    """What is believed of a brand's daily maxima before they are seen, by size, and how fast belief gives way."""

    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]
    mean_days: float
    deviation_days: float
    half_life_days: float
    cut: float
    least_deviation: float


class CalibrationState(msgspec.Struct, array_like=True, kw_only=True):
    """Decayed sums of the daily maxima and today's maximum so far."""

    day: int = -1
    days: int = 0
    maximum: float = 0.0
    sum: float = 0.0
    weight: float = 0.0
    squares: float = 0.0
    mean: float = -1.0
    deviation: float = 1.0


def prior_at(values: Sequence[float], log_size: float) -> float:
    """Linear interpolation of a prior over log size, flat beyond the ends."""
    if log_size <= KNOWN_SIZES[0]:
        return values[0]
    for i in (1, 2):
        if log_size <= KNOWN_SIZES[i]:
            f = (log_size - KNOWN_SIZES[i - 1]) / (KNOWN_SIZES[i] - KNOWN_SIZES[i - 1])
            return values[i - 1] + f * (values[i] - values[i - 1])
    return values[2]


class DailyMaxima:
    """Standardises one kind of evidence: (evidence - mean) / deviation of this brand's own daily maxima."""

    __slots__ = ("prior", "state")

    def __init__(self, prior: Prior, state: CalibrationState | None = None) -> None:
        self.prior = prior
        self.state = state or CalibrationState()

    def standardise(self, evidence: float) -> float:
        """Deviations above an ordinary day's maximum; meaningless before the first day has ended."""
        return (evidence - self.state.mean) / self.state.deviation

    def enter_day(self, day: int, log_size: float, unobserved_days: int = 0) -> None:
        """Close the days before `day`.

        Args:
            day: the day that begins.
            log_size: log of the level in mentions an hour.
            unobserved_days: whole days since the last one of which nothing is known: nothing is learned from them.
        """
        s = self.state
        if day == s.day:
            return
        if s.day >= 0:
            s.days += 1
            if s.days > SKIPPED_DAYS:
                self._learn(s.maximum, log_size)
            # Days of silence have the maximum 0; a long one is as good as forgetting.
            for _ in range(min(max(day - s.day - 1 - unobserved_days, 0), 60)):
                s.days += 1
                if s.days > SKIPPED_DAYS:
                    self._learn(0.0, log_size)
        s.day = day
        s.maximum = 0.0
        p = self.prior
        mean0, deviation0 = prior_at(p.mean, log_size), prior_at(p.deviation, log_size)
        s.mean = (s.sum + p.mean_days * mean0) / (s.weight + p.mean_days)
        variance = (s.squares + p.deviation_days * deviation0**2) / (s.weight + p.deviation_days)
        s.deviation = max(math.sqrt(variance), p.least_deviation)

    def see(self, evidence: float) -> None:
        """Take part in today's maximum."""
        self.state.maximum = max(self.state.maximum, evidence)

    def _learn(self, maximum: float, log_size: float) -> None:
        s, p = self.state, self.prior
        keep = 0.5 ** (1.0 / p.half_life_days)
        mean = (s.sum + p.mean_days * prior_at(p.mean, log_size)) / (s.weight + p.mean_days)
        cut = min(maximum, mean + p.cut * s.deviation)
        s.squares = s.squares * keep + (cut - mean) ** 2
        s.sum = s.sum * keep + cut
        s.weight = s.weight * keep + 1.0
