"""From a transition to the alert that a service can use without a second look-up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from detectors.brand_model import SCORE_UNIT, Assessment, BrandModel
from detectors.registry import DETECTOR_VERSION
from detectors.windows import BUCKET_SECONDS
from pipeline.config import BrandConfig
from pipeline.episodes import Episode, Rule, alert_id
from pipeline.records import OutRecord
from pipeline.windows import EXCERPT_CHARACTERS, URL_CHARACTERS, OpenBucket, PostRecord
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
from schemas.text import printable


def alert_record(
    brand: str,
    kind: Kind,
    transition: Transition,
    episode: Episode,
    rule: Rule,
    assessment: Assessment,
    model: BrandModel,
    bucket: OpenBucket | None,
    posts: list[PostRecord],
    config: BrandConfig,
    suppressed: Suppressed | None,
    category_episode: str,
) -> OutRecord:
    """The alert of a transition, encoded with its key and headers.

    `bucket` is None where no mention came; `category_episode` is the id of the category's open episode, or empty.
    """
    explanation = model.explain(kind, assessment)
    end = assessment.bucket + 1
    score = round(assessment.score(kind), 4)
    volume = round(explanation.parts["volume"], 4)
    mentions = round(explanation.mentions, 2)
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
            mentions=mentions,
            negatives=round(explanation.negatives, 2),
            negative_share=round(min(explanation.negatives / explanation.mentions, 1.0), 4) if mentions else 0.0,
        ),
        expected=Expected(
            value=round(explanation.expected, 2),
            lower=round(explanation.lower, 2),
            upper=round(explanation.upper, 2),
            negative_share=round(explanation.base_rate, 4),
        ),
        contributions={"volume": volume, "negativity": round(score - volume, 4)},
        evidence=_evidence(bucket, posts),
        playbook=_playbook(config, episode),
        config_hash=config.config_hash,
        detector=DETECTOR_VERSION,
        category=config.category,
        category_episode_id=category_episode or None,
        suppressed=suppressed,
    )
    return OutRecord(brand.encode(), encode_alert(alert), alert_headers(alert))


def take_suppressed(episodes: Sequence[Episode]) -> Suppressed | None:
    """What has been suppressed since the last alert, and from now on counts as told; episodes in the order of KINDS."""
    count = sum(episode.suppression.count for episode in episodes)
    if not count:
        return None
    recent = [
        SuppressedOpening(time=moment(held.bucket + 1), kind=kind, score=round(held.score, 4), reason=held.reason)
        for kind, episode in zip(KINDS, episodes, strict=True)
        for held in episode.suppression.recent
    ]
    for episode in episodes:
        episode.suppression.told()
    return Suppressed(count=count, recent=tuple(sorted(recent, key=lambda opening: opening.time)))


def moment(bucket: int) -> datetime:
    """The event time at which a bucket begins."""
    return datetime.fromtimestamp(bucket * BUCKET_SECONDS, UTC)


def _evidence(bucket: OpenBucket | None, posts: list[PostRecord]) -> Evidence:
    shown = tuple(shown_post(post) for post in posts)
    if bucket is None:
        return Evidence(posts=shown)
    return Evidence(
        posts=shown,
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


def _most_first(table: dict[str, int]) -> dict[str, int]:
    return dict(sorted(table.items(), key=lambda item: (-item[1], item[0])))


def _playbook(config: BrandConfig, episode: Episode) -> Playbook | None:
    playbook = config.playbook
    if playbook is None:
        return None
    minutes = playbook.respond_within_minutes
    return Playbook(
        owner=playbook.owner,
        link=playbook.link,
        respond_by=None if minutes is None else moment(episode.opened + 1) + timedelta(minutes=minutes),
    )
