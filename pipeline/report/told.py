"""Who was told of an episode: what the records of deliveries come to, target by target."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from pipeline.report.shown import NAME_CHARACTERS, line
from schemas.delivery import Delivery


class Told(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one target was told of an episode.

    Attributes:
        target, target_type: its name in the configuration, and how it is reached.
        first, last: when it was told first and last; None where it took nothing.
        first_alert: transition of the first alert that it was told.
        last_alert: that of the last one.
        alerts: how many alerts it was told.
        waited: why some of them came late, such as quiet_hours.
        refused: alerts that it refused.
        why: in the words of the last answer that did.
    """

    target: str
    target_type: str
    first: datetime | None = None
    last: datetime | None = None
    first_alert: str = ""
    last_alert: str = ""
    alerts: int = 0
    waited: tuple[str, ...] = ()
    refused: int = 0
    why: str = ""


def told_of(deliveries: Iterable[Delivery]) -> tuple[Told, ...]:
    """Targets in the order in which they were told; those that took nothing come last.

    Args:
        deliveries: of one episode, in any order; one that was written twice is one.
    """
    by_target: dict[str, list[Delivery]] = {}
    once = {one.id: one for one in deliveries}
    for one in sorted(once.values(), key=lambda one: (one.time, one.id)):
        by_target.setdefault(one.target, []).append(one)
    found = [_told(target, some) for target, some in by_target.items()]
    return tuple(sorted(found, key=_order))


def first_told(told: Iterable[Told]) -> datetime | None:
    """When the first target was told; None where none was."""
    return min((one.first for one in told if one.first is not None), default=None)


def _told(target: str, deliveries: list[Delivery]) -> Told:
    taken = [one for one in deliveries if one.outcome == "delivered"]
    refused = [one for one in deliveries if one.outcome == "refused"]
    return Told(
        target=line(target, NAME_CHARACTERS),
        target_type=line(deliveries[-1].target_type, NAME_CHARACTERS),
        first=taken[0].time if taken else None,
        last=taken[-1].time if taken else None,
        first_alert=taken[0].transition if taken else "",
        last_alert=taken[-1].transition if taken else "",
        alerts=len({one.alert_id for one in taken}),
        waited=tuple(sorted({line(one.waited, NAME_CHARACTERS) for one in taken if one.waited})),
        refused=len({one.alert_id for one in refused}),
        why=line(refused[-1].why) if refused else "",
    )


def _order(one: Told) -> tuple[float, str]:
    return (float("inf") if one.first is None else one.first.timestamp(), one.target)
