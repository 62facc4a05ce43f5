"""How many people speak against a brand: what a critical crisis must have beside its score.

A score counts mentions. One angry author with many copies can drive it as high as a crowd, so `critical` asks for a few
voices beside: people who wrote something negative, each counted once, and copies of one text by their logarithm, as one
hand may write them all, or as a third of the people who wrote them where that is more. And it asks for more of these
people than the brand has on any day.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import msgspec

from pipeline.engine.episodes.episode import Rule

MIN_VOICES: Final = 6
NEVER_CRITICAL: Final = 10
"""Negative mentions: so few are no critical crisis, whoever speaks."""
_COPY: Final = 1 / 3
"""Of a voice: somebody who copies."""


class Voices(msgspec.Struct, frozen=True):
    """Who speaks in a window.

    Attributes:
        negatives: mentions.
        usual: of these, by what the brand is used to.
        silent: negatives that the copies of stories are more than their logarithm.
        echoed: negatives by people who had told the same story before.
        people: different authors of negatives, as far as they are told apart.
    """

    negatives: float
    usual: float
    silent: float
    echoed: float
    people: int


def enough_voices(voices: Voices) -> bool:
    """Whether these are enough for a critical crisis, given its score."""
    people = voices.negatives - voices.echoed
    if voices.negatives <= NEVER_CRITICAL:
        return False
    heard = min(max(voices.negatives - voices.silent, people * _COPY), float(voices.people))
    return heard >= MIN_VOICES and people - voices.usual >= MIN_VOICES


@lru_cache(maxsize=1024)
def never_critical(rule: Rule) -> Rule:
    """The rule for a bucket in which too few speak."""
    return msgspec.structs.replace(rule, critical=float("inf"))
