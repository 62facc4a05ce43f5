"""The first family of worlds: whole fleets of brands as counts without texts, on which evaluation measures.

A law says how noisy a world is; a stream draws expected mentions and negative shares day by day, a day being one array
(288 buckets, brands); counts are drawn from these, so that crises can be added to the same day again and again.
Nothing here is fitted to the detector: no law is the one that it assumes.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.observation import BUCKETS_PER_DAY, BUCKETS_PER_HOUR

Array = NDArray[np.float64]

SIZES: Final = {"S": (1.0, 10.0), "M": (50.0, 300.0), "L": (1_000.0, 10_000.0)}
"""Mentions per hour of small, medium and large brands, drawn evenly on a logarithmic scale."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Law:
    """The law of a world: how it varies without any crisis.

    Attributes:
        text: the law in words.
        fast, slow: deviations of the log rate's two autoregressions, with half-lives of 2 hours and 3 days.
        share: deviation of the negative share's logit, with a half-life of 12 hours.
        shape: of the gamma mixture that makes counts negative-binomial; smaller is rougher.
        bursts_per_year: benign bursts per brand and year.
        thread: number of mentions that come together and share one sentiment.
        sensitivity, specificity: of the classifier that sees the negatives.
        shift: factor by which every brand's volume is multiplied for good when scoring starts.
    """

    text: str
    fast: float = 0.2
    slow: float = 0.2
    share: float = 0.2
    shape: float = 12.0
    bursts_per_year: float = 12.0
    thread: int = 1
    sensitivity: float = 1.0
    specificity: float = 1.0
    shift: float = 1.0


_ORDINARY: Final = Law(text="ordinary noise, 12 benign bursts a year")
WORLDS: Final = {
    "ordinary": _ORDINARY,
    "calm": replace(_ORDINARY, text="calm noise", fast=0.08, slow=0.1, share=0.08, shape=40.0),
    "rough": replace(_ORDINARY, text="rough noise", fast=0.35, slow=0.3, share=0.35, shape=5.0),
    "weekly": replace(_ORDINARY, text="a benign burst every week", bursts_per_year=52.0),
    "threaded": replace(_ORDINARY, text="mentions in threads of 3 that share a sentiment", thread=3),
    "classifier": replace(
        _ORDINARY, text="negatives through a classifier of 0.75 / 0.85", sensitivity=0.75, specificity=0.85
    ),
    "shifted": replace(_ORDINARY, text="volume x3 for good when scoring starts", shift=3.0),
}


class CrisisKind(NamedTuple):
    """The course of a kind of crisis; values are drawn evenly from ranges (ratios on a logarithmic scale).

    `ramp` and `hold` are hours, `ratio` is volume at the peak over normal, `share` the negative share at the peak,
    `horizon` the hours within which an alarm still counts.
    """

    ramp: tuple[float, float]
    ratio: tuple[float, float]
    share: tuple[float, float]
    hold: tuple[float, float]
    horizon: float


NO_ONSET: Final = 10**9
"""A bucket that no run reaches."""
CRISES: Final = {
    "sudden": CrisisKind((0.25, 0.75), (3.0, 10.0), (0.45, 0.75), (2.0, 5.0), 12.0),
    "slow": CrisisKind((6.0, 12.0), (2.0, 4.0), (0.40, 0.65), (4.0, 8.0), 24.0),
    "weak": CrisisKind((0.25, 0.75), (2.0, 4.0), (0.35, 0.50), (2.0, 5.0), 12.0),
    "weak-slow": CrisisKind((6.0, 12.0), (1.5, 2.5), (0.35, 0.50), (4.0, 8.0), 24.0),
}


class Burst(NamedTuple):
    """A benign burst: buckets [start, end) of the run, volume at its peak, and by how much the share falls."""

    brand: int
    start: int
    end: int
    ratio: float
    share: float


class Latent(NamedTuple):
    """The expectations that counts are drawn from: mentions and negative share, each (buckets, brands)."""

    rate: Array
    share: Array


def joined(days: Sequence[Latent]) -> Latent:
    """Days one after the other."""
    return Latent(np.concatenate([day.rate for day in days]), np.concatenate([day.share for day in days]))


