"""The brand's recorded answers and what followed each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from pipeline.report.effect import MOST_BUCKETS, Counts, Effect, effect
from pipeline.report.review import Answer
from pipeline.report.series import Series, bucket_of
from pipeline.report.shown import NAME_CHARACTERS, NOTE_CHARACTERS, line, web_address
from schemas.feedback import Feedback
from schemas.observation import BUCKET_SECONDS

_WINDOW: Final = timedelta(seconds=MOST_BUCKETS * BUCKET_SECONDS)


def answers_of(feedback: Sequence[Feedback], series: Series, onset: datetime) -> tuple[Answer, ...]:
    """The answers in order of their publication.

    Args:
        feedback: of the episode, in order of time.
        series: of the brand.
        onset: of the episode.
    """
    given = [one for one in feedback if one.kind == "answer"]
    return tuple(
        Answer(
            time=one.time,
            author=line(one.author, NAME_CHARACTERS),
            text=line(one.note, NOTE_CHARACTERS),
            url=web_address(one.url),
            language=line(one.language, NAME_CHARACTERS),
            is_first=place == 0,
            others_within=sum(abs(other.time - one.time) < _WINDOW for other in given if other is not one),
            effect=effect_at(series, bucket_of(one.time), bucket_of(onset)),
        )
        for place, one in enumerate(given)
    )


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
