"""What the daily maxima of the crisis score look like over all brands of a partition, and the correction it implies.

A brand's own calibration knows the mean and the deviation of its daily maxima, not how heavy their tail is: threads of
mentions, a poor classifier or a very calm world change the tail, and with it the number of false alarms that a
threshold gives. One brand has too few days to learn a tail that matters once a year; a fleet has enough.

Method: peaks over a threshold with exponential excesses (Pickands 1975; Davison & Smith 1990), pooled over brands by
size and shrunk to the tail that the shipped thresholds were measured with. A score is then moved to the value that was
as rare under that tail.

Days of crises are in it as well, and nobody says which they are. So peaks are taken from where they are common, on
every tenth day, up to a height that few of them exceed, and their scale is that of an exponential law cut off there
(Deemer & Votaw 1955, "Estimation of parameters of truncated and censored exponential distributions"). A day above that
is a crisis as a rule and is left out (detectors.brand.quarantine). A brand that has many of them has no crisis on each,
but a heavy tail: those beyond its credit count, up to a height. No correction is in what it is made of.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from functools import lru_cache
from typing import Final

import msgspec

from detectors.brand.params import PARAMS

SIZES: Final = PARAMS.tail_sizes
PEAK_LEVEL: Final = PARAMS.peak_level
PEAKS_PER_DAY: Final = PARAMS.peaks_per_day
EXCESS: Final = PARAMS.excess
PRIOR_PEAKS: Final = PARAMS.prior_peaks
HALF_LIFE_DAYS: Final = PARAMS.tail_half_life_days
YOUNG_DAYS: Final = PARAMS.young_days
MAX_ENDED_DAYS: Final = PARAMS.max_ended_days
MOST: Final = PARAMS.max_peak - PEAK_LEVEL
"""Height of an ordinary peak, at most."""
MAX_HIGH: Final = 2.0 * MOST
"""Up to which a height above that counts."""
MAX_FACTOR: Final = PARAMS.max_factor
MAX_STRETCH: Final = PARAMS.max_stretch
PLACES: Final = range(len(SIZES))
_FORMER_PEAK_LEVEL: Final = 2.6
_HALVINGS: Final = 40


class TailState(msgspec.Struct, array_like=True, kw_only=True):
    """Decayed sums by size: days, peaks among them, excess of these; and what came since the day began.

    `peak_level` is the score above which peaks were counted; a state written before this was kept has no other. `high`
    and `high_excess` are days whose peak is higher than MOST and that were not left out, and the height of these peaks.
    """

    day: int = -1
    days: list[float] = msgspec.field(default_factory=lambda: [0.0] * len(SIZES))
    peaks: list[float] = msgspec.field(default_factory=lambda: [0.0] * len(SIZES))
    excess: list[float] = msgspec.field(default_factory=lambda: [0.0] * len(SIZES))
    new_days: list[float] = msgspec.field(default_factory=lambda: [0.0] * len(SIZES))
    new_peaks: list[float] = msgspec.field(default_factory=lambda: [0.0] * len(SIZES))
    new_excess: list[float] = msgspec.field(default_factory=lambda: [0.0] * len(SIZES))
    peak_level: float = _FORMER_PEAK_LEVEL
    high: list[float] = msgspec.field(default_factory=lambda: [0.0] * len(SIZES))
    new_high: list[float] = msgspec.field(default_factory=lambda: [0.0] * len(SIZES))
    high_excess: list[float] = msgspec.field(default_factory=lambda: [0.0] * len(SIZES))
    new_high_excess: list[float] = msgspec.field(default_factory=lambda: [0.0] * len(SIZES))

    def begin_anew(self) -> None:
        """Forget sums of peaks above another level than today's."""
        for old, new in self.sums():
            old[:] = new[:] = [0.0] * len(SIZES)
        self.peak_level = PEAK_LEVEL

    def sums(self) -> tuple[tuple[list[float], list[float]], ...]:
        """Every sum by size as it counts, and what came to it since the day began."""
        return (
            (self.days, self.new_days),
            (self.peaks, self.new_peaks),
            (self.excess, self.new_excess),
            (self.high, self.new_high),
            (self.high_excess, self.new_high_excess),
        )


