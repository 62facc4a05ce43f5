"""A reader of texts with blanks between words: English, and every other such language by its emoji alone."""

from __future__ import annotations

import re
from html import unescape
from math import sqrt
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from detectors.sentiment.hashing import NO_BUCKETS, Buckets, WordParts, word_buckets, word_parts
from detectors.sentiment.language import READ_CHARACTERS
from detectors.sentiment.lexicon import LIMIT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

WORDS_READ: Final = 64
"""Maximum of words of a text that are read: they give at most 191 features (words, stems and pairs)."""

NORMALISER: Final = 15.0
"""VADER's constant: a sum s of weights becomes s / sqrt(s * s + 15), within -1..1."""

_BUT: Final = frozenset(("but", "however", "yet"))
_BEFORE_BUT: Final = 0.5
_AFTER_BUT: Final = 1.5

_EDGES: Final = "\"'`.,;:!?()[]{}<>*_~|/\\#-+=…“”‘’«»、。！？，（）【】"
_LINKS: Final = ("http://", "https://")
_SILENT: Final = (*_LINKS, "www.", "@")
_MAX_TOKEN: Final = 40
_GENERATION: Final = 1 << 13
"""Tokens cached per generation: two generations of tokens and of their parts are 8 MB."""
_MAX_CACHED: Final = _MAX_TOKEN
"""Maximum characters of a cached token: a longer one is hardly met again, and thousands would be hundreds of MB."""


class _Token(NamedTuple):
    """A word that says something."""

    weight: float
    boost: float
    factor: float  # on the next two weights; 1 unless it negates
    turns: bool


_Value = TypeVar("_Value")


class _TokenCache(dict[str, _Value]):
    """A cache of a pure analysis, because posts repeat their words.

    It is bounded by two generations: when one is full, the tokens that were not used since the last time are dropped.
    """

    def __init__(self, analyse: Callable[[str], _Value]) -> None:
        super().__init__()
        self._analyse = analyse
        self._before: dict[str, _Value] = {}

    def __missing__(self, word: str) -> _Value:
        before = self._before
        value = before[word] if word in before else self._analyse(word)
        if len(word) <= _MAX_CACHED and not word.startswith(_LINKS):  # links are hardly met again either
            if len(self) >= _GENERATION:
                self._before = self.copy()
                self.clear()
            self[word] = value
        return value


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
        self._tokens = _TokenCache(self._token)
        self._tokens_with_parts = _TokenCache(self._token_with_parts)

    def read(self, text: str, *, with_features: bool) -> tuple[float, Buckets]:
        """Prior polarity within -1..1 (negative is bad) and, where asked for, the buckets of the words and pairs."""
        text = text[:READ_CHARACTERS]
        if "&" in text:
            text = unescape(text)
        words = text.lower().split()[:WORDS_READ]
        if not words:
            return 0.0, NO_BUCKETS
        tokens: Sequence[_Token | None]
        buckets = NO_BUCKETS
        if with_features:
            tokens, parts = zip(*map(self._tokens_with_parts.__getitem__, words), strict=True)
            buckets = word_buckets(list(filter(None, parts)))
        else:
            tokens = list(map(self._tokens.__getitem__, words))
        return _polarity(tokens) if any(tokens) else 0.0, buckets

    def read_many(self, texts: Iterable[str], *, with_features: bool) -> list[tuple[float, Buckets | None]]:
        """`read` of many texts; features None if not asked for."""
        readings = [self.read(text, with_features=with_features) for text in texts]
        return [*readings] if with_features else [(prior, None) for prior, _ in readings]

    def _token(self, raw: str) -> _Token | None:
        """What a word says; None where it says nothing."""
        emoji = 0.0
        if not raw.isascii():
            emoji = sum(self._emoji[found] for found in self._emoji_pattern.findall(raw))
            raw = raw.replace("’", "'")
        if raw in self._words:  # emoticons, before their eyes are taken for punctuation
            return _Token(self._words[raw], 0.0, 1.0, turns=False)
        if raw.startswith(_SILENT):
            return None
        word = raw.strip(_EDGES)[:_MAX_TOKEN]
        weight = max(-LIMIT, min(LIMIT, self._words.get(word, 0.0) + emoji))
        boost = self._boosters.get(word, 0.0)
        factor = self._negators.get(word.replace("'", ""), 1.0)
        turns = word in _BUT
        return _Token(weight, boost, factor, turns) if weight or boost or factor != 1.0 or turns else None

    def _token_with_parts(self, raw: str) -> tuple[_Token | None, WordParts | None]:
        """What a word says and its features; None where it has none (a link, a name, punctuation alone)."""
        token = self._token(raw)
        raw = raw.replace("’", "'")
        if raw not in self._words:
            if raw.startswith(_SILENT):
                return token, None
            raw = raw.strip(_EDGES)[:_MAX_TOKEN]
        return token, word_parts(raw) if raw else None


def _polarity(tokens: Sequence[_Token | None]) -> float:
    """The polarity by those of VADER's rules that matter most: negation over two words, boosters, "but"."""
    total = before_turn = 0.0
    turned = False
    for place, token in enumerate(tokens):
        if token is None:
            continue
        weight, _, _, turns = token
        if weight:
            factor = 1.0
            if place:
                last = tokens[place - 1]
                if last is not None:
                    _, boost, factor, _ = last
                    if boost:
                        weight += boost if weight > 0 else -boost
                last = tokens[place - 2] if place > 1 else None
                if last is not None:
                    factor = min(factor, last[2])
            total += weight * factor
        elif turns and not turned:
            before_turn, total, turned = total, 0.0, True
    if turned:
        total = _BEFORE_BUT * before_turn + _AFTER_BUT * total
    return total / sqrt(total * total + NORMALISER)
