"""What speaks for an episode in the buckets since an earlier one ended, and only there.

The windows of a detector go on to hold what an ended episode has told: a day's window is full of a crisis long after
it. Here the sums are made anew from the counts of the buckets since, so that what opens has a cause of its own. A fire
that was found to be over still smoulders: what it had left in its last hours is expected for a while, and only more
than that is news.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from detectors.base import Assessment, Detector
from detectors.brand.baseline import MIN_LEVEL
from detectors.brand.model import VOLUME_CAP, BrandAssessment, BrandModel, joint_evidence, surprises
from detectors.brand.negativity import (
    MIN_NEGATIVES,
    MIN_NEGATIVES_OF_TINY,
    TINY_LEVEL,
    TRUST,
    correlation,
    share_surprise,
)
from detectors.brand.surge import SURGE_WINDOWS
from detectors.brand.volume import volume_surprise
from detectors.brand.window_lengths import DECAY, RANGE, SCALE, WINDOWS
from detectors.brand.window_state import rows_of
from schemas.alert import Kind
from schemas.observation import BUCKETS_PER_DAY, BUCKETS_PER_HOUR

FORGOTTEN_WINDOWS: Final = 5
"""A decayed sum holds less than 1 in 20,000 of what is so many of its windows old."""

SMOULDER_BUCKETS: Final = 4 * BUCKETS_PER_HOUR
SMOULDER_HALF_LIFE: Final = 12.0 * BUCKETS_PER_HOUR
_SMOOTHING_MENTIONS: Final = 2.0
_MOST_SHARE: Final = 0.99

Counts = tuple[int, float, float]
"""Bucket, mentions and negatives as the detector counts them."""


class Evidence(NamedTuple):
    """A score with the window that gives it, in buckets, and the part of it that is due to volume."""

    score: float
    window: int
    volume: float


class Smoulder(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What an episode had left when it ended: it is expected to halve every SMOULDER_HALF_LIFE buckets.

    Attributes:
        ratio: mentions of its last hours over the brand's normal, at least 1.
        excess_share: their negative share above the usual one, at least 0.
    """

    ratio: float = 1.0
    excess_share: float = 0.0

    def share(self, base_rate: float, buckets: int) -> float:
        """Negative share that is expected so many buckets after the end."""
        return min(base_rate + self.excess_share * _left(buckets), _MOST_SHARE)

    def mentions(self, usual: list[float]) -> list[float]:
        """Mentions that are expected in the buckets from the end on, of which so many are usual."""
        more = self.ratio - 1.0
        return [value * (1.0 + more * _left(place)) for place, value in enumerate(usual)] if more else usual


def _left(buckets: int) -> float:
    return float(0.5 ** (buckets / SMOULDER_HALF_LIFE))


NOTHING_LEFT: Final = Smoulder()


def smoulder_of(detector: Detector, base_rate: float, counts: Sequence[Counts], bucket: int) -> Smoulder:
    """What is left of an episode that ends with this bucket.

    Args:
        detector: the brand's.
        base_rate: its usual negative share.
        counts: of its last buckets with mentions, oldest first.
        bucket: the last one of the episode.
    """
    first = bucket + 1 - SMOULDER_BUCKETS
    n, k = _decayed_sums(counts, first, bucket + 1, 1.0)
    usual = sum(detector.expect(first, bucket + 1)) + _SMOOTHING_MENTIONS
    share = (k + _SMOOTHING_MENTIONS * base_rate) / (n + _SMOOTHING_MENTIONS)
    return Smoulder(max((n + _SMOOTHING_MENTIONS) / usual, 1.0), max(share - base_rate, 0.0))


