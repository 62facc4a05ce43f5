"""What an alert says of the time since the onset: terms, trigger, amplifiers, voices, spread, cause, in numbers too."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

import msgspec

from detectors.normal import Normal
from detectors.sentiment import LANGUAGES, language_of
from detectors.topics.causes import Cause as LikelyCause
from detectors.topics.causes import cause_of
from detectors.topics.emotions import emotions_of
from detectors.topics.terms import terms
from detectors.topics.told import Told
from detectors.topics.usual import Usual
from pipeline.engine.alerts.coordination import coordination_of
from pipeline.engine.alerts.evidence import excerpt, shown_post
from pipeline.engine.brands.brand import Brand
from pipeline.engine.buckets.background import Background
from pipeline.engine.buckets.copies import distinct
from pipeline.engine.buckets.origin import Origin
from pipeline.engine.buckets.posts import URL_CHARACTERS, PostRecord, by_audience
from pipeline.engine.buckets.story import Story, without_mark
from pipeline.engine.buckets.surge import Surge, told_text
from pipeline.engine.buckets.told import TRIGGER_SHARE, LastTold
from schemas.evidence import (
    Amplifier,
    Cause,
    Evidence,
    Part,
    Post,
    Recovery,
    SinceOnset,
    Spread,
    Term,
    Trend,
    Trigger,
)
from schemas.moments import moment
from schemas.observation import BUCKET_SECONDS, BUCKETS_PER_HOUR
from schemas.text import normalised, printable

SHOWN_TRIGGERS: Final = 3
SHOWN_AMPLIFIERS: Final = 8
SHOWN_VOICES: Final = 5
SHOWN_PARTS: Final = 8
RISING: Final = 1.25
"""The last hour against the one before, from which on it rises; falling is its inverse."""
NEW_SHARE: Final = 0.02
"""Of the usual mentions: a place with less is one where the brand is usually not mentioned."""
NO_EVIDENCE: Final = Evidence()
DEFAULT_LANGUAGE: Final = "en"
NEW_MENTIONS: Final = 3
"""Mentions from a place where the brand is usually not mentioned, from which on an update tells of it."""
USUAL_AGAIN: Final = 1.5
"""Of the usual negative share: an hour with no more is as it was."""
UNSURE: Final = ("other", "unknown")
LEAST_USUAL: Final = 30
"""Mentions that must be known as usual before a share of them is said."""


class SurgeSaid(msgspec.Struct, frozen=True):
    """What is known of a brand's surge at the close of a bucket; to make it takes longer than to close the bucket.

    Attributes:
        since: bucket of the onset that it is counted from; -1 where none is.
        evidence: with what is known of the surge alone.
        language: that most of it is in.
    """

    since: int
    evidence: Evidence
    language: str


def said_in_surge(brand: Brand, names: Iterable[str]) -> SurgeSaid:
    """What is known of the surge of a brand.

    Args:
        brand: whose.
        names: what people call it.
    """
    surge = brand.surge
    if surge is None:
        return SurgeSaid(-1, NO_EVIDENCE, DEFAULT_LANGUAGE)
    told = told_of(brand, surge)
    cause = cause_of(told) if told else None
    triggers = triggers_of(brand, surge)
    evidence = Evidence(
        terms=terms_of(told, usual_words(brand), (brand.name, *names)),
        triggers=triggers,
        amplifiers=amplifiers_of(surge, surge.authorship.audience),
        voices=voices_of_surge(surge),
        spread=_spread(surge, brand.background, first_news_of(surge, triggers)),
        emotions=emotions_of(told),
        cause=None if cause is None else shown_cause(cause),
        coordination=coordination_of([surge]),
        own_posts=tuple(map(shown_post, surge.own_posts)),
    )
    return SurgeSaid(surge.since, evidence, language_told(told))


def preload() -> None:
    """Read the lists of words of every language, as the first evidence would: that would hold up an event loop."""
    for language in LANGUAGES:
        told = [Told(language, language, 1.0, 1.0)]
        terms_of(told, b"", ())
        cause_of(told)
        emotions_of(told)


def with_surge(evidence: Evidence, surge: Evidence) -> Evidence:
    """The evidence of an alert's window, with that of the surge."""
    return msgspec.structs.replace(
        evidence,
        terms=surge.terms,
        triggers=surge.triggers,
        amplifiers=surge.amplifiers,
        voices=surge.voices,
        spread=surge.spread,
        emotions=surge.emotions,
        cause=surge.cause,
        coordination=surge.coordination,
        own_posts=surge.own_posts,
    )


