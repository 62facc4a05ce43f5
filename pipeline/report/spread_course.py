"""Where an episode was told, alert after alert: the shares of platforms and languages as each alert told them.

Alerts count since the surge began. So a share is that of all mentions up to its alert, and nothing is known of the time
between two alerts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, Literal

import msgspec

from pipeline.engine.alerts.surge_evidence import SHOWN_PARTS
from pipeline.report.review import SpreadTold
from pipeline.report.shown import shown_part
from schemas.alert import Alert
from schemas.evidence import Part

MOST_COURSES: Final = 4
LEAST_SHARE: Final = 0.005
"""A place that never had more is not drawn."""

PlaceKind = Literal["platforms", "languages"]
PLACE_KINDS: Final[tuple[PlaceKind, ...]] = ("platforms", "languages")


class Course(msgspec.Struct, frozen=True):
    """One platform or language over an episode.

    Attributes:
        name: of the place.
        usual: its usual share as last told; None where that is not known.
        shares: by time of an alert its share since the surge began, 0 to 1. An alert names only so many places: of one
            that it leaves out because there are more nothing is known, None.
    """

    name: str
    usual: float | None
    shares: tuple[tuple[datetime, float | None], ...]

    @property
    def last(self) -> float | None:
        """The share as told last."""
        return next((share for _, share in reversed(self.shares) if share is not None), None)


def spread_told(alerts: Iterable[Alert]) -> tuple[SpreadTold, ...]:
    """What the alerts of an episode say of platforms and languages, in their order; those that say nothing left out."""
    return tuple(
        SpreadTold(
            time=alert.detected_time,
            platforms=tuple(map(shown_part, alert.evidence.spread.platforms)),
            languages=tuple(map(shown_part, alert.evidence.spread.languages)),
        )
        for alert in alerts
        if alert.evidence.spread is not None and alert.evidence.spread.platforms
    )


def is_course(told: Sequence[SpreadTold]) -> bool:
    """Whether there is anything over time: a single alert is a moment."""
    return len(told) > 1


def courses_of(told: Sequence[SpreadTold], kind: PlaceKind) -> tuple[Course, ...]:
    """The places with the greatest shares, the greatest first: by their greatest share, then by name.

    Args:
        told: what the alerts say, in order.
        kind: which places.
    """
    several = [(one.time, getattr(one, kind)) for one in told]
    greatest: dict[str, float] = {}
    usual: dict[str, float | None] = {}
    for _, parts in several:
        for part in parts:
            greatest[part.name] = max(part.share, greatest.get(part.name, 0.0))
            usual[part.name] = part.usual_share
    order = sorted((name for name in greatest if greatest[name] >= LEAST_SHARE), key=lambda one: (-greatest[one], one))
    return tuple(
        Course(name, usual[name], tuple((time, _share(parts, name)) for time, parts in several))
        for name in order[:MOST_COURSES]
    )


def _share(parts: Sequence[Part], name: str) -> float | None:
    found = next((part.share for part in parts if part.name == name), None)
    return 0.0 if found is None and len(parts) < SHOWN_PARTS else found
