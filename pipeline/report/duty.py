"""Who must act on an episode, by when, and who does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from pipeline.report.playbook import due_of
from pipeline.report.shown import NAME_CHARACTERS, line
from schemas.alert import Alert
from schemas.feedback import Feedback


class Deed(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody did first: who, and when."""

    author: str
    time: datetime


class Duty(msgspec.Struct, frozen=True, kw_only=True):
    """Who acts.

    Attributes:
        owner: who must, by the playbook of the last alert that has one; None without.
        respond_by: by when somebody is to acknowledge or answer; None where the playbook does not say.
        overdue: whether that has passed and nobody has done either.
        late_minutes: by which the first who did either was late; None where nobody was.
        acknowledged, answered: the first who did; None where nobody has.
    """

    owner: str | None = None
    respond_by: datetime | None = None
    overdue: bool = False
    late_minutes: int | None = None
    acknowledged: Deed | None = None
    answered: Deed | None = None


def duty_of(alerts: Sequence[Alert], said: Sequence[Feedback], now: datetime) -> Duty:
    """The duty in one episode.

    Args:
        alerts: of the episode, in order.
        said: about any episodes, in order of time.
        now: the moment at which it is asked.
    """
    own = [one for one in said if one.episode_id == alerts[-1].episode_id]
    due = due_of(alerts, own, now)
    owner = next((one.playbook.owner for one in reversed(alerts) if one.playbook is not None), None)
    return Duty(
        owner=None if owner is None else line(owner, NAME_CHARACTERS),
        respond_by=None if due is None else due.by,
        overdue=due is not None and due.kept is False and due.deed is None,
        late_minutes=None if due is None else due.late_minutes,
        acknowledged=_first(own, "acknowledged"),
        answered=_first(own, "answer"),
    )


def _first(said: Sequence[Feedback], kind: str) -> Deed | None:
    found = next((one for one in said if one.kind == kind), None)
    return None if found is None else Deed(author=line(found.author, NAME_CHARACTERS), time=found.time)
