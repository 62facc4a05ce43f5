"""The brand's recorded answers and its own posts, and what followed each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from pipeline.report.effect import LEAST_AFTER, MOST_BUCKETS, Counts, Effect, effect
from pipeline.report.review import Answer
from pipeline.report.series import Series, bucket_of
from pipeline.report.shown import NAME_CHARACTERS, NOTE_CHARACTERS, line, web_address
from schemas.alert import Alert
from schemas.evidence import Post
from schemas.feedback import Feedback
from schemas.observation import BUCKET_SECONDS

_WINDOW: Final = timedelta(seconds=MOST_BUCKETS * BUCKET_SECONDS)
_SAME: Final = timedelta(minutes=10)
"""A post this near to a recorded answer is that answer."""
_APART: Final = timedelta(seconds=LEAST_AFTER * BUCKET_SECONDS)
"""Of posts nearer together than what an effect is measured on, the first stands for all."""


def responses_of(
    feedback: Sequence[Feedback], alerts: Iterable[Alert], series: Series, onset: datetime
) -> tuple[tuple[Answer, ...], tuple[Answer, ...]]:
    """The recorded answers, and the brand's own posts that nobody recorded as one, each in order of publication.

    Args:
        feedback: of the episode, in order of time.
        alerts: of the episode, which tell of the posts.
        series: of the brand.
        onset: of the episode.
    """
    given = [one for one in feedback if one.kind == "answer"]
    posts = _unrecorded(alerts, given)
    times = [one.time for one in given] + [one.event_time for one in posts]
    answers = tuple(
        Answer(
            time=one.time,
            author=line(one.author, NAME_CHARACTERS),
            text=line(one.note, NOTE_CHARACTERS),
            url=web_address(one.url),
            language=line(one.language, NAME_CHARACTERS),
            is_first=place == 0,
            others_within=_others_within(one.time, times),
            effect=effect_at(series, bucket_of(one.time), bucket_of(onset)),
        )
        for place, one in enumerate(given)
    )
    own = tuple(
        Answer(
            time=one.event_time,
            author=line(one.author, NAME_CHARACTERS),
            text=line(one.excerpt, NOTE_CHARACTERS),
            url=web_address(one.url),
            language=line(one.lang, NAME_CHARACTERS),
            others_within=_others_within(one.event_time, times),
            effect=effect_at(series, bucket_of(one.event_time), bucket_of(onset)),
        )
        for one in posts
    )
    return answers, own


def _unrecorded(alerts: Iterable[Alert], answers: Sequence[Feedback]) -> list[Post]:
    """The brand's own posts in order of time, those an hour apart at least, but for what was recorded as an answer."""
    told = {post.id: post for alert in alerts for post in alert.evidence.own_posts}
    addresses = {one.url for one in answers if one.url}
    found: list[Post] = []
    for post in sorted(told.values(), key=lambda one: (one.event_time, one.id)):
        is_recorded = post.url in addresses or any(abs(one.time - post.event_time) <= _SAME for one in answers)
        if not is_recorded and (not found or post.event_time - found[-1].event_time >= _APART):
            found.append(post)
    return found


def _others_within(time: datetime, times: Sequence[datetime]) -> int:
    return sum(abs(other - time) < _WINDOW for other in times) - 1


def effect_at(series: Series, at: int, onset: int) -> Effect:
    """What followed an answer in the bucket `at`, which counts to neither side, in an episode that began at `onset`."""
    return effect(_counts(series, series.between(onset, at)), _counts(series, series.between(at + 1, series.end)))


def _counts(series: Series, part: slice) -> Counts:
    return Counts(
        series.mentions[part],
        series.negatives[part],
        series.expected[part],
        series.expected[part] * series.usual_share[part],
    )
