"""What the page of one episode shows: its time line, evidence and what people have done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec

from pipeline.hub.deadline import Deadline, deadline_of
from pipeline.hub.last_hour import known_until, last_hour_of
from pipeline.hub.material import series_around
from pipeline.hub.series import Point, spaced, step_for
from pipeline.hub.standing import Standing, standings
from pipeline.hub.store.reader import Episode, Reader
from pipeline.hub.store.retention import HOUR, Retention
from pipeline.report.answers import own_posts_of, responses_of
from pipeline.report.playbook import checklist_of
from pipeline.report.review import Answer
from pipeline.report.told import Told, told_of
from schemas.alert import Alert, PlaybookStep
from schemas.evidence import Post, Trigger
from schemas.feedback import Feedback
from schemas.observation import BUCKET_SECONDS

CHART_POINTS: Final = 160
MOST_SAID: Final = 300
"""Entries by people that the time line shows, the latest: whatever writes to the topic, a phone can open the page."""
_SIMILAR: Final = 5
_SIMILAR_OF: Final = 30
_AFTER: Final = 2 * HOUR


class Happening(msgspec.Struct, frozen=True):
    """One entry of the time line; `subject` is what it is about, its type says what kind of entry it is."""

    time: datetime
    kind: str
    subject: Alert | Trigger | Post | Feedback | None = None


class Remembered(msgspec.Struct, frozen=True):
    """An episode that an alert calls similar, as the store knows it."""

    episode: Episode
    standing: Standing


class EpisodeView(msgspec.Struct, frozen=True):
    """Everything of the page.

    Attributes:
        episode: with its last alert, which has the evidence.
        alerts: all of them.
        standing: what people have said.
        deadline: by when somebody is to act, None where the playbook does not say.
        checklist: the steps of the playbook; where it names none the usual ones, without a text.
        answers: the brand's recorded answers, and what followed each.
        own_posts: what the brand itself posted and nobody recorded as an answer, and what followed each.
        last_hour: the last hour that is known of the brand, None for an episode that is over.
        points: activity from some hours before the onset on, each for `step` seconds.
        similar: earlier episodes of the same brand, the most alike first.
        remembered: of the episodes that the last alert calls similar those that the store knows, by id.
        incident: other episodes of the same event.
        since, until: the stretch of the charts, Unix seconds.
        told: which targets were told of the episode, as far as that is recorded.
    """

    episode: Episode
    alerts: Sequence[Alert]
    standing: Standing
    deadline: Deadline | None
    checklist: Sequence[PlaybookStep]
    answers: Sequence[Answer]
    own_posts: Sequence[Answer]
    points: Sequence[Point]
    last_hour: Point | None
    step: int
    similar: Sequence[Episode]
    remembered: Mapping[str, Remembered]
    incident: Sequence[Episode]
    since: int
    until: int
    told: Sequence[Told] = ()

    @property
    def unshown(self) -> int:
        """Earlier entries by people that the time line leaves out."""
        return max(len(self.standing.all) - MOST_SAID, 0)


def episode_view(reader: Reader, episode_id: str) -> EpisodeView | None:
    """Ask the store for everything of the page; None for an episode that is not known."""
    episode = reader.episode(episode_id)
    if episode is None:
        return None
    alerts = reader.alerts(episode_id)
    standing = standings(reader.feedback([episode_id])).get(episode_id, Standing())
    others = reader.episodes_of(episode.brand if episode.scope == "brand" else f"#{episode.brand}", limit=_SIMILAR_OF)
    others = [other for other in others if other.episode_id != episode_id]
    related = set(episode.alert.related_episode_ids)
    since = episode.onset - Retention().before
    until = max((episode.resolved or reader.watermark()) + _AFTER, episode.changed)
    if episode.resolved is None:
        until = max(reader.watermark(), episode.changed)
    step = step_for(until - since, CHART_POINTS)
    answers, own_posts = _responses(reader, episode, alerts, standing)
    points = _points(reader, episode, since, until, step)
    return EpisodeView(
        episode=episode,
        alerts=alerts,
        standing=standing,
        deadline=deadline_of(episode, standing, until),
        checklist=checklist_of(alerts),
        answers=answers,
        own_posts=own_posts,
        points=points,
        last_hour=last_hour_of(reader, episode),
        step=step,
        similar=_similar(episode, [other for other in others if other.onset < episode.onset]),
        remembered=_remembered(reader, episode),
        incident=[other for other in others if other.episode_id in related],
        since=since,
        until=until,
        told=told_of(reader.deliveries(episode_id)),
    )


def _responses(
    reader: Reader, episode: Episode, alerts: Sequence[Alert], standing: Standing
) -> tuple[Sequence[Answer], Sequence[Answer]]:
    if not standing.answers and not any(alert.evidence.own_posts for alert in alerts):
        return (), ()
    series = series_around(reader, episode, alerts[0])
    return responses_of(standing.answers, alerts, series, alerts[0].onset_time)


def _remembered(reader: Reader, episode: Episode) -> dict[str, Remembered]:
    found = [reader.episode(one.episode_id) for one in episode.alert.evidence.similar]
    known = [one for one in found if one is not None]
    said = standings(reader.feedback([one.episode_id for one in known]))
    return {one.episode_id: Remembered(one, said.get(one.episode_id, Standing())) for one in known}


def _points(reader: Reader, episode: Episode, since: int, until: int, step: int) -> Sequence[Point]:
    if episode.scope != "brand":
        return ()
    until = min(until, known_until(reader, episode))
    if step <= HOUR:
        buckets = reader.five_minutes(episode.brand, since, until)
        return spaced(buckets, since, until, step=step, size=BUCKET_SECONDS, kind=episode.kind)
    hours = reader.periods(episode.brand, since, until, HOUR)
    return spaced(hours, since, until, step=step, size=HOUR, kind=episode.kind)


def happenings(view: EpisodeView) -> list[Happening]:
    """The time line of an episode, in order: trigger, onset, alerts, first news, own posts, what people did."""
    alert = view.episode.alert
    found = [Happening(alert.onset_time, "onset")]
    found += [Happening(one.event_time, "trigger", one) for one in alert.evidence.triggers[:1]]
    if alert.evidence.spread is not None and alert.evidence.spread.first_news is not None:
        news = alert.evidence.spread.first_news
        found.append(Happening(news.event_time, "news", news))
    found += [Happening(one.event_time, "own_post", one) for one in own_posts_of(view.alerts)]
    found += [
        Happening(one.detected_time, "resolved" if one.transition == "resolved" else "alert", one)
        for one in view.alerts
    ]
    found += [Happening(one.time, one.kind, one) for one in view.standing.all[-MOST_SAID:]]
    return sorted(found, key=lambda happening: happening.time)


def _similar(episode: Episode, earlier: Sequence[Episode]) -> list[Episode]:
    """The earlier episodes that are most alike: the same cause, the same kind, shared terms; then the newest."""
    terms = {term.text for term in episode.alert.evidence.terms}

    def likeness(other: Episode) -> tuple[int, int]:
        shared = terms & {term.text for term in other.alert.evidence.terms}
        same_cause = episode.cause == other.cause and episode.cause not in {"", "other", "unknown"}
        return (3 * same_cause + (episode.kind == other.kind) + len(shared), other.onset)

    return sorted(earlier, key=likeness, reverse=True)[:_SIMILAR]
