"""Drift of a model: the Page-Hinkley test on the errors of its answers before learning.

The recursion is that of `river.drift.PageHinkley(mode="up", alpha=1.0)` (Page 1954), a cumulative sum of
the excess over the mean, with its state in four numbers that fit into a checkpoint. A test compares the two.
River's forgetting (alpha < 1) is left out: with it a test that has run long enough fires by itself.
"""

from __future__ import annotations

from typing import Final

import msgspec

MIN_LABELS: Final = 100
TOLERATED: Final = 0.05
"""Rise of the mean squared error (0 to 1) that is not yet drift."""
THRESHOLD: Final = 8.0
"""Sum of the squared errors above the mean and the tolerated rise at which drift is detected."""


class DriftState(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """The state of the test; all zero at the start."""

    labels: int = 0
    mean: float = 0.0
    total: float = 0.0
    lowest: float = 0.0  # of the totals so far, the first one included


def update(state: DriftState, error: float) -> bool:
    """Update the test with the squared error of one answer; True where drift is detected, and the test starts again."""
    state.labels += 1
    state.mean += (error - state.mean) / state.labels
    state.total += error - state.mean - TOLERATED
    state.lowest = state.total if state.labels == 1 else min(state.lowest, state.total)
    if state.labels < MIN_LABELS or state.total - state.lowest <= THRESHOLD:
        return False
    state.labels = 0
    state.mean = state.total = state.lowest = 0.0
    return True
