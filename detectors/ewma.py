"""The smallest detector that the contract allows: deviations from exponentially weighted means, by River's statistics.

It is what docs/adding-a-detector.md builds, and what keeps the contract honest: everything that is not in these lines
comes with the door.
"""

from __future__ import annotations

import math
from typing import Any, Final

from river import stats

from detectors.brand.tails import surprise
from detectors.calibrated import CalibratedDetector, Evidence, Features
from schemas.alert import Kind

RATE: Final = 1.0 / 2016.0
"""Of what is kept a week of buckets is the mean age."""
MIN_DEVIATION: Final = 0.5
"""Counts are whole numbers: a brand that is always silent is not believed to deviate by less."""


class Ewma(CalibratedDetector):
    """Surprise of the last hour's excess over its exponentially weighted mean, in exponentially weighted deviations.

    The variance is mean of squares less square of the mean, as in River's EWVar, whose state cannot be read out.
    """

    def __init__(self, kind: Kind = "crisis") -> None:
        super().__init__(kind)
        self._moments = [(_at(0.0), _at(1.0)) for _ in range(3)]

    def _evidence(self, features: Features) -> Evidence:
        crisis, shift, surge = map(self._surprise, features.targets, self._moments)
        return crisis, shift, surge

    @staticmethod
    def _surprise(y: float, moments: tuple[stats.EWMean, stats.EWMean]) -> float:
        mean, square = (moment.get() for moment in moments)
        deviation = max(math.sqrt(max(square - mean * mean, 0.0)), MIN_DEVIATION)
        return surprise(max((y - mean) / deviation, 0.0))

    def _learn(self, features: Features) -> None:
        for y, (mean, square) in zip(features.targets, self._moments, strict=True):
            mean.update(y)
            square.update(y * y)

    def _own_state(self) -> list[list[float]]:
        return [[mean.get(), square.get()] for mean, square in self._moments]

    def _restore_own(self, own: Any) -> None:
        self._moments = [(_at(float(mean)), _at(float(square))) for mean, square in own]


def _at(value: float) -> stats.EWMean:
    """A mean that stands at this value: the first that it is given becomes the mean, exactly."""
    mean = stats.EWMean(RATE)
    mean.update(value)
    return mean
