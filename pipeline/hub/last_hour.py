"""How far a brand's own activity is known while it has an open episode, and the hour before.

The newest activity of all brands is no measure: a partition that lags behind would make its brands look calm.
"""

from __future__ import annotations

import sys

from pipeline.hub.series import Point, last_hour, spaced
from pipeline.hub.store.reader import Episode, Reader
from pipeline.hub.store.retention import HOUR
from schemas.observation import BUCKET_SECONDS


def known_until(reader: Reader, episode: Episode) -> int:
    """The end of what is known of an episode's brand, Unix seconds.

    While an episode is open there is a record of every bucket, silent ones too; what comes after the newest is unknown.
    After its end a bucket without a record was silent: nothing is unknown.
    """
    return reader.newest(episode.brand) if episode.resolved is None else sys.maxsize


def last_hour_of(reader: Reader, episode: Episode) -> Point | None:
    """The last hour that is known; None for a category, after the episode's end, and where nothing is known."""
    if episode.scope != "brand" or episode.resolved is not None:
        return None
    until = known_until(reader, episode)
    buckets = reader.five_minutes(episode.brand, until - HOUR, until)
    points = spaced(buckets, until - HOUR, until, step=BUCKET_SECONDS, kind=episode.kind)
    return last_hour(points, BUCKET_SECONDS)
