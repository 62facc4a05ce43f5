"""What the engine reports of itself: plain counts, and the views that metrics show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, Literal, get_args

import msgspec

from detectors.sentiment import LANGUAGES
from pipeline.engine.brands.brand import Band, Brand
from pipeline.engine.brands.expiry import EXPIRY_REASONS, ExpiryReason
from pipeline.engine.buckets.names import OTHER, shown_name
from schemas.alert import Kind, Severity, SuppressionReason, Transition
from schemas.mention import DROPPABLE
from schemas.rejection import Reason

Arrival = Literal["on_time", "awaited", "late", "uncounted"]
ARRIVALS: Final[tuple[Arrival, ...]] = get_args(Arrival)
"""Of a mention: before its bucket was due; later, and waited for; later, and only read of; later than anybody reads."""
MAX_PLATFORMS: Final = 16
"""Platforms told apart in counts; the rest is `other`."""

Outcome = Literal["counted", "refused", "rerouted"]
OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)
"""Of a mention on another partition than its key's."""


class BrandView(msgspec.Struct, frozen=True):
    """A brand in its last closed bucket, for metrics: counts, expected mentions, crisis score.

    Attributes:
        bucket: index of that bucket.
        band: what is normal for it; only while an episode is open, and from the first bucket closed after a restart.
    """

    brand: str
    mentions: float
    negatives: float
    expected: float
    score: float
    bucket: int
    band: Band | None = None


class OpenEpisode(msgspec.Struct, frozen=True):
    """An open episode, for metrics. `onset` is event time in Unix seconds; `threshold` is where it opened."""

    brand: str
    kind: Kind
    severity: Severity
    onset: float
    score: float
    threshold: float


class EngineStats(msgspec.Struct):
    """Plain counts since construction; not part of the state."""

    consumed: int = 0
    ticks: int = 0
    feedback: int = 0
    skipped: int = 0
    late: int = 0
    on_time: Counter[str] = msgspec.field(default_factory=Counter)
    behind: dict[tuple[str, Arrival], int] = msgspec.field(default_factory=dict)
    duplicates: int = 0
    duplicates_unchecked: int = 0
    texts_scored: int = 0
    texts_unlisted: int = 0
    labels_learned: int = 0
    labels_left_out: int = 0
    sentiment_drifts: dict[str, int] = msgspec.field(default_factory=lambda: dict.fromkeys(LANGUAGES, 0))
    buckets_closed: int = 0
    scores: int = 0
    forgotten: dict[ExpiryReason, int] = msgspec.field(default_factory=lambda: dict.fromkeys(EXPIRY_REASONS, 0))
    misplaced: dict[Outcome, int] = msgspec.field(default_factory=lambda: dict.fromkeys(OUTCOMES, 0))
    rejected: dict[Reason, int] = msgspec.field(default_factory=lambda: dict.fromkeys(Reason, 0))
    fields_dropped: dict[str, int] = msgspec.field(default_factory=lambda: dict.fromkeys(DROPPABLE, 0))
    alerts: dict[tuple[Kind, Severity, Transition], int] = msgspec.field(default_factory=dict)
    suppressed: dict[tuple[Kind, SuppressionReason], int] = msgspec.field(default_factory=dict)

    def count_on_time(self, platforms: Iterable[str] | Mapping[str, int]) -> None:
        """Count mentions that came in time, by platform: the platform of each, or how many of each."""
        on_time = self.on_time
        on_time.update(platforms)
        if len(on_time) > MAX_PLATFORMS:
            for name in list(on_time)[MAX_PLATFORMS - 1 :]:
                if name != OTHER:
                    on_time[OTHER] += on_time.pop(name)

    def count_late(self, platform: str, arrival: Arrival) -> None:
        """Count a mention that came late."""
        self.late += 1
        if platform not in self.on_time:
            self.count_on_time({platform: 0})
        counted = (platform if platform in self.on_time else OTHER, arrival)
        self.behind[counted] = self.behind.get(counted, 0) + 1

    @property
    def awaited(self) -> int:
        """Mentions that came late and were waited for."""
        return sum([count for (_, arrival), count in self.behind.items() if arrival == "awaited"])

    @property
    def arrivals(self) -> dict[tuple[str, Arrival], int]:
        """Mentions by platform and by when they came."""
        found: dict[tuple[str, Arrival], int] = {}
        counts = [((name, ARRIVALS[0]), count) for name, count in self.on_time.items() if count]
        for (name, arrival), count in (*counts, *self.behind.items()):
            shown = (shown_name(name), arrival)
            found[shown] = found.get(shown, 0) + count
        return found

    def count_alert(self, kind: Kind, severity: Severity, transition: Transition) -> None:
        """Count one alert."""
        counted = (kind, severity, transition)
        self.alerts[counted] = self.alerts.get(counted, 0) + 1

    def count_suppressed(self, kind: Kind, reason: SuppressionReason) -> None:
        """Count one suppressed opening."""
        counted = (kind, reason)
        self.suppressed[counted] = self.suppressed.get(counted, 0) + 1


def view(brand: Brand) -> BrandView:
    """What metrics show of a brand."""
    return BrandView(brand.name, *brand.last, brand.last_bucket, brand.band)