class PooledTail:
    """The pooled tail of one partition.

    What a day brought counts from the day after the next on: a day's correction is settled before its first bucket, so
    that it does not depend on the order in which brands are visited.
    """

    __slots__ = ("shift", "state", "stretch")

    def __init__(self, state: TailState | None = None) -> None:
        self.state = state or TailState()
        if self.state.peak_level != PEAK_LEVEL:
            self.state.begin_anew()
        self.shift: list[float]
        self.stretch: list[float]
        self._settle()

    def enter_day(self, day: int) -> None:
        """Let what came before `day` count; nothing happens for a day that has begun, or an earlier one."""
        s = self.state
        if day <= s.day:
            return
        keep = 0.5 ** ((day - s.day) / HALF_LIFE_DAYS) if s.day >= 0 else 1.0
        for old, new in s.sums():
            for i in PLACES:
                old[i] = old[i] * keep + new[i]
                new[i] = 0.0
        s.day = day
        self._settle()

    def next_day(
        self, day: int, log_size: float, age: int, days: int, maximum: float, left_out: tuple[bool, ...] = ()
    ) -> tuple[float, float]:
        """Let a brand enter a day: what its ended days brought is counted, the correction of the new one settled.

        Args:
            day: that begins.
            log_size: log of the brand's level in mentions an hour.
            age: days of the brand that had ended before; brands younger than YOUNG_DAYS teach nothing.
            days: that end now.
            maximum: of the first of them; -inf where it had no score.
            left_out: whether the first, second ... of them does not count; those beyond its end count.

        Returns:
            Shift and stretch of the brand's scores on the day.
        """
        self.enter_day(day)
        if age >= YOUNG_DAYS and maximum > -math.inf:
            silent = max(days, 1) - 1 - sum(left_out[1:])
            if not any(left_out[:1]):
                self.add(log_size, 1, maximum)
            if silent > 0:
                self.add(log_size, min(silent, MAX_ENDED_DAYS), 0.0)
        return self.correction(log_size)

    def add(self, log_size: float, days: int, maximum: float) -> None:
        """Count days of a brand: their number, and the maximum of the first."""
        s = self.state
        place, weight = place_of(log_size)
        excess = maximum - PEAK_LEVEL
        for i, share in ((place, 1.0 - weight), (place + 1, weight)):
            s.new_days[i] += share * days
            if excess > MOST:
                s.new_high[i] += share
                s.new_high_excess[i] += share * min(excess, MAX_HIGH)
            elif excess > 0.0:
                s.new_peaks[i] += share
                s.new_excess[i] += share * excess

    def correction(self, log_size: float) -> tuple[float, float]:
        """Shift and stretch of the scores of a brand of this size; (0, 1) where nothing is known."""
        place, weight = place_of(log_size)
        return (
            self.shift[place] * (1.0 - weight) + self.shift[place + 1] * weight,
            self.stretch[place] * (1.0 - weight) + self.stretch[place + 1] * weight,
        )

    def _settle(self) -> None:
        s = self.state
        self.shift, self.stretch = [], []
        for days, peaks, excess, high, more in zip(s.days, s.peaks, s.excess, s.high, s.high_excess, strict=True):
            known = peaks + PRIOR_PEAKS
            total = excess + PRIOR_PEAKS * _SHIPPED_MEAN
            # Where no day above MOST counts the law is cut off there; where many do, it is not: the greater scale.
            scale = max(scale_of(total / known), min((total + more) / (known + high), EXCESS * MAX_STRETCH))
            rate = (known + high) / (days + PRIOR_PEAKS / PEAKS_PER_DAY)
            factor = min(max(PEAKS_PER_DAY / rate, 1.0 / MAX_FACTOR), MAX_FACTOR)
            self.shift.append(EXCESS * math.log(factor))
            self.stretch.append(EXCESS / scale if peaks or high else 1.0)


def truncated_mean(scale: float) -> float:
    """Mean of an exponential law of this scale below MOST."""
    return scale - MOST / math.expm1(MOST / scale)


@lru_cache(maxsize=256)  # one size changes at a time
def scale_of(mean: float) -> float:
    """Scale of the exponential law whose mean below MOST this is, within MAX_STRETCH of the shipped one.

    The equation has no closed form; the mean grows with the scale, so the answer is found by halving.
    """
    low, high = EXCESS / MAX_STRETCH, EXCESS * MAX_STRETCH
    if not truncated_mean(low) < mean < truncated_mean(high):
        return low if mean <= truncated_mean(low) else high
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if truncated_mean(middle) < mean else (low, middle)
    return 0.5 * (low + high)


def corrected(score: float, shift: float, stretch: float) -> float:
    """The score under the shipped tail that is as rare as this one is here."""
    excess = score - PEAK_LEVEL
    return PEAK_LEVEL + shift + (excess * stretch if excess > 0.0 else excess)


def place_of(log_size: float) -> tuple[int, float]:
    """The known size below (the last but one at most) and the weight of the one above it."""
    place = min(max(bisect_right(SIZES, log_size) - 1, 0), len(SIZES) - 2)
    weight = (log_size - SIZES[place]) / (SIZES[place + 1] - SIZES[place])
    return place, min(max(weight, 0.0), 1.0)


_SHIPPED_MEAN: Final = truncated_mean(EXCESS)