def evidence_since(
    detector: Detector,
    assessment: Assessment,
    kind: Kind,
    counts: Sequence[Counts],
    first: int,
    smoulder: Smoulder = NOTHING_LEFT,
) -> Evidence:
    """The score of one kind of episode by the buckets from `first` on; never above that of the assessment.

    A window without a negative mention says nothing of a crisis or a sentiment shift.

    Args:
        detector: the brand's, which has learned the assessment's bucket.
        assessment: of all that its windows hold.
        kind: whose score.
        counts: the buckets with mentions of the last day, oldest first.
        first: the bucket after the end of the earlier episode.
        smoulder: what that had left.
    """
    seen = assessment.bucket + 1 - first
    if seen <= 0:
        return Evidence(min(assessment.score(kind), 0.0), 1, 0.0)
    last_negative = max((bucket for bucket, _, negatives in counts if negatives > 0.0), default=-1)
    if not isinstance(detector, BrandModel) or not isinstance(assessment, BrandAssessment):
        return _whole_windows(assessment, kind, seen, last_negative)
    if seen >= FORGOTTEN_WINDOWS * WINDOWS[-1]:
        volume, share = surprises(assessment)
    else:
        volume, share = _surprises_since(detector, assessment, counts, first, smoulder)
    for w in RANGE:
        if last_negative <= assessment.bucket - min(WINDOWS[w], seen):
            share[w] = 0.0
    crisis, shift, surge = detector.scores(volume, share)
    if kind == "crisis":
        score = crisis
        w = max(RANGE, key=lambda place: joint_evidence(volume[place], share[place]))
        s, q = min(volume[w], VOLUME_CAP), share[w]
        part = s / (s + q) if s + q > 0.0 else 0.0
    elif kind == "sentiment_shift":
        score, part, w = shift, 0.0, max(RANGE, key=share.__getitem__)
    else:
        score, part, w = surge, 1.0, max(SURGE_WINDOWS, key=volume.__getitem__)
    score = min(score, assessment.score(kind))
    return Evidence(score, min(WINDOWS[w], seen), score * part)


def _whole_windows(assessment: Assessment, kind: Kind, seen: int, last_negative: int) -> Evidence:
    """Of a detector whose windows cannot be made anew: its score, once its window lies behind the end."""
    explanation, score = assessment.explain(kind), assessment.score(kind)
    window = explanation.window_buckets
    if window > seen or (kind != "volume_surge" and last_negative <= assessment.bucket - window):
        return Evidence(min(score, 0.0), min(window, seen), 0.0)
    return Evidence(score, window, explanation.parts["volume"])


def _surprises_since(
    model: BrandModel, assessment: BrandAssessment, counts: Sequence[Counts], first: int, smoulder: Smoulder
) -> tuple[list[float], list[float]]:
    """Surprise of mentions and of their negative share in every window, cut off before `first`, in nats."""
    end = assessment.bucket + 1
    p = smoulder.share(assessment.base_rate, end - first)
    least = MIN_NEGATIVES if model.state.baseline.level >= TINY_LEVEL else MIN_NEGATIVES_OF_TINY
    expected = smoulder.mentions(model.expect(first, end))
    volume, share = [0.0] * len(WINDOWS), [0.0] * len(WINDOWS)
    for w, (_, _, _, dispersion, excess, pairs) in enumerate(rows_of(assessment.before)):
        begin = max(first, end - min(FORGOTTEN_WINDOWS * WINDOWS[w], BUCKETS_PER_DAY))
        decay, scale = DECAY[w], SCALE[w]
        n, k = _decayed_sums(counts, begin, end, decay)
        mean = 0.0
        for value in expected[begin - first :]:
            mean = mean * decay + value
        enough = k >= least
        n, k, mean = n * scale, k * scale, max(mean * scale, MIN_LEVEL)
        if n >= 1.0 and n - 0.5 > mean:
            volume[w] = volume_surprise(n, mean, dispersion)
        if enough and k > n * p:
            share[w] = share_surprise(n, k, p, correlation(excess, pairs, TRUST[w]))
    return volume, share


def _decayed_sums(counts: Sequence[Counts], begin: int, end: int, decay: float) -> tuple[float, float]:
    """Mentions and negatives of the buckets [begin, end), decayed to the last of them."""
    n = k = 0.0
    at = begin
    for bucket, mentions, negatives in counts:
        if begin <= bucket < end:
            keep = decay ** (bucket - at)
            n, k, at = n * keep + mentions, k * keep + negatives, bucket
    keep = decay ** (end - 1 - at)
    return n * keep, k * keep
