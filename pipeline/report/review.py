"""Incident review: one episode from before its onset to after its end, as one value that every form is made from.

Texts of posts and of people in it are one printable line each, and still not to be trusted: whoever writes HTML or
Markdown escapes them. Times are event time, in UTC.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from pipeline.report.effect import Effect
from pipeline.report.told import Told
from schemas.alert import Kind, Scope, Severity
from schemas.evidence import Amplifier, Coordination, Part, Post, Recovery, Term

REVIEW_VERSION = 1

EntryKind = Literal[
    "trigger",
    "onset",
    "opened",
    "updated",
    "escalated",
    "resolved",
    "peak",
    "news",
    "own_post",
    "platform",
    "halved",
    "share_back",
    "acknowledged",
    "note",
    "label",
    "answer",
    "step",
    "episode",
]
PhaseName = Literal["before", "rise", "peak", "decline", "after"]
Held = Literal["yes", "no", "not_yet_known"]


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of the time line.

    Attributes:
        time: when.
        what: the kind of line.
        text: what was said or seen, in nobody's language but that of its author.
        author: who said it.
        platform, url: where.
        tags: words of closed lists: severity and changes of an alert, a label, the id of a step or an episode.
        figures: numbers by name, such as "mentions" or "minutes".
    """

    time: datetime
    what: EntryKind
    text: str = ""
    author: str = ""
    platform: str = ""
    url: str = ""
    tags: tuple[str, ...] = ()
    figures: dict[str, float] = {}


