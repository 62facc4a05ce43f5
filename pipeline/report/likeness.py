"""Which earlier episodes of the brand resemble one: by the words that set them apart, the cause and the emotions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from pipeline.engine.alerts.surge_evidence import UNSURE
from pipeline.report.review import Earlier
from pipeline.report.shown import NAME_CHARACTERS, line
from schemas.alert import SEVERITIES, Alert
from schemas.evidence import Evidence, Similar

LEAST_LIKENESS: Final = 0.2
SHOWN: Final = 3
SHOWN_TERMS: Final = 6
WORDS_WEIGHT: Final = 0.6
CAUSE_WEIGHT: Final = 0.25
EMOTIONS_WEIGHT: Final = 0.15


def earlier_ones(alerts: Sequence[Alert], others: Iterable[Alert]) -> tuple[Earlier, ...]:
    """The earlier episodes of the same brand most like this one, the most alike first; then others that alerts told of.

    An engine remembers longer than topics do, and knows the category.

    Args:
        alerts: of the episode, in order.
        others: alerts of other episodes, each episode's in order.
    """
    episodes: dict[str, list[Alert]] = {}
    for alert in others:
        if alert.brand == alerts[0].brand and alert.detected_time < alerts[0].detected_time:
            episodes.setdefault(alert.episode_id, []).append(alert)
    own = set(alerts[-1].related_episode_ids)
    found = [_compared(alerts[-1], told) for name, told in episodes.items() if name not in own]
    alike = [one for one in found if (one.likeness or 0.0) >= LEAST_LIKENESS]
    alike.sort(key=lambda one: (-(one.likeness or 0.0), -one.opened.timestamp(), one.episode_id))
    known = {one.episode_id for one in found}
    told_of = next((one.evidence.similar for one in reversed(alerts) if one.evidence.similar), ())
    return (*alike[:SHOWN], *(_told(one) for one in told_of[:SHOWN] if one.episode_id not in known))


def likeness(a: Evidence, b: Evidence) -> float:
    """0 for nothing in common, 1 for alike; of the three parts those that are known of both are weighed."""
    words, same_cause = cosine(_words(a), _words(b)), float(_cause(a) == _cause(b))
    parts = []
    if a.terms and b.terms:
        parts.append((WORDS_WEIGHT, words))
    if _cause(a) and _cause(b):
        parts.append((CAUSE_WEIGHT, same_cause))
    if not any(value for _, value in parts):
        return 0.0  # two episodes are not alike for being angry both
    if a.emotions and b.emotions:
        parts.append((EMOTIONS_WEIGHT, cosine(a.emotions, b.emotions)))
    return round(sum(weight * value for weight, value in parts) / sum(weight for weight, _ in parts), 3)


def cosine(a: Mapping[str, float], b: Mapping[str, float]) -> float:
    """Cosine of two vectors; 0 where one is nothing."""
    norm = math.sqrt(sum(value * value for value in a.values()) * sum(value * value for value in b.values()))
    return min(sum(value * b.get(name, 0.0) for name, value in sorted(a.items())) / norm, 1.0) if norm else 0.0


def _compared(last: Alert, told: Sequence[Alert]) -> Earlier:
    end = told[-1]
    ours, theirs = _words(last.evidence), _words(end.evidence)
    shared = sorted((word for word in ours if word in theirs), key=lambda word: (-ours[word] * theirs[word], word))
    since = end.since_onset
    return Earlier(
        episode_id=end.episode_id,
        brand=end.brand,
        kind=end.kind,
        severity=max((alert.severity for alert in told), key=SEVERITIES.index),
        opened=told[0].detected_time,
        likeness=likeness(last.evidence, end.evidence),
        same_cause=bool(_cause(end.evidence)) and _cause(end.evidence) == _cause(last.evidence),
        shared_terms=tuple(line(word, NAME_CHARACTERS) for word in shared[:SHOWN_TERMS]),
        peak_per_hour=None if since is None else since.peak_per_hour,
        excess_negatives=None if since is None else since.excess_negatives,
        recovery=end.recovery,
    )


def _told(one: Similar) -> Earlier:
    """An episode that an alert calls similar; its words are few, so it is given no likeness."""
    return Earlier(
        episode_id=line(one.episode_id, NAME_CHARACTERS),
        brand=line(one.brand, NAME_CHARACTERS),
        kind=line(one.kind, NAME_CHARACTERS),
        severity=line(one.severity, NAME_CHARACTERS),
        opened=one.onset_time,
        shared_terms=tuple(line(term, NAME_CHARACTERS) for term in one.shared_terms),
        peak_per_hour=one.peak_per_hour,
    )


def _words(evidence: Evidence) -> dict[str, float]:
    return {term.text: math.log1p(term.mentions) for term in evidence.terms}


def _cause(evidence: Evidence) -> str:
    return "" if evidence.cause is None or evidence.cause.name in UNSURE else evidence.cause.name
