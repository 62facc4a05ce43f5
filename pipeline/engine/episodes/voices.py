"""How many people speak against a brand: what a critical crisis must have beside its score.

A score counts mentions. One angry author with many copies can drive it as high as a crowd, so `critical` asks for a few
voices beside: people who wrote something negative, each counted once. A text and its copies without a repost's mark are
one voice, whatever accounts they come from: a campaign or a faulty collector writes them, and neither lifts a severity.
And it asks for more of these voices than the brand has on any day, and that they are at least half of what the score
counts beyond that.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import msgspec

from pipeline.engine.episodes.episode import Rule

MIN_VOICES: Final = 6
NEVER_CRITICAL: Final = 10
"""Negative mentions, copies left out: so few are no critical crisis, whoever speaks."""


class Voices(msgspec.Struct, frozen=True):
    """Who speaks in a window.

    Attributes:
        negatives: mentions.
        counted: of these, as the detector counts them.
        usual: of these, by what the brand is used to.
        silent: of these, copies of a text without a repost's mark, and reposts by people who had reposted it.
        echoed: negatives by people who had told the same story before.
        people: different authors of negatives, as far as they are told apart.
    """

    negatives: float
    counted: float
    usual: float
    silent: float
    echoed: float
    people: int


def enough_voices(voices: Voices) -> bool:
    """Whether these are enough for a critical crisis, given its score."""
    own = voices.negatives - voices.silent
    if own <= NEVER_CRITICAL:
        return False
    more = min(own, voices.negatives - voices.echoed) - voices.usual
    return min(own, voices.people) >= MIN_VOICES and more >= max(MIN_VOICES, (voices.counted - voices.usual) / 2.0)


@lru_cache(maxsize=1024)
def never_critical(rule: Rule) -> Rule:
    """The rule for a bucket in which too few speak."""
    return msgspec.structs.replace(rule, critical=float("inf"))
