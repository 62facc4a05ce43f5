"""What each window by itself says of an assessed bucket: for people who ask why a score is what it is."""

from __future__ import annotations

import msgspec

from detectors.brand.baseline import MIN_LEVEL
from detectors.brand.model import BrandAssessment, BrandModel, surprises
from detectors.brand.window_lengths import SCALE, WINDOWS
from detectors.brand.window_state import rows_of


class WindowScore(msgspec.Struct, frozen=True):
    """One window.

    Attributes:
        buckets: its length.
        mentions, negatives, expected: recency-weighted sums over it.
        volume, negativity: surprise of the mentions, and of their negative share, in nats.
        crisis, shift: the scores, were there no other window. There is none of a surge, which averages three windows'
            volume (detectors.brand.surge).
    """

    buckets: int
    mentions: float
    negatives: float
    expected: float
    volume: float
    negativity: float
    crisis: float
    shift: float


def window_scores(model: BrandModel, assessment: BrandAssessment) -> list[WindowScore]:
    """Every window, shortest first; the greatest score of crisis and shift is the assessment's.

    Args:
        model: asked on the day of the assessment, as `BrandModel.scores` is.
        assessment: of one of its buckets.
    """
    volume, share = surprises(assessment)
    found = []
    for w, (buckets, scale, row) in enumerate(zip(WINDOWS, SCALE, rows_of(assessment.after), strict=True)):
        crisis, _, _ = model.scores(_only(volume, w), share)
        _, shift, _ = model.scores(volume, _only(share, w))
        mentions, expected, negatives, *_ = row
        found.append(
            WindowScore(
                buckets,
                mentions * scale,
                negatives * scale,
                max(expected * scale, MIN_LEVEL),
                volume[w],
                share[w],
                crisis,
                shift,
            )
        )
    return found


def _only(values: list[float], place: int) -> list[float]:
    return [value if w == place else 0.0 for w, value in enumerate(values)]