def since_onset(brand: Brand, normal: Normal, index: int) -> SinceOnset | None:
    """The counts of the surge from its onset to the end of a bucket; None where they are not counted."""
    surge = brand.surge
    if surge is None or surge.since < 0:
        return None
    expected = sum(normal.expect(surge.since, index + 1))
    place, peak = surge.peak
    return SinceOnset(
        mentions=surge.mentions,
        negatives=round(surge.negatives, 1),
        expected=round(expected, 2),
        excess_negatives=round(surge.negatives - normal.base_rate * expected, 1),
        reach=surge.reach,
        fold=round(surge.mentions / max(expected, 0.01), 2),
        peak_per_hour=peak,
        peak_time=moment((surge.first_hour + place) * BUCKETS_PER_HOUR * BUCKET_SECONDS),
        trend=_trend(brand, index),
    )


def recovery(brand: Brand, normal: Normal, last_above: int) -> Recovery | None:
    """How the episode whose surge is counted has ended; None where none is counted.

    Args:
        brand: whose.
        normal: of the onset.
        last_above: last bucket above the release level.
    """
    surge = brand.surge
    if surge is None or surge.since < 0:
        return None
    place, _ = surge.peak
    first = surge.first_hour * BUCKETS_PER_HOUR
    beyond = []
    for hour, (mentions, _) in enumerate(surge.hours):
        begin = first + hour * BUCKETS_PER_HOUR
        beyond.append(mentions - sum(normal.expect(begin, begin + BUCKETS_PER_HOUR)))
    halved = (hour for hour in range(place + 1, len(beyond)) if 2 * beyond[hour] <= beyond[place])
    calm = (
        hour
        for hour in range(place + 1, len(surge.hours))
        if surge.hours[hour][0] and surge.hours[hour][1] <= USUAL_AGAIN * normal.base_rate * surge.hours[hour][0]
    )
    half_life, back = next(halved, -1), next(calm, -1)
    return Recovery(
        duration_minutes=(last_above + 1 - surge.since) * BUCKET_SECONDS // 60,
        half_life_minutes=None if half_life < 0 else (half_life - place) * 60,
        share_back_minutes=None if back < 0 else (back - place) * 60,
    )


def sure_cause(evidence: Evidence) -> str:
    """The name of the cause; "" where it is unsure."""
    cause = evidence.cause
    return "" if cause is None or cause.name in UNSURE else cause.name


def leading_trigger(triggers: Sequence[Trigger]) -> Trigger | None:
    """The post that is repeated in enough of the surge to be told of by itself; None without."""
    first = next(iter(triggers), None)
    return first if first is not None and first.mentions > 1 and first.share >= TRIGGER_SHARE else None


def last_told(evidence: Evidence, brand: Brand, index: int) -> LastTold:
    """What an alert with this evidence tells."""
    trigger = leading_trigger(evidence.triggers)
    spread = evidence.spread or Spread()
    return LastTold(
        index,
        brand.recent.total(index + 1 - BUCKETS_PER_HOUR, index + 1).mentions,
        tuple(term.text for term in evidence.terms),
        sure_cause(evidence),
        "" if trigger is None else trigger.id,
        tuple(
            part.name
            for part in spread.platforms
            if part.first_seen is not None and part.mentions >= NEW_MENTIONS and part.share >= NEW_SHARE
        ),
        "" if spread.first_news is None else spread.first_news.id,
    )


