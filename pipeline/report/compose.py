"""The review of one episode from its alerts, the brand's activity, and what people said and did. Pure: no clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec

from pipeline.engine.alerts.headline import LANGUAGES, NO_NAMES, headline
from pipeline.engine.alerts.surge_evidence import UNSURE
from pipeline.report.answers import responses_of
from pipeline.report.calm import calm_of, covers, excess_of, peak_of
from pipeline.report.held import Daily, daily_of
from pipeline.report.likeness import earlier_ones
from pipeline.report.phases import feelings_of, phases_of
from pipeline.report.playbook import due_of, steps_of
from pipeline.report.points import points_of
from pipeline.report.review import Answer, Record, Review, Spread, Times
from pipeline.report.series import series_of
from pipeline.report.shown import NAME_CHARACTERS, line, shown_amplifier, shown_part, shown_post
from pipeline.report.spread_course import spread_told
from pipeline.report.timeline import timeline_of, trigger_of
from pipeline.report.told import first_told, told_of
from pipeline.report.trail import trail_of
from schemas.activity import Activity
from schemas.alert import SEVERITIES, Alert
from schemas.delivery import Delivery
from schemas.feedback import Feedback
from schemas.moments import moment
from schemas.observation import BUCKET_SECONDS

BEFORE: Final = 2 * 86_400.0
AFTER: Final = 60 * 86_400.0
"""Seconds before the onset and after the last alert whose activity is read."""


def review(
    alerts: Iterable[Alert],
    activity: Iterable[Activity] = (),
    feedback: Iterable[Feedback] = (),
    others: Iterable[Alert] = (),
    *,
    deliveries: Iterable[Delivery] = (),
    daily: Daily | None = None,
    records: Iterable[Record] = (),
    names: Mapping[str, str] = NO_NAMES,
) -> Review:
    """Review one episode.

    Args:
        alerts: of the episode, in any order; the same alert twice is one.
        activity: of the brand, from before the onset to after the end; without any at the onset, none is used.
        feedback: about the episode, in any order; what was said twice is one.
        others: alerts of the brand's other episodes, earlier and later ones.
        deliveries: of its alerts, in any order; what was written twice is one.
        daily: whole days of the brand, kept for longer than activity; None takes what days activity has.
        records: where alerts, feedback and deliveries lie, for the audit trail.
        names: what people call the brand, by language, for the headlines.

    Raises:
        ValueError: no alert, or alerts of several episodes.
    """
    told = _in_order(alerts)
    if len({alert.episode_id for alert in told}) != 1:
        raise ValueError(f"expected alerts of one episode, got those of {len({alert.episode_id for alert in told})}")
    first, last = told[0], told[-1]
    said = sorted({one.id: one for one in feedback}.values(), key=lambda one: (one.time, one.id))
    elsewhere = [one for one in _in_order(others) if one.episode_id != first.episode_id]
    series = series_of(_near(activity, told), first.kind)
    days = daily or daily_of(series)
    if not covers(series, first.onset_time):
        series = series_of(())  # what begins after the onset would pass for the whole
    known_until = max([last.detected_time, *([moment(series.end * BUCKET_SECONDS)] if len(series) else [])])
    peak = peak_of(series, told)
    calm = calm_of(series, days, told, peak, elsewhere)
    answers, own_posts = responses_of(said, told, series, first.onset_time)
    informed = told_of(deliveries)
    over = last.detected_time if last.transition == "resolved" else known_until
    step, points = points_of(series, first.onset_time, over) if len(series) else (0, ())
    cause = last.evidence.cause
    return Review(
        episode_id=first.episode_id,
        brand=first.brand,
        kind=first.kind,
        scope=first.scope,
        severity=max((alert.severity for alert in told), key=SEVERITIES.index),
        onset=first.onset_time,
        onset_earliest=None if first.onset_interval is None else first.onset_interval.start,
        onset_latest=None if first.onset_interval is None else first.onset_interval.end,
        opened=first.detected_time,
        resolved=last.detected_time if last.transition == "resolved" else None,
        known_until=known_until,
        headlines=_headlines(last, names),
        cause="" if cause is None or cause.name in UNSURE else line(cause.name, NAME_CHARACTERS),
        cause_confidence=None if cause is None or cause.name in UNSURE else cause.confidence,
        score_meaning=line(next((one.score.meaning for one in reversed(told) if one.score.meaning), ""), 400),
        incident=last.related_episode_ids,
        opening_missing=first.transition != "opened",
        activity_missing=not len(series),
        labels=dict(sorted(Counter(one.label for one in said if one.label is not None).items())),
        timeline=timeline_of(told, said, peak, calm, elsewhere),
        phases=phases_of(series, told, peak, known_until),
        peak=peak,
        excess=excess_of(series, told),
        calm=calm,
        spread=_spread(last),
        spread_told=spread_told(told),
        feelings=feelings_of(told),
        answers=answers,
        own_posts=own_posts,
        backfired=next((one.detected_time for one in told if "backfired" in one.changes), None),
        times=_times(told, said, answers, None if peak is None else peak.start, first_told(informed)),
        due=due_of(told, said, known_until),
        steps=steps_of(told, said),
        earlier=earlier_ones(told, elsewhere),
        trail=trail_of(records),
        step_seconds=step,
        points=points,
        told=informed,
    )


def encode_review(found: Review) -> bytes:
    """The review as JSON, UTF-8, indented. Equal reviews give equal bytes."""
    return msgspec.json.format(msgspec.json.encode(found, order="deterministic"), indent=2) + b"\n"


def _in_order(alerts: Iterable[Alert]) -> list[Alert]:
    """Alerts in order of detection, of one moment in the order of an episode's life."""
    life = ("opened", "escalated", "updated", "resolved")
    once = {alert.id: alert for alert in alerts}
    return sorted(once.values(), key=lambda one: (one.detected_time, life.index(one.transition), one.id))


