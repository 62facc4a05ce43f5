"""Which emotions the negative texts of a surge show, told from their words.

Each distinct text gives its phrases (lists `lexicons/<language>/emotions.txt`) as shares of their weights. A text
weighs by the logarithm of its negative mentions: a story told a thousand times is one mood, not a thousand. Texts
without such a word say nothing, so the shares are of those that show an emotion, not of all.
"""

from __future__ import annotations

from heapq import nlargest
from math import log1p
from typing import TYPE_CHECKING, Final

from detectors.topics.phrases import finder
from detectors.topics.told import Told
from schemas.text import normalised

if TYPE_CHECKING:
    from collections.abc import Sequence

EMOTIONS: Final = ("anger", "fear", "disgust", "sadness", "mockery")
DIGITS: Final = 3
"""Decimals of a share."""
LEAST_TEXTS: Final = 3
"""Distinct texts with an emotion below which nothing is said."""
MOST_TEXTS: Final = 400
"""Texts that are read: those with the most negative mentions."""

_LEAST_WEIGHT: Final = 2.0
"""Sum of the weights of a text's words from which it shows an emotion: a hint alone is none."""
_MOST_NEGATIVES: Final = 1e12


def emotions_of(told: Sequence[Told]) -> dict[str, float]:
    """Share of each emotion in the negative texts that show any; empty where fewer than three do.

    Args:
        told: distinct texts of the surge, in any order. Counts that are no numbers or beyond 1e12 count as nothing.
    """
    weighed = [
        (log1p(each.negatives), each.text, each.language) for each in told if 0.0 < each.negatives <= _MOST_NEGATIVES
    ]
    total = dict.fromkeys(EMOTIONS, 0.0)
    shown = 0
    for weight, text, language in nlargest(MOST_TEXTS, weighed):
        shares = shares_of(text, language)
        shown += bool(shares)
        for emotion, share in shares.items():
            total[emotion] += weight * share
    if shown < LEAST_TEXTS:
        return {}
    everything = sum(total.values())
    return {emotion: round(value / everything, DIGITS) for emotion, value in total.items()}


def shares_of(text: str, language: str) -> dict[str, float]:
    """Share of each emotion in what one text shows; empty where it shows none."""
    phrases = finder(language, "emotions")
    found: dict[str, float] = {}
    for section, _, weight in phrases.find(normalised(text)) if phrases else ():
        found[section] = found.get(section, 0.0) + weight
    everything = sum(found.values())
    return {emotion: found[emotion] / everything for emotion in found} if everything >= _LEAST_WEIGHT else {}
