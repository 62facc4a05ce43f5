"""Whether a fire grows: the chance that the next hour has more mentions than the last one.

A logistic regression over what the last hours were and what the brand's normal says of the next one. Its weights were
fitted once on simulated crises and real ones (`python -m studies.growth --fit`), and are the same for every brand.
"""

from __future__ import annotations

import math
from typing import Final

import msgspec

LEAST_MENTIONS: Final = 40
"""Of the last two hours: with fewer, a chance told on real tweets was worse than the base rate, and nothing is said."""
BASE_RATE: Final = 0.387
"""How often the next hour had more mentions, in the streams that the weights were fitted on."""
BRIER: Final = 0.2
BASE_BRIER: Final = 0.24
"""Mean squared errors of the chance, and of always telling the base rate, on streams and brands held out."""
WEIGHTS: Final = (2.63, 0.02, 0.57, 0.98, -1.17, 4.76, -0.81)
"""By the order of `features`, the intercept first."""


class Course(msgspec.Struct, frozen=True, gc=False):
    """The hours of a surge, counted back from now, and what its brand's normal expects.

    Attributes:
        last, before, earlier: mentions of the last hour and of the two before it.
        quarter: mentions of the last 15 minutes.
        expected: mentions that the normal expects in the last hour.
        expected_next: the same of the next one.
        hours: since the onset.
    """

    last: float
    before: float
    earlier: float
    quarter: float
    expected: float
    expected_next: float
    hours: float


def features(course: Course) -> tuple[float, ...]:
    """What the regression sees, the constant 1 first."""
    return (
        1.0,
        _ratio(course.last, course.before),
        _ratio(course.before, course.earlier),
        _ratio(4.0 * course.quarter, course.last),
        _ratio(course.last, course.expected),
        _ratio(course.expected_next, course.expected),
        math.log1p(course.hours),
    )


def chance_of_growth(course: Course) -> float | None:
    """The chance that the next hour has more mentions than the last one; None where too little is known."""
    if course.last + course.before < LEAST_MENTIONS:
        return None
    logit = math.fsum(weight * value for weight, value in zip(WEIGHTS, features(course), strict=True))
    return 1.0 / (1.0 + math.exp(-logit))


def _ratio(one: float, other: float) -> float:
    """The logarithm of a ratio of counts, drawn to 0 where they are small, and at most that of 20."""
    return max(min(math.log((one + 2.0) / (other + 2.0)), 3.0), -3.0)
