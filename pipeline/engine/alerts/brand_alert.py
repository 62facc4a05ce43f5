"""From a transition to the alert that a service can use without a second look-up."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

import msgspec

from detectors.aftermath import Evidence
from detectors.audience import AUDIENCE_UNIT, NO_AUDIENCE, AudienceReading
from detectors.base import SCORE_UNIT, Assessment
from detectors.news import NEWS_UNIT
from detectors.registry import entry
from pipeline.config.model import BrandConfig
from pipeline.config.playbooks import PlaybookConfig
from pipeline.engine.alerts.earlier import similar
from pipeline.engine.alerts.evidence import brand_evidence, within_alert, within_bytes
from pipeline.engine.alerts.forecast import forecast
from pipeline.engine.alerts.headline import headline
from pipeline.engine.alerts.links import links_of
from pipeline.engine.alerts.meaning import meaning
from pipeline.engine.alerts.playbook import filled_drafts, playbook_of
from pipeline.engine.alerts.surge_evidence import (
    SurgeSaid,
    recovery,
    said_in_surge,
    since_onset,
    sure_cause,
    with_surge,
)
from pipeline.engine.brands.brand import Brand
from pipeline.engine.buckets.feed_gaps import Feed
from pipeline.engine.buckets.open_bucket import OpenBucket
from pipeline.engine.episodes.episode import Episodes, EpisodeTransition
from pipeline.engine.episodes.kinds import KIND_SPECS, KindSpec
from pipeline.engine.episodes.past import PastEpisode
from schemas.alert import (
    Alert,
    Change,
    Expected,
    Kind,
    Observed,
    ScoreReading,
    Suppressed,
    SuppressedOpening,
    Window,
)
from schemas.moments import moment
from schemas.observation import BUCKET_SECONDS


class ClosedBucket(msgspec.Struct, gc=False):
    """One closed bucket of one brand, with what its alerts are made of.

    Attributes:
        index: the bucket.
        brand: whose, with the bucket learned.
        bucket: what it held; None where no mention came.
        assessment: what the detector says of it.
        config: the brand's.
        feed: the partition's.
        audience: what it says of single negative posts, by their audience or in the news.
        said: what its alerts tell of the surge; None until one asks.
    """

    index: int
    brand: Brand
    bucket: OpenBucket | None
    assessment: Assessment
    config: BrandConfig
    feed: Feed
    audience: AudienceReading = NO_AUDIENCE
    said: SurgeSaid | None = None

    def score(self, kind: Kind) -> float:
        """The score of one kind of episode, by counts or by single posts."""
        return self.assessment.score(kind) if KIND_SPECS[kind].counts else self.audience.score

    def said_in_surge(self) -> SurgeSaid:
        """What is known of the brand's surge, made once for all that is told at the close of the bucket."""
        if self.said is None or self.said.since != self.brand.surge_since:
            self.said = said_in_surge(self.brand, self.config.names.values())
        return self.said


