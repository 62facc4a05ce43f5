"""Reads texts without blanks between words: Chinese and Japanese, by word list and character pairs."""

from __future__ import annotations

import re
from html import unescape
from math import sqrt
from typing import TYPE_CHECKING, Final

from detectors.sentiment.hashing import character_bucket, character_pair_bucket
from detectors.sentiment.language import READ_CHARACTERS
from detectors.sentiment.words import NORMALISER

if TYPE_CHECKING:
    from collections.abc import Mapping

FEATURE_CHARACTERS: Final = 128
"""Characters of a text that give features: single ones and neighbouring pairs."""

_NEGATED_GOOD: Final = -0.8
_NEGATED_BAD: Final = -0.4  # "not bad" is less good than "good"
_REACH: Final = 6  # characters around a word that can negate it

# Chinese negates in front: 不好, 没有那么好, 并不是很好; not in 不仅, 不过, 差不多, 没想到.
CHINESE_NEGATION: Final = re.compile(
    "(?:不|没有|没|沒有|沒|无|無|未|别|別|毫无|毫無|并非|並非|不是|不算|不够|不夠|谈不上|談不上|称不上|稱不上)"
    "(?:是|太|很|怎么|怎麼|够|夠|算|会|會|能|那么|那麼|这么|這麼|多么|多|什么|什麼|特别|特別|非常|有|敢|值得|任何|一点|一點|再|觉得|覺得|到)?\\Z"
)
# Japanese negates behind: 良くない, 好きじゃない, 満足できません, 美味しくはなかった.
JAPANESE_NEGATION: Final = re.compile(
    "(?:く|くは|くも|では|でも|じゃ|し|して|が|は|も|に|と|とは|でき|には|が出|され|され|し得|とは言え|とは思え|とは思わ|もし|もでき|でもなん)?"
    "(?:ない|なかった|なく|なけれ|ません|ねえ|ねぇ|無い|ぬ|ず)"
)
_NOISE: Final = re.compile(r"https?://[\x21-\x7e]*|@[\w.-]{1,32}|\s+")


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
        lengths: dict[str, set[int]] = {}
        for entry in self._weights:
            lengths.setdefault(entry[0], set()).add(len(entry))
        self._lengths = {first: tuple(sorted(found, reverse=True)) for first, found in lengths.items()}
        self._starts = re.compile("[" + "".join(map(re.escape, self._lengths)) + "]")

    def read(self, text: str, *, with_features: bool) -> tuple[float, set[int]]:
        """Prior polarity within -1..1 (negative is bad) and, where asked for, the buckets of characters and pairs."""
        text = text[:READ_CHARACTERS]
        if "&" in text:
            text = unescape(text)
        text = _NOISE.sub("", text.lower())
        return self._polarity(text), _buckets(text[:FEATURE_CHARACTERS]) if with_features else set()

    def _polarity(self, text: str) -> float:
        """Longest match from the left; each match may be negated by what stands beside it."""
        total = 0.0
        end = 0
        for start_match in self._starts.finditer(text):
            start = start_match.start()
            if start < end:
                continue
            for length in self._lengths[text[start]]:
                weight = self._weights.get(text[start : start + length])
                if weight is not None:
                    end = start + length
                    if weight:
                        total += self._in_context(text, start, end, weight)
                    break
        return total / sqrt(total * total + NORMALISER)

    def _in_context(self, text: str, start: int, end: int, weight: float) -> float:
        negated = (self._before is not None and self._before.search(text, max(0, start - _REACH), start)) or (
            self._after is not None and self._after.match(text, end, end + _REACH)
        )
        if not negated:
            return weight
        return weight * (_NEGATED_GOOD if weight > 0 else _NEGATED_BAD)


def _buckets(text: str) -> set[int]:
    codes = list(map(ord, text))
    buckets = set(map(character_bucket, codes))
    buckets.update(map(character_pair_bucket, codes, codes[1:]))
    return buckets
