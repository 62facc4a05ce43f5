"""What the page Now shows: every open episode, and whether the line is alive."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from pipeline.hub.series import Point, last_hour, spaced
from pipeline.hub.standing import Standing, standings
from pipeline.hub.store.reader import Episode, Reader, Status
from schemas.observation import BUCKET_SECONDS

CARDS: Final = 40
"""Episodes shown at full size, the gravest; the rest are rows of a table."""
SPARK_SECONDS: Final = 8 * 3600
SPARK_STEP: Final = 600
_LAST: Final = 8
INFORMATIONAL: Final = "volume_surge"


class Card(msgspec.Struct, frozen=True):
    """An open episode with what people have said, and its brand's last hours where they are shown."""

    episode: Episode
    standing: Standing
    points: Sequence[Point] = ()
    last_hour: Point | None = None


class NowView(msgspec.Struct, frozen=True):
    """Everything of the page.

    Attributes:
        status: is the line alive?
        burning: the gravest open episodes of the kinds that need eyes.
        more: the other ones.
        informational: open volume surges.
        last: episodes that ended last.
        since, until: the stretch of the small charts, Unix seconds.
    """

    status: Status
    burning: Sequence[Card]
    more: Sequence[Card]
    informational: Sequence[Card]
    last: Sequence[Card]
    since: int
    until: int


def now_view(reader: Reader) -> NowView:
    """Ask the store for everything of the page."""
    status = reader.status()
    found = reader.open_episodes()
    last = reader.last_episodes(_LAST)
    said = standings(reader.feedback([episode.episode_id for episode in [*found, *last]]))
    until = max(status.watermark, max((episode.changed for episode in found), default=0))
    since = until - SPARK_SECONDS

    def card(episode: Episode, *, drawn: bool) -> Card:
        points = _points(reader, episode, since, until) if drawn else ()
        return Card(episode, said.get(episode.episode_id, Standing()), points, last_hour(points, SPARK_STEP))

    burning = [episode for episode in found if episode.kind != INFORMATIONAL]
    surges = [episode for episode in found if episode.kind == INFORMATIONAL]
    return NowView(
        status=status,
        burning=[card(episode, drawn=True) for episode in burning[:CARDS]],
        more=[card(episode, drawn=False) for episode in burning[CARDS:]],
        informational=[card(episode, drawn=False) for episode in surges],
        last=[card(episode, drawn=False) for episode in last],
        since=since,
        until=until,
    )


def _points(reader: Reader, episode: Episode, since: int, until: int) -> Sequence[Point]:
    if episode.scope != "brand":
        return ()
    buckets = reader.five_minutes(episode.brand, since, until)
    return spaced(buckets, since, until, step=SPARK_STEP, size=BUCKET_SECONDS, kind=episode.kind)
