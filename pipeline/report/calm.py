"""The peak hour and how an episode ended: by activity, as `recovery` of the resolved alert defines it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from pipeline.engine.alerts.surge_evidence import USUAL_AGAIN
from pipeline.report.held import Daily, held_of
from pipeline.report.review import Calm, Excess, Peak
from pipeline.report.series import Hour, Series, bucket_of
from schemas.alert import Alert
from schemas.evidence import Recovery
from schemas.moments import moment
from schemas.observation import BUCKET_SECONDS, BUCKETS_PER_HOUR


def hour_start(hour: Hour) -> datetime:
    """When an hour of the clock began."""
    return moment(hour.number * BUCKETS_PER_HOUR * BUCKET_SECONDS)


def peak_of(series: Series, alerts: Sequence[Alert]) -> Peak | None:
    """The peak hour of the episode that these alerts tell; None where neither they nor activity know one.

    Args:
        series: of the brand.
        alerts: of the episode, in order.
    """
    hours = _hours_of_episode(series, alerts)
    if hours:
        most = max(hours, key=lambda hour: (hour.mentions, -hour.number))
        return Peak(
            start=hour_start(most),
            mentions=int(most.mentions),
            negatives=round(most.negatives, 1),
            expected=round(most.expected, 1),
        )
    told = next((alert.since_onset for alert in reversed(alerts) if alert.since_onset is not None), None)
    return None if told is None else Peak(start=told.peak_time, mentions=told.peak_per_hour)


def excess_of(series: Series, alerts: Sequence[Alert]) -> Excess | None:
    """Negative mentions beyond normal since the onset: by activity, else by the last alert."""
    first, last = alerts[0], alerts[-1]
    if covers(series, first.onset_time):
        until = min(bucket_of(last.detected_time) if last.transition == "resolved" else series.end, series.end)
        part = series.between(bucket_of(first.onset_time), until)
        usual = float((series.expected[part] * series.usual_share[part]).sum())
        negatives = float(series.negatives[part].sum())
        return Excess(
            negatives=round(negatives, 1),
            expected_negatives=round(usual, 1),
            excess=round(negatives - usual, 1),
            until=moment(until * BUCKET_SECONDS),
        )
    told = next((alert for alert in reversed(alerts) if alert.since_onset is not None), None)
    if told is None or told.since_onset is None:
        return None
    since = told.since_onset
    return Excess(
        negatives=since.negatives,
        expected_negatives=round(since.negatives - since.excess_negatives, 1),
        excess=since.excess_negatives,
        until=told.detected_time,
    )


def calm_of(series: Series, daily: Daily, alerts: Sequence[Alert], peak: Peak | None, others: Iterable[Alert]) -> Calm:
    """How the episode ended, and whether that held.

    Args:
        series: of the brand.
        daily: its whole days, which may be known for longer.
        alerts: of the episode, in order.
        peak: as of `peak_of`.
        others: alerts of the brand's other episodes.
    """
    last = alerts[-1]
    told = last.recovery if last.transition == "resolved" else None
    half_life = back = None
    if peak is not None and peak.expected is not None:
        half_life, back = _after_peak(series, peak, bucket_of(last.detected_time) if told is not None else None)
    if last.transition != "resolved":
        return Calm(half_life_minutes=half_life, share_back_minutes=back)
    ended = last.detected_time
    if peak is not None and back is not None:
        ended = max(ended, peak.start + timedelta(minutes=back))
    held, until, after = held_of(series, daily, alerts, ended, others, is_back=back is not None)
    return Calm(
        half_life_minutes=half_life,
        share_back_minutes=back,
        told=told,
        agrees=_agrees(told, half_life, back) if told is not None and peak is not None and peak.expected else None,
        held=held,
        held_until=until,
        share_after=None if after is None else after.negative_share,
        after=after,
    )


def _hours_of_episode(series: Series, alerts: Sequence[Alert]) -> list[Hour]:
    first, last = alerts[0], alerts[-1]
    if not covers(series, first.onset_time):
        return []
    end = bucket_of(last.detected_time) if last.transition == "resolved" else series.end
    return series.hours(bucket_of(first.onset_time), min(end, series.end))


def covers(series: Series, onset: datetime) -> bool:
    """Whether the activity of an onset is known."""
    return series.first <= bucket_of(onset) < series.end


def _after_peak(series: Series, peak: Peak, resolved: int | None) -> tuple[int | None, int | None]:
    """Minutes from the peak hour to the first hour with half of what was beyond normal, and to that with a usual tone.

    Args:
        series: of the brand.
        peak: with what was expected in it.
        resolved: bucket at whose start the episode was resolved. The hour that it lies in is looked at as the alert
            saw it, up to there, and then once more as a whole; after it there are whole hours only.
    """
    assert peak.expected is not None
    start = bucket_of(peak.start) + BUCKETS_PER_HOUR
    whole = series.end // BUCKETS_PER_HOUR * BUCKETS_PER_HOUR
    until = whole if resolved is None else min(resolved, series.end)
    hours = series.hours(start, until) + series.hours(max(start, until // BUCKETS_PER_HOUR * BUCKETS_PER_HOUR), whole)
    beyond = peak.mentions - peak.expected
    halved = (hour for hour in hours if 2 * (hour.mentions - hour.expected) <= beyond)
    usual = (
        hour for hour in hours if hour.mentions and hour.negatives <= USUAL_AGAIN * hour.usual_share * hour.mentions
    )
    first = start // BUCKETS_PER_HOUR - 1
    half_life, back = (
        None if hour is None else 60 * (hour.number - first) for hour in (next(halved, None), next(usual, None))
    )
    return half_life, back


def _agrees(told: Recovery, half_life: int | None, back: int | None) -> bool:
    """Whether the alert says the same; what came only after it the alert could not know."""
    return (told.half_life_minutes in {None, half_life}) and (told.share_back_minutes in {None, back})
