"""How surprising is the share of negative mentions, against the brand's own base rate?"""

from __future__ import annotations

import math
from typing import Final

import msgspec

from detectors.baseline import DISPERSION_RATE
from detectors.tails import binomial_root, surprise
from detectors.windows import DECAY, RANGE, SCALE, WINDOWS

PRIOR_NEGATIVE: Final = 1.8
PRIOR_OTHER: Final = 8.2
"""Beta prior of the negative share: 18 % with the weight of ten mentions."""
BASE_RATE_KEEP: Final = 0.5 ** (1.0 / 4032.0)
"""Half-life of the base rate: 14 days of buckets."""
TRUST: Final = tuple(float(min(w, 72)) for w in WINDOWS)
"""Weight of the prior correlation per window."""
PRIOR_CORRELATION: Final = 0.03
"""Correlation of two mentions' sentiment in one window before anything is known of the brand."""


class ShareState(msgspec.Struct, array_like=True, kw_only=True):
    """Beta counts of the base rate; per window decayed sums and the two moments of the over-dispersion."""

    negative: float = PRIOR_NEGATIVE
    other: float = PRIOR_OTHER
    mentions: list[float] = msgspec.field(default_factory=lambda: [0.0] * len(WINDOWS))
    negatives: list[float] = msgspec.field(default_factory=lambda: [0.0] * len(WINDOWS))
    excess: list[float] = msgspec.field(default_factory=lambda: [0.0] * len(WINDOWS))
    pairs: list[float] = msgspec.field(default_factory=lambda: [0.0] * len(WINDOWS))
    correlation: list[float] = msgspec.field(default_factory=lambda: [PRIOR_CORRELATION] * len(WINDOWS))


class ShareReading(msgspec.Struct):
    """What one bucket did to each window: decayed sums, and surprise of the negative share in nats."""

    base_rate: float
    mentions: list[float]
    negatives: list[float]
    surprise: list[float]


class NegativeShareEvidence:
    """Over-dispersed binomial surprise of the negatives over eight windows.

    Mentions come in threads and reposts, so their sentiments are correlated: n mentions count as
    n / (1 + (n - 1) rho), with rho learned per window by moments against a prior (Kish's design effect).
    """

    __slots__ = ("state",)

    def __init__(self, state: ShareState | None = None) -> None:
        self.state = state or ShareState()

    @property
    def base_rate(self) -> float:
        """The brand's usual negative share, 0..1."""
        return self.state.negative / (self.state.negative + self.state.other)

    def read(self, mentions: float, negatives: float) -> ShareReading:
        """The windows with this bucket added; learns nothing."""
        state = self.state
        p = self.base_rate
        totals = [total * keep + mentions for total, keep in zip(state.mentions, DECAY, strict=True)]
        bad = [negative * keep + negatives for negative, keep in zip(state.negatives, DECAY, strict=True)]
        surprises = [0.0] * len(totals)
        for w in RANGE:
            n = totals[w] * SCALE[w]
            k = bad[w] * SCALE[w]
            if k >= 1.0 and k > n * p:
                effective = n / (1.0 + max(n - 1.0, 0.0) * state.correlation[w])
                root = binomial_root((k - 0.5) * effective / n, effective, p)
                if root > 0.0:
                    surprises[w] = surprise(root)
        return ShareReading(p, totals, bad, surprises)

    def learn(self, mentions: float, negatives: float, reading: ShareReading, *, settled: bool) -> None:
        """Learn the bucket that `reading` was made of; correlations only once the baseline is settled."""
        state = self.state
        state.mentions = reading.mentions
        state.negatives = reading.negatives
        p = reading.base_rate
        if settled:
            for w in RANGE:
                n, k = reading.mentions[w] * SCALE[w], reading.negatives[w] * SCALE[w]
                self._learn_correlation(w, n, k, p, DISPERSION_RATE)
        limit = mentions * p + 3.0 * math.sqrt(mentions * p * (1.0 - p) * (1.0 + max(mentions - 1.0, 0.0) * 0.05)) + 0.5
        cut = min(negatives, limit)
        # A burst is one event, not many: its mentions weigh as their effective number.
        weight = 1.0 / (1.0 + max(mentions - 1.0, 0.0) * 0.3)
        keep = BASE_RATE_KEEP
        state.negative = state.negative * keep + weight * cut + (1.0 - keep) * PRIOR_NEGATIVE
        state.other = state.other * keep + weight * (mentions - cut) + (1.0 - keep) * PRIOR_OTHER

    def pass_silence(self, buckets: int, *, settled: bool) -> None:
        """Learn `buckets` empty buckets: the sums decay, and what is left of them goes on teaching the correlation."""
        state = self.state
        p = self.base_rate
        rate = 1.0 - (1.0 - DISPERSION_RATE) ** buckets
        for w in RANGE:
            first_n, first_k = state.mentions[w] * DECAY[w], state.negatives[w] * DECAY[w]
            keep = DECAY[w] ** buckets
            state.mentions[w] *= keep
            state.negatives[w] *= keep
            if settled:
                half = 0.5 * SCALE[w]
                n, k = (first_n + state.mentions[w]) * half, (first_k + state.negatives[w]) * half
                self._learn_correlation(w, n, k, p, rate)
        keep = BASE_RATE_KEEP**buckets
        state.negative = state.negative * keep + (1.0 - keep) * PRIOR_NEGATIVE
        state.other = state.other * keep + (1.0 - keep) * PRIOR_OTHER

    def pass_unobserved(self, buckets: int) -> None:
        """Let time pass of which nothing is known: the sums keep only what was seen."""
        state = self.state
        for w in RANGE:
            keep = DECAY[w] ** buckets
            state.mentions[w] *= keep
            state.negatives[w] *= keep

    def _learn_correlation(self, w: int, n: float, k: float, p: float, rate: float) -> None:
        """Method of moments: E[(k - np)^2] = np(1-p)(1 + (n-1) rho), weighted by the inverse variance at the prior."""
        state = self.state
        keep = 1.0 - rate
        excess = state.excess[w] * keep
        pairs = state.pairs[w] * keep
        if n > 1.5:
            others = n - 1.0
            variance = p * (1.0 - p)
            scale = n * (1.0 + others * PRIOR_CORRELATION)
            difference = k - n * p
            square = min(difference * difference, 16.0 * n * variance * (1.0 + others * state.correlation[w]))
            weight = rate * n * others / (scale * scale)
            excess += weight * (square / variance - n)
            pairs += weight * n * others
        state.excess[w] = excess
        state.pairs[w] = pairs
        trust = TRUST[w]
        value = (excess + PRIOR_CORRELATION * trust) / (pairs + trust)
        state.correlation[w] = 0.003 if value < 0.003 else min(value, 0.5)
