"""Words and phrases that set a surge apart: weighted log-odds with an informative Dirichlet prior.

After Monroe, Colaresi and Quinn (2008), "Fightin' Words: Lexical Feature Selection and Evaluation for Identifying the
Content of Political Conflict", Political Analysis 16(4), eq. 16, 20 and 22: the log-odds of a unit in the surge less
those in the brand's background, over their standard deviation. What is counted are texts that carry a unit, not its
occurrences, as posts are short. The prior is `_PRIOR_TEXTS` texts of which a unit that nobody knows anything of stands
in `_PRIOR_SHARE`; function words are left out by a list per language (`stopwords.txt`).

A text that is told by m mentions weighs 1 + log2(m): one story copied 500 times weighs as ten people who say something
of their own, so that its words count and crowd nobody out. `mentions` and `share` count every copy.

Everything is the same on every processor: weights are multiples of 1/256, the logarithm is made of operations that
IEEE 754 rounds correctly, sums are exact or in the order of the texts, and equals stand in the order of their mentions
and letters.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from itertools import chain
from math import frexp, fsum, isfinite, sqrt
from typing import Final, NamedTuple

import msgspec

from detectors.topics.told import Told
from detectors.topics.units import Unit, is_number, is_topic, names_pattern, segments_of_each, shown
from detectors.topics.usual import Usual
from schemas.text import normalised, printable

MOST_TEXTS: Final = 256
"""Distinct texts that are read: those of the most mentions."""
MOST_CHARACTERS: Final = 40
"""Characters of a term."""

_PRIOR_TEXTS: Final = 50.0
_PRIOR_SHARE: Final = 0.02
"""The prior, chosen with the next four on the first set of studies.topic_worlds."""
_LEAST_Z: Final = 0.8
"""Low, as only what several texts say is looked at: a brand with ten texts of background reaches no more."""
_LEAST_SHARE: Final = 0.03
"""Of the weight of all texts: what a term weighs at least, and two texts' worth."""
_A_PHRASE: Final = 0.4
"""Of the weight of its rarest word: what several words together weigh at least to be more than chance neighbours."""
_IN_ITS_PLACE: Final = 0.6
"""Of the weight of a unit: from there on a phrase that contains it is shown in its place."""
_SAME_TEXTS: Final = 0.8
"""Share of texts in common (Jaccard) from which on two units are of one story."""
_OF_ONE_STORY: Final = 3
_MOST_WORDS: Final = 4
"""Words of a unit."""
_MOST_CANDIDATES: Final = 400
_GRAIN: Final = 256
_LOG_2: Final = 0.6931471805599453


class Term(msgspec.Struct, frozen=True):
    """A word or phrase that sets a surge apart.

    Attributes:
        text: in lower case, on one line, at most 40 characters.
        mentions: of the surge that carry it.
        share: of the mentions of the texts that were read, 0..1.
        negative_share: negative ones among the mentions that carry it, 0..1.
        z: standard deviations by which its log-odds in the surge are above those in the background.
    """

    text: str
    mentions: float
    share: float
    negative_share: float
    z: float


class _Text(NamedTuple):
    segments: list[Unit]
    language: str
    mentions: float
    negatives: float
    weight: int  # in grains


class _Candidate(NamedTuple):
    z: float
    weight: int
    text: str
    unit: Unit
    carriers: frozenset[int]


def terms(told: Sequence[Told], usual: Usual | None, *, leave_out: Collection[str] = (), limit: int = 10) -> list[Term]:
    """The words and phrases that set a surge apart, the most telling first; none where nothing does.

    Args:
        told: the distinct texts of the surge in any order.
        usual: the background of the brand; None or empty for a brand without one.
        leave_out: names of the brand and its accounts, in any case.
        limit: of the terms.
    """
    texts = _read(told, names_pattern(leave_out))
    total = sum(text.weight for text in texts)
    if not total:
        return []
    candidates = _closed(_scored(texts, total, Usual() if usual is None else usual))
    return [_term(candidate, texts) for candidate in _chosen(candidates, limit)]


