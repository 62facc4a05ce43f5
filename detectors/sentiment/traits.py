"""What a text in words has beside its words: its marks, its length, and how many of its words are good or bad.

A label moves the weights of these few features at once, where a word must first be met. They are some of those by
which Mohammad, Kiritchenko and Zhu (2013, NRC-Canada) told the tone of tweets.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from detectors.sentiment.hashing import trait_bucket
from schemas.text import HANDLE, LINK

NO_TONE: Final = 0
NEGATION: Final = 5
_TONES: Final = ("very bad", "bad", "good", "very good", "negation")
_STRONG: Final = 2.0
_MOST: Final = 3
"""Words of one tone beyond which more of them are no further trait."""

_MARKS: Final = tuple((mark, trait_bucket(mark)) for mark in ("!", "!!", "?", "..", "#", '"', HANDLE, LINK))
_LENGTH_STEP: Final = 6
_LENGTHS: Final = tuple(trait_bucket(f"length {step}") for step in range(5))
_COUNTS: Final = tuple(
    (tone, tuple(trait_bucket(f"{name} {count}") for count in range(1, _MOST + 1)))
    for tone, name in enumerate(_TONES, start=1)
)


def tone_of(weight: float, *, negates: bool) -> int:
    """The tone of a word by its own weight: 1 (very bad) to 4 (very good), NEGATION, or NO_TONE."""
    if negates:
        return NEGATION
    if not weight:
        return NO_TONE
    return (2 if weight > -_STRONG else 1) if weight < 0 else (3 if weight < _STRONG else 4)


def traits(text: str, tones: Sequence[int]) -> list[int]:
    """The buckets of a text's traits: at most 24.

    Args:
        text: normalised.
        tones: of its words.
    """
    found = [bucket for mark, bucket in _MARKS if mark in text]
    found.append(_LENGTHS[min(len(tones) // _LENGTH_STEP, len(_LENGTHS) - 1)])
    if any(tones):
        for tone, buckets in _COUNTS:
            if tone in tones:
                found += buckets[: tones.count(tone)]
    return found
