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

import msgspec

from detectors.brand_model import Assessment, BrandModel, Kind
from detectors.negativity import ShareReading
from detectors.tails import binomial_root, negative_binomial_root, surprise
from detectors.volume import VolumeReading
from detectors.windows import RANGE, SCALE

SMOOTHING_MENTIONS: Final = 2.0
"""Mentions as usual that are added to both sides of a ratio and to a share: small brands say less."""
DEVIATIONS: Final = 1.5
LEAST_VOLUME_MARGIN: Final = math.log(2.0)
LEAST_NEGATIVITY_MARGIN: Final = 0.5
"""Far beyond begins so many robust deviations (MAD) above the median, and at least at twice as many mentions, or at
odds of a negative mention 1.65 times as high. Measured by benchmarks.industry: smaller margins let two to four of ten
brands ring in a strong common move and found no more of the crises inside one."""
LONG_WINDOWS: Final = RANGE[3:]
"""An hour and longer: in shorter ones whoever is reached by the news a quarter of an hour earlier is far ahead."""
_MAD: Final = 1.4826
"""A normal's deviation over its median absolute deviation."""


class Move(NamedTuple):
    """Per window: log of mentions over expected, and log odds of a negative mention less its usual log odds."""

    volume: tuple[float, ...]
    negativity: tuple[float, ...]


def move_of(model: BrandModel) -> Move:
    """The brand's move as of its last bucket."""
    volume, share = model.state.volume, model.state.share
    p = model.share.base_rate
    ratios, shifts = [], []
    for w in RANGE:
        n, mean = volume.sums[w] * SCALE[w], volume.expected[w] * SCALE[w]
        ratios.append(math.log((n + SMOOTHING_MENTIONS) / (mean + SMOOTHING_MENTIONS)))
        total, bad = share.mentions[w] * SCALE[w], share.negatives[w] * SCALE[w]
        shifts.append(_log_odds((bad + SMOOTHING_MENTIONS * p) / (total + SMOOTHING_MENTIONS)) - _log_odds(p))
    return Move(tuple(ratios), tuple(shifts))


def common_move(moves: Sequence[Move]) -> Move:
    """The upper end of what brands do alike: their median, never below normal, and a margin beyond it."""
    return Move(
        tuple(_upper([move.volume[w] for move in moves], LEAST_VOLUME_MARGIN) for w in RANGE),
        tuple(_upper([move.negativity[w] for move in moves], LEAST_NEGATIVITY_MARGIN) for w in RANGE),
    )


def score_beyond(model: BrandModel, assessment: Assessment, common: Move, kind: Kind) -> float:
    """The score with the brand's own normal moved as the category's is.

    A crisis is beyond the category's when it is louder at the brand's own normal share, or more negative at the brand's
    own normal volume: three times the volume of a scandal of the industry is far beyond it, whatever the share.

    Args:
        model: the brand's, which has learned the assessment's bucket.
        assessment: against the brand's own normal.
        common: what the other brands do.
        kind: whose score.
    """
    # A surge's evidence is a mean over its windows, so that none may be left out.
    windows = RANGE if kind == "volume_surge" else LONG_WINDOWS
    louder_than = _volume_surprise(model, assessment.volume, common, windows)
    volume = msgspec.structs.replace(assessment.volume, surprise=louder_than)
    share = msgspec.structs.replace(assessment.share, surprise=_share_surprise(model, assessment.share, common))
    louder = model.judge(assessment.bucket, volume, assessment.share)
    if kind == "volume_surge":
        return louder.surge
    more_negative = model.judge(assessment.bucket, assessment.volume, share)
    return more_negative.shift if kind == "sentiment_shift" else max(louder.crisis, more_negative.crisis)


def _volume_surprise(model: BrandModel, reading: VolumeReading, common: Move, windows: range) -> list[float]:
    surprises = [0.0] * len(SCALE)
    for w in windows:
        observed, mean = reading.observed[w], reading.mean[w] * math.exp(common.volume[w])
        if observed >= 1.0 and observed - 0.5 > mean:
            dispersion = max(model.state.volume.dispersion[w] - 1.0, 0.02)
            surprises[w] = surprise(negative_binomial_root(observed - 0.5, mean, dispersion * mean))
    return surprises


def _share_surprise(model: BrandModel, reading: ShareReading, common: Move) -> list[float]:
    surprises = [0.0] * len(SCALE)
    for w in LONG_WINDOWS:
        p = 1.0 / (1.0 + math.exp(-_log_odds(reading.base_rate) - common.negativity[w]))
        n, k = reading.mentions[w] * SCALE[w], reading.negatives[w] * SCALE[w]
        if k >= 1.0 and k > n * p:
            effective = n / (1.0 + max(n - 1.0, 0.0) * model.state.share.correlation[w])
            root = binomial_root((k - 0.5) * effective / n, effective, p)
            surprises[w] = surprise(root) if root > 0.0 else 0.0
    return surprises


def _upper(values: list[float], least_margin: float) -> float:
    middle = median(values)
    spread = DEVIATIONS * _MAD * median(abs(value - middle) for value in values)
    return max(middle, 0.0) + max(spread, least_margin)


def _log_odds(share: float) -> float:
    share = min(max(share, 1e-3), 1.0 - 1e-3)
    return math.log(share / (1.0 - share))