def _trend(brand: Brand, index: int) -> Trend:
    end, hour = index + 1, BUCKETS_PER_HOUR
    now = brand.recent.total(end - hour, end).mentions
    before = brand.recent.total(end - 2 * hour, end - hour).mentions
    if now > RISING * before:
        return "rising"
    return "falling" if before > RISING * now else "steady"


def told_of(brand: Brand, surge: Surge) -> list[Told]:
    """The texts of the surge; those that the brand remembers from its onset on, but the surge had not begun to hear."""
    known = {text: [float(heard.mentions), float(heard.negatives)] for text, heard in surge.texts.items()}
    if surge.since >= 0:
        for story in (*brand.stories.stories, *brand.stories.posts):
            text = told_text(story)
            if text and text not in known and story.first_seen >= surge.since * BUCKET_SECONDS:
                known[text] = [float(story.mentions), float(story.negatives)]
    return [Told(text, language_of(normalised(text), None), *counts) for text, counts in sorted(known.items())]


def language_told(told: Sequence[Told]) -> str:
    """The language of most of the mentions whose words are known."""
    mentions: dict[str, float] = {}
    for one in told:
        mentions[one.language] = mentions.get(one.language, 0.0) + one.mentions
    return max(mentions, key=lambda language: (mentions[language], language), default=DEFAULT_LANGUAGE)


def terms_of(told: Sequence[Told], words: bytes, names: Iterable[str]) -> tuple[Term, ...]:
    """What sets the texts apart from the usual words, without the names.

    Args:
        told: the texts.
        words: the usual ones, as a background keeps them.
        names: slugs, and what people call the brands.
    """
    left_out = {part for name in names for part in (name, *name.replace("_", "-").replace(".", "-").split("-"))}
    return tuple(
        Term(
            text=one.text,
            mentions=round(one.mentions, 1),
            share=round(one.share, 4),
            negative_share=round(one.negative_share, 4),
        )
        for one in terms(told, Usual.from_bytes(words), leave_out=left_out)
    )


def usual_words(brand: Brand) -> bytes:
    """The brand's usual words; none where they are not known."""
    return b"" if brand.background is None else brand.background.words


def shown_cause(cause: LikelyCause) -> Cause:
    """A cause as the world may see it."""
    return Cause(
        name=cause.name,
        confidence=cause.confidence,
        terms=tuple(printable(term, 40) for term in cause.terms),
    )


def triggers_of(brand: Brand, surge: Surge) -> tuple[Trigger, ...]:
    """The posts that most of the surge repeats, the earlier first of two that are repeated about as often."""
    memory, mentions = brand.stories, max(surge.mentions, 1)
    templates = memory.templates()
    stories = [
        story
        for story in memory.stories
        if story.last_seen >= surge.since and story.mentions > 1 and templates.isdisjoint(story.keys)
    ]
    stories.sort(key=lambda story: (-story.mentions.bit_length(), story.first_seen, story.id))
    posts = {post.id: post for post in (*surge.voices, *brand.negative_posts, *brand.top_posts)}
    found = [_shared(story, posts.get(story.id), mentions) for story in stories[:SHOWN_TRIGGERS]]
    told = {one.id for one in found}
    loud = [
        post
        for post in sorted(posts.values(), key=by_audience)
        if post.weight and post.id not in told and not post.is_repost and not post.is_own
    ]
    found += [_loud(post, mentions) for post in loud][: SHOWN_TRIGGERS - len(found)]
    return tuple(found)


def _shared(story: Story, post: PostRecord | None, mentions: int) -> Trigger:
    """A story as a trigger; `post` is its first one where that is kept."""
    trigger = Trigger(
        id=printable(story.id, 256),
        excerpt=excerpt(without_mark(story.text)),
        event_time=moment(story.first_seen),
        mentions=story.mentions,
        share=round(min(story.mentions / mentions, 1.0), 4),
        reason="reposts" if 2 * story.reposts >= story.mentions - 1 else "copies",
    )
    origin = story.origin or post
    return trigger if origin is None else _from(origin, trigger)


