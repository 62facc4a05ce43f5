"""Reads texts without blanks between words: Chinese and Japanese, by word list and character pairs."""

from __future__ import annotations

import re
from html import unescape
from math import sqrt
from typing import TYPE_CHECKING, Final

from detectors.sentiment.hashing import NO_BUCKETS, Buckets, character_buckets
from detectors.sentiment.language import READ_CHARACTERS
from detectors.sentiment.words import NORMALISER

if TYPE_CHECKING:
    from collections.abc import Mapping

FEATURE_CHARACTERS: Final = 96
"""Characters of a text that give features: single ones and neighbouring pairs."""

WORDS_FOUND: Final = 48
"""Words of the list that count in one text: enough to settle any opinion, and what a flood of them can cost."""

_NEGATED_GOOD: Final = -1.0
_NEGATED_BAD: Final = -0.4  # "not bad" is less good than "good"
_REACH: Final = 8  # characters beside a word that can negate it

# Chinese negates in front: 不好, 没有那么好, 并不是很好.
CHINESE_NEGATION: Final = re.compile(
    "(?:不|没有|没|沒有|沒|无|無|未|别|別|毫无|毫無|并非|並非|谈不上|談不上|称不上|稱不上)"
    "(?:是|太|很|怎么|怎麼|够|夠|算|会|會|能|那么|那麼|这么|這麼|多么|多麼|多|什么|什麼|特别|特別|非常|有|敢|值得|任何"
    "|一点|一點|再|觉得|覺得|到|必要|想象中|想像中|以前|说的|說的|吹的|的){0,2}\\Z"
)
# Japanese negates behind: 良くない, 好きじゃない, 満足できません, 美味しくはなかった.
JAPANESE_NEGATION: Final = re.compile(
    "(?:く|くは|くも|では|でも|じゃ|し|しては|が|は|も|に|と|とは|でき|には|とは言え|とは思え|とは思わ|もでき|でもなん)?"
    "(?:ない|なかった|なく|なけれ|ません|ねえ|ねぇ|無い|ぬ|ず)"
)
_LINKS_AND_NAMES: Final = re.compile(r"https?://[\x21-\x7e]*|@[\w.-]{1,32}")


class CharacterReader:
    """Weights and features of a text's characters."""

    def __init__(
        self,
        words: Mapping[str, float],
        emoji: Mapping[str, float],
        *,
        negated_before: re.Pattern[str] | None = None,
        negated_after: re.Pattern[str] | None = None,
    ) -> None:
        self._weights = {**emoji, **words}
        self._before = negated_before
        self._after = negated_after
        # First character, then first two characters, then the lengths to try: most positions end at the first look.
        self._starts = frozenset(entry[0] for entry in self._weights)
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

    def _polarity(self, text: str) -> float:
        """Longest match from the left; each match may be negated by what stands beside it."""
        weights, lengths, starts = self._weights, self._lengths, self._starts
        total = 0.0
        end = found = 0
        for start, character in enumerate(text):
            if character not in starts or start < end:
                continue
            weight = None
            for length in lengths.get(text[start : start + 2], ()):
                weight = weights.get(text[start : start + length])
                if weight is not None:
                    end = start + length
                    break
            else:
                weight = weights.get(character)
                end = start + 1
            if weight:
                total += self._in_context(text, start, end, weight)
                found += 1
                if found == WORDS_FOUND:
                    break
        return total / sqrt(total * total + NORMALISER)

    def _in_context(self, text: str, start: int, end: int, weight: float) -> float:
        negated = (self._before is not None and self._before.search(text, max(0, start - _REACH), start)) or (
            self._after is not None and self._after.match(text, end, end + _REACH)
        )
        if not negated:
            return weight
        return weight * (_NEGATED_GOOD if weight > 0 else _NEGATED_BAD)
