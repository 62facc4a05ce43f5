"""What reports are made from, out of the hub's store: what `tocsin report` gathers from the topics."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import msgspec

from pipeline.errors import TocsinError
from pipeline.hub.store.reader import MAX_POINTS, Bucket, Episode, Reader
from pipeline.hub.store.retention import DAY, HOUR, Retention
from pipeline.report.calm import covers
from pipeline.report.compose import BEFORE
from pipeline.report.held import HELD_DAYS, Daily, Day
from pipeline.report.material import Material
from pipeline.report.series import Series, series_of
from pipeline.report.trail import Place
from schemas.activity import Activity, Scores, Thresholds, Usual
from schemas.alert import Alert, encode_alert
from schemas.delivery import encode_delivery
from schemas.feedback import encode_feedback
from schemas.observation import BUCKET_SECONDS

SOURCE: Final = "store of the hub"
"""Where the records of an audit trail lie: encoded anew, which gives the bytes of the topic for records of today."""
_DETECTOR: Final = "hub"
_DAYS_BEFORE: Final = 3
_KNOWN: Final = int(BEFORE)
_SHOWN: Final = 5
"""Episodes that a message names."""


def read_store(path: Path, digits: str) -> Material:
    """The material of one episode, out of a store's file, which a hub may be writing meanwhile.

    Args:
        path: of the file.
        digits: with which the id of the episode begins.

    Raises:
        TocsinError: it is no store, no episode begins so, or several.
    """
    try:
        with closing(Reader(path)) as reader:
            found = reader.beginning_with(digits, _SHOWN)
            if len(found) == 1:
                return material_of(reader, found[0])
    except sqlite3.Error as error:
        raise TocsinError(
            f"{path}: expected a store of the hub of this release, got: {error}; a hub that opens one of the release "
            "before brings it up to date"
        ) from None
    got = ", ".join(f"{one.episode_id} ({one.brand})" for one in found) or "none"
    raise TocsinError(f"{path}: expected one episode whose id begins with {digits}, got {got}")


def material_of(reader: Reader, episode: Episode) -> Material:
    """Alerts of all episodes of an episode's brand, and of this one feedback, who was told, and activity around it.

    Args:
        reader: of the store.
        episode: what the report is about.
    """
    name = episode.brand if episode.scope == "brand" else f"#{episode.brand}"
    alerts = reader.alerts_of(name)
    said = reader.feedback([episode.episode_id])
    return Material(
        alerts=[(one, Place(source=SOURCE, value=encode_alert(one))) for one in alerts],
        feedback=[(one, Place(source=SOURCE, value=encode_feedback(one))) for one in said],
        deliveries=[
            (one, Place(source=SOURCE, value=encode_delivery(one))) for one in reader.deliveries(episode.episode_id)
        ],
        activity=list(activity_of(reader, episode)),
        daily=daily_around(reader, episode),
    )


def daily_around(reader: Reader, episode: Episode) -> Daily | None:
    """The whole days from before an episode to as long after it as its calm is looked at; None for a category."""
    if episode.scope != "brand":
        return None
    watermark = reader.watermark() // DAY * DAY
    # The first day may have begun before the store was there: what is whole begins after it.
    since = max(reader.first_day() + DAY, episode.onset - _DAYS_BEFORE * DAY)
    until = min(watermark, (episode.resolved or watermark) + (HELD_DAYS + 1) * DAY)
    since, until = since // DAY * DAY, until // DAY * DAY
    if until <= since:
        return None
    rows = reader.periods(episode.brand, since, until, DAY)
    return Daily(since, until, tuple(Day(row.start, row.mentions, row.negatives, row.expected) for row in rows))


def series_around(reader: Reader, episode: Episode, first: Alert) -> Series:
    """The brand's counts around an episode; empty where those of its onset are not known.

    Args:
        reader: of the store.
        episode: which it is.
        first: its first alert.
    """
    series = series_of(activity_of(reader, episode), first.kind)
    return series if covers(series, first.onset_time) else series_of(())


def activity_of(reader: Reader, episode: Episode) -> Iterator[Activity]:
    """Buckets of an episode's brand for as long as the store holds every one of them, from some hours before it on.

    What the store does not keep, such as positive mentions and authors, is 0; the threshold is that of the last alert.
    A brand that was known before and silent then has a bucket without mentions first.
    """
    if episode.scope != "brand":
        return
    kept = Retention()
    watermark = reader.watermark()
    until = watermark if episode.resolved is None else episode.resolved + kept.after
    if until >= watermark - kept.buckets:
        until = watermark  # from here on the buckets of every brand are kept
    stretch = MAX_POINTS * BUCKET_SECONDS
    since = episode.onset - kept.before
    begun = not _is_known_before(reader, episode.brand, since)
    for start in range(since, until, stretch):
        for bucket in reader.five_minutes(episode.brand, start, min(start + stretch, until)):
            if not begun and bucket.start > since:
                yield _activity(msgspec.structs.replace(bucket, start=since, mentions=0, negatives=0), episode.alert)
            begun = True
            yield _activity(bucket, episode.alert)


def _is_known_before(reader: Reader, brand: str, since: int) -> bool:
    """Whether the brand had mentions in the two days before, so that its silence is known to be one."""
    hours = reader.periods(brand, (since - _KNOWN) // HOUR * HOUR, since // HOUR * HOUR, HOUR)
    return bool(hours or reader.periods(brand, (since - _KNOWN) // DAY * DAY, since // DAY * DAY, DAY))


def _activity(bucket: Bucket, alert: Alert) -> Activity:
    is_scored = alert.kind in bucket.scores
    return Activity(
        version=1,
        brand=alert.brand,
        start=bucket.start,
        mentions=round(bucket.mentions),
        negatives=bucket.negatives,
        positives=0.0,
        reach=0,
        authors=0,
        expected=Usual(bucket.expected, bucket.lower, bucket.upper, bucket.usual_share),
        scores=Scores(**bucket.scores),
        thresholds=Thresholds(**{alert.kind: alert.score.threshold}) if is_scored else Thresholds(),
        config_hash=alert.config_hash,
        detector=_DETECTOR,
    )
