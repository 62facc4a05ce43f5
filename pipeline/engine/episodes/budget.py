"""The alert budget: the long-run rate of openings of one kind of one brand is bounded, whatever the scores are.

Online quantile tracking (Gibbs & Candes 2021, "Adaptive conformal inference under distribution shift"): the threshold
moves by STEP x (openings - budgeted openings). The balance is kept in openings, as what was spent and not yet paid back
by time: every opening adds 1, every year of event time subtracts `per_year`, and it never falls below 0. What was spent
beyond the allowance raises the threshold by STEP per opening, so of too many openings the strongest get through;
MAX_AHEAD beyond it, nothing opens until time has paid some of it back.

The bound. In T years with B openings per year budgeted: openings = B T + (balance at the end) - (balance at the start)
- (what the floor at 0 dropped) <= B T + allowance(B) + MAX_AHEAD + 1, for any sequence of scores. Without the floor the
rate would be met from both sides; with it a quiet decade saves nothing up, and the bound holds from above alone, in
every stretch of time.
"""

from __future__ import annotations

import math
from typing import Final

import msgspec

from detectors.brand.threshold import THRESHOLD_PER_DOUBLING
from schemas.observation import BUCKETS_PER_DAY

STEP: Final = THRESHOLD_PER_DOUBLING
"""Score units per opening: each one beyond the allowance raises the threshold as halving the false alarms would."""
MAX_AHEAD: Final = 20
"""Openings beyond the allowance; the threshold is then 8.4 units above the configured one, and nothing opens."""
MIN_ALLOWANCE: Final = 3.0
_YEAR: Final = 365.0 * BUCKETS_PER_DAY


class Spending(msgspec.Struct, array_like=True, gc=False):
    """Openings spent and not yet paid back, as of a bucket."""

    spent: float = 0.0
    bucket: int = 0


def allowance(per_year: float) -> float:
    """Openings at once that raise nothing: a quarter of a year's, and never fewer than three."""
    return max(per_year / 4.0, MIN_ALLOWANCE)


def offset(spending: Spending, per_year: float, bucket: int) -> float:
    """What the budget puts on top of the threshold now, in score units; infinite when nothing may open.

    Args:
        spending: of this brand and kind.
        per_year: budgeted openings a year; 0 means no budget.
        bucket: now.
    """
    if not per_year or not spending.spent:
        return 0.0
    ahead = _spent(spending, per_year, bucket) - allowance(per_year)
    return math.inf if ahead >= MAX_AHEAD else STEP * max(ahead, 0.0)


def spend(spending: Spending, per_year: float, bucket: int) -> None:
    """Count an opening."""
    if per_year:
        spending.spent = _spent(spending, per_year, bucket) + 1.0
        spending.bucket = bucket


def _spent(spending: Spending, per_year: float, bucket: int) -> float:
    """What is spent after the time since: in closed form, so that a brand that nobody mentions costs nothing."""
    return max(spending.spent - per_year * (bucket - spending.bucket) / _YEAR, 0.0)