def _read(told: Sequence[Told], names: re.Pattern[str] | None) -> list[_Text]:
    """The texts in an order of their own, same ones as one."""
    same: dict[tuple[str, str], list[Told]] = {}
    for one in told:
        if isfinite(one.mentions) and one.mentions > 0:
            same.setdefault((normalised(one.text), one.language), []).append(one)
    counted = [
        (-fsum(one.mentions for one in several), *key, fsum(one.negatives for one in several))
        for key, several in same.items()
    ]
    counted.sort()
    del counted[MOST_TEXTS:]
    read = segments_of_each([(text, language) for _, text, language, _ in counted], names)
    return [
        _Text(parts, language, -mentions, negatives, _weight(-mentions))
        for parts, (mentions, _, language, negatives) in zip(read, counted, strict=True)
    ]


def _weight(mentions: float) -> int:
    """1 + log2 of the mentions, in grains."""
    return round(_GRAIN * (1.0 + _log(max(mentions, 1.0)) / _LOG_2))


def _log(x: float) -> float:
    """The natural logarithm, the same on every machine: libraries differ in its last bits."""
    mantissa, exponent = frexp(x)
    ratio = (mantissa - 1.0) / (mantissa + 1.0)  # -1/3..0
    square = ratio * ratio
    total = 0.0
    for odd in range(33, 0, -2):
        total = total * square + 1.0 / odd
    return exponent * _LOG_2 + 2.0 * ratio * total


class _Carried(NamedTuple):
    unit: Unit
    language: str
    carriers: set[int]


def _heavy(texts: Sequence[_Text], least: int) -> dict[str, _Carried]:
    """The units that weigh enough, by their text: however a word was cut, it is the same.

    A unit of several words is looked for only where each of them weighs enough (Agrawal and Srikant 1994).
    """
    words: dict[str, int] = {}
    for text in texts:
        for word in set(chain.from_iterable(text.segments)):
            words[word] = words.get(word, 0) + text.weight
    frequent = {word for word, weight in words.items() if weight >= least}
    carriers: dict[Unit, list[int]] = {}
    for n, text in enumerate(texts):
        for unit in _units(text.segments, frequent):
            if unit in carriers:
                carriers[unit].append(n)
            else:
                carriers[unit] = [n]
    found: dict[str, _Carried] = {}
    for unit, places in carriers.items():
        if len(unit) == 1 or sum([texts[n].weight for n in places]) >= least:
            found.setdefault(shown(unit), _Carried(unit, texts[places[0]].language, set())).carriers.update(places)
    return found


def _units(segments: list[Unit], frequent: set[str]) -> dict[Unit, None]:
    """The units of a text that are made of frequent words, in the order of the text: a set would have one by chance."""
    found: dict[Unit, None] = {}
    for segment in segments:
        after = 0  # the place after the last word that is not frequent
        for place, word in enumerate(segment, start=1):
            if word in frequent:
                found |= dict.fromkeys(
                    [segment[start:place] for start in range(max(after, place - _MOST_WORDS), place)]
                )
            else:
                after = place
    return found


def _scored(texts: Sequence[_Text], total: int, usual: Usual) -> list[_Candidate]:
    """The units that are plainly more frequent in the surge than in the background, the highest z first."""
    several = len(texts) > 1
    least = max(2 * _GRAIN if several else 1, round(_LEAST_SHARE * total))
    found = []
    heavy = _heavy(texts, least)
    weights = {text: sum([texts[n].weight for n in one.carriers]) for text, one in heavy.items()}
    for text, (unit, language, carriers) in heavy.items():
        weight = weights[text]
        if len(text) > MOST_CHARACTERS or not is_topic(unit, text, language):
            continue
        if weight < _A_PHRASE * min(weights[word] for word in unit):
            continue
        z = _z(weight / _GRAIN, total / _GRAIN, _before(unit, text, usual), usual.texts)
        if z >= _LEAST_Z:
            found.append(_Candidate(z, weight, text, unit, frozenset(carriers)))
    found.sort(key=lambda candidate: (-candidate.z, -candidate.weight, -len(candidate.text), candidate.text))
    return found[:_MOST_CANDIDATES]


