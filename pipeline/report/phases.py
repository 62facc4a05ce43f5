"""What was counted and said before, while it rose, at its peak, while it declined, and after."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from pipeline.report.review import Feeling, Peak, Phase, PhaseName
from pipeline.report.series import Series, bucket_of
from pipeline.report.shown import shown_post, shown_term
from schemas.alert import Alert
from schemas.evidence import Post
from schemas.moments import moment
from schemas.observation import BUCKET_SECONDS

AFTER: Final = timedelta(days=1)
"""How long after the end is looked at."""
SHOWN_VOICES: Final = 4
SHOWN_TERMS: Final = 8


def phases_of(series: Series, alerts: Sequence[Alert], peak: Peak | None, known_until: datetime) -> tuple[Phase, ...]:
    """The phases of an episode in order; those that last no time are left out.

    Args:
        series: of the brand; may be empty.
        alerts: of the episode, in order.
        peak: its peak hour.
        known_until: the end of what is known.
    """
    return tuple(
        _phase(name, start, end, series, alerts) for name, start, end in _bounds(alerts, peak, known_until, series)
    )


def feelings_of(alerts: Sequence[Alert]) -> tuple[Feeling, ...]:
    """The emotions as one alert after the other told them; what had not changed is told once."""
    found: list[Feeling] = []
    for alert in alerts:
        shares = dict(sorted(alert.evidence.emotions.items(), key=lambda item: (-item[1], item[0])))
        if shares and (not found or found[-1].shares != shares):
            found.append(Feeling(time=alert.detected_time, shares=shares))
    return tuple(found)


def _bounds(
    alerts: Sequence[Alert], peak: Peak | None, known_until: datetime, series: Series
) -> Iterator[tuple[PhaseName, datetime, datetime]]:
    onset, last = alerts[0].onset_time, alerts[-1]
    end = last.detected_time if last.transition == "resolved" else max(known_until, last.detected_time)
    bounds: list[tuple[PhaseName, datetime, datetime]] = []
    if len(series):
        bounds.append(("before", moment(series.shown_from(onset) * BUCKET_SECONDS), onset))
    if peak is None:
        bounds.append(("rise", onset, end))
    else:
        begin = max(peak.start, onset)
        over = min(max(peak.start + timedelta(hours=1), begin), end)
        bounds += [("rise", onset, begin), ("peak", begin, over), ("decline", over, end)]
    if last.transition == "resolved" and len(series):
        bounds.append(("after", end, min(end + AFTER, known_until)))
    return ((name, start, stop) for name, start, stop in bounds if start < stop)


def _phase(name: PhaseName, start: datetime, end: datetime, series: Series, alerts: Sequence[Alert]) -> Phase:
    part = series.between(bucket_of(start), bucket_of(end))
    is_known = part.start < part.stop
    mentions, negatives = float(series.mentions[part].sum()), float(series.negatives[part].sum())
    expected = float(series.expected[part].sum())
    usual = float((series.expected[part] * series.usual_share[part]).sum())
    told = [alert for alert in alerts if start < alert.detected_time <= end]
    last = told[-1].evidence if told else None
    return Phase(
        name=name,
        start=start,
        end=end,
        mentions=int(mentions) if is_known else None,
        negatives=round(negatives, 1) if is_known else None,
        expected=round(expected, 1) if is_known else None,
        negative_share=round(min(negatives / mentions, 1.0), 4) if mentions else None,
        usual_share=round(usual / expected, 4) if expected else None,
        terms=tuple(map(shown_term, last.terms[:SHOWN_TERMS])) if last else (),
        emotions=dict(sorted(last.emotions.items(), key=lambda item: (-item[1], item[0]))) if last else {},
        voices=_voices(alerts, start, end),
    )


def _voices(alerts: Sequence[Alert], start: datetime, end: datetime) -> tuple[Post, ...]:
    """Posts for the negative part that were written in a phase, those of the greatest audience first."""
    found = {post.id: post for alert in alerts for post in alert.evidence.voices if start <= post.event_time < end}
    by_audience = sorted(found.values(), key=lambda post: (-max(post.reach or 0, post.followers or 0), post.id))
    return tuple(map(shown_post, by_audience[:SHOWN_VOICES]))
