"""How surprising is the share of negative mentions in a window, against the brand's own base rate?

Mentions come in threads and reposts, so their sentiments are correlated: n mentions count as n / (1 + (n - 1) rho),
with rho learned per window by moments against a prior (Kish's design effect).
"""

from __future__ import annotations

import math
from typing import Final

import msgspec

from detectors.brand.params import PARAMS
from detectors.brand.tails import binomial_root, surprise
from detectors.brand.window_lengths import WINDOWS

PRIOR_NEGATIVE: Final = PARAMS.prior_negative
PRIOR_OTHER: Final = PARAMS.prior_other
BASE_RATE_KEEP: Final[float] = 0.5 ** (1.0 / PARAMS.base_rate_half_life)
MIN_NEGATIVES: Final = PARAMS.min_negatives
MIN_NEGATIVES_OF_TINY: Final = PARAMS.min_negatives_of_tiny
TINY_LEVEL: Final = PARAMS.tiny_level
TRUST: Final = tuple(float(min(w, PARAMS.max_trust)) for w in WINDOWS)
"""Weight of the prior correlation per window."""
PRIOR_CORRELATION: Final = PARAMS.prior_correlation
MIN_CORRELATION: Final = PARAMS.min_correlation
MAX_CORRELATION: Final = PARAMS.max_correlation
CORRELATION_CLIP: Final = PARAMS.correlation_clip
CLIP: Final = PARAMS.clip_deviations
THREAD_CORRELATION: Final = PARAMS.thread_correlation
BURST_WEIGHT: Final = PARAMS.burst_weight
SEVERAL_MENTIONS: Final = 1.5
"""Of one mention nothing can be correlated."""


class BaseRate(msgspec.Struct, array_like=True, gc=False):
    """The brand's usual negative share: decayed beta counts."""

    negative: float = PRIOR_NEGATIVE
    other: float = PRIOR_OTHER

    @property
    def value(self) -> float:
        """0..1."""
        return self.negative / (self.negative + self.other)

    def learn(self, mentions: float, negatives: float) -> None:
        """Learn one bucket, its negatives clipped at three deviations."""
        p = self.value
        more = mentions - 1.0 if mentions > 1.0 else 0.0
        usual = mentions * p
        if negatives > usual + 0.5:
            deviation = math.sqrt(usual * (1.0 - p) * (1.0 + more * THREAD_CORRELATION))
            negatives = min(negatives, usual + CLIP * deviation + 0.5)
        # A burst is one event, not many: its mentions weigh as their effective number.
        weight = 1.0 / (1.0 + more * BURST_WEIGHT)
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
    if value < MIN_CORRELATION:
        return MIN_CORRELATION
    return value if value < MAX_CORRELATION else MAX_CORRELATION


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
    if mentions > SEVERAL_MENTIONS:
        others = mentions - 1.0
        inflation = 1.0 + others * PRIOR_CORRELATION
        weight = others / inflation
        difference = negatives - mentions * base_rate
        ratio = difference * difference / (mentions * base_rate * (1.0 - base_rate))
        if ratio > CORRELATION_CLIP:  # Clipped at four deviations, which are never less than this.
            ratio = min(ratio, CORRELATION_CLIP * (1.0 + others * correlation(excess / keep, pairs / keep, trust)))
        excess += rate * weight * (ratio - 1.0) / inflation
        pairs += rate * weight * weight
    return excess, pairs
