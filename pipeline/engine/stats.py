"""What the engine reports of itself: plain counts, and the views that metrics show."""

from __future__ import annotations

from typing import Final, Literal, get_args

import msgspec

from detectors.sentiment import LANGUAGES
from pipeline.engine.brands.expiry import EXPIRY_REASONS, ExpiryReason
from schemas.alert import Kind, Severity, SuppressionReason, Transition
from schemas.mention import DROPPABLE
from schemas.rejection import Reason

Outcome = Literal["counted", "refused", "rerouted"]
OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)
"""Of a mention on another partition than its key's."""


class BrandView(msgspec.Struct, frozen=True):
    """A brand in its last closed bucket, for metrics: counts, expected mentions, crisis score."""

    brand: str
    mentions: float
    negatives: float
    expected: float
    score: float


class OpenEpisode(msgspec.Struct, frozen=True):
    """An open episode, for metrics. `onset` is event time in Unix seconds."""

    brand: str
    kind: Kind
    severity: Severity
    onset: float
    score: float


class EngineStats(msgspec.Struct):
    """Plain counts since construction; not part of the state."""

    consumed: int = 0
    ticks: int = 0
    skipped: int = 0
    late: int = 0
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

    def count_alert(self, kind: Kind, severity: Severity, transition: Transition) -> None:
        """Count one alert."""
        counted = (kind, severity, transition)
        self.alerts[counted] = self.alerts.get(counted, 0) + 1

    def count_suppressed(self, kind: Kind, reason: SuppressionReason) -> None:
        """Count one suppressed opening."""
        counted = (kind, reason)
        self.suppressed[counted] = self.suppressed.get(counted, 0) + 1
