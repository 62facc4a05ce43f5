"""What a brand normally has at this hour: a slowly learned level times hour-of-day and day-of-week factors."""

from __future__ import annotations

import math
from typing import Final

import msgspec

from detectors.brand.params import PARAMS
from detectors.normal import FACTOR, factor_at, season_at
from schemas.observation import BUCKETS_PER_DAY, BUCKETS_PER_HOUR

LEVEL_RATE: Final[float] = 1.0 - 0.5 ** (1.0 / PARAMS.level_half_life)
RELEASED_RATE: Final[float] = 1.0 - 0.5 ** (1.0 / PARAMS.released_half_life)
DISPERSION_RATE: Final[float] = 1.0 - 0.5 ** (1.0 / PARAMS.dispersion_half_life)
HOUR_RATE: Final = PARAMS.hour_rate
DAY_RATE: Final = PARAMS.day_rate
HOUR_TRUST: Final = PARAMS.hour_trust
DAY_TRUST: Final = PARAMS.day_trust
MIN_DAY_BUCKETS: Final = PARAMS.min_day_buckets
MIN_HOUR_FACTOR: Final = PARAMS.min_hour_factor
MAX_HOUR_FACTOR: Final = PARAMS.max_hour_factor
MIN_DAY_FACTOR: Final = PARAMS.min_day_factor
MAX_DAY_FACTOR: Final = PARAMS.max_day_factor
MIN_LEVEL: Final = PARAMS.min_level
MIN_SIZE_LEVEL: Final = PARAMS.min_size_level
SETTLING_BUCKETS: Final = PARAMS.settling_buckets
FIRST_EXPECTED: Final = PARAMS.first_expected
FIRST_LEVEL_DISPERSION: Final = PARAMS.first_level_dispersion
CLIP: Final = PARAMS.clip_deviations
FIRST_DAY_CLIP: Final = PARAMS.first_day_clip_deviations
COUNT_VARIANCE: Final = 0.25
"""Added to a variance before its root: a count is a whole number, and half a mention is no deviation."""


def _ones(count: int) -> bytearray:
    return bytearray(FACTOR.pack(1.0) * count)


