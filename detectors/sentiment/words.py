"""A reader of texts with blanks between words: English, and every other such language by its emoji alone."""

from __future__ import annotations

import re
from html import unescape
from math import sqrt
from typing import TYPE_CHECKING, Final, NamedTuple

from detectors.sentiment.hashing import NO_BUCKETS, Buckets, WordParts, word_buckets, word_parts
from detectors.sentiment.language import READ_CHARACTERS
from detectors.sentiment.lexicon import LIMIT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

WORDS_READ: Final = 64
"""Maximum of words of a text that are read: they give at most 191 features (words, stems and pairs)."""

NORMALISER: Final = 15.0
"""VADER's constant: a sum s of weights becomes s / sqrt(s * s + 15), within -1..1."""

_BUT: Final = frozenset(("but", "however", "yet"))
_BEFORE_BUT: Final = 0.5
_AFTER_BUT: Final = 1.5

_EDGES: Final = "\"'`.,;:!?()[]{}<>*_~|/\\#-+=…“”‘’«»、。！？，（）【】"
_MAX_TOKEN: Final = 40
_GENERATION: Final = 1 << 13
"""Tokens cached per generation: two generations are 8 MB."""
_MAX_CACHED: Final = _MAX_TOKEN
"""Maximum characters of a cached token: a longer one is hardly met again, and thousands would be hundreds of MB."""


class _Token(NamedTuple):
    parts: WordParts | None  # None where the token is no feature (a link, a name, punctuation alone)
    weight: float
    boost: float
    factor: float  # on the next two weights; 1 unless it negates
    turns: bool


class _TokenCache(dict[str, _Token]):
    """A cache of a pure analysis, because posts repeat their words.

    It is bounded by two generations: when one is full, the tokens that were not used since the last time are dropped.
    """

    def __init__(self, analyse: Callable[[str], _Token]) -> None:
        super().__init__()
        self._analyse = analyse
        self._before: dict[str, _Token] = {}

    def __missing__(self, word: str) -> _Token:
        token = self._before.get(word) or self._analyse(word)
        if len(word) <= _MAX_CACHED:
            if len(self) >= _GENERATION:
                self._before = self.copy()
                self.clear()
            self[word] = token
        return token


class WordReader:
    """A reader of words: the prior polarity of a text, and its features."""

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
        self._tokens = _TokenCache(self._analyse)

    def read(self, text: str, *, with_features: bool) -> tuple[float, Buckets]:
        """Prior polarity within -1..1 (negative is bad) and, where asked for, the buckets of the words and pairs."""
        text = text[:READ_CHARACTERS]
        if "&" in text:
            text = unescape(text)
        tokens = list(map(self._tokens.__getitem__, text.lower().split()[:WORDS_READ]))
        prior = _polarity(tokens)
        return prior, word_buckets([token[0] for token in tokens if token[0]]) if with_features else NO_BUCKETS

    def _analyse(self, raw: str) -> _Token:
        emoji = 0.0
        if not raw.isascii():
            emoji = sum(self._emoji[found] for found in self._emoji_pattern.findall(raw))
            raw = raw.replace("’", "'")
        if raw in self._words:  # emoticons, before their eyes are taken for punctuation
            return _Token(word_parts(raw), self._words[raw], 0.0, 1.0, turns=False)
        if raw.startswith(("http://", "https://", "www.", "@")):
            return _Token(None, 0.0, 0.0, 1.0, turns=False)
        word = raw.strip(_EDGES)[:_MAX_TOKEN]
        weight = max(-LIMIT, min(LIMIT, self._words.get(word, 0.0) + emoji))
        return _Token(
            word_parts(word) if word else None,
            weight,
            self._boosters.get(word, 0.0),
            self._negators.get(word.replace("'", ""), 1.0),
            turns=word in _BUT,
        )


def _polarity(tokens: list[_Token]) -> float:
    """The polarity by those of VADER's rules that matter most: negation over two words, boosters, "but"."""
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
