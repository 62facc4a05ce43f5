"""The daily maxima of many brands at once: detectors.brand.calibration.DailyMaxima in arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.brand.baseline import MIN_SIZE_LEVEL
from detectors.brand.calibration import KNOWN_SIZES, MAX_SILENT_DAYS, SKIPPED_DAYS
from detectors.brand.model import PRIORS
from pipeline.evaluation.vectorised.tails import Array
from schemas.observation import BUCKETS_PER_HOUR


class FleetMaxima:
    """detectors.brand.calibration.DailyMaxima of every kind of evidence and brand: arrays are (kinds, brands)."""

    def __init__(self, brands: int) -> None:
        shape = (len(PRIORS), brands)
        self.day, self.days = -1, 0
        self.maximum, self.sum, self.squares = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self.mean, self.deviation = np.full(shape, -1.0), np.ones(shape)
        self.weight = np.zeros(shape)
        self._keep, self._mean_days, self._deviation_days, self._clip, self._least = (
            np.array(values)[:, None]
            for values in (
                [0.5 ** (1.0 / prior.half_life_days) for prior in PRIORS],
                [prior.mean_days for prior in PRIORS],
                [prior.deviation_days for prior in PRIORS],
                [prior.clip for prior in PRIORS],
                [prior.min_deviation for prior in PRIORS],
            )
        )

    def see(self, evidence: Array) -> None:
        np.maximum(self.maximum, evidence, out=self.maximum)

    def enter_day(self, day: int, level: Array, unobserved_days: int, left_out: NDArray[np.bool_]) -> None:
        if day == self.day:
            return
        log_size = np.log(np.maximum(level, MIN_SIZE_LEVEL) * BUCKETS_PER_HOUR)
        prior_mean = np.array([np.interp(log_size, KNOWN_SIZES, prior.mean) for prior in PRIORS])
        if self.day >= 0:
            self._end_day(prior_mean, ~left_out)
            self.maximum.fill(0.0)
            for _ in range(min(max(day - self.day - 1 - unobserved_days, 0), MAX_SILENT_DAYS)):
                self._end_day(prior_mean, np.ones(len(level), bool))
        self.maximum.fill(0.0)
        self.day = day
        prior_deviation = np.array([np.interp(log_size, KNOWN_SIZES, prior.deviation) for prior in PRIORS])
        self.mean = (self.sum + self._mean_days * prior_mean) / (self.weight + self._mean_days)
        variance = (self.squares + self._deviation_days * prior_deviation**2) / (self.weight + self._deviation_days)
        self.deviation = np.maximum(np.sqrt(variance), self._least)

    def _end_day(self, prior_mean: Array, counts: NDArray[np.bool_]) -> None:
        self.days += 1
        if self.days > SKIPPED_DAYS:
            mean = (self.sum + self._mean_days * prior_mean) / (self.weight + self._mean_days)
            clipped = np.minimum(self.maximum, mean + self._clip * self.deviation)
            self.squares = np.where(counts, self.squares * self._keep + (clipped - mean) ** 2, self.squares)
            self.sum = np.where(counts, self.sum * self._keep + clipped, self.sum)
            self.weight = np.where(counts, self.weight * self._keep + 1.0, self.weight)
