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

    def answer(
        time: datetime, author: str | None, text: str | None, url: str | None, language: str | None, *, is_first: bool
    ) -> Answer:
        return Answer(
            time=time,
            author=line(author, NAME_CHARACTERS),
            text=line(text, NOTE_CHARACTERS),
            url=web_address(url),
            language=line(language, NAME_CHARACTERS),
            is_first=is_first,
            others_within=sum(abs(other - time) < _WINDOW for other in times) - 1,
            effect=effect_at(series, bucket_of(time), bucket_of(onset)),
        )

    return (
        tuple(
            answer(one.time, one.author, one.note, one.url, one.language, is_first=place == 0)
            for place, one in enumerate(given)
        ),
        tuple(answer(one.event_time, one.author, one.excerpt, one.url, one.lang, is_first=False) for one in posts),
    )


def own_posts_of(alerts: Iterable[Alert]) -> list[Post]:
    """What the brand itself wrote, in order of time: each alert tells of the first ones and of the last."""
    told = {post.id: post for alert in alerts for post in alert.evidence.own_posts}
    return sorted(told.values(), key=lambda one: (one.event_time, one.id))


def _unrecorded(alerts: Iterable[Alert], answers: Sequence[Feedback]) -> list[Post]:
    """The brand's own posts in order of time, those an hour apart at least, but for what was recorded as an answer."""
    addresses = {one.url for one in answers if one.url}
    found: list[Post] = []
    for post in own_posts_of(alerts):
        is_recorded = post.url in addresses or any(abs(one.time - post.event_time) <= _SAME for one in answers)
        if not is_recorded and (not found or post.event_time - found[-1].event_time >= _APART):
            found.append(post)
    return found


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
