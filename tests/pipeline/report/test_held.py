"""Whether the calm held for 14 days: by buckets, by whole days where those are gone, and never by what is not known."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from pipeline.report.compose import review
from pipeline.report.held import DAY, Daily, Day, daily_of
from pipeline.report.review import Review
from pipeline.report.sections import outline_of
from pipeline.report.series import series_of
from schemas.activity import Activity
from tests.pipeline.report.recorded import recorded
from tests.pipeline.report.test_compose import again

ALERTS, ACTIVITY = recorded()
OPENED, RESOLVED = ALERTS[0], ALERTS[-1]
USUAL = OPENED.expected.negative_share
MIDNIGHT = (int(RESOLVED.detected_time.timestamp()) // DAY + 1) * DAY
UNTIL_THE_END = [one for one in ACTIVITY if one.start < RESOLVED.detected_time.timestamp()]


def days(count: int, share: float, *, since: int = MIDNIGHT - 3 * DAY) -> Daily:
    """Whole days from before the onset to so many after the end, all of one negative share."""
    until = MIDNIGHT + count * DAY
    return Daily(since, until, tuple(Day(at, 400.0, 400.0 * share, 440.0) for at in range(since, until, DAY)))


def by(daily: Daily | None, activity: list[Activity] = UNTIL_THE_END) -> Review:
    return review(ALERTS, activity, daily=daily)


@pytest.mark.parametrize(("share", "held"), [(USUAL, "yes"), (1.4 * USUAL, "yes"), (0.6, "no")])
def test_where_buckets_are_gone_whole_days_say_whether_it_held(share, held):
    calm = by(days(14, share)).calm
    assert calm.after is not None
    assert (calm.held, calm.after.rests_on) == (held, "days")
    assert calm.after.negative_share == pytest.approx(share, abs=1e-4)
    assert (calm.after.mentions_per_day, calm.after.usual_per_day) == (400.0, 440.0)
    assert calm.after.usual_share == USUAL
    # Whole days only: the rest of the day of the end belongs to the episode, that of the last day is not over.
    assert calm.after.since == RESOLVED.detected_time.replace(hour=0, minute=0) + timedelta(days=1)
    assert (calm.after.until - calm.after.since).days == 13


def test_days_of_which_nobody_kept_a_count_do_not_show_that_it_held():
    silent = Daily(MIDNIGHT - 3 * DAY, MIDNIGHT + 14 * DAY, ())
    calm = by(silent).calm
    assert calm.held == "not_yet_known"


def test_before_14_days_are_over_nothing_is_claimed():
    calm = by(days(7, USUAL)).calm
    assert calm.after is not None
    assert (calm.held, (calm.after.until - calm.after.since).days) == ("not_yet_known", 7)
    assert by(days(0, USUAL)).calm.held == "not_yet_known"


def test_days_that_begin_after_the_end_are_not_taken_for_silent_ones():
    calm = by(days(14, USUAL, since=MIDNIGHT + 2 * DAY)).calm
    assert calm.held == "not_yet_known"
    assert calm.after is None or calm.after.rests_on == "activity"


def test_an_alarm_in_those_days_means_that_it_did_not_hold():
    assert review(ALERTS, UNTIL_THE_END, others=[again(5)], daily=days(14, USUAL)).calm.held == "no"


def test_activity_that_still_has_the_end_but_no_longer_the_onset_says_it_too():
    last = ACTIVITY[-1]
    later = [
        msgspec.structs.replace(last, start=MIDNIGHT + 3600 * hour, mentions=20, negatives=20 * USUAL)
        for hour in range(24 * 15)
    ]
    kept = [one for one in ACTIVITY if one.start >= OPENED.onset_time.timestamp() + 3600]
    found = review(ALERTS, [*[one for one in kept if one.start < MIDNIGHT], *later])
    assert found.activity_missing
    assert found.calm.after is not None
    assert (found.calm.held, found.calm.after.rests_on) == ("yes", "days")
    assert found.calm.after.usual_per_day is None


def test_whole_days_of_a_series_hold_its_counts():
    series = series_of(ACTIVITY)
    daily = daily_of(series)
    assert (daily.since % DAY, daily.until % DAY) == (0, 0)
    inside = [one for one in ACTIVITY if daily.since <= one.start < daily.until]
    assert sum(day.mentions for day in daily.days) == sum(one.mentions for one in inside)
    assert sum(day.negatives for day in daily.days) == pytest.approx(sum(one.negatives for one in inside))
    assert len(daily.days) == (daily.until - daily.since) // DAY


@pytest.mark.parametrize(("language", "words"), [("en", "by whole days"), ("zh", "整日数据"), ("ja", "日ごとの集計")])
def test_a_report_says_what_its_verdict_rests_on(language, words):
    assert words in str(outline_of(by(days(14, USUAL)), language))
    assert words not in str(outline_of(review(ALERTS, ACTIVITY), language))
