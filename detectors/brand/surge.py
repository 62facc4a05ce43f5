"""Volume alone: one number for how far mentions stand out over minutes and over hours, and when that is a surge.

The surprises of three windows are averaged: but for a factor the sum of -2 ln p, as Fisher combines tests (Statistical
Methods for Research Workers, 1932). The largest of the three would fire for whatever is only sharp or only long. The
windows overlap, so the average has no known law: the brand's own daily maxima are its measure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.brand.params import PARAMS

SURGE_WINDOWS: Final = (1, 3, 4)
"""Indices into WINDOWS: 15 minutes, 1 hour, 3 hours."""
MIN_MENTIONS: Final = PARAMS.min_surge_mentions
SURGE_PRIOR: Final = PARAMS.surge_prior
SURGES_AT_THRESHOLD: Final = (
    (53.5, 1.0),
    (38.5, 1.4),
    (27.6, 1.8),
    (23.2, 2.0),
    (16.0, 2.5),
    (11.7, 3.0),
    (7.4, 4.0),
    (4.1, 6.0),
    (2.0, 10.0),
)
"""Episodes opened per brand-year at a threshold, high rates first: mean of small, medium and large brands in ordinary
and rough noise, 12 benign bursts a year among them, with the default cool-down."""


def surge_evidence(surprises: Sequence[float]) -> tuple[float, int]:
    """Evidence of a surge in nats, and the window that says most.

    Args:
        surprises: of every window, in nats; 0 where the count is not above its expectation.
    """
    total, most, window = 0.0, 0.0, SURGE_WINDOWS[0]
    for w in SURGE_WINDOWS:
        surprise = surprises[w]
        total += surprise
        if surprise > most:
            most, window = surprise, w
    return total / len(SURGE_WINDOWS), window


def surge_evidences(surprises: NDArray[np.float64]) -> NDArray[np.float64]:
    """The evidence of surge_evidence for many brands: (windows, brands) to (brands,)."""
    evidence: NDArray[np.float64] = surprises[list(SURGE_WINDOWS)].sum(axis=0) / len(SURGE_WINDOWS)
    return evidence


def surge_threshold(surges_per_brand_year: float) -> float:
    """Score at which so many volume_surge episodes open on an ordinary brand in a year.

    Interpolated over the log of the rate, and beyond the ends of what was measured drawn on at the last slope. This is
    a rate of all surges, not of false ones: whether a burst of volume was worth knowing of has no null hypothesis.

    Raises:
        ValueError: the rate is not positive.
    """
    if not surges_per_brand_year > 0.0:
        raise ValueError(f"expected a rate > 0, got {surges_per_brand_year}")
    rungs = SURGES_AT_THRESHOLD
    place = next((at for at in range(1, len(rungs) - 1) if surges_per_brand_year >= rungs[at][0]), len(rungs) - 1)
    (more, low), (fewer, high) = rungs[place - 1], rungs[place]
    share = math.log(more / surges_per_brand_year) / math.log(more / fewer)
    return max(low + share * (high - low), 0.5)
