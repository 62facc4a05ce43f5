"""How surprising is the share of negative mentions in a window, against the brand's own base rate?

Mentions come in threads and reposts, so their sentiments are correlated: n mentions count as n / (1 + (n - 1) rho),
with rho learned per window by moments against a prior (Kish's design effect).
"""

from __future__ import annotations

import math
from typing import Final

import msgspec

from detectors.brand.tails import binomial_root, surprise
from detectors.brand.window_lengths import WINDOWS

PRIOR_NEGATIVE: Final = 1.8
PRIOR_OTHER: Final = 8.2
"""Beta prior of the negative share: 18 % with the weight of ten mentions."""
BASE_RATE_KEEP: Final = 0.5 ** (1.0 / 4032.0)
"""Half-life of the base rate: 14 days of buckets."""
LEAST_NEGATIVES: Final = 1.5
LEAST_NEGATIVES_OF_TINY: Final = 2.2
TINY_LEVEL: Final = 0.5 / 12.0
"""Decayed sum of negatives below which a window says nothing: two posts at least, three for a brand of less than half a
mention an hour (the level is one of buckets). Without it a single bad post rings on a brand of a few mentions a day;
with three for all, one small brand's sudden crisis in twenty-five would be missed."""
TRUST: Final = tuple(float(min(w, 72)) for w in WINDOWS)
"""Weight of the prior correlation per window."""
PRIOR_CORRELATION: Final = 0.03
"""Correlation of two mentions' sentiment in one window before anything is known of the brand."""
LEAST_CORRELATION: Final = 0.003
GREATEST_CORRELATION: Final = 0.5


class BaseRate(msgspec.Struct, array_like=True, gc=False):
    """The brand's usual negative share: decayed beta counts."""

    negative: float = PRIOR_NEGATIVE
    other: float = PRIOR_OTHER

    @property
    def value(self) -> float:
        """0..1."""
        return self.negative / (self.negative + self.other)

    def learn(self, mentions: float, negatives: float) -> None:
        """Learn one bucket, its negatives cut at three deviations."""
        p = self.value
        more = mentions - 1.0 if mentions > 1.0 else 0.0
        usual = mentions * p
        if negatives > usual + 0.5:
            negatives = min(negatives, usual + 3.0 * math.sqrt(usual * (1.0 - p) * (1.0 + more * 0.05)) + 0.5)
        # A burst is one event, not many: its mentions weigh as their effective number.
        weight = 1.0 / (1.0 + more * 0.3)
        keep = BASE_RATE_KEEP
        self.negative = self.negative * keep + weight * negatives + (1.0 - keep) * PRIOR_NEGATIVE
        self.other = self.other * keep + weight * (mentions - negatives) + (1.0 - keep) * PRIOR_OTHER

    def pass_silence(self, buckets: int) -> None:
        """Learn `buckets` empty buckets."""
        keep = BASE_RATE_KEEP**buckets
        self.negative = self.negative * keep + (1.0 - keep) * PRIOR_NEGATIVE
        self.other = self.other * keep + (1.0 - keep) * PRIOR_OTHER


def correlation(excess: float, pairs: float, trust: float) -> float:
    """Correlation of two mentions' sentiment in one window, by its two moments and the prior."""
    value = (excess + PRIOR_CORRELATION * trust) / (pairs + trust)
    if value < LEAST_CORRELATION:
        return LEAST_CORRELATION
    return min(GREATEST_CORRELATION, value)


def share_surprise(mentions: float, negatives: float, base_rate: float, rho: float) -> float:
    """Over-dispersed binomial surprise of a window's negatives, in nats; 0.0 where they are no more than usual."""
    share = (negatives - 0.5) / mentions
    if share <= base_rate:
        return 0.0
    effective = mentions / (1.0 + (mentions - 1.0) * rho) if mentions > 1.0 else mentions
    return surprise(binomial_root(share, effective, base_rate))


def learned_moments(
    excess: float, pairs: float, mentions: float, negatives: float, base_rate: float, trust: float, rate: float
) -> tuple[float, float]:
    """The two moments after a window.

    Method of moments: E[(k - np)^2 / np(1-p)] = 1 + (n-1) rho, weighted by the inverse variance at the prior.
    """
    keep = 1.0 - rate
    excess *= keep
    pairs *= keep
    if mentions > 1.5:
        others = mentions - 1.0
        inflation = 1.0 + others * PRIOR_CORRELATION
        weight = others / inflation
        difference = negatives - mentions * base_rate
        ratio = difference * difference / (mentions * base_rate * (1.0 - base_rate))
        if ratio > 16.0:  # Cut at four deviations, which are never less than this.
            ratio = min(ratio, 16.0 * (1.0 + others * correlation(excess / keep, pairs / keep, trust)))
        excess += rate * weight * (ratio - 1.0) / inflation
        pairs += rate * weight * weight
    return excess, pairs
