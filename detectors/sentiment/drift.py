"""Watches whether a model has begun to be wrong: the Page-Hinkley test on the errors of its answers before learning.

The recursion is that of `river.drift.PageHinkley(mode="up", alpha=1.0)` (Page 1954), a cumulative sum of what lies
above the mean, with its state in four numbers that a checkpoint can hold. A test holds the two together.
River's forgetting (alpha < 1) is left out: with it a test that has run long enough rings by itself.
"""

from __future__ import annotations

from typing import Final

import msgspec

MIN_LABELS: Final = 100
TOLERATED: Final = 0.05
"""Rise of the mean squared error (0 to 1) that is no drift."""
THRESHOLD: Final = 8.0
"""Squared error above the mean and the tolerated rise, added up, at which the model is said to drift."""


class DriftState(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """What the test remembers; all zero is a fresh start."""

    labels: int = 0
    mean: float = 0.0
    total: float = 0.0
    lowest: float = 0.0  # of the totals so far, the first one included


def watch(state: DriftState, error: float) -> bool:
    """Take in the squared error of one answer; True where the errors have risen for good, and the test starts anew."""
    state.labels += 1
    state.mean += (error - state.mean) / state.labels
    state.total += error - state.mean - TOLERATED
    state.lowest = state.total if state.labels == 1 else min(state.lowest, state.total)
    if state.labels < MIN_LABELS or state.total - state.lowest <= THRESHOLD:
        return False
    state.labels = 0
    state.mean = state.total = state.lowest = 0.0
    return True