class Phase(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A part of the episode, [start, end), with what was counted and what the alerts of that time told.

    Before: the six hours before the onset. Rise: to the peak hour. Peak: the hour of the clock with the most mentions.
    Decline: to the end of the episode. After: the day after. `terms` and `emotions` are those of the last alert in
    it, gathered since the onset; `voices` are negative posts that were written in it. Counts are None without activity.
    """

    name: PhaseName
    start: datetime
    end: datetime
    mentions: int | None = None
    negatives: float | None = None
    expected: float | None = None
    negative_share: float | None = None
    usual_share: float | None = None
    terms: tuple[Term, ...] = ()
    emotions: dict[str, float] = {}
    voices: tuple[Post, ...] = ()


class Peak(msgspec.Struct, frozen=True, kw_only=True):
    """The hour of the clock with the most mentions, the first of several; without activity as the alerts tell it."""

    start: datetime
    mentions: int
    negatives: float | None = None
    expected: float | None = None


class After(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was counted after the episode, for 14 days at most.

    Attributes:
        rests_on: activity, the buckets from the end on; or days, whole days in UTC, where buckets are no longer kept.
        since, until: the time that was counted.
        mentions_per_day: on the mean; None of less than a day.
        negative_share: of all mentions of that time; None without any.
        usual_per_day: mentions that were normal for a day at the onset; None where that is not known.
        usual_share: negative share that was normal at the onset, by the first alert.
    """

    rests_on: Literal["activity", "days"]
    since: datetime
    until: datetime
    mentions_per_day: float | None = None
    negative_share: float | None = None
    usual_per_day: float | None = None
    usual_share: float


class Calm(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How the episode ended.

    Attributes:
        half_life_minutes: from the peak hour to the first hour in which the mentions beyond normal had halved, by
            activity, as the resolved alert computes it; None where they have not.
        share_back_minutes: from the peak hour to the first hour whose negative share was at most 1.5 times the usual
            one; None where it was not.
        told: what the resolved alert says; None before it.
        agrees: whether both say the same; None where one of them is missing.
        held: whether in the 14 days after the share was back no crisis and no sentiment shift came again, and the
            negative share of those days stayed at most 1.5 times the one that was usual at the onset.
        held_until: the moment up to which that is known.
        share_after: negative share from then on, as far as it is known.
        after: what was counted from then on and what that rests on; None where nothing is known.
    """

    half_life_minutes: int | None = None
    share_back_minutes: int | None = None
    told: Recovery | None = None
    agrees: bool | None = None
    held: Held = "not_yet_known"
    held_until: datetime | None = None
    share_after: float | None = None
    after: After | None = None


class Excess(msgspec.Struct, frozen=True, kw_only=True):
    """Negative mentions beyond normal, from the onset to `until`: by the last alert, or by activity."""

    negatives: float
    expected_negatives: float
    excess: float
    until: datetime


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the brand answered or posted and what followed; `others_within` others fell into the hours around it."""

    time: datetime
    author: str
    text: str = ""
    url: str = ""
    language: str = ""
    is_first: bool = False
    others_within: int = 0
    effect: Effect


class Times(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How long it took, in minutes; None where one of the two moments is not known.

    A negative `news_to_alert` means that the alarm came before the first negative item in the news.
    """

    trigger_to_alert: float | None = None
    onset_to_alert: float | None = None
    alert_to_peak: float | None = None
    news_to_alert: float | None = None
    alert_to_acknowledged: float | None = None
    alert_to_answer: float | None = None
    onset_to_answer: float | None = None
    alert_to_told: float | None = None


class Earlier(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An earlier episode that resembles this one, of the brand or, as an alert told it, of one of its category.

    `likeness` is from 0, nothing in common, to 1, alike; None where only an alert of this episode tells of it.
    """

    episode_id: str
    brand: str
    kind: str
    severity: str
    opened: datetime
    likeness: float | None = None
    same_cause: bool = False
    shared_terms: tuple[str, ...] = ()
    peak_per_hour: int | None = None
    excess_negatives: float | None = None
    recovery: Recovery | None = None


class Step(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A step of the playbook as the last alert that has one names it; when it was done and who said so."""

    id: str
    text: str = ""
    done: datetime | None = None
    author: str = ""


class Due(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """By when somebody was to act, by the playbook, and whether somebody acknowledged or answered by then.

    Attributes:
        by: when.
        kept: None as long as nobody has acted and the time is not known to be over, and where it was over first.
        deed: what was done first, which is kept too where it came late; None where nobody has acted.
        late_minutes: by which that came after the time, a begun minute as a whole one; None where it did not.
    """

    by: datetime
    kept: bool | None = None
    deed: Literal["acknowledged", "answer"] | None = None
    late_minutes: int | None = None


class Spread(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where it was told, by the last alert, and the first negative item in the news."""

    platforms: tuple[Part, ...] = ()
    languages: tuple[Part, ...] = ()
    first_news: Post | None = None
    first_news_minutes: int | None = None
    amplifiers: tuple[Amplifier, ...] = ()
    coordination: Coordination | None = None


class SpreadTold(msgspec.Struct, frozen=True, kw_only=True):
    """Platforms and languages as one alert told them: shares of all mentions since the surge began."""

    time: datetime
    platforms: tuple[Part, ...]
    languages: tuple[Part, ...]


class Feeling(msgspec.Struct, frozen=True, kw_only=True):
    """Shares of emotions among the negative texts since the onset, as an alert told them."""

    time: datetime
    shares: dict[str, float]


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One record of the audit trail: what was known or said when, where it lies, and the SHA-256 of its bytes.

    Attributes:
        kind: alert, feedback, or delivery of an alert to a target.
        time: of an alert the event time of its detection; of feedback when it was said, of a delivery when it ended.
        what: the alert's transition, also of the one that was delivered, or the kind of feedback.
        id: of the record's content.
        author: of feedback.
        target: of a delivery, by its name.
        outcome: of a delivery.
        alert_id: which alert was delivered.
        written: when it was put onto the topic, by the record's timestamp: what people say of a time is their word.
        source: name of the topic or the file.
        partition, offset: on a topic.
        line: in a file.
        sha256: of the record's value.
    """

    kind: Literal["alert", "feedback", "delivery"]
    time: datetime
    what: str
    id: str
    sha256: str
    source: str
    author: str = ""
    written: datetime | None = None
    partition: int | None = None
    offset: int | None = None
    line: int | None = None
    target: str = ""
    outcome: str = ""
    alert_id: str = ""


class Trail(msgspec.Struct, frozen=True, kw_only=True):
    """All that was said and done, in order of time; `sha256` is that of the records' digests, one on each line."""

    records: tuple[Record, ...]
    sha256: str


class Setting(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the engine would have said of the same mentions with another value of the setting that decides.

    Attributes:
        key: of the setting, in the section `detection`.
        value: the first of several is that of the configuration.
        opened: when the episode would have opened; None where it would not.
        minutes_earlier: against the first setting; None where one of them did not open.
        other_episodes: crises and turns of the tone of this brand in the rest of the input, the price of it.
    """

    key: str
    value: float
    opened: datetime | None = None
    minutes_earlier: float | None = None
    other_episodes: int = 0


class Point(msgspec.Struct, frozen=True, array_like=True):
    """One step of the charts; None where it is not known.

    `start` is in Unix seconds. Mentions, what is expected and its interval of 95 % are per step; where a step is an
    hour, the interval takes the counts of its parts for independent.
    """

    start: int
    mentions: float
    negatives: float
    expected: float
    lower: float
    upper: float
    usual_share: float
    score: float | None
    threshold: float | None


class Review(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One episode, reviewed.

    Attributes:
        severity: the gravest.
        onset_earliest, onset_latest: the interval that the onset lies in.
        known_until: up to when alerts and activity tell; nothing after it is known, and nothing depends on a clock.
        headlines: the last alert in one sentence, by language.
        score_meaning: what a score is held against and what the threshold tolerates, as the last alert that says it.
        incident: ids of the other episodes of the same event.
        opening_missing: whether the alert that opened it is not among the alerts.
        activity_missing: whether there is no activity at the onset, so that counts are those of the alerts.
        spread_told: where it was told, alert after alert.
        labels: how often people judged the alarm true, false or unsure.
        answers: what people recorded as answers, and what followed each.
        own_posts: what the brand itself posted and nobody recorded; it is no answer where a deadline asks for one.
        told: which targets `tocsin notify` told, as far as that is recorded.
        backfired: when an alert told, by the hour around it, that the first answer fed the fire.
        settings: what other settings would have said; the first are those of the configuration.
        step_seconds, points: of the charts.
    """

    version: int = REVIEW_VERSION
    episode_id: str
    brand: str
    kind: Kind
    scope: Scope = "brand"
    severity: Severity
    onset: datetime
    onset_earliest: datetime | None = None
    onset_latest: datetime | None = None
    opened: datetime
    resolved: datetime | None = None
    known_until: datetime
    headlines: dict[str, str]
    cause: str = ""
    cause_confidence: float | None = None
    score_meaning: str = ""
    incident: tuple[str, ...] = ()
    opening_missing: bool = False
    activity_missing: bool = False
    labels: dict[str, int] = {}
    timeline: tuple[Entry, ...]
    phases: tuple[Phase, ...] = ()
    peak: Peak | None = None
    excess: Excess | None = None
    calm: Calm
    spread: Spread
    spread_told: tuple[SpreadTold, ...] = ()
    feelings: tuple[Feeling, ...] = ()
    answers: tuple[Answer, ...] = ()
    own_posts: tuple[Answer, ...] = ()
    backfired: datetime | None = None
    times: Times
    due: Due | None = None
    steps: tuple[Step, ...] = ()
    earlier: tuple[Earlier, ...] = ()
    settings: tuple[Setting, ...] = ()
    trail: Trail
    step_seconds: int = 0
    points: tuple[Point, ...] = ()
    told: tuple[Told, ...] = ()
