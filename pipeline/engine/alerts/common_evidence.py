"""What an alert about a category says of the surges of its brands together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from detectors.topics.causes import cause_of
from detectors.topics.emotions import emotions_of
from detectors.topics.told import Told
from pipeline.engine.alerts.coordination import coordination_of
from pipeline.engine.alerts.evidence import shown_post
from pipeline.engine.alerts.surge_evidence import (
    DEFAULT_LANGUAGE,
    SHOWN_AMPLIFIERS,
    SHOWN_TRIGGERS,
    SHOWN_VOICES,
    amplifiers_of,
    first_news_of,
    language_told,
    parts_of,
    shown_cause,
    terms_of,
    told_of,
    triggers_of,
    usual_words,
    voices_of_surge,
)
from pipeline.engine.brands.brand import Brand
from pipeline.engine.buckets.background import Background
from pipeline.engine.buckets.posts import by_time
from pipeline.engine.buckets.surge import MOST_TEXTS, Surge
from schemas.evidence import Amplifier, Evidence, Post, Spread, Trigger

MOST_MEMBERS: Final = 32
"""Brands that are heard, those with the most mentions in their surges: an alert must not hold up the others."""


def with_common_surge(evidence: Evidence, members: Iterable[Brand], names: Iterable[str]) -> tuple[Evidence, str]:
    """The evidence with what is known of the surges of a category's brands, and the language that most of it is in.

    Args:
        evidence: of the alert's window.
        members: brands of the category, loaded.
        names: slugs of all of them, and what people call them.
    """
    heard = [(member, member.surge) for member in members if member.surge is not None]
    heard.sort(key=lambda one: (-sum(one[1].platforms.values()), one[0].name))
    del heard[MOST_MEMBERS:]
    if not heard:
        return evidence, DEFAULT_LANGUAGE
    told = _told(heard)
    found = [triggers_of(member, surge) for member, surge in heard]
    cause = cause_of(told) if told else None
    whole = msgspec.structs.replace(
        evidence,
        terms=terms_of(told, usual_words(heard[0][0]), names),
        triggers=_triggers(heard, found),
        amplifiers=_amplifiers(heard),
        voices=_voices(heard),
        spread=_spread(heard, found),
        emotions=emotions_of(told),
        cause=None if cause is None else shown_cause(cause),
        coordination=coordination_of([surge for _, surge in heard]),
    )
    return whole, language_told(told)


def _told(heard: Sequence[tuple[Brand, Surge]]) -> list[Told]:
    """The texts told most often, as many as of one brand."""
    told = [one for member, surge in heard for one in told_of(member, surge)]
    told.sort(key=lambda one: (-one.mentions, one.text))
    return told[:MOST_TEXTS]


def _triggers(heard: Sequence[tuple[Brand, Surge]], found: Sequence[Sequence[Trigger]]) -> tuple[Trigger, ...]:
    """The likeliest of every brand, those repeated most often first, each with its share of the mentions of all."""
    total = max(sum(surge.mentions for _, surge in heard), 1)
    by_id = {trigger.id: trigger for own in found for trigger in own}
    order = sorted(by_id.values(), key=lambda one: (-one.mentions.bit_length(), one.event_time, one.id))
    return tuple(
        msgspec.structs.replace(one, share=round(min(one.mentions / total, 1.0), 4)) for one in order[:SHOWN_TRIGGERS]
    )


def _amplifiers(heard: Sequence[tuple[Brand, Surge]]) -> tuple[Amplifier, ...]:
    total = sum(surge.authorship.audience for _, surge in heard)
    every: dict[tuple[str, str], Amplifier] = {}
    for one in (one for _, surge in heard for one in amplifiers_of(surge, total)):
        before = every.get((one.platform, one.author))
        every[one.platform, one.author] = one if before is None else _together(before, one)
    order = sorted(every.values(), key=lambda one: (-one.audience, one.author, one.platform))
    return tuple(order[:SHOWN_AMPLIFIERS])


def _together(one: Amplifier, other: Amplifier) -> Amplifier:
    """An author who speaks of two brands."""
    greater = max(one, other, key=lambda amplifier: amplifier.audience)
    share = None if one.share is None or other.share is None else round(min(one.share + other.share, 1.0), 4)
    return msgspec.structs.replace(greater, posts=one.posts + other.posts, share=share)


def _voices(heard: Sequence[tuple[Brand, Surge]]) -> tuple[Post, ...]:
    """The first of every brand before the second of any."""
    spoken = [voices_of_surge(surge) for _, surge in heard]
    order = [voices[place] for place in range(SHOWN_VOICES) for voices in spoken if place < len(voices)]
    different: dict[str, Post] = {}
    for post in order:
        different.setdefault(post.excerpt, post)
    return tuple(different.values())[:SHOWN_VOICES]


def _spread(heard: Sequence[tuple[Brand, Surge]], found: Sequence[Sequence[Trigger]]) -> Spread:
    usual = [member.background or Background() for member, _ in heard]
    items = (first_news_of(surge, own) for (_, surge), own in zip(heard, found, strict=True))
    news = [item for item in items if item is not None]
    arrivals: dict[str, int] = {}
    for _, surge in heard:
        for name, bucket in surge.arrivals.items():
            arrivals[name] = min(bucket, arrivals.get(name, bucket))
    return Spread(
        platforms=parts_of(_sum(surge.platforms for _, surge in heard), _sum(one.platforms for one in usual), arrivals),
        languages=parts_of(_sum(surge.languages for _, surge in heard), _sum(one.languages for one in usual), {}),
        first_news=shown_post(min(news, key=by_time)) if news else None,
    )


def _sum(tables: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for table in tables:
        for name, count in table.items():
            total[name] = total.get(name, 0) + count
    return total
