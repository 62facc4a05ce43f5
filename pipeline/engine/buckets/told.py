"""What the last alert of an episode has told, and what has changed so much since that another one is worth it."""

from __future__ import annotations

from typing import Final

import msgspec

from schemas.alert import Change

UPDATE_BUCKETS: Final = 6
"""At most one update in half an hour of event time."""
DOUBLED: Final = 2.0
TRIGGER_SHARE: Final = 0.1
"""Of the mentions since the onset: a trigger with less explains too little to be told of by itself."""


class LastTold(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What an alert said.

    Attributes:
        bucket: at whose close it was told.
        hourly: mentions of the hour before.
        terms: as shown, the first ones first.
        cause: its name; "" where there was none.
        trigger: id of the first one with enough of a share; "" where there was none.
        platforms: where the brand is usually not mentioned.
        news: id of the first negative item in the news; "" before it.
    """

    bucket: int
    hourly: int = 0
    terms: tuple[str, ...] = ()
    cause: str = ""
    trigger: str = ""
    platforms: tuple[str, ...] = ()
    news: str = ""


def changed(last: LastTold, now: LastTold) -> tuple[Change, ...]:
    """What of it is different enough to be told, in the order of `schemas.alert.CHANGES`.

    What is no longer known is no change: it may be known again in the next bucket.
    """
    changes: list[Change] = []
    if now.cause and now.cause != last.cause:
        changes.append("cause")
    if now.news and not last.news:
        changes.append("news")
    if set(now.platforms) - set(last.platforms):
        changes.append("platform")
    if now.terms and now.terms[0] not in last.terms:
        changes.append("term")
    if now.trigger and now.trigger != last.trigger:
        changes.append("trigger")
    if now.hourly >= DOUBLED * max(last.hourly, 1):
        changes.append("volume")
    return tuple(changes)
