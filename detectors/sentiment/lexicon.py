"""Sentiment word lists, read once from package data: one folder per language in `lexicons`, and the emoji of all.

docs/sentiment.md says how a language is added. English starts from VADER's lexicon.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

LIMIT: Final = 4.0
"""Maximum absolute weight: VADER's scale."""

SHORTEST_STEM: Final = 3
_FOLDER: Final = "lexicons"


class WordLists(NamedTuple):
    """The lists of a language with blanks between words; each but the words may be empty.

    Attributes:
        words: weight of each word.
        stems: weight of all words that begin so; the longest stem counts.
        phrases: weight of several words together, without apostrophes; 0 keeps them from being read one by one.
        boosters: what a word adds to the size of the next word's weight.
        negators: factor on complaints among the next words, by word without apostrophes.
        fillers: words that stand between a negation and what it negates.
        turns: words after which a text means it: "but".
        common: words that hashtags are made of, beside those of the other lists; without them none is split.
        hashtags: weight of what hashtags begin with (`word*`) or end in (`*word`).
    """

    words: Mapping[str, float]
    stems: Mapping[str, float] = MappingProxyType({})
    phrases: Mapping[tuple[str, ...], float] = MappingProxyType({})
    boosters: Mapping[str, float] = MappingProxyType({})
    negators: Mapping[str, float] = MappingProxyType({})
    fillers: frozenset[str] = frozenset()
    turns: frozenset[str] = frozenset()
    common: frozenset[str] = frozenset()
    hashtags: Mapping[str, float] = MappingProxyType({})


@cache
def word_lists(language: str) -> WordLists:
    """The lists in the folder of a language with blanks between words.

    Raises:
        ValueError: a list breaks the form of `weights`, or a phrase is one word.
        FileNotFoundError: the language has no folder with a list `words`.
    """
    listed = weights(f"{language}/words")
    stems = {word[:-1]: weight for word, weight in listed.items() if word.endswith("*")}
    words = {word: weight for word, weight in listed.items() if not word.endswith("*")}
    if min(map(len, stems), default=SHORTEST_STEM) < SHORTEST_STEM:
        raise ValueError(f"{_FOLDER}/{language}/words.txt: expected stems of {SHORTEST_STEM} letters and more")
    if language == "en":
        words = {**_vader(), **words}
    phrases = _optional(f"{language}/phrases")
    if not all("_" in phrase.strip("_") for phrase in phrases):
        raise ValueError(f"{_FOLDER}/{language}/phrases.txt: expected phrases of two words and more, joined by _")
    return WordLists(
        MappingProxyType(words),
        MappingProxyType(stems),
        MappingProxyType({tuple(phrase.replace("'", "").split("_")): weight for phrase, weight in phrases.items()}),
        _optional(f"{language}/boosters"),
        MappingProxyType({word.replace("'", ""): factor for word, factor in _optional(f"{language}/negators").items()}),
        entries(f"{language}/fillers"),
        entries(f"{language}/turns"),
        entries(f"{language}/common"),
        _optional(f"{language}/hashtags"),
    )


@cache
def _vader() -> Mapping[str, float]:
    """VADER's mean rating of each word and emoticon; emoticons as normalised texts have them, in lower case."""
    # Only the data file is read; VADER's scorer costs ten times as much for the same ranking.
    vader = files("vaderSentiment").joinpath("vader_lexicon.txt").read_text("utf-8")
    rows = (line.split("\t") for line in vader.splitlines() if line.strip())
    return MappingProxyType({row[0].lower(): float(row[1]) for row in rows})


@cache
def weights(name: str) -> Mapping[str, float]:
    """One list: lines of a weight and the entries that carry it, parted by blanks; # starts a comment.

    Raises:
        ValueError: a line breaks this form, a weight is beyond 4, or an entry is given twice.
    """
    found: dict[str, float] = {}
    source = f"{_FOLDER}/{name}.txt"
    for number, line in enumerate(_lines(name), start=1):
        weight_text, *words = line.split() or [""]
        if not weight_text:
            continue
        try:
            weight = float(weight_text)
        except ValueError as error:
            msg = f"{source}:{number}: a line must start with a weight, got {weight_text!r}"
            raise ValueError(msg) from error
        if not words or not -LIMIT <= weight <= LIMIT:
            msg = f"{source}:{number}: expected a weight of -{LIMIT} to {LIMIT} and entries, got {line!r}"
            raise ValueError(msg)
        for word in words:
            if word in found:
                msg = f"{source}:{number}: {word!r} stands in the list twice"
                raise ValueError(msg)
            found[word] = weight
    return MappingProxyType(found)


@cache
def entries(name: str) -> frozenset[str]:
    """A list of entries without weights, parted by blanks; # starts a comment. Empty where there is no such list."""
    return frozenset(entry for line in _lines(name) for entry in line.split()) if _is_there(name) else frozenset()


def _optional(name: str) -> Mapping[str, float]:
    return weights(name) if _is_there(name) else MappingProxyType({})


def _is_there(name: str) -> bool:
    return files("detectors.sentiment").joinpath(f"{_FOLDER}/{name}.txt").is_file()


def _lines(name: str) -> list[str]:
    text = files("detectors.sentiment").joinpath(f"{_FOLDER}/{name}.txt").read_text("utf-8")
    return [line.partition("#")[0] for line in text.splitlines()]


def with_adjective_forms(words: Mapping[str, float]) -> Mapping[str, float]:
    """A Japanese list with the forms in -ku (which negation follows) and -katta that its entries in -i lack."""
    forms = {
        entry[:-1] + ending: weight
        for entry, weight in words.items()
        if weight and len(entry) > 2 and entry.endswith("い")
        for ending in ("く", "かった")
    }
    return MappingProxyType({**forms, **words})
