"""A reader of texts without blanks between words: Chinese and Japanese, by word list and character pairs."""

from __future__ import annotations

import re
from math import sqrt
from typing import TYPE_CHECKING, Final, NamedTuple

from detectors.sentiment.entries import EntryFinder, Found
from detectors.sentiment.hashing import NO_BUCKETS, Buckets, character_buckets
from detectors.sentiment.words import NORMALISER
from schemas.text import HANDLE, LINK

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


FEATURE_CHARACTERS: Final = 96
"""Characters of a text that give features: single ones and neighbouring pairs."""

WORDS_FOUND: Final = 48
"""Maximum of words of the list that count in one text: enough for any opinion, and a bound on the cost."""

_NEGATED_GOOD: Final = -1.0
_NEGATED_BAD: Final = -0.7  # "not bad" is less good than "good"
_REACH: Final = 8  # characters beside a word that can negate it


class Negation(NamedTuple):
    """A negation beside a word: before its start or after its end.

    Attributes:
        pattern: the negation, up to the word or from its end.
        sign: a part of every match; most texts have none.
        beside: the characters that can stand next to the word in a match; most words stand beside none.
    """

    pattern: re.Pattern[str]
    sign: re.Pattern[str]
    beside: frozenset[str]


# Chinese negates in front: 不好, 没有那么好, 并不是很好.
CHINESE_NEGATION: Final = Negation(
    re.compile(
        "(?:不|没有|没|沒有|沒|无|無|未|别|別|毫无|毫無|并非|並非|谈不上|談不上|称不上|稱不上)"
        "(?:是|太|很|怎么|怎麼|够|夠|算|会|會|能|那么|那麼|这么|這麼|多么|多麼|多|什么|什麼|特别|特別|非常|有|敢|值得|任何"
        "|一点|一點|让我|讓我|让人|讓人|令人|使人|叫人|再|觉得|覺得|到|必要|想象中|想像中|以前|说的|說的|吹的|的){0,2}\\Z"
    ),
    re.compile("[不没沒无無未别別毫并並谈談称稱]"),
    frozenset("不没有沒无無未别別非上是太很么麼够夠算会會能多常敢得何点點再到要中前的我人"),
)
# Japanese negates behind: 良くない, 好きじゃない, 満足できません, 美味しくはなかった.
JAPANESE_NEGATION: Final = Negation(
    re.compile(
        "(?:く|くは|くも|では|でも|じゃ|し|しては|してい|しておら|ら|が感じられ|を感じ|を感じられ|が|は|も|に|と|とは|でき|には|とは言え|とは思え|とは思わ|もでき|でもなん)?"
        "(?:ない|なかった|なく|なけれ|ません|ねえ|ねぇ|無い|ぬ|ず)"
    ),
    re.compile("な[いかくけ]|ません|ね[えぇ]|無い|[ぬず]"),
    frozenset("くでじしがはもにとなまね無ぬずらを"),
)


def _closed_up(text: str) -> str:
    """A normalised text without blanks, addresses and names."""
    if HANDLE in text:
        text = text.replace(HANDLE, "")
    if LINK in text:
        text = text.replace(LINK, "")
    return "".join(text.split())


class CharacterReader:
    """A reader of characters: the prior polarity of a text, and its features."""

    def __init__(
        self,
        words: Mapping[str, float],
        emoji: Mapping[str, float],
        *,
        negation: Negation,
        negates_before: bool,
    ) -> None:
        self._finder = EntryFinder({**emoji, **words})
        self._negation = negation
        self._negates_before = negates_before

    def read(self, text: str, *, with_features: bool) -> tuple[float, Buckets]:
        """Prior polarity within -1..1 (negative is bad) and, where asked for, the buckets of characters and pairs.

        Args:
            text: normalised.
            with_features: whether features are asked for.
        """
        text = _closed_up(text)
        buckets = character_buckets(text[:FEATURE_CHARACTERS]) if with_features else NO_BUCKETS
        return self._polarity(text, self._finder.find(text)), buckets

    def read_many(self, texts: Iterable[str], *, with_features: bool) -> list[tuple[float, Buckets | None]]:
        """`read` of many texts; features None if not asked for. Entries are looked for in all texts at once."""
        texts = list(map(_closed_up, texts))
        priors = map(self._polarity, texts, self._finder.find_in_each(texts))
        features = (character_buckets(text[:FEATURE_CHARACTERS]) if with_features else None for text in texts)
        return list(zip(priors, features, strict=True))

    def _polarity(self, text: str, found: Sequence[Found]) -> float:
        """The polarity by the entries in a text; each may be negated by its neighbours."""
        found = found[:WORDS_FOUND]
        if not found:
            return 0.0
        pattern, sign, besides = self._negation
        can_negate = sign.search(text) is not None
        before = self._negates_before
        padded = text + " "  # the blank stands after the last character and, as the one at -1, before the first
        total = 0.0
        for start, end, weight in found:
            if (
                can_negate
                and padded[start - 1 if before else end] in besides
                and (
                    pattern.search(text, max(0, start - _REACH), start)
                    if before
                    else pattern.match(text, end, end + _REACH)
                )
            ):
                total += weight * (_NEGATED_GOOD if weight > 0 else _NEGATED_BAD)
            else:
                total += weight
        return total / sqrt(total * total + NORMALISER)
