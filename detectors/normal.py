"""What a brand normally has, as a value that can be set aside: it does not learn what is held against it."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Final

import msgspec

from schemas.observation import BUCKETS_PER_DAY, BUCKETS_PER_HOUR

FACTOR: Final = struct.Struct("<d")
factor_at: Final[Callable[[bytes | bytearray, int], tuple[float]]] = FACTOR.unpack_from
LEAST: Final = 1e-6
"""Mentions per bucket that are always expected, so that nothing is divided by nothing."""
DEVIATIONS: Final = 1.96
"""Half the width of a 95 % interval."""


def _blend(step: int) -> tuple[int, float, float]:
    """The neighbouring hour of a bucket (-1 or 1), its weight and that of the bucket's own hour."""
    distance = (step + 0.5) / BUCKETS_PER_HOUR - 0.5
    return (-1, -distance, 1.0 + distance) if distance < 0.0 else (1, distance, 1.0 - distance)


_BLEND: Final = tuple(_blend(step) for step in range(BUCKETS_PER_HOUR))


def season_at(hours: bytes | bytearray, days: bytes | bytearray, bucket: int) -> float:
    """Factor of a bucket: hours interpolated between their middles, times the day of the week.

    Args:
        hours: 24 factors of the hours of the day, packed.
        days: 7 factors of the days of the week, packed.
        bucket: Unix time over the bucket's seconds.
    """
    hour = bucket // BUCKETS_PER_HOUR
    step, other, own = _BLEND[bucket % BUCKETS_PER_HOUR]
    (at,) = factor_at(hours, hour % 24 * 8)
    (near,) = factor_at(hours, (hour + step) % 24 * 8)
    (day,) = factor_at(days, bucket // BUCKETS_PER_DAY % 7 * 8)
    return (near * other + at * own) * day


class Normal(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A brand's normal at one moment.

    Attributes:
        level: mentions per bucket, season aside.
        hours, days: factors of the hours of the day and the days of the week, packed.
        base_rate: usual negative share.
        dispersions: variance over mean of the mentions in windows of so many buckets, shortest first.
    """

    level: float
    hours: bytes
    days: bytes
    base_rate: float
    dispersions: tuple[tuple[int, float], ...]

    def at(self, bucket: int) -> float:
        """Mentions expected in a bucket."""
        return max(self.level * season_at(self.hours, self.days, bucket), LEAST)

    def expect(self, first: int, end: int) -> list[float]:
        """Mentions expected in each of the buckets [first, end)."""
        return [self.at(bucket) for bucket in range(first, end)]

    def dispersion(self, buckets: int) -> float:
        """Variance over mean of the mentions in a window of so many buckets."""
        longer = (dispersion for window, dispersion in self.dispersions if window >= buckets)
        return next(longer, self.dispersions[-1][1])

    def noise(self, bucket: int) -> float:
        """Deviation of what is expected in the hour that ends with a bucket, chance apart, as a share of it."""
        expected = sum(self.expect(bucket + 1 - BUCKETS_PER_HOUR, bucket + 1))
        return math.sqrt(max(self.dispersion(BUCKETS_PER_HOUR) - 1.0, 0.0) / expected)

    def spread(self, expected: float, buckets: int) -> float:
        """Half the width of the 95 % interval around so many expected mentions, in a window of so many buckets."""
        return DEVIATIONS * math.sqrt(expected * self.dispersion(buckets))
