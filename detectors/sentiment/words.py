"""Reads texts whose words are parted by blanks: English, and by its emoji alone every other such language."""

from __future__ import annotations

import re
from html import unescape
from math import sqrt
from typing import TYPE_CHECKING, Final, NamedTuple

from detectors.sentiment.hashing import NO_BUCKETS, Buckets, word_buckets, word_halves
from detectors.sentiment.language import READ_CHARACTERS
from detectors.sentiment.lexicon import LIMIT

if TYPE_CHECKING:
    from collections.abc import Mapping

WORDS_READ: Final = 64
"""Words of a text that are read: at most 127 features, words and pairs."""

NORMALISER: Final = 15.0
"""VADER's constant: a sum s of weights becomes s / sqrt(s * s + 15), within -1..1."""

_BUT: Final = frozenset(("but", "however", "yet"))
_BEFORE_BUT: Final = 0.5
_AFTER_BUT: Final = 1.5

_EDGES: Final = "\"'`.,;:!?()[]{}<>*_~|/\\#-+=…“”‘’«»、。！？，（）【】"
_CACHED_TOKENS: Final = 1 << 16
_LONGEST_TOKEN: Final = 40


class _Token(NamedTuple):
    halves: tuple[int, int] | None  # None where the token is no feature (a link, a name, punctuation alone)
    weight: float
    boost: float
    factor: float  # on the next two weights; 1 unless it negates
    turns: bool


class WordReader:
    """Weights and features of a text's words."""

    def __init__(
        self,
        words: Mapping[str, float],
        emoji: Mapping[str, float],
        *,
        boosters: Mapping[str, float],
        negators: Mapping[str, float],
    ) -> None:
        self._words = words
        self._boosters = boosters
        self._negators = negators
        self._emoji = emoji
        self._emoji_pattern = re.compile("[" + "".join(map(re.escape, emoji)) + "]")
        # Pure memory of _analyse, bounded: social media repeats its words.
        self._tokens: dict[str, _Token] = {}

    def read(self, text: str, *, with_features: bool) -> tuple[float, Buckets]:
        """Prior polarity within -1..1 (negative is bad) and, where asked for, the buckets of words and word pairs."""
        text = text[:READ_CHARACTERS]
        if "&" in text:
            text = unescape(text)
        known = self._tokens
        tokens = []
        for word in text.lower().split()[:WORDS_READ]:
            token = known.get(word)
            if token is None:
                token = self._analyse(word)
                if len(known) >= _CACHED_TOKENS:
                    known.clear()
                known[word] = token
            tokens.append(token)
        prior = _polarity(tokens)
        return prior, word_buckets([token[0] for token in tokens if token[0]]) if with_features else NO_BUCKETS

    def _analyse(self, raw: str) -> _Token:
        emoji = 0.0
        if not raw.isascii():
            emoji = sum(self._emoji[found] for found in self._emoji_pattern.findall(raw))
            raw = raw.replace("’", "'")
        if raw in self._words:  # emoticons, before their eyes are taken for punctuation
            return _Token(word_halves(raw), self._words[raw], 0.0, 1.0, turns=False)
        if raw.startswith(("http://", "https://", "www.", "@")):
            return _Token(None, 0.0, 0.0, 1.0, turns=False)
        word = raw.strip(_EDGES)[:_LONGEST_TOKEN]
        weight = max(-LIMIT, min(LIMIT, self._words.get(word, 0.0) + emoji))
        return _Token(
            word_halves(word) if word else None,
            weight,
            self._boosters.get(word, 0.0),
            self._negators.get(word.replace("'", ""), 1.0),
            turns=word in _BUT,
        )


def _polarity(tokens: list[_Token]) -> float:
    """VADER's rules that carry most of its ranking: negation over two words, boosters, "but"."""
    total = before_turn = 0.0
    factor_before = factor = 1.0
    boost = 0.0
    turned = False
    for token in tokens:
        _, weight, token_boost, token_factor, turns = token
        if weight:
            value = weight
            if boost:
                value += boost if weight > 0 else -boost
            total += value * min(factor, factor_before)
        elif turns and not turned:
            before_turn, total, turned = total, 0.0, True
        factor_before, factor, boost = factor, token_factor, token_boost
    if turned:
        total = _BEFORE_BUT * before_turn + _AFTER_BUT * total
    return total / sqrt(total * total + NORMALISER)
