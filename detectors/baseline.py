"""What a brand normally has at this hour: a slowly learned level times hour-of-day and day-of-week factors."""

from __future__ import annotations

import math
from typing import Final

import msgspec

from detectors.windows import BUCKETS_PER_DAY, BUCKETS_PER_HOUR

LEVEL_RATE: Final = 1.0 - 0.5 ** (1.0 / 1152.0)
"""Half-life of the level: 4 days of buckets."""
RELEASED_RATE: Final = 1.0 - 0.5 ** (1.0 / 72.0)
"""Half-life of a level that has evidently shifted: 6 hours."""
DISPERSION_RATE: Final = 1.0 - 0.5 ** (1.0 / 6000.0)
"""Half-life of dispersions: 21 days of buckets."""
HOUR_RATE: Final = 0.1
DAY_RATE: Final = 0.2
HIGHEST_HOUR: Final = 3.0
HIGHEST_DAY: Final = 2.0
"""Ratios above these are a level that has grown, not a season: a weekday must not keep them for weeks."""
LEAST_LEVEL: Final = 0.004
"""Mentions a bucket: a brand is never believed to be quieter than one mention in 21 hours."""
SETTLING_BUCKETS: Final = 12
"""Before an hour has been seen the level follows the counts and nothing else is learned."""
LONGEST_REPLAYED_SILENCE: Final = 48 * BUCKETS_PER_HOUR
"""Of a longer silence only the last two days pass hour by hour; before that the level alone decays."""


class BaselineState(msgspec.Struct, array_like=True, kw_only=True):
    """Explicit state: counts a bucket, factors of mean about 1."""

    bucket: int = -1
    seen: float = 0.0
    level: float = 0.0
    dispersion: float = 2.0
    hours: list[float] = msgspec.field(default_factory=lambda: [1.0] * 24)
    hour_sum: float = 0.0
    hour_buckets: float = 0.0
    days: list[float] = msgspec.field(default_factory=lambda: [1.0] * 7)
    day_sum: float = 0.0
    day_buckets: float = 0.0


