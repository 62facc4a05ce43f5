"""How surprising is the number of mentions, against the brand's own normal at this hour?"""

from __future__ import annotations

import math

import msgspec

from detectors.baseline import DISPERSION_RATE, LEAST_LEVEL, BaselineState, SeasonalBaseline
from detectors.tails import negative_binomial_root, surprise
from detectors.windows import BUCKETS_PER_DAY, DECAY, RANGE, SCALE, WINDOWS

FIRST_DISPERSION = 1.5
"""Variance over mean of a window's sum before anything is known of the brand."""


SHIFT_RATIO = 2.0
SHIFT_MENTIONS = 8.0
"""The level is released when the 24-hour window holds twice what is normal, and at least so many mentions more: about
eight hours at three times the normal volume. Measured: volume alarms after a lasting shift end in half the time, crises
rung for by such a shift are halved, and no more than one crisis in a hundred is missed for it."""


class VolumeState(msgspec.Struct, array_like=True, kw_only=True):
    """Per window: decayed sum of mentions, of their expectation, and variance over mean of the residual."""

    baseline: BaselineState = msgspec.field(default_factory=BaselineState)
    sums: list[float] = msgspec.field(default_factory=lambda: [0.0] * len(WINDOWS))
    expected: list[float] = msgspec.field(default_factory=lambda: [0.0] * len(WINDOWS))
    dispersion: list[float] = msgspec.field(default_factory=lambda: [FIRST_DISPERSION] * len(WINDOWS))


class VolumeReading(msgspec.Struct):
    """What one bucket did to each window: observed and expected sums (in mentions), surprise in nats."""

    season: float
    expected_now: float
    sums: list[float]
    expected: list[float]
    observed: list[float]
    mean: list[float]
    surprise: list[float]


class VolumeEvidence:
    """Negative-binomial surprise of the sums over eight windows.

    The variance of a window's sum is its dispersion times its mean; the dispersion is learned from residuals cut at
    three deviations, so autocorrelation of the rate widens long windows by what it really does for this brand.
    """

    __slots__ = ("baseline", "state")

    def __init__(self, state: VolumeState | None = None) -> None:
        self.state = state or VolumeState()
        self.baseline = SeasonalBaseline(self.state.baseline)

    def read(self, bucket: int, mentions: float) -> VolumeReading:
        """The windows with this bucket added; learns nothing."""
        state = self.state
        baseline = self.baseline
        season = baseline.season(bucket)
        now = max(state.baseline.level * season, LEAST_LEVEL) if baseline.is_settled else max(mentions, 0.02)
        sums = [total * keep + mentions for total, keep in zip(state.sums, DECAY, strict=True)]
        expected = [normal * keep + now for normal, keep in zip(state.expected, DECAY, strict=True)]
        observed = [total * scale for total, scale in zip(sums, SCALE, strict=True)]
        mean = [max(normal * scale, LEAST_LEVEL) for normal, scale in zip(expected, SCALE, strict=True)]
        surprises = [
            surprise(negative_binomial_root(y - 0.5, mu, max(dispersion - 1.0, 0.02) * mu))
            if y >= 1.0 and y - 0.5 > mu
            else 0.0
            for y, mu, dispersion in zip(observed, mean, state.dispersion, strict=True)
        ]
        return VolumeReading(season, now, sums, expected, observed, mean, surprises)

    def learn(self, bucket: int, mentions: float, reading: VolumeReading) -> None:
        """Learn the bucket that `reading` was made of."""
        state = self.state
        state.sums = reading.sums
        state.expected = reading.expected
        if self.baseline.is_settled:
            rate = max(DISPERSION_RATE, 1.0 / (state.baseline.seen + 1.0))
            state.dispersion = [
                _moved(dispersion, (y - mu) ** 2, mu, rate)
                for dispersion, y, mu in zip(state.dispersion, reading.observed, reading.mean, strict=True)
            ]
        shifted = state.baseline.seen >= BUCKETS_PER_DAY and is_shifted(reading.observed[-1], reading.mean[-1])
        self.baseline.learn(bucket, mentions, reading.expected_now, reading.season, shifted=shifted)

    def pass_silence(self, bucket: int, buckets: int) -> None:
        """Learn `buckets` empty buckets from `bucket` on, within one hour."""
        state = self.state
        now = self.baseline.expect(bucket + buckets // 2)
        settled = self.baseline.is_settled
        rate = 1.0 - (1.0 - max(DISPERSION_RATE, 1.0 / (state.baseline.seen + buckets))) ** buckets
        for w in RANGE:
            keep = DECAY[w] ** buckets
            first = (state.sums[w] * DECAY[w], state.expected[w] * DECAY[w] + now)
            state.sums[w] *= keep
            state.expected[w] = state.expected[w] * keep + now * (1.0 - keep) / (1.0 - DECAY[w])
            if settled:
                self._learn_silence(w, first, rate)
        self.baseline.pass_silence(bucket, buckets, now)

    def pass_unobserved(self, buckets: int) -> None:
        """Let time pass of which nothing is known: the sums keep only what was seen."""
        state = self.state
        for w in RANGE:
            keep = DECAY[w] ** buckets
            state.sums[w] *= keep
            state.expected[w] *= keep
        self.baseline.pass_unobserved(buckets)

    def _learn_silence(self, w: int, first: tuple[float, float], rate: float) -> None:
        """Learn from the residuals between the first empty bucket and the last: they change nearly linearly."""
        mean = max(0.5 * (first[1] + self.state.expected[w]) * SCALE[w], LEAST_LEVEL)
        dispersion = self.state.dispersion
        limit = 3.0 * math.sqrt(mean + max(dispersion[w] - 1.0, 0.02) * mean + 0.25)
        a = min(max((first[0] - first[1]) * SCALE[w], -limit), limit)
        b = min(max((self.state.sums[w] - self.state.expected[w]) * SCALE[w], -limit), limit)
        square = (a * a + a * b + b * b) / 3.0
        dispersion[w] = max(dispersion[w] + rate * (square / mean - dispersion[w]), 1.0)


def is_shifted(observed: float, mean: float) -> bool:
    """Whether a day's sum speaks for another level rather than for a burst."""
    return observed > SHIFT_RATIO * mean and observed - mean > SHIFT_MENTIONS


def _moved(dispersion: float, square: float, mean: float, rate: float) -> float:
    """The dispersion after a squared residual, cut at three deviations."""
    limit = 9.0 * (mean + max(dispersion - 1.0, 0.02) * mean + 0.25)
    moved = dispersion + rate * (min(square, limit) / mean - dispersion)
    return max(1.0, moved)