def brand_alert(
    closed: ClosedBucket,
    spec: KindSpec,
    transition: EpisodeTransition,
    *,
    evidence: Evidence | None,
    suppressed: Suppressed | None,
    category_episode_id: str,
    changes: tuple[Change, ...] = (),
    past: tuple[PastEpisode, ...] = (),
) -> Alert:
    """The alert of a transition of a brand's episode.

    Args:
        closed: the bucket at whose close it happened.
        spec: the kind of the episode.
        transition: what happened to it.
        evidence: what speaks for it where that is not the whole assessment.
        suppressed: openings suppressed before it, which this alert reports.
        category_episode_id: id of the category's open episode of this kind, or "".
        changes: what an update is about.
        past: ended episodes of the brand and of its category.
    """
    index, brand, config, assessment = closed.index, closed.brand, closed.config, closed.assessment
    if not spec.counts:
        since = index if closed.audience.first < 0 else closed.audience.first
        evidence = Evidence(closed.audience.score, index + 1 - since, 0.0)
    if evidence is None:
        explanation = assessment.explain(spec.name)
        evidence = Evidence(assessment.score(spec.name), explanation.window_buckets, explanation.parts["volume"])
    normal = transition.normal or brand.model.normal()
    end = index + 1
    window = evidence.window
    observed, late = brand.recent.total(end - window, end), brand.late.total(end - window, end)
    mentions, negatives = observed.mentions + late.mentions, observed.negatives + late.negatives
    share_seen = 1.0 - closed.feed.unobserved(end - window, end) / window
    expected = share_seen * sum(normal.expect(end - window, end))
    score = round(evidence.score, 4)
    volume = round(evidence.volume, 4)
    spread = normal.spread(expected, window)
    said = closed.said_in_surge()
    shown, language = with_surge(brand_evidence(brand, spec, window, index), said.evidence), said.language
    if transition.name != "resolved":
        shown = msgspec.structs.replace(shown, forecast=forecast(brand, normal, index))
    shown = msgspec.structs.replace(shown, similar=similar(past, shown, brand.name, spec.name, transition.episode_id))
    cause, needed = sure_cause(shown), needs_somebody(transition)
    configured = config.playbook_for(transition.severity, cause, language) if needed else None
    playbook = playbook_of(configured, transition.severity, respond_by(configured, transition))
    alert = Alert(
        version=1,
        id=transition.alert_id,
        episode_id=transition.episode_id,
        parent_episode_id=transition.parent_id or None,
        incident_id=transition.incident_id,
        related_episode_ids=transition.related,
        transition=transition.name,
        kind=spec.name,
        severity=transition.severity,
        brand=brand.name,
        onset_time=start_of(transition.onset),
        onset_interval=onset_interval(transition),
        detected_time=start_of(end),
        window=Window(start=start_of(end - window), end=start_of(end)),
        score=ScoreReading(
            value=score,
            threshold=round(transition.threshold, 4),
            unit=_unit(closed, spec),
            meaning=_meaning(spec, config),
        ),
        observed=Observed(
            mentions=float(mentions),
            negatives=round(float(negatives), 1),
            negative_share=round(min(negatives / mentions, 1.0), 4) if mentions else 0.0,
            stories=max(mentions - observed.repeats, min(mentions, 1)),
            counted=round(observed.counted, 1) if observed.counted < mentions else None,
        ),
        expected=Expected(
            value=round(expected, 2),
            lower=round(max(expected - spread, 0.0), 2),
            upper=round(expected + spread, 2),
            negative_share=round(normal.base_rate, 4),
        ),
        contributions=(
            {"volume": volume, "negativity": round(score - volume, 4)} if spec.counts else closed.audience.parts
        ),
        evidence=within_bytes(shown),
        playbook=playbook,
        config_hash=config.config_hash,
        detector=entry(config.detection.detector).label,
        category=config.category,
        category_episode_id=category_episode_id or None,
        suppressed=suppressed,
        since_onset=since_onset(brand, normal, index),
        changes=changes,
        recovery=recovery(brand, normal, transition.last_above) if transition.name == "resolved" else None,
    )
    called = config.names.get(language) or next(iter(config.names.values()), brand.name)
    if playbook is not None:
        playbook = msgspec.structs.replace(playbook, drafts=filled_drafts(alert, called))
    return within_alert(
        msgspec.structs.replace(
            alert,
            headline=headline(alert, language, config.names),
            links=links_of(alert, config.links, called),
            playbook=playbook,
        )
    )


def _meaning(spec: KindSpec, config: BrandConfig) -> str:
    """What the score is held against; "" of an episode of a kind that is muted by now."""
    threshold = spec.threshold(config.detection)
    return meaning(spec.name, threshold, config.detection) if math.isfinite(threshold) else ""


def _unit(closed: ClosedBucket, spec: KindSpec) -> str:
    if spec.counts:
        return SCORE_UNIT
    return NEWS_UNIT if closed.audience.news else AUDIENCE_UNIT


def take_suppressed(episodes: Episodes) -> Suppressed | None:
    """What has been suppressed since the last alert, and from now on counts as reported; None where nothing has."""
    suppressions = [(kind, one.suppression) for kind, one in episodes.items() if one.suppression]
    count = sum(suppression.count for _, suppression in suppressions)
    if not count:
        return None
    recent = [
        SuppressedOpening(time=start_of(held.bucket + 1), kind=kind, score=round(held.score, 4), reason=held.reason)
        for kind, suppression in suppressions
        for held in suppression.recent
    ]
    for _, suppression in suppressions:
        suppression.reported()
    return Suppressed(count=count, recent=tuple(sorted(recent, key=lambda opening: opening.time)))


def start_of(bucket: int) -> datetime:
    """The event time at which a bucket begins."""
    return moment(bucket * BUCKET_SECONDS)


def onset_interval(transition: EpisodeTransition) -> Window | None:
    """The stretch of event time in which the episode may have begun; None where it is not known."""
    if transition.latest < 0:
        return None
    return Window(start=start_of(transition.earliest), end=start_of(transition.latest + 1))


def respond_by(playbook: PlaybookConfig | None, transition: EpisodeTransition) -> datetime | None:
    """When somebody must have acted; None where that is not configured, or over."""
    minutes = None if playbook is None else playbook.respond_within_minutes
    if minutes is None:
        return None
    by = start_of(transition.opened + 1) + timedelta(minutes=minutes)
    return by if by > start_of(transition.bucket + 1) else None


def needs_somebody(transition: EpisodeTransition) -> bool:
    """Whether somebody must act: not where the episode is for information or over."""
    return transition.severity != "info" and transition.name != "resolved"
