"""What a crisis is about, told from the phrases of its texts.

Each distinct text gives its phrases (`phrases.py`, lists `lexicons/<language>/causes.txt`) as evidence: the sum of
their weights says how plainly it speaks, their sections of which causes. A text weighs by its tone (one that is all
negative three times as much as one that is not) and by the logarithm of its copies, so that one story does not decide
alone. The weighted shares are added to a Dirichlet prior of half a pseudo-text a cause: the multinomial model of naive
Bayes with soft counts (Manning, Raghavan and Schütze, 2008, chapter 13). Words repeat each other, so the posterior of
such a model is far too sure; the confidence is a logistic function of its odds, of the amount of evidence and of the
share of texts that speak of the cause instead (Platt, 1999), fitted by `studies.causes`.
"""

from __future__ import annotations

from heapq import nlargest
from math import exp, log, log1p, sqrt
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from detectors.topics.phrases import finder
from detectors.topics.told import Told
from schemas.text import normalised

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

CAUSES: Final = (
    "product_failure",
    "safety",
    "data_breach",
    "false_claim",
    "insensitive_content",
    "employee_behaviour",
    "service_outage",
    "price_or_policy",
    "other",
)
"""What a crisis may be about. `other` is what has a list but no name of its own: labour, finance, law, environment."""
UNKNOWN: Final = "unknown"
SURE: Final = 0.5
"""The least confidence with which a cause is named; below it is `UNKNOWN`."""
MOST_TEXTS: Final = 400
"""Texts that are read: the heaviest."""
LEAST_TEXTS: Final = 2
"""Distinct texts that must speak of a cause for it to be named."""
MOST_TERMS: Final = 5
DIGITS: Final = 3
"""Decimals of a confidence: the rest differs between machines and means nothing."""

_CALM: Final = "calm"
"""The section of phrases that speak of no crisis: launches, praise, matches."""
_RELIEF: Final = "relief"
"""The section of phrases that take back what the rest of a text says."""
_NO_CAUSE: Final = "none"
_PRIOR: Final = 0.5
"""Pseudo-texts a cause: two texts that speak of one stand out from it, half a text does not."""
_LEAST_TONE: Final = 0.3
"""Weight of a text without a negative mention; one with nothing else weighs 1."""
_MOST_COPIES: Final = 4.0
"""The most that copies multiply a text's weight by; twenty do."""
_HINT: Final = 1.0
"""Sum of weights that says nothing yet: a hint alone, or a phrase that is negated."""
_PLAIN: Final = 1.5
"""Sum of weights beyond a hint at which half of a text speaks of causes."""
_MOST_SURE: Final = 0.95
"""The highest confidence: people tell of things that no list foresees."""
_MOST_MENTIONS: Final = 1e12

# Fitted on the development situations of tests/data/causes: python -m studies.causes --fit --weibo DIR --stocknet DIR
_INTERCEPT: Final = -2.77
_BY_LEAD: Final = 1.9
_BY_EVIDENCE: Final = 2.92
_BY_SHARE: Final = 4.41


class Cause(msgspec.Struct, frozen=True):
    """What a crisis is about.

    Attributes:
        name: one of `CAUSES`, or "unknown".
        confidence: estimated probability that the name is right, 0.5 to 0.95; of "unknown", at most 0.5: that the
            likeliest cause would have been.
        terms: phrases of the texts that speak for it, the heaviest first; at most 5, none for "unknown".
    """

    name: str
    confidence: float
    terms: tuple[str, ...] = ()


class Evidence(NamedTuple):
    """What the texts say.

    Attributes:
        texts: weighted texts that speak of each cause, of "calm" and of nothing ("none").
        tellers: distinct texts that speak of each plainly: without negation.
        terms: weight of each phrase, by cause.
    """

    texts: Mapping[str, float]
    tellers: Mapping[str, int]
    terms: Mapping[str, Mapping[str, float]]


def cause_of(told: Sequence[Told]) -> Cause:
    """The cause of which the texts speak; the order of the texts does not matter.

    Args:
        told: distinct texts of the surge. Counts that are no numbers, negative or beyond 1e12 count as nothing.
    """
    return cause_by(evidence_of(told))


