"""By when somebody is to act in an episode, and whether that has passed without anybody."""

from __future__ import annotations

from datetime import datetime

import msgspec

from pipeline.hub.standing import Standing
from pipeline.hub.store.reader import Episode
from schemas.moments import moment


class Deadline(msgspec.Struct, frozen=True):
    """`by` is when somebody was to act, `is_missed` says that it has passed and nobody has acted since either."""

    by: datetime
    is_missed: bool


def deadline_of(episode: Episode, standing: Standing, now: int) -> Deadline | None:
    """The deadline of an episode, None where the playbook sets none.

    Args:
        episode: which it is; after its end nothing becomes overdue any more.
        standing: what people have said; an acknowledgement suffices.
        now: event time, Unix seconds.
    """
    if episode.due is None:
        return None
    end = now if episode.resolved is None else episode.resolved
    return Deadline(moment(episode.due), is_missed=episode.due < end and not standing.is_in_work)