class FleetStream:
    """The days of a fleet of the first family, in order."""

    crisis_every_days: Final = 14

    def __init__(
        self, world: str, sizes: tuple[str, ...], brands: int, *, days: int, shift_day: int, seed: int
    ) -> None:
        """Draw every brand's character and its benign bursts.

        Args:
            world: a key of WORLDS.
            sizes: keys of SIZES; brands come size by size.
            brands: number of brands of each size.
            days: maximum number of days that will be asked for.
            shift_day: day from which a shifting world is shifted.
            seed: same seed and arguments, same fleet.
        """
        self.law = WORLDS[world]
        self.sizes = np.repeat(np.array(sizes), brands)
        count = len(self.sizes)
        self._rng = rng = np.random.default_rng([seed, zlib.crc32(world.encode())])
        low, high = (np.array([math.log(SIZES[size][end]) for size in self.sizes]) for end in (0, 1))
        self.rate = np.exp(rng.uniform(low, high))
        """Mentions per hour of each brand."""
        self.base_share = rng.uniform(0.08, 0.28, count)
        self._logit = np.log(self.base_share / (1.0 - self.base_share))
        self._temper = rng.uniform(0.7, 1.3, count)
        self._day = rng.uniform(0.3, 0.6, count), rng.uniform(0.0, 24.0, count)
        self._half_day = rng.uniform(0.05, 0.25, count), rng.uniform(0.0, 12.0, count)
        self._week = 1.0 + rng.normal(0.0, 0.06, (7, count))
        self._week[5:] *= rng.uniform(0.7, 1.2, count)
        self._week /= self._week.mean(axis=0)
        deviations = np.array([self.law.fast, self.law.slow, self.law.share])[:, None]
        self._deviation = deviations * self._temper
        self._keep = 0.5 ** (1.0 / (BUCKETS_PER_HOUR * np.array([2.0, 72.0, 12.0])))[:, None]
        self._noise = rng.standard_normal((3, count)) * self._deviation
        self._shift_day = shift_day
        self.bursts = self._draw_bursts(days)
        self.day = 0

    @property
    def shifts(self) -> bool:
        """True where every brand's level changes for good."""
        return self.law.shift != 1.0

    def sampler(self) -> FleetSampler:
        """A sampler of this stream's counts."""
        return FleetSampler(self.law)

    def next_day(self) -> Latent:
        """The next 288 buckets."""
        rng, count = self._rng, len(self.rate)
        steps = rng.standard_normal((BUCKETS_PER_DAY, 3, count))
        steps *= self._deviation * np.sqrt(1.0 - self._keep**2)
        for row in steps:
            self._noise = self._keep * self._noise + row
            row[:] = self._noise
        rate = self.rate / BUCKETS_PER_HOUR * self.season(self.day)
        rate *= np.exp(steps[:, 0] + steps[:, 1] - 0.5 * (self._deviation[0] ** 2 + self._deviation[1] ** 2))
        share = 1.0 / (1.0 + np.exp(-(self._logit + steps[:, 2])))
        if self.day >= self._shift_day:
            rate *= self.law.shift
        first = self.day * BUCKETS_PER_DAY
        for burst in self.bursts:
            begin, end = max(burst.start - first, 0), min(burst.end - first, BUCKETS_PER_DAY)
            if begin < end:
                buckets = np.arange(begin, end, dtype=np.float64) + (first - burst.start + 0.5)
                shape = _swell(buckets, burst.end - burst.start)
                rate[begin:end, burst.brand] *= 1.0 + (burst.ratio - 1.0) * shape
                share[begin:end, burst.brand] *= 1.0 - (1.0 - burst.share) * shape
        self.day += 1
        return Latent(rate, share)

    def season(self, day: int) -> Array:
        """Factor of each brand's rate in the buckets of a day of the run, (288, brands), noise and bursts apart."""
        hours = (np.arange(BUCKETS_PER_DAY) + 0.5)[:, None] / BUCKETS_PER_HOUR
        season = 1.0 + self._day[0] * np.cos((hours - self._day[1]) * (2.0 * math.pi / 24.0))
        season += self._half_day[0] * np.cos((hours - self._half_day[1]) * (2.0 * math.pi / 12.0))
        factor: Array = np.maximum(season, 0.1) * self._week[day % 7]
        return factor

    def _draw_bursts(self, days: int) -> list[Burst]:
        rng = self._rng
        found = []
        for brand in range(len(self.rate)):
            for start in np.sort(
                rng.integers(0, days * BUCKETS_PER_DAY, rng.poisson(self.law.bursts_per_year * days / 365.0))
            ):
                length = int(rng.uniform(1.0, 6.0) * BUCKETS_PER_HOUR)
                ratio = math.exp(rng.uniform(math.log(2.0), math.log(6.0)))
                share = 1.0 if rng.random() < 0.5 else rng.uniform(0.5, 1.0)
                found.append(Burst(brand, int(start), int(start) + length, ratio, share))
        return found