class SeasonalBaseline:
    """Expected mentions of a bucket.

    The level is an exponentially weighted mean (1/n at first) of counts cut at three deviations, so that a burst does
    not become the new normal at once. A factor is believed as far as its hour holds mentions: e / (e + 2) of each
    hour's ratio at rate 0.1, so small brands stay flat and big ones get their season within days.
    """

    __slots__ = ("state",)

    def __init__(self, state: BaselineState | None = None) -> None:
        self.state = state or BaselineState()

    @property
    def is_settled(self) -> bool:
        """True once an hour of buckets has been seen."""
        return self.state.seen >= SETTLING_BUCKETS

    def season(self, bucket: int) -> float:
        """Factor of this bucket: hours interpolated between their middles, times the day of the week."""
        hours = self.state.hours
        hour = bucket // BUCKETS_PER_HOUR % 24
        f = (bucket % BUCKETS_PER_HOUR + 0.5) / BUCKETS_PER_HOUR
        if f < 0.5:
            factor = hours[hour - 1] * (0.5 - f) + hours[hour] * (0.5 + f)
        else:
            factor = hours[hour] * (1.5 - f) + hours[(hour + 1) % 24] * (f - 0.5)
        return factor * self.state.days[bucket // BUCKETS_PER_DAY % 7]

    def expect(self, bucket: int) -> float:
        """Expected mentions of this bucket, at least LEAST_LEVEL."""
        return max(self.state.level * self.season(bucket), LEAST_LEVEL)

    def learn(self, bucket: int, mentions: float, expected: float, season: float, *, shifted: bool = False) -> None:
        """Learn one bucket after it was scored.

        Args:
            bucket: its index.
            mentions: its count.
            expected: what was said of it before.
            season: its factor.
            shifted: the whole last day says that this is another level, not a burst: learn it whole and fast.
        """
        s = self.state
        self._enter(bucket)
        settled = s.seen >= SETTLING_BUCKETS
        if settled:
            spread = 9.0 if s.seen < BUCKETS_PER_DAY else 3.0
            cut = min(mentions, expected + spread * math.sqrt(expected * max(s.dispersion, 1.0) + 0.25))
        else:
            cut = mentions
        rate = max(LEVEL_RATE, 1.0 / (s.seen + 1.0))
        if shifted:
            cut, rate = mentions, max(RELEASED_RATE, rate)
        s.level = max(s.level + rate * (cut / season - s.level), LEAST_LEVEL)
        if settled:
            rate = max(DISPERSION_RATE, 1.0 / (s.seen + 1.0))
            cut3 = min(mentions, expected + 3.0 * math.sqrt(expected * max(s.dispersion, 1.0) + 0.25))
            s.dispersion += rate * ((cut3 - expected) ** 2 / expected - s.dispersion)
        s.hour_sum += cut / (s.level * s.days[bucket // BUCKETS_PER_DAY % 7])
        s.hour_buckets += 1.0
        s.day_sum += cut / (s.level * season / s.days[bucket // BUCKETS_PER_DAY % 7])
        s.day_buckets += 1.0
        s.seen += 1.0
        s.bucket = bucket

    def pass_silence(self, bucket: int, buckets: int, expected: float) -> None:
        """Learn `buckets` empty buckets from `bucket` on, all within one hour, in closed form."""
        s = self.state
        self._enter(bucket)
        if s.seen >= SETTLING_BUCKETS:
            keep = (1.0 - max(DISPERSION_RATE, 1.0 / (s.seen + buckets))) ** buckets
            s.dispersion = expected + (s.dispersion - expected) * keep
        self._decay_level(buckets)
        s.hour_buckets += buckets
        s.day_buckets += buckets
        s.seen += buckets
        s.bucket = bucket + buckets - 1

    def pass_long_silence(self, buckets: int) -> None:
        """Learn so many empty buckets as far as the level goes."""
        self._skip(buckets)
        self._decay_level(buckets)
        self.state.seen += buckets

    def pass_unobserved(self, buckets: int) -> None:
        """Let time pass in which the feed was silent: nothing is learned of it."""
        self._skip(buckets)

    def _skip(self, buckets: int) -> None:
        """Pass to a later bucket; what was seen of the hour before counts for that hour, not for the one after."""
        self._enter(self.state.bucket + buckets)
        self.state.bucket += buckets

    def _decay_level(self, buckets: int) -> None:
        s = self.state
        fading = (1.0 - LEVEL_RATE) ** buckets
        averaging = s.seen / (s.seen + buckets) if s.seen else 0.0
        s.level = max(s.level * min(fading, averaging), LEAST_LEVEL)

    def _enter(self, bucket: int) -> None:
        """Close the hour and the day before `bucket` if it begins a new one."""
        s = self.state
        if s.bucket < 0:
            return
        hour = s.bucket // BUCKETS_PER_HOUR
        if bucket // BUCKETS_PER_HOUR == hour:
            return
        if s.hour_buckets > 0.0:
            evidence = s.level * s.hour_buckets
            rate = HOUR_RATE * evidence / (evidence + 2.0)
            h = hour % 24
            s.hours[h] = max(s.hours[h] + rate * (min(s.hour_sum / s.hour_buckets, HIGHEST_HOUR) - s.hours[h]), 0.1)
            s.hour_sum = s.hour_buckets = 0.0
        day = s.bucket // BUCKETS_PER_DAY
        if bucket // BUCKETS_PER_DAY != day:
            if s.day_buckets >= 200.0:
                evidence = s.level * s.day_buckets
                rate = DAY_RATE * evidence / (evidence + 20.0)
                d = day % 7
                s.days[d] = max(s.days[d] + rate * (min(s.day_sum / s.day_buckets, HIGHEST_DAY) - s.days[d]), 0.2)
            s.day_sum = s.day_buckets = 0.0
