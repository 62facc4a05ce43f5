"""By when somebody is to act in an episode, and whether that has passed without anybody."""

from __future__ import annotations

from datetime import datetime

import msgspec

from pipeline.hub.standing import Standing
from pipeline.hub.store.reader import Episode
from pipeline.report.playbook import first_deed, late_minutes
from schemas.moments import moment


class Deadline(msgspec.Struct, frozen=True):
    """By when somebody was to act.

    Attributes:
        by: when.
        is_missed: whether it has passed and nobody has acted since either.
        late_minutes: by which the first who acted was late; None where nobody was.
        deed: what that was: acknowledged or answer; "" where nobody was late.
    """

    by: datetime
    is_missed: bool
    late_minutes: int | None = None
    deed: str = ""


def deadline_of(episode: Episode, standing: Standing, now: int) -> Deadline | None:
    """The deadline of an episode, None where the playbook sets none.

    Args:
        episode: which it is; after its end nothing becomes overdue any more.
        standing: what people have said; an acknowledgement suffices.
        now: event time, Unix seconds.
    """
    if episode.due is None:
        return None
    by = moment(episode.due)
    has_passed = episode.due < (now if episode.resolved is None else episode.resolved)
    deed = first_deed(standing.all)
    late = late_minutes(by, deed.time) if deed is not None and has_passed else None
    return Deadline(by, has_passed and deed is None, late, "" if deed is None or late is None else deed.kind)