class FleetSampler:
    """A sampler without memory: counts depend on nothing drawn before them."""

    def __init__(self, law: Law) -> None:
        """Sample a world with this law."""
        self._law = law

    def draw(self, latent: Latent, rng: np.random.Generator) -> tuple[Array, Array]:
        """Mentions and seen negatives of the buckets, (buckets, brands)."""
        return draw_counts(latent, self._law, rng)

    def copy(self) -> FleetSampler:
        """The same sampler: it has no state."""
        return self


def draw_counts(latent: Latent, law: Law, rng: np.random.Generator) -> tuple[Array, Array]:
    """Mentions and seen negatives of the buckets, (buckets, brands)."""
    rate = latent.rate / law.thread
    threads = rng.poisson(rate * rng.standard_gamma(law.shape, rate.shape) / law.shape)
    negative = rng.binomial(threads, latent.share) * law.thread
    mentions = threads * law.thread
    if law.sensitivity < 1.0 or law.specificity < 1.0:
        negative = rng.binomial(negative, law.sensitivity) + rng.binomial(mentions - negative, 1.0 - law.specificity)
    return mentions.astype(np.float64), negative.astype(np.float64)


def with_crisis(
    latent: Latent, kind: str, onset: NDArray[np.int64], rng: np.random.Generator, usual: Array | None = None
) -> Latent:
    """The same buckets with a crisis added to every brand.

    Args:
        latent: expectations without the crisis.
        kind: a key of CRISES.
        onset: bucket in which each brand's rise begins; NO_ONSET for a brand that has no crisis.
        rng: source of heights and lengths.
        usual: each brand's ordinary negative share; that of `latent` by default, which another crisis would raise.
    """
    law, brands = CRISES[kind], latent.rate.shape[1]
    ramp = rng.uniform(*law.ramp, brands)
    hold = rng.uniform(*law.hold, brands)
    ratio = np.exp(rng.uniform(math.log(law.ratio[0]), math.log(law.ratio[1]), brands))
    share = rng.uniform(*law.share, brands)
    half_life = rng.uniform(2.0, 6.0, brands)
    hours = (np.arange(len(latent.rate))[:, None] + 0.5 - onset) / BUCKETS_PER_HOUR
    shape = np.clip(hours / ramp, 0.0, 1.0) * 0.5 ** (np.maximum(hours - ramp - hold, 0.0) / half_life)
    # Additional mentions have one tone, such that the whole has the wanted share at the peak of an ordinary hour.
    usual = latent.share.mean(axis=0) if usual is None else usual
    tone = np.clip((ratio * share - usual) / (ratio - 1.0), 0.0, 0.98)
    excess = (ratio - 1.0) * shape
    return Latent(latent.rate * (1.0 + excess), (latent.share + excess * tone) / (1.0 + excess))


def _swell(bucket: Array, length: int) -> Array:
    """A burst's shape: a rise over a fifth of the length, a plateau, a fall over the last two fifths."""
    place = bucket / length
    swell: Array = np.clip(np.minimum(place / 0.2, (1.0 - place) / 0.4), 0.0, 1.0)
    return swell
