"""The held-out worlds: a second family on other laws than `ordinary`, for a detector developed on the first.

Mentions excite mentions: each one sets off others in its own tone, which set off others in turn (a Hawkes process in
discrete time: Hawkes 1971; the form with a geometric kernel is a sum of binomial releases, so that whole fleets are
drawn bucket by bucket). The rate has long memory (a sum of autoregressions on four time scales), the day has the
shape of a von Mises density, levels switch between regimes, benign bursts are heavy-tailed, weekends and holidays
count, and the classifier that sees the negatives drifts. No constant of the detector was chosen on these worlds.
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.simulation.worlds.ordinary import Array, Burst, Latent
from schemas.observation import BUCKETS_PER_DAY, BUCKETS_PER_HOUR

SIZES: Final = {"S": (1.0, 21.5), "M": (21.5, 464.0), "L": (464.0, 10_000.0)}
"""Mentions per hour: thirds of one fleet whose sizes are even on a logarithmic scale from 1 to 10,000."""

HALF_LIVES_HOURS: Final = (0.5, 4.0, 36.0, 240.0)
_KEEP: Final = 0.5 ** (1.0 / (BUCKETS_PER_HOUR * np.array(HALF_LIVES_HOURS)))[:, None]
_INNOVATION: Final = np.sqrt(1.0 - _KEEP**2)
_RISE_BUCKETS: Final = 3.0
_MAX_BURST_BUCKETS: Final = BUCKETS_PER_DAY
_DRIFT_DAYS: Final = 21.0

Range = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOutLaw:
    """The law of a held-out world: how it varies without any crisis. From ranges each brand draws a value, evenly.

    Attributes:
        text: the law in words.
        rate_memory: deviations of the log rate's parts, one for each of HALF_LIVES_HOURS.
        share_memory: the same of the negative share's logit.
        branching: mentions set off directly by one mention; 1 / (1 - branching) is the mean size of a cascade.
        loyalty: share of these that have the tone of what set them off; the others have the tone of the hour.
        response_minutes: half-life of the wait between a mention and what it sets off.
        regimes_per_year: changes of the level; each new level is exp(normal of `regime_deviation`) times the first.
        bursts_per_year: benign bursts per brand and year.
        burst_tail: exponent of the Pareto law of their additional volume; the smaller, the heavier the tail.
        max_burst: volume over normal at which the tail is clipped.
        weekend: volume on Saturday and Sunday over that of other days.
        holidays_per_year: holidays, common to all brands.
        holiday: volume on them over that of other days.
        sensitivity, specificity: between which the classifier that sees the negatives drifts, over weeks.
    """

    text: str
    rate_memory: tuple[float, float, float, float] = (0.12, 0.14, 0.14, 0.14)
    share_memory: tuple[float, float, float, float] = (0.08, 0.1, 0.1, 0.1)
    branching: Range = (0.0, 0.0)
    loyalty: float = 0.8
    response_minutes: Range = (10.0, 60.0)
    regimes_per_year: float = 0.0
    regime_deviation: float = 0.5
    bursts_per_year: float = 12.0
    burst_tail: float = 2.0
    max_burst: float = 8.0
    weekend: Range = (0.7, 1.2)
    holidays_per_year: float = 0.0
    holiday: Range = (0.3, 2.0)
    sensitivity: Range = (1.0, 1.0)
    specificity: Range = (1.0, 1.0)

    @property
    def has_classifier(self) -> bool:
        """False where the negatives are seen as they are."""
        return min(*self.sensitivity, *self.specificity) < 1.0


_PLAIN: Final = HeldOutLaw(text="rates with memory on four time scales")
WORLDS: Final = {
    "contagion": replace(_PLAIN, text="mentions set off mentions of their tone, in cascades", branching=(0.3, 0.7)),
    "long-memory": replace(
        _PLAIN,
        text="strong memory of rate and share from half an hour to ten days",
        rate_memory=(0.2, 0.25, 0.25, 0.25),
        share_memory=(0.15, 0.2, 0.2, 0.2),
    ),
    "regimes": replace(_PLAIN, text="the level switches 12 times a year", regimes_per_year=12.0),
    "heavy-tails": replace(
        _PLAIN,
        text="24 benign bursts a year with a Pareto tail of 1.1, up to x60",
        bursts_per_year=24.0,
        burst_tail=1.1,
        max_burst=60.0,
    ),
    "calendar": replace(
        _PLAIN, text="heavy weekends and 30 holidays a year", weekend=(1.3, 4.0), holidays_per_year=30.0
    ),
    "drift": replace(
        _PLAIN,
        text="negatives through a classifier that drifts over weeks",
        sensitivity=(0.6, 0.95),
        specificity=(0.8, 0.97),
    ),
    "all-at-once": HeldOutLaw(
        text="all of these together, each milder",
        rate_memory=(0.15, 0.18, 0.18, 0.18),
        share_memory=(0.1, 0.13, 0.13, 0.13),
        branching=(0.1, 0.5),
        regimes_per_year=6.0,
        regime_deviation=0.35,
        bursts_per_year=18.0,
        burst_tail=1.4,
        max_burst=30.0,
        weekend=(0.6, 2.0),
        holidays_per_year=15.0,
        sensitivity=(0.75, 0.97),
        specificity=(0.88, 0.99),
    ),
}


class HeldOutStream:
    """The days of a fleet in a held-out world, in order."""

    shifts: Final = False
    """No world of this family shifts every brand when scoring starts."""
    crisis_every_days: Final = 10
    """No multiple of seven: crises begin on every day of the week, for here the days differ."""

    def __init__(self, world: str, sizes: tuple[str, ...], brands: int, *, days: int, seed: int) -> None:
        """Draw every brand's character, its benign bursts and the calendar.

        Args:
            world: a key of WORLDS.
            sizes: keys of SIZES; brands come size by size.
            brands: number of brands of each size.
            days: maximum number of days that will be asked for.
            seed: same seed and arguments, same fleet.
        """
        self.law = law = WORLDS[world]
        self.sizes = np.repeat(np.array(sizes), brands)
        count = len(self.sizes)
        self._rng = rng = np.random.default_rng([seed, zlib.crc32(world.encode()), 3])
        low, high = (np.array([math.log(SIZES[size][end]) for size in self.sizes]) for end in (0, 1))
        self.rate = np.exp(rng.uniform(low, high))
        """Mentions per hour of each brand."""
        self.base_share = rng.beta(3.0, 14.0, count).clip(0.04, 0.4)
        self._logit = np.log(self.base_share / (1.0 - self.base_share))
        temper = rng.uniform(0.7, 1.3, count)
        self._deviation = np.array(law.rate_memory)[:, None] * temper
        self._share_deviation = np.array(law.share_memory)[:, None] * temper
        self._state = rng.standard_normal((2, len(_KEEP), count))
        self._day_kappa, self._day_peak = rng.uniform(0.3, 1.0, count), rng.uniform(0.0, 24.0, count)
        self._weekend = rng.uniform(*law.weekend, count)
        self._holiday = np.exp(rng.uniform(math.log(law.holiday[0]), math.log(law.holiday[1]), count))
        self._holidays = np.flatnonzero(rng.random(days) < law.holidays_per_year / 365.0)
        self._regime = np.zeros(count)
        self.bursts = self._draw_bursts(days)
        self._sampler = CascadeSampler(law, count, days, rng)
        self.day = 0

    def sampler(self) -> CascadeSampler:
        """A sampler of this stream's counts, in order from the first bucket."""
        return self._sampler.copy()

    def next_day(self) -> Latent:
        """The next 288 buckets; rates count every mention, those that others set off included."""
        rng, count = self._rng, len(self.rate)
        steps = rng.standard_normal((BUCKETS_PER_DAY, 2, len(_KEEP), count))
        steps *= _INNOVATION
        for row in steps:
            self._state = _KEEP * self._state + row
            row[:] = self._state
        log_rate = (steps[:, 0] * self._deviation).sum(axis=1) - 0.5 * (self._deviation**2).sum(axis=0)
        rate = self.rate / BUCKETS_PER_HOUR * self._season() * np.exp(log_rate + self._regimes())
        share = 1.0 / (1.0 + np.exp(-(self._logit + (steps[:, 1] * self._share_deviation).sum(axis=1))))
        first = self.day * BUCKETS_PER_DAY
        for burst in self.bursts:
            begin, end = max(burst.start - first, 0), min(burst.end - first, BUCKETS_PER_DAY)
            if begin < end:
                shape = _flare(np.arange(begin, end, dtype=np.float64) + (first - burst.start + 0.5), burst)
                rate[begin:end, burst.brand] *= 1.0 + (burst.ratio - 1.0) * shape
                share[begin:end, burst.brand] *= 1.0 - (1.0 - burst.share) * shape
        self.day += 1
        return Latent(rate, share)

    def _season(self) -> Array:
        hours = (np.arange(BUCKETS_PER_DAY) + 0.5)[:, None] / BUCKETS_PER_HOUR
        # A von Mises density over the day, over its mean: exp(kappa cos) / I0(kappa).
        season: Array = np.exp(self._day_kappa * np.cos((hours - self._day_peak) * (2.0 * math.pi / 24.0)))
        season /= np.i0(self._day_kappa)
        week = np.where(self.day % 7 >= 5, self._weekend, 1.0) * 7.0 / (5.0 + 2.0 * self._weekend)
        season *= week * (self._holiday if self.day in self._holidays else 1.0)
        return season

    def _regimes(self) -> Array:
        """The log level in force in each bucket of the day."""
        rng = self._rng
        level = np.tile(self._regime, (BUCKETS_PER_DAY, 1))
        if self.law.regimes_per_year:
            switching = np.flatnonzero(rng.random(level.shape[1]) < self.law.regimes_per_year / 365.0)
            for brand in switching:
                self._regime[brand] = rng.normal(0.0, self.law.regime_deviation)
                level[int(rng.integers(BUCKETS_PER_DAY)) :, brand] = self._regime[brand]
        return level

    def _draw_bursts(self, days: int) -> list[Burst]:
        rng, law = self._rng, self.law
        found = []
        for brand in range(len(self.rate)):
            for start in np.sort(
                rng.integers(0, days * BUCKETS_PER_DAY, rng.poisson(law.bursts_per_year * days / 365.0))
            ):
                ratio = min(1.0 + rng.random() ** (-1.0 / law.burst_tail), law.max_burst)
                length = min(int(math.exp(rng.normal(math.log(4.0), 0.8)) * BUCKETS_PER_HOUR), _MAX_BURST_BUCKETS)
                share = 1.0 if rng.random() < 0.5 else rng.uniform(0.5, 1.0)
                found.append(Burst(brand, int(start), int(start) + max(length, 6), ratio, share))
        return found


