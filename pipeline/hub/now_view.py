"""What the page Now shows: every open episode, and whether the line is alive."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from pipeline.hub.deadline import Deadline, deadline_of
from pipeline.hub.last_hour import known_until, last_hour_of
from pipeline.hub.series import Point, spaced
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
    deadline: Deadline | None = None


class NowView(msgspec.Struct, frozen=True):
    """Everything of the page.

    Attributes:
        status: is the line alive?
        burning: the gravest open episodes of the kinds that need eyes.
        more: the other ones.
        waiting: how many of both nobody has acknowledged or answered.
        in_work: how many somebody has.
        informational: open volume surges that are no part of those.
        last: episodes that ended last.
        since, until: the stretch of the small charts, Unix seconds.
    """

    status: Status
    burning: Sequence[Card]
    more: Sequence[Card]
    waiting: int
    in_work: int
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
        standing = said.get(episode.episode_id, Standing())
        deadline = deadline_of(episode, standing, until)
        return Card(episode, standing, points, last_hour_of(reader, episode) if drawn else None, deadline)

    burning = [episode for episode in found if episode.kind != INFORMATIONAL]
    surges = [one for one in found if one.kind == INFORMATIONAL and not _is_part(one, burning)]
    in_work = sum(said.get(episode.episode_id, Standing()).is_in_work for episode in burning)
    return NowView(
        status=status,
        burning=[card(episode, drawn=True) for episode in burning[:CARDS]],
        more=[card(episode, drawn=False) for episode in burning[CARDS:]],
        waiting=len(burning) - in_work,
        in_work=in_work,
        informational=[card(episode, drawn=False) for episode in surges],
        last=[card(episode, drawn=False) for episode in last],
        since=since,
        until=until,
    )


def _is_part(surge: Episode, burning: Sequence[Episode]) -> bool:
    """Whether a surge is a facet of an open episode of the same brand: either names the other, or both one incident."""
    own = surge.alert
    return any(
        other.brand == surge.brand
        and (
            other.episode_id in own.related_episode_ids
            or surge.episode_id in other.alert.related_episode_ids
            or (own.incident_id is not None and own.incident_id == other.alert.incident_id)
        )
        for other in burning
    )


def _points(reader: Reader, episode: Episode, since: int, until: int) -> Sequence[Point]:
    if episode.scope != "brand":
        return ()
    until = min(until, known_until(reader, episode))
    buckets = reader.five_minutes(episode.brand, since, until)
    return spaced(buckets, since, until, step=SPARK_STEP, size=BUCKET_SECONDS, kind=episode.kind)
