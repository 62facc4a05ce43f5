"""Rates: expected mentions and negative share of every brand, step by step, before any event."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.simulation.stream.population import Brand

STEP_SECONDS: Final = 300
"""Length of one step of the simulation."""

Array = NDArray[np.float64]

_FAST_HALF_LIFE_HOURS: Final = 1.5
_FAST_DEVIATION: Final = 0.16
_SLOW_HALF_LIFE_HOURS: Final = 24.0
_SLOW_DEVIATION: Final = 0.14
_SHARE_HALF_LIFE_HOURS: Final = 60.0
_SHARE_DEVIATION: Final = 0.18
_GRAIN: Final = 65_536.0
"""Steps per unit that rates are rounded to, so that the last bit of a platform's exp or cos does not matter."""


class Rates:
    """Seasons, autocorrelated noise and drift of every brand; stepped in order of time."""

    def __init__(self, brands: Sequence[Brand], rng: np.random.Generator) -> None:
        """Draw each brand's rhythm."""
        count = len(brands)
        self._rng = rng
        self._rate = np.array([brand.rate for brand in brands])
        self._offset = np.array([brand.utc_offset for brand in brands])
        self._day = rng.uniform(0.35, 0.65, count)
        self._day_peak = rng.normal(15.5, 1.5, count)
        self._half_day = rng.uniform(0.05, 0.25, count)
        self._half_day_peak = rng.normal(20.5, 1.0, count)
        weekend = rng.uniform(0.7, 1.25, (count, 1))
        days = np.concatenate([rng.normal(1.0, 0.05, (count, 5)), weekend * rng.normal(1.0, 0.04, (count, 2))], axis=1)
        self._week = days / days.mean(axis=1, keepdims=True)
        self._shape = rng.uniform(4.0, 16.0, count)
        share = np.array([brand.negative_share for brand in brands])
        self._logit = np.log(share / (1.0 - share))
        self._fast = rng.normal(0.0, _FAST_DEVIATION, count)
        self._slow = rng.normal(0.0, _SLOW_DEVIATION, count)
        self._drift = rng.normal(0.0, _SHARE_DEVIATION, count)

    def season(self, time: float) -> Array:
        """The factor of each brand for the hour and the day; its mean over a week is 1.

        Args:
            time: Unix seconds.
        """
        local = time / 3600.0 + self._offset
        hour = 2.0 * np.pi * (local % 24.0)
        daily = 1.0 + self._day * np.cos((hour - 2.0 * np.pi * self._day_peak) / 24.0)
        daily += self._half_day * np.cos((hour - 2.0 * np.pi * self._half_day_peak) / 12.0)
        weekday = ((local // 24.0).astype(np.int64) + 3) % 7  # 1 January 1970 was a Thursday
        factor: Array = np.maximum(daily, 0.12) * self._week[np.arange(len(weekday)), weekday]
        return factor

    def step(self, time: float) -> tuple[Array, Array]:
        """Expected mentions and negative share of each brand in the step that begins at `time`.

        The expectation already holds the over-dispersion: counts are Poisson given it.
        """
        rng, count = self._rng, len(self._rate)
        self._fast = _advance(self._fast, _FAST_HALF_LIFE_HOURS, _FAST_DEVIATION, rng)
        self._slow = _advance(self._slow, _SLOW_HALF_LIFE_HOURS, _SLOW_DEVIATION, rng)
        self._drift = _advance(self._drift, _SHARE_HALF_LIFE_HOURS, _SHARE_DEVIATION, rng)
        noise = np.exp(self._fast + self._slow - (_FAST_DEVIATION**2 + _SLOW_DEVIATION**2) / 2)
        expected = self._rate * (STEP_SECONDS / 3600.0) * self.season(time + STEP_SECONDS / 2) * noise
        expected *= rng.standard_gamma(self._shape, count) / self._shape
        share = 1.0 / (1.0 + np.exp(-(self._logit + self._drift)))
        return np.round(expected * _GRAIN) / _GRAIN, np.round(share * _GRAIN) / _GRAIN


def _advance(state: Array, half_life_hours: float, deviation: float, rng: np.random.Generator) -> Array:
    """One step of a stationary first-order autoregression."""
    keep = 0.5 ** (STEP_SECONDS / 3600.0 / half_life_hours)
    advanced: Array = keep * state + deviation * (1.0 - keep * keep) ** 0.5 * rng.standard_normal(len(state))
    return advanced
