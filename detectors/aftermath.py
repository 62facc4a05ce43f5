"""What speaks for an episode in the buckets since an earlier one ended, and only there.

The windows of a detector go on to hold what an ended episode has told: a day's window is full of a crisis long after
it. Here the sums are made anew from the counts of the buckets since, so that what opens has a cause of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

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
from schemas.observation import BUCKETS_PER_DAY

FORGOTTEN_WINDOWS: Final = 5
"""A decayed sum holds less than 1 in 20,000 of what is so many of its windows old."""

Counts = tuple[int, float, float]
"""Bucket, mentions and negatives as the detector counts them."""


class Evidence(NamedTuple):
    """A score with the window that gives it, in buckets, and the part of it that is due to volume."""

    score: float
    window: int
    volume: float


def evidence_since(
    detector: Detector, assessment: Assessment, kind: Kind, counts: Sequence[Counts], first: int
) -> Evidence:
    """The score of one kind of episode by the buckets from `first` on; never above that of the assessment.

    A window without a negative mention says nothing of a crisis or a sentiment shift.

    Args:
        detector: the brand's, which has learned the assessment's bucket.
        assessment: of all that its windows hold.
        kind: whose score.
        counts: the buckets with mentions of the last day, oldest first.
        first: the bucket after the end of the earlier episode.
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
        volume, share = _surprises_since(detector, assessment, counts, first)
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
    model: BrandModel, assessment: BrandAssessment, counts: Sequence[Counts], first: int
) -> tuple[list[float], list[float]]:
    """Surprise of mentions and of their negative share in every window, cut off before `first`, in nats."""
    end, p = assessment.bucket + 1, assessment.base_rate
    least = MIN_NEGATIVES if model.state.baseline.level >= TINY_LEVEL else MIN_NEGATIVES_OF_TINY
    expected = model.expect(first, end)
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
