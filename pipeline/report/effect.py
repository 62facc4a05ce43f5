"""Whether an answer did anything: counts after it against what those before it let expect, with an interval.

An answer is no experiment. Crises die down without one, and answers are given when it is worst. So the counts after
it are held against a trend: of the mentions beyond normal the logarithm goes on as in the hours before, drawn towards
the usual decline. The interval knows the noise of the counts, of the fitted trend, and that trends turn by themselves:
how much was measured on simulated crises in which no answer had an effect (studies/answer_trend.py).
"""

from __future__ import annotations

import math
from typing import Final, Literal

import msgspec
import numpy as np

from pipeline.report.series import Array

Verdict = Literal["calmer", "fed", "none", "unknown"]
"""Less than expected, more than expected, no effect can be told, not enough is known."""

MOST_BUCKETS: Final = 36
"""Three hours before and three after."""
LEAST_BEFORE: Final = 6
LEAST_AFTER: Final = 12
LEAST_NEGATIVES: Final = 10.0
"""In both windows together: with fewer nothing can be told."""
Z: Final = 1.959964
USUAL_SLOPE: Final = -0.05
"""Of the logarithm of what is beyond normal, per hour: how crises decline."""
SLOPE_DEVIATION: Final = 0.15
"""How differently crises rise and decline, per hour."""
TURN_DEVIATION: Final = 0.2
"""How much a trend turns by itself, per hour between the middles of both windows."""
_LEVEL_DEVIATION: Final = 3.0
_STEPS: Final = 50
_CLOSE: Final = 1e-9


class Ratio(msgspec.Struct, frozen=True, kw_only=True):
    """A count over the expected one, with an interval of 95 %; 1 means as expected."""

    counted: float
    expected: float
    value: float
    lower: float
    upper: float


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A share before and after, and the difference with an interval of 95 %. It does not know the trend."""

    before: float
    after: float
    value: float
    lower: float
    upper: float


class Effect(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What followed an answer.

    Attributes:
        verdict: by the interval of `negatives`.
        before_minutes, after_minutes: lengths of both windows.
        mentions, negatives: after the answer, against what the trend before it let expect.
        share: negative share, before and after.
    """

    verdict: Verdict
    before_minutes: int = 0
    after_minutes: int = 0
    mentions: Ratio | None = None
    negatives: Ratio | None = None
    share: Difference | None = None


UNKNOWN: Final = Effect(verdict="unknown")


class Counts(msgspec.Struct, frozen=True):
    """Buckets of five minutes in order: counts, and what is normal."""

    mentions: Array
    negatives: Array
    usual_mentions: Array
    usual_negatives: Array

    def __len__(self) -> int:
        return len(self.mentions)


def effect(before: Counts, after: Counts) -> Effect:
    """What followed an answer, by the buckets before it (from the onset on) and after it.

    The last three hours before and the first three after are taken. With less than half an hour before, an hour
    after, or ten negative mentions nothing is told.
    """
    before = _part(before, slice(max(len(before) - MOST_BUCKETS, 0), None))
    after = _part(after, slice(0, MOST_BUCKETS))
    known = float(before.negatives.sum() + after.negatives.sum())
    if len(before) < LEAST_BEFORE or len(after) < LEAST_AFTER or known < LEAST_NEGATIVES:
        return UNKNOWN
    negatives = against_trend(before.negatives, before.usual_negatives, after.negatives, after.usual_negatives)
    verdict: Verdict = "calmer" if negatives.upper < 1.0 else "fed" if negatives.lower > 1.0 else "none"
    return Effect(
        verdict=verdict,
        before_minutes=5 * len(before),
        after_minutes=5 * len(after),
        mentions=against_trend(before.mentions, before.usual_mentions, after.mentions, after.usual_mentions),
        negatives=negatives,
        share=share_difference(before, after),
    )


def _part(counts: Counts, part: slice) -> Counts:
    return Counts(
        counts.mentions[part], counts.negatives[part], counts.usual_mentions[part], counts.usual_negatives[part]
    )