def cause_by(evidence: Evidence) -> Cause:
    """The cause for which the evidence speaks."""
    name, traits = likeliest(evidence.texts)
    if not evidence.texts.get(name):
        return Cause(UNKNOWN, 0.0)
    sureness = _INTERCEPT + _BY_LEAD * traits.lead + _BY_EVIDENCE * traits.evidence + _BY_SHARE * traits.share
    confidence = round(min(1.0 / (1.0 + exp(-sureness)), _MOST_SURE), DIGITS)
    if evidence.tellers.get(name, 0) < LEAST_TEXTS or confidence < SURE:
        return Cause(UNKNOWN, min(confidence, SURE))
    terms = evidence.terms[name]
    heaviest = sorted(terms, key=lambda words: (-terms[words], words))[:MOST_TERMS]
    return Cause(name, confidence, tuple(heaviest))


def evidence_of(told: Iterable[Told]) -> Evidence:
    """The evidence of the texts for each cause."""
    texts: dict[str, float] = {}
    tellers: dict[str, int] = {}
    terms: dict[str, dict[str, float]] = {}
    for weight, text, language in heaviest_texts(told):
        said = _said(text, language)
        beyond = max(said.total - _HINT, 0.0)
        plainness = beyond / (beyond + _PLAIN) / (1.0 + said.relief)
        texts[_NO_CAUSE] = texts.get(_NO_CAUSE, 0.0) + weight * (1.0 - plainness)
        for section in {section for section, _, share in said.parts if share * said.total > _HINT}:
            tellers[section] = tellers.get(section, 0) + 1
        for section, words, share in said.parts:
            texts[section] = texts.get(section, 0.0) + weight * plainness * share
            by_words = terms.setdefault(section, {})
            by_words[words] = by_words.get(words, 0.0) + weight * plainness * share
    return Evidence(texts, tellers, terms)


class Traits(NamedTuple):
    """What the confidence is made of.

    Attributes:
        lead: logarithm of how much more speaks for the likeliest cause than for the next one, the prior included.
        evidence: logarithm of one and the weighted texts that speak for it.
        share: square root of its share in all weighted texts, those that speak of nothing included.
    """

    lead: float
    evidence: float
    share: float


def likeliest(texts: Mapping[str, float]) -> tuple[str, Traits]:
    """The cause with the most evidence, and what its confidence is made of; calm is a rival, though no cause."""
    first = max(CAUSES, key=lambda cause: (texts.get(cause, 0.0), cause))
    evidence = texts.get(first, 0.0)
    rival = max([texts.get(cause, 0.0) for cause in (*CAUSES, _CALM) if cause != first])
    share = evidence / (sum(texts[name] for name in sorted(texts)) or 1.0)
    return first, Traits(log((evidence + _PRIOR) / (rival + _PRIOR)), log1p(evidence), sqrt(share))


def heaviest_texts(told: Iterable[Told]) -> list[tuple[float, str, str]]:
    """Weight, text and language of the texts that weigh most, the heaviest first: the same in whatever order."""
    weighed = [(_weight(each), each.text, each.language) for each in told]
    return nlargest(MOST_TEXTS, [each for each in weighed if each[0] > 0.0])


def _weight(told: Told) -> float:
    if not 0.0 < told.mentions <= _MOST_MENTIONS:
        return 0.0
    negative = min(told.negatives / told.mentions, 1.0) if told.negatives > 0.0 else 0.0
    return (_LEAST_TONE + (1.0 - _LEAST_TONE) * negative) * min(1.0 + log(max(told.mentions, 1.0)), _MOST_COPIES)


class _Said(NamedTuple):
    """What one text says: the sum of its weights, what it takes back, and its phrases as shares of the sum."""

    total: float
    relief: float
    parts: tuple[tuple[str, str, float], ...]


_NOTHING: Final = _Said(0.0, 0.0, ())


def _said(text: str, language: str) -> _Said:
    phrases = finder(language, "causes")
    heard = phrases.find(normalised(text)) if phrases else []
    relief = sum(found.weight for found in heard if found.section == _RELIEF)
    speaking = [found for found in heard if found.section != _RELIEF]
    total = sum(found.weight for found in speaking)
    if not total:
        return _NOTHING
    return _Said(total, relief, tuple((found.section, found.words, found.weight / total) for found in speaking))
