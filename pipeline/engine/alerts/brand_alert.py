"""From a transition to the alert that a service can use without a second look-up."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from detectors.brand.model import SCORE_UNIT, Assessment, explain
from detectors.registry import DETECTOR_VERSION
from pipeline.config.model import BrandConfig
from pipeline.engine.buckets.closed_counts import BucketCounts
from pipeline.engine.buckets.open_bucket import EXCERPT_CHARACTERS, URL_CHARACTERS, OpenBucket, PostRecord
from pipeline.engine.buckets.stories import Story, without_mark
from pipeline.engine.episodes.episode import Episode, Rule, alert_id
from pipeline.engine.records import OutRecord
from schemas.alert import (
    KINDS,
    Alert,
    Evidence,
    Expected,
    Kind,
    Observed,
    Playbook,
    Post,
    ScoreReading,
    Suppressed,
    SuppressedOpening,
    Transition,
    Window,
    alert_headers,
    encode_alert,
)
from schemas.alert import Story as AlertStory
from schemas.observation import BUCKET_SECONDS
from schemas.text import printable

SHOWN_STORIES: Final = 3


class WindowCounts(msgspec.Struct, frozen=True):
    """What the window of an alert holds: counts observed, and mentions expected in the unit of `observed.counted`."""

    observed: BucketCounts
    expected: float


def alert_record(
    brand: str,
    kind: Kind,
    transition: Transition,
    episode: Episode,
    rule: Rule,
    assessment: Assessment,
    bucket: OpenBucket | None,
    posts: list[PostRecord],
    counts: WindowCounts,
    stories: list[Story],
    config: BrandConfig,
    suppressed: Suppressed | None,
    category_episode: str,
) -> OutRecord:
    """The alert of a transition, encoded with its key and headers.

    Args:
        brand: whose alert.
        kind: of the episode.
        transition: what happened to it.
        episode: its state after the transition.
        rule: what its score was held against.
        assessment: of the bucket at whose close it happened.
        bucket: that bucket; None where no mention came.
        posts: that speak for the episode, the most telling first.
        counts: of the window that gave the score.
        stories: told in that window, in any order.
        config: the brand's.
        suppressed: openings held back before it, which this alert tells of.
        category_episode: id of the category's open episode, or empty.
    """
    explanation = explain(kind, assessment)
    end = assessment.bucket + 1
    observed = counts.observed
    score = round(assessment.score(kind), 4)
    volume = round(explanation.parts["volume"], 4)
    # The interval is that of the decayed sums; a flat one of another mean is wider by the root of the two means' ratio.
    spread = (explanation.upper - explanation.expected) * math.sqrt(counts.expected / max(explanation.expected, 1e-9))
    alert = Alert(
        version=1,
        id=alert_id(episode.id, transition, assessment.bucket),
        episode_id=episode.id,
        parent_episode_id=episode.parent_id or None,
        transition=transition,
        kind=kind,
        severity=episode.severity,
        brand=brand,
        onset_time=moment(episode.onset),
        detected_time=moment(end),
        window=Window(start=moment(end - explanation.window_buckets), end=moment(end)),
        score=ScoreReading(value=score, threshold=round(episode.threshold or rule.threshold, 4), unit=SCORE_UNIT),
        observed=Observed(
            mentions=float(observed.mentions),
            negatives=round(float(observed.negatives), 1),
            negative_share=round(min(observed.negatives / observed.mentions, 1.0), 4) if observed.mentions else 0.0,
            stories=max(observed.mentions - observed.repeats, min(observed.mentions, 1)),
            counted=round(observed.counted, 1) if observed.counted < observed.mentions else None,
        ),
        expected=Expected(
            value=round(counts.expected, 2),
            lower=round(max(counts.expected - spread, 0.0), 2),
            upper=round(counts.expected + spread, 2),
            negative_share=round(explanation.base_rate, 4),
        ),
        contributions={"volume": volume, "negativity": round(score - volume, 4)},
        evidence=_evidence(bucket, posts, stories),
        playbook=playbook_of(config, episode),
        config_hash=config.config_hash,
        detector=DETECTOR_VERSION,
        category=config.category,
        category_episode_id=category_episode or None,
        suppressed=suppressed,
    )
    return OutRecord(brand.encode(), encode_alert(alert), alert_headers(alert))


def take_suppressed(episodes: Sequence[Episode]) -> Suppressed | None:
    """What has been suppressed since the last alert, and from now on counts as told; episodes in the order of KINDS."""
    suppressions = [(kind, one.suppression) for kind, one in zip(KINDS, episodes, strict=True) if one.suppression]
    count = sum(suppression.count for _, suppression in suppressions)
    if not count:
        return None
    recent = [
        SuppressedOpening(time=moment(held.bucket + 1), kind=kind, score=round(held.score, 4), reason=held.reason)
        for kind, suppression in suppressions
        for held in suppression.recent
    ]
    for _, suppression in suppressions:
        suppression.told()
    return Suppressed(count=count, recent=tuple(sorted(recent, key=lambda opening: opening.time)))


def moment(bucket: int) -> datetime:
    """The event time at which a bucket begins."""
    return datetime.fromtimestamp(bucket * BUCKET_SECONDS, UTC)


def _evidence(bucket: OpenBucket | None, posts: list[PostRecord], stories: list[Story]) -> Evidence:
    shown = tuple(shown_post(post) for post in posts)
    greatest = sorted(stories, key=lambda story: (-story.mentions, story.first_seen, story.id))[:SHOWN_STORIES]
    told = tuple(_story(story) for story in greatest)
    if bucket is None:
        return Evidence(posts=shown, stories=told)
    return Evidence(
        posts=shown,
        stories=told,
        platforms=_most_first(bucket.platforms),
        languages=_most_first(bucket.languages),
        authors=bucket.authors(),
        reposts=bucket.reposts,
        reach=bucket.reach,
    )


def shown_post(post: PostRecord) -> Post:
    """The post as the world may see it: no control characters, bounded length."""
    return Post(
        id=printable(post.id, 256),
        excerpt=printable(post.text, EXCERPT_CHARACTERS),
        platform=printable(post.platform, 64),
        event_time=datetime.fromtimestamp(post.event_time, UTC),
        lang=None if post.lang is None else printable(post.lang, 35),
        author=None if post.author is None else printable(post.author, 256),
        followers=post.followers,
        reach=post.reach,
        url=None if post.url is None else printable(post.url, URL_CHARACTERS),
    )


def playbook_of(config: BrandConfig, episode: Episode) -> Playbook | None:
    """Who acts, by which instructions and by when, as configured; None where it is not."""
    playbook = config.playbook
    if playbook is None:
        return None
    minutes = playbook.respond_within_minutes
    return Playbook(
        owner=playbook.owner,
        link=playbook.link,
        respond_by=None if minutes is None else moment(episode.opened + 1) + timedelta(minutes=minutes),
    )


def _story(story: Story) -> AlertStory:
    """The story as the world may see it."""
    return AlertStory(
        id=printable(story.id, 256),
        excerpt=printable(without_mark(story.text), EXCERPT_CHARACTERS),
        mentions=story.mentions,
        copies=max(story.mentions - story.reposts - 1, 0),
        reposts=story.reposts,
        authors=round(story.people()),
        reach=story.reach,
        first_seen=datetime.fromtimestamp(story.first_seen, UTC),
    )


def _most_first(table: dict[str, int]) -> dict[str, int]:
    return dict(sorted(table.items(), key=lambda item: (-item[1], item[0])))
