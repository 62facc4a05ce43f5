"""What the brands of a category have in common just now, and what a brand does beyond it.

A move is measured in effects, not in scores: by how much volume and the odds of a negative mention are above a brand's
own normal, per window. Scores would not do: the same scandal gives a brand with many mentions a far higher score than
one with few. The brand is then asked again, against its own normal times the common move.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median
from typing import Final, NamedTuple

from detectors.base import Assessment, Detector
from detectors.brand.baseline import MIN_LEVEL
from detectors.brand.model import BrandAssessment, BrandModel, surprises
from detectors.brand.negativity import TRUST, correlation, share_surprise
from detectors.brand.volume import volume_surprise
from detectors.brand.window_lengths import RANGE, SCALE
from detectors.brand.window_state import rows_of
from schemas.alert import Kind

SMOOTHING_MENTIONS: Final = 2.0
"""Mentions as usual that are added to both sides of a ratio and to a share: small brands say less."""
DEVIATIONS: Final = 1.5
MIN_VOLUME_MARGIN: Final = math.log(2.0)
MIN_NEGATIVITY_MARGIN: Final = 0.5
"""Far beyond begins so many robust deviations (MAD) above the median, and at least at twice as many mentions, or at
odds of a negative mention 1.65 times as high. Measured by studies.industry: smaller margins let two to four of ten
brands fire in a strong common move and found no more of the crises inside one."""
LONG_WINDOWS: Final = RANGE[3:]
"""An hour and longer: in shorter ones whoever is reached by the news a quarter of an hour earlier is far ahead."""
_MAD: Final = 1.4826
"""A normal's deviation over its median absolute deviation."""


class Move(NamedTuple):
    """Per window: log of mentions over expected, and log odds of a negative mention less its usual log odds."""

    volume: tuple[float, ...]
    negativity: tuple[float, ...]


def comparable(model: Detector) -> BrandModel:
    """The model, whose windows are what brands are compared by; the configuration lets no other into a category.

    Raises:
        TypeError: another detector's.
    """
    if not isinstance(model, BrandModel):
        raise TypeError(f"expected a brand of a category to be judged by daily-maxima, got {type(model).__name__}")
    return model


def move_of(detector: Detector) -> Move:
    """The brand's move as of its last bucket."""
    model = comparable(detector)
    p = model.state.base_rate.value
    ratios, shifts = [], []
    for scale, (mentions, expected, negatives, *_) in zip(SCALE, rows_of(model.state.windows), strict=True):
        n, mean, k = mentions * scale, expected * scale, negatives * scale
        ratios.append(math.log((n + SMOOTHING_MENTIONS) / (mean + SMOOTHING_MENTIONS)))
        shifts.append(_log_odds((k + SMOOTHING_MENTIONS * p) / (n + SMOOTHING_MENTIONS)) - _log_odds(p))
    return Move(tuple(ratios), tuple(shifts))


def common_move(moves: Sequence[Move]) -> Move:
    """The upper end of what brands do alike: their median, never below normal, and a margin beyond it."""
    return Move(
        tuple(_upper([move.volume[w] for move in moves], MIN_VOLUME_MARGIN) for w in RANGE),
        tuple(_upper([move.negativity[w] for move in moves], MIN_NEGATIVITY_MARGIN) for w in RANGE),
    )


def score_beyond(detector: Detector, assessment: Assessment, common: Move, kind: Kind) -> float:
    """The score with the brand's own normal moved as the category's is.

    A crisis is beyond the category's when it is louder at the brand's own normal share, or more negative at the brand's
    own normal volume: three times the volume of a scandal of the industry is far beyond it, whatever the share.

    Args:
        detector: the brand's, which has learned the assessment's bucket.
        assessment: against the brand's own normal.
        common: what the other brands do.
        kind: whose score.
    """
    model = comparable(detector)
    if not isinstance(assessment, BrandAssessment):
        raise TypeError(f"expected an assessment of daily-maxima, got {type(assessment).__name__}")
    volume, share = surprises(assessment)
    # A surge's evidence is a mean over its windows, so that none may be left out.
    windows = RANGE if kind == "volume_surge" else LONG_WINDOWS
    volume_beyond, share_beyond = _surprises_beyond(assessment, common, windows)
    louder_crisis, _, louder = model.scores(volume_beyond, share)
    if kind == "volume_surge":
        return louder
    negative_crisis, more_negative, _ = model.scores(volume, share_beyond)
    return more_negative if kind == "sentiment_shift" else max(louder_crisis, negative_crisis)


def _surprises_beyond(assessment: BrandAssessment, common: Move, windows: range) -> tuple[list[float], list[float]]:
    """Surprises in these windows, of mentions and of their negative share, against the common move."""
    volume, share = [0.0] * len(SCALE), [0.0] * len(SCALE)
    rows = list(rows_of(assessment.after))
    for w in windows:
        mentions, expected, negatives, dispersion, excess, pairs = rows[w]
        n, k = mentions * SCALE[w], negatives * SCALE[w]
        mean = max(expected * SCALE[w], MIN_LEVEL) * math.exp(common.volume[w])
        if n >= 1.0 and n - 0.5 > mean:
            volume[w] = volume_surprise(n, mean, dispersion)
        p = 1.0 / (1.0 + math.exp(-_log_odds(assessment.base_rate) - common.negativity[w]))
        if k >= 1.0 and k > n * p:
            share[w] = share_surprise(n, k, p, correlation(excess, pairs, TRUST[w]))
    return volume, share


def _upper(values: list[float], least_margin: float) -> float:
    middle = median(values)
    spread = DEVIATIONS * _MAD * median(abs(value - middle) for value in values)
    return max(middle, 0.0) + max(spread, least_margin)


def _log_odds(share: float) -> float:
    share = min(max(share, 1e-3), 1.0 - 1e-3)
    return math.log(share / (1.0 - share))
