"""Whether the calm after an episode lasted: by the brand's buckets, or by whole days where those are no longer kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from pipeline.engine.alerts.surge_evidence import USUAL_AGAIN
from pipeline.report.review import After, Held
from pipeline.report.series import Series, bucket_of
from schemas.alert import Alert
from schemas.moments import moment
from schemas.observation import BUCKET_SECONDS, BUCKETS_PER_DAY

HELD_DAYS: Final = 14
ALARMING: Final = ("crisis", "sentiment_shift")
"""Kinds of episodes whose coming back means that the calm did not hold."""
DAY: Final = 86_400


class Day(msgspec.Struct, frozen=True):
    """One day of a brand, in UTC: its start in Unix seconds, counts, and the mentions that are normal for a day."""

    start: int
    mentions: float
    negatives: float
    expected: float


class Daily(msgspec.Struct, frozen=True):
    """Whole days of a brand; one in [since, until) without a row had no mention.

    `since` and `until` are Unix seconds at midnight.
    """

    since: int = 0
    until: int = 0
    days: tuple[Day, ...] = ()

    def between(self, start: int, end: int) -> tuple[Day, ...]:
        """The days with a row that lie in [start, end)."""
        return tuple(day for day in self.days if start <= day.start and day.start + DAY <= end)


def daily_of(series: Series) -> Daily:
    """The whole days of a series."""
    first = -(-series.first // BUCKETS_PER_DAY)
    last = series.end // BUCKETS_PER_DAY
    days = []
    for number in range(first, last):
        part = series.between(number * BUCKETS_PER_DAY, (number + 1) * BUCKETS_PER_DAY)
        days.append(
            Day(
                number * DAY,
                float(series.mentions[part].sum()),
                float(series.negatives[part].sum()),
                float(series.expected[part].sum()),
            )
        )
    return Daily(first * DAY, max(first, last) * DAY, tuple(days))


def held_of(
    series: Series, daily: Daily, alerts: Sequence[Alert], ended: datetime, others: Iterable[Alert], *, is_back: bool
) -> tuple[Held, datetime | None, After | None]:
    """Whether the calm lasted for HELD_DAYS, up to when that is known, and what was counted in that time.

    What is usual is what was so at the onset: a crisis that goes on slowly would teach a later normal.

    Args:
        series: of the brand; empty where its onset is not known.
        daily: of the brand; of days that are known.
        alerts: of the episode, in order.
        ended: when it was over and, where that is known, its share back to usual.
        others: alerts of the brand's other episodes.
        is_back: whether the share is known to have come back.
    """
    until = ended + timedelta(days=HELD_DAYS)
    after = _after(series, daily, alerts[0], ended, until)
    again = min(
        (
            one.detected_time
            for one in others
            if one.kind in ALARMING and one.transition == "opened" and ended < one.detected_time <= until
        ),
        default=None,
    )
    if again is not None:
        return "no", again, after
    if after is None:
        return "not_yet_known", None, None
    if after.rests_on == "activity" and not is_back:
        return "not_yet_known", after.until, after
    if after.until < _last_known(until, after):
        return "not_yet_known", after.until, after
    share = after.negative_share
    if share is None and after.rests_on == "days":  # of a day that nobody counted no row is left either
        return "not_yet_known", after.until, after
    return ("yes" if share is None or share <= USUAL_AGAIN * after.usual_share else "no"), after.until, after


def _last_known(until: datetime, after: After) -> datetime:
    """Where the time ends that must be known: of days the last midnight in it."""
    return until if after.rests_on == "activity" else _midnight(until)


def _after(series: Series, daily: Daily, first: Alert, ended: datetime, until: datetime) -> After | None:
    """What was counted by buckets or, where whole days reach further, by those."""
    found = [_by_buckets(series, daily, first, ended, until), _by_days(daily, first, ended, until)]
    return max((one for one in found if one is not None), key=lambda one: one.until, default=None)


def _by_buckets(series: Series, daily: Daily, first: Alert, ended: datetime, until: datetime) -> After | None:
    known = min(until, moment(series.end * BUCKET_SECONDS)) if len(series) else ended
    if known <= ended:
        return None
    part = series.between(bucket_of(ended), bucket_of(known))
    before = series.between(bucket_of(first.onset_time) - BUCKETS_PER_DAY, bucket_of(first.onset_time))
    is_whole_day = before.stop - before.start == BUCKETS_PER_DAY
    mentions, negatives = float(series.mentions[part].sum()), float(series.negatives[part].sum())
    days = (known - ended).total_seconds() / DAY
    return After(
        rests_on="activity",
        since=ended,
        until=known,
        mentions_per_day=round(mentions / days, 1) if days >= 1 else None,
        negative_share=_share(mentions, negatives),
        usual_per_day=round(float(series.expected[before].sum()), 1) if is_whole_day else _usual_day(daily, first),
        usual_share=first.expected.negative_share,
    )


def _by_days(daily: Daily, first: Alert, ended: datetime, until: datetime) -> After | None:
    """None where a day after the end is not known, or none has passed: one that is gone would pass for silent."""
    start = _midnight(ended + timedelta(days=1))
    end = min(_midnight(until), moment(daily.until))
    if end <= start or moment(daily.since) > start:
        return None
    rows = daily.between(int(start.timestamp()), int(end.timestamp()))
    mentions, negatives = sum(day.mentions for day in rows), sum(day.negatives for day in rows)
    return After(
        rests_on="days",
        since=start,
        until=end,
        mentions_per_day=round(mentions / (end - start).days, 1),
        negative_share=_share(mentions, negatives),
        usual_per_day=_usual_day(daily, first),
        usual_share=first.expected.negative_share,
    )


def _share(mentions: float, negatives: float) -> float | None:
    return round(min(negatives / mentions, 1.0), 4) if mentions else None


def _usual_day(daily: Daily, first: Alert) -> float | None:
    """The mentions that were normal on the last day with any before the onset; None where no such day is known."""
    onset = int(first.onset_time.timestamp())
    before = daily.between(onset - 3 * DAY, onset)
    return round(before[-1].expected, 1) if before else None


def _midnight(time: datetime) -> datetime:
    return moment(int(time.timestamp()) // DAY * DAY)
