"""Evidence: what speaks for an episode, beside the numbers that opened it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

UtcDatetime = Annotated[datetime, Meta(tz=True)]
NonNegative = Annotated[float, Meta(ge=0.0)]
Share = Annotated[float, Meta(ge=0.0, le=1.0)]

Trend = Literal["falling", "rising", "steady"]
TriggerReason = Literal["audience", "copies", "reposts"]

TRENDS: Final[tuple[Trend, ...]] = ("falling", "rising", "steady")
TRIGGER_REASONS: Final[tuple[TriggerReason, ...]] = ("audience", "copies", "reposts")


class Post(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One post as evidence of the episode. The text is shortened and free of control characters."""

    id: str
    excerpt: str
    platform: str
    event_time: UtcDatetime
    lang: str | None = None
    author: str | None = None
    followers: int | None = None
    reach: int | None = None
    url: str | None = None


class Story(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A post with its reposts and near-copies, counted since it was first seen, or for as long as it is kept.

    Where `estimated`, a sample of the texts was compared: `mentions`, `copies`, `authors` and `reach` are scaled.
    """

    id: str
    excerpt: str
    mentions: int
    copies: int = 0
    reposts: int = 0
    authors: int = 0
    reach: int = 0
    first_seen: UtcDatetime
    estimated: bool = False


class Term(msgspec.Struct, frozen=True, kw_only=True):
    """A word or phrase that sets the surge apart from what the brand's posts usually say.

    `mentions` say it, a `share` of those whose words are known; `negative_share` of them are negative.
    """

    text: str
    mentions: NonNegative
    share: Share
    negative_share: Share


class Trigger(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A post that may have set the surge off. It may be older than the onset.

    `mentions` are the post with its reposts and copies since it was first seen, `share` what they are of the mentions
    since the onset. `reason` says what it was chosen for: its reposts, its copies, or its audience alone.
    """

    id: str
    excerpt: str
    event_time: UtcDatetime
    mentions: int
    share: Share
    reason: TriggerReason
    platform: str | None = None
    lang: str | None = None
    author: str | None = None
    followers: int | None = None
    reach: int | None = None
    url: str | None = None


class Amplifier(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An author of great audience who spoke since the brand became unusual.

    `audience` is followers or reach of the greatest post, `posts` the number of those seen, `share` their part of the
    audience of all mentions; that, `kind` and `followers` are absent where they are not known.
    """

    author: str
    platform: str
    audience: int
    posts: int
    kind: str | None = None
    followers: int | None = None
    share: Share | None = None


class Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A platform or language of the surge: its share of the mentions, and its usual share where that is known.

    `first_seen` is when the first mention came from where the brand is usually not mentioned.
    """

    name: str
    mentions: int
    share: Share
    usual_share: Share | None = None
    first_seen: UtcDatetime | None = None


class Spread(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where the surge is told, against where the brand is usually mentioned.

    `first_news` is the first item in the news that was judged negative, by a model that may err: since the onset, or
    since the post that set the surge off where that is older. `first_news_minutes` are its minutes after the onset,
    negative where it came before.
    """

    platforms: tuple[Part, ...] = ()
    languages: tuple[Part, ...] = ()
    first_news: Post | None = None
    first_news_minutes: int | None = None


class Coordination(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whether a crowd speaks or a few, or a campaign.

    `copies` are mentions of the surge that copy another one's words without the mark of a repost, `share` what they are
    of all. The other shares are absent where they are not known: `top_ten_share` of the mentions that name an author is
    by the ten who wrote most, at least; `burst_share` of those whose time is known to the second came within ten
    seconds of many others; `young_share` of those that say when their account was created are by one younger than 30
    days; `nameless_share` of all name no author.
    """

    copies: int
    share: Share
    top_ten_share: Share | None = None
    burst_share: Share | None = None
    young_share: Share | None = None
    nameless_share: Share | None = None


class Cause(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the posts are likely to be about, `unknown` when unsure; `terms` are the words that speak for it."""

    name: str
    confidence: Share
    terms: tuple[str, ...] = ()


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the fire grows: the chance that the next hour has more mentions than the last one.

    `brier` is the mean squared error of such chances where they were checked, `base_brier` that of always telling
    `base_rate`, how often it grew there.
    """

    growth_chance: Share
    brier: NonNegative
    base_rate: Share
    base_brier: NonNegative


class Similar(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An earlier episode of the brand, or of another brand of its category, that this one resembles.

    Of `shared_terms` both speak. `mentions` are those since its onset, `peak_per_hour` the most of one hour.
    """

    episode_id: str
    brand: str
    kind: str
    severity: str
    onset_time: UtcDatetime
    resolved_time: UtcDatetime
    duration_minutes: int
    cause: str | None = None
    terms: tuple[str, ...] = ()
    shared_terms: tuple[str, ...] = ()
    mentions: int = 0
    peak_per_hour: int = 0


class Recovery(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How an episode ended, in minutes.

    From the onset to its last bucket above the release level; after its peak hour until the mentions beyond normal had
    halved, and until the negative share was back. The last two are absent where that did not happen.
    """

    duration_minutes: int
    half_life_minutes: int | None = None
    share_back_minutes: int | None = None


class SinceOnset(msgspec.Struct, frozen=True, kw_only=True):
    """The episode from its onset to the alert: counts, and what was to be expected by the normal of the onset.

    `fold` is mentions over expected ones, `peak_per_hour` the most mentions of one hour of the clock, which began at
    `peak_time`; `trend` compares the last hour with the one before.
    """

    mentions: int
    negatives: NonNegative
    expected: NonNegative
    excess_negatives: float
    reach: int
    fold: NonNegative
    peak_per_hour: int
    peak_time: UtcDatetime
    trend: Trend


class Evidence(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What speaks for the episode: counts and stories of the alert's window, posts of the last hour.

    `other` collects what the bounded tables left out.

    `stories` are the most shared ones of the window. What follows `reach` is about the surge, from the first unusual
    bucket on, as far as its posts are kept: `triggers` the likeliest first, `voices` posts of different stories,
    platforms and languages that speak for the negative part, `emotions` their shares among the negative texts that show
    one. `similar` are earlier episodes, the most similar first. `forecast` is absent where too little was mentioned
    lately, and when the episode is over. `own_posts` are what the brand itself wrote since the onset, no reposts: the
    first two and the last.
    """

    posts: tuple[Post, ...] = ()
    stories: tuple[Story, ...] = ()
    platforms: dict[str, int] = {}
    languages: dict[str, int] = {}
    authors: int = 0
    reposts: int = 0
    reach: int = 0
    terms: tuple[Term, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    amplifiers: tuple[Amplifier, ...] = ()
    voices: tuple[Post, ...] = ()
    spread: Spread | None = None
    emotions: dict[str, float] = {}
    cause: Cause | None = None
    coordination: Coordination | None = None
    similar: tuple[Similar, ...] = ()
    forecast: Forecast | None = None
    own_posts: tuple[Post, ...] = ()
