"""The units that topics are made of: words and neighbouring words, hashtags whole.

A text is read as segments of words. Stop words, punctuation, emoji, addresses, accounts, cashtags and a brand's names
stand in no segment and part those beside them. In Chinese and Japanese words end where `boundaries` says, and runs of
katakana, of Latin letters or of digits are never cut.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from functools import cache, lru_cache
from importlib.resources import files
from itertools import chain
from typing import Final, TypeAlias

from detectors.topics.boundaries import boundaries
from schemas.text import normalised

Unit: TypeAlias = tuple[str, ...]
"""Neighbouring words."""

BY_CHARACTERS: Final = frozenset(("zh", "ja"))
"""Languages without blanks between words."""

LONGEST_NAME: Final = 64
MOST_NAMES: Final = 64
"""Names of a brand that are left out, and characters of each: the shortest ones of more."""

_LONGEST_WORD: Final = 32
_CJK: Final = "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_OTHER_SIGN: Final = rf"[^\W_{_CJK}]"
_OTHER_LETTER: Final = rf"[^\W\d_{_CJK}]"
_HAS_CJK: Final = re.compile(f"[{_CJK}]")
_HASHTAG: Final = re.compile(r"#([^#\s]{2,31})#|#(\w{2,31})")
_CASHTAG: Final = re.compile(r"\$[a-z]\w*")
_WORD: Final = re.compile(r"[^\W_]+(?:['&-][^\W_]+)*|[^\s\w*\"]")
_NUMBER: Final = re.compile(r"\d+(?:st|nd|rd|th|am|pm|[a-z])?|\d+(?:[.,:/-]\d+)+")
_ELIDED: Final = re.compile("(?:[cdjlmnst]|qu|jusqu|lorsqu|puisqu)'")
_UNCUT: Final = re.compile(
    "[\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff]+|[a-z\u00df-\u024f][a-z0-9\u00df-\u024f&+-]*(?: ?[0-9]{1,4}(?![0-9]))?"
    "|[0-9]+(?:[.,:][0-9]+)*"
)
_NOTHING: Final = "\x1f"
"""Stands in a text where a name was: normalised texts do not contain it."""


@cache
def stop_words(language: str) -> frozenset[str]:
    """Words of a language that say nothing of what a text is about, without apostrophes; none where it has no list."""
    listed = files("detectors.topics").joinpath(f"lexicons/{language}/stopwords.txt")
    if not language.isalpha() or not listed.is_file():
        return frozenset()
    lines = (line.partition("#")[0] for line in listed.read_text("utf-8").splitlines())
    return frozenset(word.replace("'", "") for line in lines for word in line.split())


def distinct_words(text: str, language: str) -> list[str]:
    """The words of a text's segments, each once, without numbers.

    Args:
        text: normalised.
        language: that reads it.
    """
    read, tags = _prepared(text, None)
    if language in BY_CHARACTERS:
        words = list(chain.from_iterable(_by_characters([read], language)[0]))
    else:
        stop = stop_words(language)
        words = [word for word in _words(read, language) if len(word) > 1 and word not in stop]
    words += [tag for (tag,) in tags]
    return [
        word for word in dict.fromkeys(words) if len(word) <= _LONGEST_WORD and not (word[0] <= "9" and is_number(word))
    ]


def segments_of_each(texts: Sequence[tuple[str, str]], names: re.Pattern[str] | None = None) -> list[list[Unit]]:
    """The segments of each of many texts; those of a hashtag's words stand beside the hashtag itself.

    Args:
        texts: normalised ones and their languages.
        names: that are left out.
    """
    prepared = [(*_prepared(text, names), language) for text, language in texts]
    parted = {
        wanted: iter(_by_characters([read for read, _, language in prepared if language == wanted], wanted))
        for wanted in sorted(BY_CHARACTERS)
    }
    return [
        tags + (next(parted[language]) if language in parted else _by_words(read, language))
        for read, tags, language in prepared
    ]


def _prepared(text: str, names: re.Pattern[str] | None) -> tuple[str, list[Unit]]:
    """A text without names, its hashtags parted from what is beside them, and the hashtags."""
    tags: list[Unit] = []
    if "$" in text:
        text = _CASHTAG.sub(" . ", text)
    if "#" in text:
        found = [long or short for long, short in _HASHTAG.findall(text)]
        tags = [("#" + tag,) for tag in found if names is None or not names.fullmatch(tag)]
        text = _HASHTAG.sub(r" . \1\2 . ", text)
    if "_" in text:
        text = text.replace("_", " ")
    if names is not None:
        text = names.sub(_NOTHING, text)
    return text, tags


def _by_words(text: str, language: str) -> list[Unit]:
    return _segments(_words(text, language), stop_words(language))


def _words(text: str, language: str) -> list[str]:
    """The words and signs of a text with blanks."""
    words = _WORD.findall(text)
    return [_without_elision(word, language) if "'" in word else word for word in words] if "'" in text else words


def _without_elision(word: str, language: str) -> str:
    """A word without what is elided before it (l'écran) and without a possessive; a contraction in one: dont."""
    if language != "en":
        word = _ELIDED.sub("", word)
    return word.removesuffix("'s").replace("'", "") or "'"


def _by_characters(texts: Sequence[str], language: str) -> list[list[Unit]]:
    stop = stop_words(language)
    found = []
    texts = [text.replace(_NOTHING, "，") for text in texts]  # the model knows what stands beside a comma
    for text, scores in zip(texts, boundaries(language).scores(texts), strict=True):
        begins = (scores > 0).tolist()
        for run in _UNCUT.finditer(text):
            start, end = run.span()
            begins[start : end + 1] = [True, *[False] * (end - start - 1), True][: len(begins) - start]
        starts = [place for place, is_one in enumerate(begins) if is_one and place]
        words = [text[start:end] for start, end in zip([0, *starts], [*starts, len(text)], strict=True)]
        found.append(_segments([part for word in words for part in _NOT_A_SIGN.findall(word)], stop))
    return found


_NOT_A_SIGN: Final = re.compile(r"[\w&+-]*\w(?: \d+)?|[^\w]")


def _segments(words: list[str], stop: frozenset[str]) -> list[Unit]:
    found: list[Unit] = []
    segment: list[str] = []
    for word in words:
        if word in stop or (len(word) == 1 and not _is_character(word)) or len(word) > _LONGEST_WORD:
            if segment:
                found.append(tuple(segment))
                segment = []
        else:
            segment.append(word)
    if segment:
        found.append(tuple(segment))
    return found


def _is_character(sign: str) -> bool:
    """Whether a single sign stands in units: a digit, or a letter that is no Latin one."""
    return sign.isdigit() or (sign > "\u024f" and sign.isalnum())


def is_number(word: str) -> bool:
    """Whether a word is a number, a date or a time."""
    return word[0].isdigit() and _NUMBER.fullmatch(word) is not None


def is_topic(unit: Unit, text: str, language: str) -> bool:
    """Whether a unit can be shown: it begins with no number, and is more than one character and no stop word."""
    if is_number(unit[0]) or len(text) < 2:
        return False
    return len(unit) == 1 or text not in stop_words(language)


def shown(unit: Unit) -> str:
    """A unit as people read it."""
    if len(unit) == 1:
        return unit[0]
    found = unit[0]
    for word in unit[1:]:
        found += word if _HAS_CJK.match(word) or _HAS_CJK.match(found[-1]) else " " + word
    return found


def names_pattern(names: Collection[str]) -> re.Pattern[str] | None:
    """A pattern of a brand's names in normalised texts, however their words are joined; None without names.

    A name is no part of a longer word in an alphabet: "#acmefail" is not the name "Acme".
    """
    read = {normalised(name[:LONGEST_NAME].lstrip("@＠#$ ")).strip("@#$_- ") for name in names}
    kept = sorted((name for name in read if name), key=lambda name: (len(name), name))[:MOST_NAMES]
    return _pattern(tuple(sorted(kept, key=lambda name: (-len(name), name)))) if kept else None


@lru_cache(maxsize=256)
def _pattern(names: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(_name, names)))


def _name(name: str) -> str:
    inner = r"[\s_-]*".join(re.escape(word) for word in re.split(r"[\s_-]+", name) if word)
    before = "" if _HAS_CJK.match(name[0]) else f"(?<!{_OTHER_SIGN if name[0].isdigit() else _OTHER_LETTER})"
    after = "" if _HAS_CJK.match(name[-1]) else f"(?:'s)?(?!{_OTHER_SIGN})"
    return before + inner + after