def _near(activity: Iterable[Activity], alerts: Sequence[Alert]) -> Iterator[Activity]:
    """The brand's activity around an episode: what lies months away is of other episodes, or a forged time."""
    first, last = alerts[0].onset_time.timestamp() - BEFORE, alerts[-1].detected_time.timestamp() + AFTER
    return (one for one in activity if one.brand == alerts[0].brand and first <= one.start < last)


def _headlines(last: Alert, names: Mapping[str, str]) -> dict[str, str]:
    """The last alert in one sentence, in every language."""
    return {language: line(headline(last, language, names), 400) for language in LANGUAGES}


def _spread(last: Alert) -> Spread:
    spread = last.evidence.spread
    loudest = tuple(map(shown_amplifier, last.evidence.amplifiers))
    if spread is None:
        return Spread(amplifiers=loudest, coordination=last.evidence.coordination)
    return Spread(
        platforms=tuple(map(shown_part, spread.platforms)),
        languages=tuple(map(shown_part, spread.languages)),
        first_news=None if spread.first_news is None else shown_post(spread.first_news),
        first_news_minutes=spread.first_news_minutes,
        amplifiers=loudest,
        coordination=last.evidence.coordination,
    )


def _times(
    alerts: Sequence[Alert],
    said: Sequence[Feedback],
    answers: Sequence[Answer],
    peak: datetime | None,
    informed: datetime | None,
) -> Times:
    onset, opened = alerts[0].onset_time, alerts[0].detected_time
    trigger = trigger_of(alerts)
    spread = alerts[-1].evidence.spread
    news = None if spread is None or spread.first_news is None else spread.first_news.event_time
    acknowledged = next((one.time for one in said if one.kind == "acknowledged"), None)
    answered = answers[0].time if answers else None
    # Without its opening an episode's first alert says nothing about how early the alarm was.
    alarm = opened if alerts[0].transition == "opened" else None
    known_trigger = trigger.event_time if trigger is not None and alarm and trigger.event_time <= alarm else None
    return Times(
        trigger_to_alert=_minutes(known_trigger, alarm),
        onset_to_alert=_minutes(onset, alarm),
        alert_to_peak=_minutes(alarm, peak),
        news_to_alert=_minutes(news, alarm),
        alert_to_acknowledged=_minutes(alarm, acknowledged),
        alert_to_answer=_minutes(alarm, answered),
        onset_to_answer=_minutes(onset, answered),
        alert_to_told=_minutes(alarm, informed),
    )


def _minutes(start: datetime | None, end: datetime | None) -> float | None:
    return None if start is None or end is None else round((end - start).total_seconds() / 60.0, 1)
