"""A reader of texts without blanks between words: Chinese and Japanese, by word list and character pairs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import unescape
from math import sqrt
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from detectors.sentiment.hashing import NO_BUCKETS, Buckets, character_buckets
from detectors.sentiment.language import READ_CHARACTERS
from detectors.sentiment.words import NORMALISER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

FEATURE_CHARACTERS: Final = 96
"""Characters of a text that give features: single ones and neighbouring pairs."""

WORDS_FOUND: Final = 48
"""Maximum of words of the list that count in one text: enough for any opinion, and a bound on the cost."""

_NEGATED_GOOD: Final = -1.0
_NEGATED_BAD: Final = -0.4  # "not bad" is less good than "good"
_REACH: Final = 8  # characters beside a word that can negate it


class Negation(NamedTuple):
    """A negation: every match of `pattern` contains one of `signs`, and most texts contain none of them."""

    signs: frozenset[str]
    pattern: re.Pattern[str]


# Chinese negates in front: 不好, 没有那么好, 并不是很好.
CHINESE_NEGATION: Final = Negation(
    frozenset("不没沒无無未别別毫并並谈談称稱"),
    re.compile(
        "(?:不|没有|没|沒有|沒|无|無|未|别|別|毫无|毫無|并非|並非|谈不上|談不上|称不上|稱不上)"
        "(?:是|太|很|怎么|怎麼|够|夠|算|会|會|能|那么|那麼|这么|這麼|多么|多麼|多|什么|什麼|特别|特別|非常|有|敢|值得|任何"
        "|一点|一點|再|觉得|覺得|到|必要|想象中|想像中|以前|说的|說的|吹的|的){0,2}\\Z"
    ),
)
# Japanese negates behind: 良くない, 好きじゃない, 満足できません, 美味しくはなかった.
JAPANESE_NEGATION: Final = Negation(
    frozenset("なまね無ぬず"),
    re.compile(
        "(?:く|くは|くも|では|でも|じゃ|し|しては|が|は|も|に|と|とは|でき|には|とは言え|とは思え|とは思わ|もでき|でもなん)?"
        "(?:ない|なかった|なく|なけれ|ません|ねえ|ねぇ|無い|ぬ|ず)"
    ),
)
_PAIR_FACTOR: Final = np.array([0x9E37], np.uint16)  # odd: 2^16 / golden ratio
_LINKS_AND_NAMES: Final = re.compile(r"https?://[\x21-\x7e]*|@[\w.-]{1,32}")


class _Places:
    """The places of a text at which an entry of a word list may begin: all of them, and hardly any other.

    A place is looked up by 16 bits of its character and by 16 bits of its first two, so the caller must check it.
    """

    def __init__(self, entries: Iterable[str]) -> None:
        self._singles = np.zeros(1 << 16, np.bool_)
        self._pairs = np.zeros(1 << 16, np.bool_)
        for entry in entries:
            codes = _code_units(entry[:2])
            if len(entry) == 1:
                self._singles[codes] = True
            else:
                self._pairs[_pair_keys(codes)] = True

    def of(self, text: str) -> list[int]:
        """The places in ascending order."""
        codes = _code_units(text)
        possible = self._singles[codes]
        possible[:-1] |= self._pairs[_pair_keys(codes)]
        found: list[int] = possible.nonzero()[0].tolist()
        return found


def _code_units(text: str) -> NDArray[np.uint16]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4").astype(np.uint16)


def _pair_keys(codes: NDArray[np.uint16]) -> NDArray[np.uint16]:
    return codes[:-1] * _PAIR_FACTOR ^ codes[1:]


class CharacterReader:
    """A reader of characters: the prior polarity of a text, and its features."""

    def __init__(
        self,
        words: Mapping[str, float],
        emoji: Mapping[str, float],
        *,
        negated_before: Negation | None = None,
        negated_after: Negation | None = None,
    ) -> None:
        self._weights = {**emoji, **words}
        self._before = negated_before
        self._after = negated_after
        self._places = _Places(self._weights)
        lengths: dict[str, set[int]] = {}
        for entry in self._weights:
            if len(entry) > 1:
                lengths.setdefault(entry[:2], set()).add(len(entry))
        self._lengths = {first: tuple(sorted(found, reverse=True)) for first, found in lengths.items()}

    def read(self, text: str, *, with_features: bool) -> tuple[float, Buckets]:
        """Prior polarity within -1..1 (negative is bad) and, where asked for, the buckets of characters and pairs."""
        text = text[:READ_CHARACTERS]
        if "&" in text:
            text = unescape(text)
        if "@" in text or "http" in text:
            text = _LINKS_AND_NAMES.sub("", text)
        text = "".join(text.lower().split())
        return self._polarity(text), character_buckets(text[:FEATURE_CHARACTERS]) if with_features else NO_BUCKETS

    def places_of_entries(self, text: str) -> list[int]:
        """The places at which an entry of the list may begin, ascending: all of them, and hardly any other."""
        return self._places.of(text)

    def _polarity(self, text: str) -> float:
        """The polarity by the longest match from the left; each match may be negated by its neighbours."""
        weights, lengths = self._weights, self._lengths
        total = 0.0
        end = found = 0
        for start in self.places_of_entries(text):
            if start < end:
                continue
            weight = None
            for length in lengths.get(text[start : start + 2], ()):
                weight = weights.get(text[start : start + length])
                if weight is not None:
                    end = start + length
                    break
            else:
                weight = weights.get(text[start])
                end = start + 1
            if weight:
                total += self._in_context(text, start, end, weight)
                found += 1
                if found == WORDS_FOUND:
                    break
        return total / sqrt(total * total + NORMALISER)

    def _in_context(self, text: str, start: int, end: int, weight: float) -> float:
        before, after = self._before, self._after
        first, last = max(0, start - _REACH), end + _REACH
        negated = (
            before is not None
            and not before.signs.isdisjoint(text[first:start])
            and before.pattern.search(text, first, start)
        ) or (after is not None and not after.signs.isdisjoint(text[end:last]) and after.pattern.match(text, end, last))
        if not negated:
            return weight
        return weight * (_NEGATED_GOOD if weight > 0 else _NEGATED_BAD)