def _loud(post: PostRecord, mentions: int) -> Trigger:
    """A post that nobody is known to repeat, for its audience."""
    trigger = Trigger(
        id=printable(post.id, 256),
        excerpt=excerpt(post.text),
        event_time=moment(post.event_time),
        mentions=1,
        share=round(1 / mentions, 4),
        reason="audience",
    )
    return _from(post, trigger)


def _from(origin: Origin | PostRecord, trigger: Trigger) -> Trigger:
    """The trigger with where it came from."""
    return msgspec.structs.replace(
        trigger,
        platform=printable(origin.platform, 64),
        lang=None if origin.lang is None else printable(origin.lang, 35),
        author=None if origin.author is None else printable(origin.author, 256),
        followers=origin.followers,
        reach=origin.reach,
        url=None if origin.url is None else printable(origin.url, URL_CHARACTERS),
    )


def amplifiers_of(surge: Surge, total: int) -> tuple[Amplifier, ...]:
    """The authors of the greatest audience, the greatest first.

    Args:
        surge: in which they spoke.
        total: audience of all mentions of which they have a share.
    """
    order = sorted(surge.speakers.items(), key=lambda item: (-item[1].audience, item[0]))
    return tuple(
        Amplifier(
            author=printable(name, 64),
            platform=printable(speaker.platform, 64),
            audience=speaker.audience,
            posts=speaker.posts,
            kind=None if speaker.kind == "unknown" else speaker.kind,
            followers=speaker.followers,
            share=round(speaker.added / total, 4) if 0 < speaker.added <= total else None,
        )
        for name, speaker in order[:SHOWN_AMPLIFIERS]
    )


def voices_of_surge(surge: Surge) -> tuple[Post, ...]:
    """Negative posts of different stories, those from other platforms and in other languages before the rest."""
    different = [surge.voices[place] for place in distinct([post.text for post in surge.voices], len(surge.voices))]
    chosen: list[PostRecord] = []
    seen: set[tuple[str, str | None]] = set()
    for post in different:
        if (post.platform, post.lang) not in seen:
            seen.add((post.platform, post.lang))
            chosen.append(post)
    chosen += [post for post in different if post not in chosen]
    return tuple(shown_post(post) for post in chosen[:SHOWN_VOICES])


def first_news_of(surge: Surge, triggers: Sequence[Trigger]) -> PostRecord | None:
    """The first negative news item since the onset, or since the post that set the surge off where that is older."""
    leading = leading_trigger(triggers)
    if leading is None:
        return surge.news
    began = leading.event_time.timestamp()
    return next((item for item in surge.news_before if item.event_time >= began), surge.news)


def _spread(surge: Surge, background: Background | None, news: PostRecord | None) -> Spread:
    usual = background or Background()
    return Spread(
        platforms=parts_of(surge.platforms, usual.platforms, surge.arrivals),
        languages=parts_of(surge.languages, usual.languages, {}),
        first_news=None if news is None else shown_post(news),
        first_news_minutes=None if news is None or surge.since < 0 else _minutes_since(surge.since, news),
    )


def _minutes_since(onset: int, news: PostRecord) -> int:
    return round((news.event_time - onset * BUCKET_SECONDS) / 60)


def parts_of(seen: Mapping[str, int], usual: Mapping[str, int], arrivals: Mapping[str, int]) -> tuple[Part, ...]:
    """Platforms or languages by mentions, beside their usual share and since when they are there."""
    total, ordinary = sum(seen.values()), sum(usual.values())
    order: Collection[tuple[str, int]] = sorted(seen.items(), key=lambda item: (-item[1], item[0]))[:SHOWN_PARTS]
    found = []
    for name, count in order:
        share = usual.get(name, 0) / ordinary if ordinary >= LEAST_USUAL else None
        arrived = arrivals.get(name) if share is not None and share < NEW_SHARE else None
        found.append(
            Part(
                name=name,
                mentions=count,
                share=round(count / total, 4),
                usual_share=None if share is None else round(share, 4),
                first_seen=None if arrived is None else moment(arrived * BUCKET_SECONDS),
            )
        )
    return tuple(found)
