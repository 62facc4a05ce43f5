"""Sentiment word lists, read once from package data: VADER's English lexicon and our own lists beside this module."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LIMIT = 4.0
"""Maximum absolute weight: VADER's scale."""


@cache
def english_words() -> Mapping[str, float]:
    """Weight of each English word and emoticon: VADER's mean rating, then our own words for brands in trouble."""
    # Only the data file is read; VADER's scorer costs ten times as much for the same ranking.
    vader = files("vaderSentiment").joinpath("vader_lexicon.txt").read_text("utf-8")
    rows = (line.split("\t") for line in vader.splitlines() if line.strip())
    words = {row[0]: float(row[1]) for row in rows}
    return MappingProxyType({**words, **own_list("en")})


@cache
def own_list(name: str) -> Mapping[str, float]:
    """One of our own lists: lines of a weight and the entries that carry it, parted by blanks; # starts a comment.

    Raises:
        ValueError: a line breaks this form, a weight is beyond 4, or an entry is given twice.
    """
    source = f"lexicons/{name}.txt"
    words: dict[str, float] = {}
    text = files("detectors.sentiment").joinpath(source).read_text("utf-8")
    for number, line in enumerate(text.splitlines(), start=1):
        weight_text, *entries = line.partition("#")[0].split() or [""]
        if not weight_text:
            continue
        try:
            weight = float(weight_text)
        except ValueError as error:
            msg = f"{source}:{number}: a line must start with a weight, got {weight_text!r}"
            raise ValueError(msg) from error
        if not entries or not -LIMIT <= weight <= LIMIT:
            msg = f"{source}:{number}: expected a weight of -{LIMIT} to {LIMIT} and entries, got {line!r}"
            raise ValueError(msg)
        for entry in entries:
            if entry in words:
                msg = f"{source}:{number}: {entry!r} stands in the list twice"
                raise ValueError(msg)
            words[entry] = weight
    return MappingProxyType(words)


def with_adjective_forms(words: Mapping[str, float]) -> Mapping[str, float]:
    """A Japanese list with the forms in -ku (which negation follows) and -katta that its entries in -i lack."""
    forms = {
        entry[:-1] + ending: weight
        for entry, weight in words.items()
        if weight and len(entry) > 2 and entry.endswith("い")
        for ending in ("く", "かった")
    }
    return MappingProxyType({**forms, **words})