class Baseline(msgspec.Struct, array_like=True, kw_only=True, gc=False):
    """Expected mentions of a bucket.

    The level is an exponentially weighted mean (1/n at first) of counts clipped at three deviations, so that a burst
    does not become the new normal at once. A factor is believed as far as its hour holds mentions: e / (e + 2) of each
    hour's ratio at rate 0.1, so small brands stay flat and big ones get their season within days.

    Attributes:
        bucket: the last one learned or passed; -1 before the first.
        seen: buckets learned.
        level: mentions per bucket.
        dispersion: variance over mean of a bucket's mentions.
        hours, days: 24 and 7 factors of mean about 1, packed: as objects they would be a fifth of a brand's memory.
        hour_sum, hour_buckets, day_sum, day_buckets: the hour and day that have not ended: ratios to the level, added.
    """

    bucket: int = -1
    seen: float = 0.0
    level: float = 0.0
    dispersion: float = FIRST_LEVEL_DISPERSION
    hours: bytearray = msgspec.field(default_factory=lambda: _ones(24))
    hour_sum: float = 0.0
    hour_buckets: float = 0.0
    days: bytearray = msgspec.field(default_factory=lambda: _ones(7))
    day_sum: float = 0.0
    day_buckets: float = 0.0

    def __post_init__(self) -> None:
        if len(self.hours) != 24 * FACTOR.size or len(self.days) != 7 * FACTOR.size:
            raise ValueError(f"expected 24 and 7 packed factors, got {len(self.hours)} and {len(self.days)} bytes")

    @property
    def log_size(self) -> float:
        """Log of the level in mentions an hour: what priors and the pooled tail go by."""
        return math.log(max(self.level, MIN_SIZE_LEVEL) * BUCKETS_PER_HOUR)

    def season(self, bucket: int) -> float:
        """Factor of this bucket: hours interpolated between their middles, times the day of the week."""
        return season_at(self.hours, self.days, bucket)

    def day_factor(self, bucket: int) -> float:
        """Factor of this bucket's day of the week."""
        (factor,) = factor_at(self.days, bucket // BUCKETS_PER_DAY % 7 * 8)
        return factor

    def expect(self, season: float) -> float:
        """Expected mentions of a bucket of this season, at least MIN_LEVEL."""
        expected = self.level * season
        return expected if expected > MIN_LEVEL else MIN_LEVEL

    def impute(self, bucket: int, buckets: int, season: float) -> None:
        """Let buckets from `bucket` on, all within one hour, pass as if they held what is expected: nothing changes."""
        if bucket // BUCKETS_PER_HOUR != self.bucket // BUCKETS_PER_HOUR:
            self._end_hour(bucket)
        today = self.day_factor(bucket)
        share = self.expect(season) / self.level
        self.hour_sum += buckets * share / today
        self.hour_buckets += buckets
        self.day_sum += buckets * share * today / season
        self.day_buckets += buckets
        self.seen += buckets
        self.bucket = bucket + buckets - 1

    def learn(self, bucket: int, mentions: float, expected: float, season: float, *, shifted: bool = False) -> None:
        """Learn one bucket after it was scored.

        Args:
            bucket: its index.
            mentions: its count.
            expected: what was said of it before.
            season: its factor.
            shifted: the whole last day says that this is another level, not a burst: learn it whole and fast.
        """
        if bucket // BUCKETS_PER_HOUR != self.bucket // BUCKETS_PER_HOUR:
            self._end_hour(bucket)
        seen, level = self.seen, self.level
        rate = 1.0 / (seen + 1.0)
        clipped = mentions
        if seen >= SETTLING_BUCKETS:
            residual = mentions - expected
            if residual > 0.0:
                deviation = math.sqrt(expected * (self.dispersion if self.dispersion > 1.0 else 1.0) + COUNT_VARIANCE)
                if residual > CLIP * deviation:
                    residual = CLIP * deviation
                    clipped = expected + residual
                    if seen < BUCKETS_PER_DAY:
                        clipped = min(mentions, expected + FIRST_DAY_CLIP * deviation)
            dispersion_rate = rate if rate > DISPERSION_RATE else DISPERSION_RATE
            self.dispersion += dispersion_rate * (residual * residual / expected - self.dispersion)
        if rate < LEVEL_RATE:
            rate = LEVEL_RATE
        if shifted:
            clipped, rate = mentions, max(RELEASED_RATE, rate)
        level += rate * (clipped / season - level)
        if level < MIN_LEVEL:
            level = MIN_LEVEL
        self.level = level
        today = self.day_factor(bucket)
        self.hour_sum += clipped / (level * today)
        self.hour_buckets += 1.0
        self.day_sum += clipped * today / (level * season)
        self.day_buckets += 1.0
        self.seen = seen + 1.0
        self.bucket = bucket

    def silence_rate(self, buckets: int) -> float:
        """How far dispersions move in so many empty buckets; 0.0 before they are learned at all."""
        if self.seen < SETTLING_BUCKETS:
            return 0.0
        rate = 1.0 / (self.seen + buckets)
        return 1.0 - (1.0 - (rate if rate > DISPERSION_RATE else DISPERSION_RATE)) ** buckets

    def pass_silence(self, bucket: int, buckets: int, expected: float) -> None:
        """Learn `buckets` empty buckets from `bucket` on, all within one hour, in closed form."""
        if bucket // BUCKETS_PER_HOUR != self.bucket // BUCKETS_PER_HOUR:
            self._end_hour(bucket)
        self.dispersion += self.silence_rate(buckets) * (expected - self.dispersion)
        self._decay_level(buckets)
        self.hour_buckets += buckets
        self.day_buckets += buckets
        self.seen += buckets
        self.bucket = bucket + buckets - 1

    def pass_long_silence(self, buckets: int) -> None:
        """Learn so many empty buckets as far as the level goes."""
        self.pass_unobserved(buckets)
        self._decay_level(buckets)
        self.seen += buckets

    def pass_unobserved(self, buckets: int) -> None:
        """Let time pass of which nothing is known; what was seen of the hour before counts for that hour, not later."""
        bucket = self.bucket + buckets
        if bucket // BUCKETS_PER_HOUR != self.bucket // BUCKETS_PER_HOUR:
            self._end_hour(bucket)
        self.bucket = bucket

    def _decay_level(self, buckets: int) -> None:
        fading = (1.0 - LEVEL_RATE) ** buckets
        averaging = self.seen / (self.seen + buckets)
        level = self.level * (fading if fading < averaging else averaging)
        self.level = level if level > MIN_LEVEL else MIN_LEVEL

    def _end_hour(self, bucket: int) -> None:
        """Learn the hour of the last bucket, and its day if `bucket` is of another."""
        if self.bucket < 0:
            return
        if self.hour_buckets > 0.0:
            evidence = self.level * self.hour_buckets
            rate = HOUR_RATE * evidence / (evidence + HOUR_TRUST)
            ratio = min(self.hour_sum / self.hour_buckets, MAX_HOUR_FACTOR)
            _move(self.hours, self.bucket // BUCKETS_PER_HOUR % 24, rate, ratio, MIN_HOUR_FACTOR)
            self.hour_sum = self.hour_buckets = 0.0
        day = self.bucket // BUCKETS_PER_DAY
        if bucket // BUCKETS_PER_DAY != day:
            if self.day_buckets >= MIN_DAY_BUCKETS:
                evidence = self.level * self.day_buckets
                rate = DAY_RATE * evidence / (evidence + DAY_TRUST)
                _move(self.days, day % 7, rate, min(self.day_sum / self.day_buckets, MAX_DAY_FACTOR), MIN_DAY_FACTOR)
            self.day_sum = self.day_buckets = 0.0


def _move(factors: bytearray, place: int, rate: float, ratio: float, least: float) -> None:
    (factor,) = factor_at(factors, 8 * place)
    FACTOR.pack_into(factors, 8 * place, max(factor + rate * (ratio - factor), least))
