"""Phrases of a list that stand in a text: word by word where a language has blanks, else anywhere within the text.

A list is package data, `lexicons/<language>/<name>.txt`: a `[section]`, then lines of a weight and entries. `_` joins
the words of an entry, between two of which one more may stand; `word*` is all that begins so; a plural in -s is read
as its singular. In Chinese and Japanese `A_B` is A with B after it. A phrase that is negated counts a fifth: "no data
was leaked" hardly speaks of a leak. Of the phrases at one place the longest counts.
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeAlias

from detectors.sentiment.entries import EntryFinder
from detectors.sentiment.lexicon import word_lists

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

BY_CHARACTERS: Final = ("zh", "ja")
"""Languages without blanks between words."""
NEGATED: Final = 0.2
"""Factor on the weight of a phrase that is negated."""
MOST_WEIGHT: Final = 3.0
_REACH: Final = 3
"""Words after a negation that it reaches, within its clause."""
_GAP: Final = 4
"""Characters between the two parts of a Chinese or Japanese entry."""
_SHORTEST_STEM: Final = 3
_LONGEST_WORD: Final = 40
_REMEMBERED_WORDS: Final = 8192
"""Words whose phrases are remembered, because posts repeat their words."""
_MOST_WORDS: Final = 140
"""Words that a normalised text of 280 characters may have."""

_TOKEN: Final = re.compile(r"\$[a-z]{1,5}\b|[^\W_]+(?:'[^\W_]+)*|[^\w\s]")
"""A ticker, a word or a mark: "$SPY" spies on nobody."""
_GLUE: Final = "-'\"#@_“”„«»*"
_NEGATED_BEFORE: Final = re.compile(
    r"(?<!有)(?<!是)(?:没有?|沒有?|未|并非|並非|不是|无|無|避免|防止)[^，。！？,.!? ]{0,2}$"
)
_NEGATED_BEHIND: Final = re.compile(
    r"(?:は|が|も|を|に|さ|れ|し|て|い|じゃ|で|あり|起き|確認|ら|り|っ)*(?:ない|なかった|ません|なく)(?!か|と思)"
)


class Heard(NamedTuple):
    """A phrase in a text: the section it is listed in, the words as the text has them, and its weight there."""

    section: str
    words: str
    weight: float


_Meanings: TypeAlias = tuple[tuple[str, float], ...]
"""Sections of an entry, each with its weight."""


class PhraseFinder(Protocol):
    """A finder of the phrases of one list."""

    def find(self, text: str) -> list[Heard]:
        """The phrases of a normalised text, each once a section."""


@lru_cache(maxsize=64)
def finder(language: str, name: str) -> PhraseFinder | None:
    """The finder of a language's list of this name; None where there is no such list.

    Raises:
        ValueError: a line of the list breaks its form.
    """
    if not language.isalpha() or not files("detectors.topics").joinpath(f"lexicons/{language}/{name}.txt").is_file():
        return None
    listed = _entries(language, name)
    return _CharacterFinder(listed, language) if language in BY_CHARACTERS else _WordFinder(listed, language)


def _entries(language: str, name: str) -> dict[str, _Meanings]:
    source = f"lexicons/{language}/{name}.txt"
    found: dict[str, dict[str, float]] = {}
    section = ""
    text = files("detectors.topics").joinpath(source).read_text("utf-8")
    for number, line in enumerate(text.splitlines(), start=1):
        weight, *entries = line.partition("# ")[0].split() or [""]
        if not weight:
            continue
        if weight.startswith("[") and not entries:
            section = weight.strip("[]")
            continue
        if not section or not entries or not 0 < _number(weight) <= MOST_WEIGHT:
            raise ValueError(f"{source}:{number}: expected [section], or a weight of 0 to {MOST_WEIGHT} and entries")
        for entry in entries:
            if found.setdefault(entry, {}).setdefault(section, float(weight)) != float(weight):
                raise ValueError(f"{source}:{number}: {entry!r} has another weight in {section} already")
    return {entry: tuple(meanings.items()) for entry, meanings in found.items()}


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


class _Phrase(NamedTuple):
    words: tuple[str, ...]
    meanings: _Meanings


class _WordFinder:
    """Phrases of words, by their first one."""

    def __init__(self, listed: Mapping[str, _Meanings], language: str) -> None:
        self._negators = frozenset(word_lists(language).negators)
        self._exact: dict[str, list[_Phrase]] = {}
        self._stems: dict[str, list[_Phrase]] = {}
        for entry, meanings in sorted(listed.items(), key=lambda item: (-item[0].count("_"), -len(item[0]), item[0])):
            phrase = _Phrase(tuple(entry.replace("'", "").split("_")), meanings)
            first = phrase.words[0]
            if first.endswith("*"):
                self._stems.setdefault(first[:-1], []).append(phrase)
            else:
                self._exact.setdefault(first, []).append(phrase)
        self._longest_stem = max(map(len, self._stems), default=0)
        self._candidates = lru_cache(maxsize=_REMEMBERED_WORDS)(self._beginning_with)

    def find(self, text: str) -> list[Heard]:
        tokens = [token for token in _TOKEN.findall(text) if token not in _GLUE][:_MOST_WORDS]
        words = [token.replace("'", "") for token in tokens] if "'" in text else tokens
        found: dict[tuple[str, str], Heard] = {}
        end = 0
        for place, candidates in enumerate(map(self._candidates, words)):
            if not candidates or place < end:
                continue
            phrase, phrase_end = _longest_at(candidates, words, place)
            if phrase is None:
                continue
            end = phrase_end
            factor = NEGATED if self._is_negated(words, place) else 1.0
            said = " ".join(tokens[place:end])
            for section, weight in phrase.meanings:
                found.setdefault((section, said), Heard(section, said, weight * factor))
        return list(found.values())

    def _beginning_with(self, word: str) -> tuple[_Phrase, ...]:
        """Phrases that a word may begin, the longest first."""
        if len(word) > _LONGEST_WORD:
            return ()
        found = self._exact.get(word, [])
        if not found and len(word) > _SHORTEST_STEM and word.endswith("s") and not word.endswith("ss"):
            found = self._exact.get(word[:-1], [])
        for length in range(min(len(word), self._longest_stem), _SHORTEST_STEM - 1, -1):
            found = found + self._stems.get(word[:length], [])
        return tuple(sorted(found, key=lambda phrase: -len(phrase.words)))

    def _is_negated(self, words: Sequence[str], place: int) -> bool:
        for word in reversed(words[max(0, place - _REACH) : place]):
            if not word[0].isalnum():
                return False
            if word in self._negators:
                return True
        return False


def _longest_at(candidates: Iterable[_Phrase], words: Sequence[str], place: int) -> tuple[_Phrase | None, int]:
    """The first of the phrases, the longest, that stands at a place, and its end."""
    for phrase in candidates:
        end = _end_of(phrase.words, words, place)
        if end:
            return phrase, end
    return None, place


def _end_of(phrase: Sequence[str], words: Sequence[str], place: int) -> int:
    """The end of a phrase whose first word stands at a place, one word let pass between two; 0 if it does not."""
    end = place + 1
    if len(phrase) == 1:
        return end
    for wanted in phrase[1:]:
        for at in (end, end + 1):
            if at < len(words) and _is(words[at], wanted):
                end = at + 1
                break
            if at < len(words) and not words[at][0].isalnum():
                return 0
        else:
            return 0
    return end


def _is(word: str, wanted: str) -> bool:
    return word.startswith(wanted[:-1]) if wanted.endswith("*") else word in (wanted, wanted + "s")


class _CharacterFinder:
    """Entries within a text without blanks."""

    def __init__(self, listed: Mapping[str, _Meanings], language: str) -> None:
        self._is_japanese = language == "ja"
        self._alone = {entry: meanings for entry, meanings in listed.items() if "_" not in entry}
        self._followed: dict[str, list[tuple[str, _Meanings]]] = {}
        for entry, meanings in sorted(listed.items()):
            first, joined, rest = entry.partition("_")
            if joined:
                self._followed.setdefault(first, []).append((rest, meanings))
        self._entries = EntryFinder(dict.fromkeys((*self._alone, *self._followed), 1.0))

    def find(self, text: str) -> list[Heard]:
        found: dict[tuple[str, str], Heard] = {}
        seen: set[str] = set()
        for start, end, _ in self._entries.find(text):
            entry = text[start:end]
            if entry in seen:
                continue
            if entry not in self._followed:
                seen.add(entry)
            if entry.isascii() and not _stands_alone(text, start, end):
                continue
            words, meanings = self._meaning(text, entry, end)
            factor = NEGATED if self._is_negated(text, start, end) else 1.0
            for section, weight in meanings:
                found.setdefault((section, words), Heard(section, words, weight * factor))
        return list(found.values())

    def _meaning(self, text: str, entry: str, end: int) -> tuple[str, _Meanings]:
        for rest, meanings in self._followed.get(entry, ()):
            at = text.find(rest, end, end + _GAP + len(rest))
            if at >= 0:
                return entry + text[end : at + len(rest)], meanings
        return entry, self._alone.get(entry, ())

    def _is_negated(self, text: str, start: int, end: int) -> bool:
        if self._is_japanese:
            return _NEGATED_BEHIND.match(text, end, end + 12) is not None
        return _NEGATED_BEFORE.search(text[max(0, start - 5) : start]) is not None


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Whether no Latin letter or digit adjoins an entry in them: "ca" is not in "cat"."""
    before, behind = text[start - 1 : start], text[end : end + 1]
    return not (before.isascii() and before.isalnum()) and not (behind.isascii() and behind.isalnum())