class CascadeSampler:
    """A sampler with memory: its state is the mentions that are still to be set off."""

    def __init__(self, law: HeldOutLaw, brands: int, days: int, rng: np.random.Generator) -> None:
        """Draw how excitable each brand's public is, and the classifier's path through the run.

        Args:
            law: law of the world.
            brands: number of brands, of all sizes.
            days: length of the run.
            rng: source of the draws; not kept.
        """
        self._branching = rng.uniform(*law.branching, brands)
        self._release = 1.0 - 0.5 ** (5.0 / rng.uniform(*law.response_minutes, brands))
        self._loyalty = law.loyalty
        self._pending = np.zeros((2, brands), np.int64)
        self._bucket = 0
        self._classifier = _drifting(law, brands, days, rng) if law.has_classifier else None

    def copy(self) -> CascadeSampler:
        """An independent sampler in the same state."""
        twin = object.__new__(CascadeSampler)
        twin.__dict__ |= self.__dict__
        twin._pending = self._pending.copy()
        return twin

    def draw(self, latent: Latent, rng: np.random.Generator) -> tuple[Array, Array]:
        """Mentions and seen negatives of the next buckets, (buckets, brands)."""
        shape = latent.rate.shape
        mentions, negatives = np.empty(shape), np.empty(shape)
        own = latent.rate * (1.0 - self._branching)
        excited = bool(self._branching.any())
        for row, (rate, share) in enumerate(zip(own, latent.share, strict=True)):
            new = rng.poisson(rate)
            negative = rng.binomial(new, share)
            if excited:
                released = rng.binomial(self._pending, self._release)
                loyal = rng.binomial(released, self._loyalty)
                others = released.sum(axis=0) - loyal.sum(axis=0)
                negative = negative + loyal[0] + rng.binomial(others, share)
                new = new + released.sum(axis=0)
                born = rng.poisson(self._branching * np.stack([negative, new - negative]))
                self._pending = self._pending - released + born
            if self._classifier is not None:
                day = min((self._bucket + row) // BUCKETS_PER_DAY, len(self._classifier) - 1)
                sensitivity, specificity = self._classifier[day]
                negative = rng.binomial(negative, sensitivity) + rng.binomial(new - negative, 1.0 - specificity)
            mentions[row], negatives[row] = new, negative
        self._bucket += len(own)
        return mentions, negatives


def _drifting(law: HeldOutLaw, brands: int, days: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Sensitivity and specificity, (days, 2, brands): autoregressions over weeks, squeezed into their ranges."""
    keep = 0.5 ** (1.0 / _DRIFT_DAYS)
    state = rng.standard_normal((2, brands))
    low = np.array([law.sensitivity[0], law.specificity[0]])[:, None]
    high = np.array([law.sensitivity[1], law.specificity[1]])[:, None]
    path = np.empty((days, 2, brands))
    for day in path:
        day[:] = low + (high - low) / (1.0 + np.exp(-1.7 * state))
        state = keep * state + math.sqrt(1.0 - keep * keep) * rng.standard_normal((2, brands))
    return path


def _flare(bucket: Array, burst: Burst) -> Array:
    """A burst's shape: to 1 within a quarter of an hour, then an exponential fall to 1/16 at the end."""
    half_life = max((burst.end - burst.start - _RISE_BUCKETS) / 4.0, 1.0)
    flare: Array = np.minimum(bucket / _RISE_BUCKETS, 1.0) * 0.5 ** (
        np.maximum(bucket - _RISE_BUCKETS, 0.0) / half_life
    )
    return flare
