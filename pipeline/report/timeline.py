"""The time line of an episode: what was seen, what was told, what was said and done."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Final, Literal, get_args

from pipeline.engine.alerts.surge_evidence import NEW_SHARE
from pipeline.report.answers import own_posts_of
from pipeline.report.held import ALARMING, HELD_DAYS
from pipeline.report.review import Calm, Entry, EntryKind, Peak
from pipeline.report.shown import NAME_CHARACTERS, NOTE_CHARACTERS, line, web_address
from schemas.alert import Alert
from schemas.evidence import Post, Trigger
from schemas.feedback import Feedback

_ORDER: Final[tuple[EntryKind, ...]] = get_args(EntryKind)


def timeline_of(
    alerts: Sequence[Alert], feedback: Iterable[Feedback], peak: Peak | None, calm: Calm, others: Iterable[Alert]
) -> tuple[Entry, ...]:
    """All of it in order of time.

    Args:
        alerts: of the episode, in order.
        feedback: about it.
        peak: its peak hour.
        calm: how it ended.
        others: alerts of the brand's other episodes; told are openings from the onset until the calm has held.
    """
    found = [
        *_seen(alerts),
        *map(_told, alerts),
        *_course(peak, calm),
        *map(_said, feedback),
        *_other_episodes(alerts, others),
    ]
    found.sort(key=lambda entry: (entry.time, _ORDER.index(entry.what), entry.text, entry.author))
    return tuple(found)


def trigger_of(alerts: Sequence[Alert]) -> Trigger | None:
    """The likeliest trigger as the last alert that names one tells it."""
    return next((alert.evidence.triggers[0] for alert in reversed(alerts) if alert.evidence.triggers), None)


def _seen(alerts: Sequence[Alert]) -> Iterator[Entry]:
    """What was seen in the posts: trigger, onset, the brand's own, new platforms, the first news."""
    yield Entry(time=alerts[0].onset_time, what="onset")
    trigger = trigger_of(alerts)
    if trigger is not None:
        yield Entry(
            time=trigger.event_time,
            what="trigger",
            text=line(trigger.excerpt),
            author=line(trigger.author, NAME_CHARACTERS),
            platform=line(trigger.platform, NAME_CHARACTERS),
            url=web_address(trigger.url),
            tags=(trigger.reason,),
            figures={"mentions": trigger.mentions, "share": trigger.share, "followers": trigger.followers or 0},
        )
    yield from (_written("own_post", post) for post in own_posts_of(alerts))
    spread = next((alert.evidence.spread for alert in reversed(alerts) if alert.evidence.spread is not None), None)
    if spread is None:
        return
    for part in spread.platforms:
        if part.first_seen is not None and part.share >= NEW_SHARE:
            yield Entry(
                time=part.first_seen,
                what="platform",
                platform=line(part.name, NAME_CHARACTERS),
                figures={"mentions": part.mentions, "share": part.share},
            )
    item = spread.first_news
    if item is not None:
        yield _written("news", item)


def _written(what: Literal["news", "own_post"], post: Post) -> Entry:
    return Entry(
        time=post.event_time,
        what=what,
        text=line(post.excerpt),
        author=line(post.author, NAME_CHARACTERS),
        platform=line(post.platform, NAME_CHARACTERS),
        url=web_address(post.url),
    )


def _told(alert: Alert) -> Entry:
    """An alert as it was sent: what was counted since the onset, or in the window where it tells no more."""
    minutes = (alert.window.end - alert.window.start).total_seconds() / 60.0
    figures: dict[str, float] = {
        "score": alert.score.value,
        "score_minutes": minutes,
        "threshold": alert.score.threshold,
    }
    since = alert.since_onset
    if since is None:
        figures |= {"mentions": alert.observed.mentions, "negatives": alert.observed.negatives}
        figures["window_minutes"] = minutes
    else:
        figures |= {"mentions": since.mentions, "negatives": since.negatives, "fold": since.fold}
    return Entry(
        time=alert.detected_time,
        what=alert.transition,
        tags=(alert.severity, *(line(change, NAME_CHARACTERS) for change in alert.changes)),
        figures=figures,
    )


def _course(peak: Peak | None, calm: Calm) -> Iterator[Entry]:
    if peak is None:
        return
    yield Entry(time=peak.start, what="peak", figures={"mentions": peak.mentions})
    if calm.half_life_minutes is not None:
        yield Entry(time=peak.start + timedelta(minutes=calm.half_life_minutes), what="halved")
    if calm.share_back_minutes is not None:
        yield Entry(time=peak.start + timedelta(minutes=calm.share_back_minutes), what="share_back")


def _said(one: Feedback) -> Entry:
    tags = tuple(line(word, NAME_CHARACTERS) for word in (one.label, one.step, one.language) if word)
    return Entry(
        time=one.time,
        what=one.kind,
        text=line(one.note, NOTE_CHARACTERS),
        author=line(one.author, NAME_CHARACTERS),
        url=web_address(one.url),
        tags=tags,
    )


def _other_episodes(alerts: Sequence[Alert], others: Iterable[Alert]) -> Iterator[Entry]:
    """Other episodes that opened while this one lasted, and alarming ones until the calm would have held."""
    last = alerts[-1]
    end = last.detected_time
    for one in others:
        if one.transition != "opened" or one.detected_time < alerts[0].onset_time:
            continue
        limit = end + timedelta(days=HELD_DAYS) if one.kind in ALARMING else end
        if last.transition != "resolved" or one.detected_time <= limit:
            yield Entry(time=one.detected_time, what="episode", tags=(one.kind, one.severity, one.episode_id))