def against_trend(before: Array, usual_before: Array, after: Array, usual_after: Array) -> Ratio:
    """The sum of `after` over what the trend of `before` lets expect.

    Counts are quasi-Poisson around normal + exp(level + slope x hours). The slope is drawn towards the usual decline;
    the level hardly.
    """
    hours_before: Array = (np.arange(len(before), dtype=np.float64) - len(before) + 0.5) / 12.0
    hours_after: Array = (np.arange(len(after), dtype=np.float64) + 0.5) / 12.0
    level, slope, covariance, dispersion = _trend(before, usual_before, hours_before)
    beyond = np.exp(level + slope * hours_after)
    more = float(beyond.sum())
    expected = max(float(usual_after.sum()) + more, 0.5)
    gradient = np.array([1.0, float((beyond * hours_after).sum()) / max(more, 1e-12)])
    turn = TURN_DEVIATION * float(hours_after.mean() - hours_before.mean())
    of_trend = float(gradient @ covariance @ gradient) + turn * turn
    counted = float(after.sum())
    seen = counted + 0.5
    variance = dispersion / max(seen, expected) + (more / expected) ** 2 * of_trend
    spread = math.exp(Z * math.sqrt(variance))
    ratio = seen / (expected + 0.5)
    return Ratio(
        counted=round(counted, 1),
        expected=round(expected, 1),
        value=round(ratio, 3),
        lower=round(ratio / spread, 3),
        upper=round(ratio * spread, 3),
    )


def _trend(counts: Array, usual: Array, hours: Array) -> tuple[float, float, Array, float]:
    """Level and slope of the logarithm of what is beyond normal, their covariance, and the dispersion of the counts.

    Fisher scoring of the penalised quasi-likelihood, twice: first with the dispersion of counts around their trend
    unknown (1), then with what the first fit leaves over.
    """
    floor = np.maximum(usual, 0.02)
    mean_level = math.log(max(float((counts - floor).mean()), 0.05))
    prior_mean = np.array([mean_level, USUAL_SLOPE])
    design = np.stack([np.ones_like(hours), hours], axis=1)
    dispersion = 1.0
    theta = prior_mean.copy()
    covariance = np.eye(2)
    for _ in range(2):
        prior = np.diag([1.0 / _LEVEL_DEVIATION**2, 1.0 / SLOPE_DEVIATION**2])
        for _ in range(_STEPS):
            beyond = np.exp(np.clip(design @ theta, -12.0, 12.0))
            mean = floor + beyond
            weight = beyond * beyond / mean / dispersion
            score = design.T @ (beyond * (counts - mean) / mean / dispersion) - prior @ (theta - prior_mean)
            covariance = np.linalg.inv((design * weight[:, None]).T @ design + prior)
            step = covariance @ score
            theta = theta + np.clip(step, -1.0, 1.0)
            if float(np.abs(step).max()) < _CLOSE:
                break
        mean = floor + np.exp(np.clip(design @ theta, -12.0, 12.0))
        left = float(((counts - mean) ** 2 / mean).sum()) / max(len(counts) - 2, 1)
        dispersion = max(left, 1.0)
    return float(theta[0]), float(theta[1]), covariance, dispersion


def share_difference(before: Counts, after: Counts) -> Difference | None:
    """The negative share before and after, by Newcombe's interval; None where one has no mention.

    Shares of neighbouring buckets vary more than by chance: the numbers of mentions are divided by how much more.
    """
    n1, n2 = float(before.mentions.sum()), float(after.mentions.sum())
    if not n1 or not n2:
        return None
    p1, p2 = (min(float(part.negatives.sum()) / n, 1.0) for part, n in ((before, n1), (after, n2)))
    dispersion = max(1.0, _share_dispersion(before, p1), _share_dispersion(after, p2))
    low1, high1 = wilson(p1, n1 / dispersion)
    low2, high2 = wilson(p2, n2 / dispersion)
    difference = p2 - p1
    return Difference(
        before=round(p1, 4),
        after=round(p2, 4),
        value=round(difference, 4),
        lower=round(difference - math.hypot(p2 - low2, high1 - p1), 4),
        upper=round(difference + math.hypot(high2 - p2, p1 - low1), 4),
    )


def wilson(share: float, n: float) -> tuple[float, float]:
    """Wilson's interval of 95 % of a share of n."""
    middle = (share + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n)
    half = Z / (1.0 + Z * Z / n) * math.sqrt(share * (1.0 - share) / n + Z * Z / (4.0 * n * n))
    return min(max(middle - half, 0.0), share), max(min(middle + half, 1.0), share)


def _share_dispersion(counts: Counts, share: float) -> float:
    """Pearson's statistic per degree of freedom of the buckets' negatives around one share."""
    there = counts.mentions > 0
    variance = counts.mentions[there] * share * (1.0 - share)
    if share in {0.0, 1.0} or there.sum() < 2:
        return 1.0
    return float((((counts.negatives - counts.mentions * share)[there]) ** 2 / variance).sum() / (there.sum() - 1))