def _before(unit: Unit, text: str, usual: Usual) -> float:
    """Texts of the background that may have carried a unit: no more than carried the rarest of its words."""
    if not usual.texts:
        return 0.0
    rarest = min(usual.count(word) for word in unit if not is_number(word))
    return max(rarest, usual.count(text)) if len(unit) > 1 else rarest


def _z(carried: float, of: float, before: float, texts: float) -> float:
    """Log-odds ratio over its standard deviation."""
    prior = _PRIOR_TEXTS * _PRIOR_SHARE
    rest = _PRIOR_TEXTS - prior
    here, there = carried + prior, before + prior
    ratio = _log(here / (of - carried + rest)) - _log(there / (texts - before + rest))
    return round(ratio / sqrt(1.0 / here + 1.0 / there), 2)


def _closed(candidates: list[_Candidate]) -> list[_Candidate]:
    """Without units that hardly stand but within a longer one."""
    heaviest: dict[str, int] = {}
    for candidate in candidates:
        unit = candidate.unit
        for size in range(1, len(unit)):
            for start in range(len(unit) - size + 1):
                part = shown(unit[start : start + size])
                heaviest[part] = max(heaviest.get(part, 0), candidate.weight)
        if candidate.text[0] == "#":
            heaviest[candidate.text[1:]] = max(heaviest.get(candidate.text[1:], 0), candidate.weight)
    return [one for one in candidates if heaviest.get(one.text, 0) < _IN_ITS_PLACE * one.weight]


def _chosen(candidates: list[_Candidate], limit: int) -> list[_Candidate]:
    """The best that do not say the same as a better one, few of one story."""
    chosen: list[_Candidate] = []
    for one in candidates:
        if len(chosen) >= limit:
            break
        same = 0
        for other in chosen:
            if _says_the_same(one, other):
                break
            same += _share_in_common(one, other) >= _SAME_TEXTS
        else:
            if same < _OF_ONE_STORY:
                chosen.append(one)
    return chosen


def _says_the_same(one: _Candidate, other: _Candidate) -> bool:
    """Whether a unit overlaps a chosen one and adds nothing to it."""
    return _share_in_common(one, other) >= _SAME_TEXTS and _overlap(one, other)


def _overlap(one: _Candidate, other: _Candidate) -> bool:
    """Whether one ends as the other begins: with a word, or in Chinese and Japanese with a character."""
    first: Sequence[str] = one.unit if " " in one.text else one.text
    second: Sequence[str] = other.unit if " " in other.text else other.text
    return type(first) is type(second) and any(
        first[-size:] == second[:size] or second[-size:] == first[:size]
        for size in range(1, min(len(first), len(second)) + 1)
    )


def _share_in_common(one: _Candidate, other: _Candidate) -> float:
    """The texts that carry both, of those that carry one of them (Jaccard)."""
    both = len(one.carriers & other.carriers)
    return both / (len(one.carriers) + len(other.carriers) - both)


def _term(candidate: _Candidate, texts: Sequence[_Text]) -> Term:
    mentions = fsum(texts[n].mentions for n in candidate.carriers)
    negatives = fsum(texts[n].negatives for n in candidate.carriers)
    return Term(
        printable(candidate.text, MOST_CHARACTERS),
        mentions,
        min(mentions / fsum(text.mentions for text in texts), 1.0),
        min(max(negatives / mentions, 0.0), 1.0),
        candidate.z,
    )
