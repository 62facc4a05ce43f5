"""Alerts, dead letters, activity and rerouted mentions of a partition that wait for the next checkpoint."""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec

from pipeline.engine.encoding import OutRecord, activity_record, alert_record, dead_letter_record, rerouted_record
from pipeline.engine.records import Outputs
from schemas.alert import DEFAULT_SOURCE

WAITING_BYTES: Final = 16 << 20
"""What may wait for a checkpoint; at this size the partition waits for one instead of reading on."""
RECORD_BYTES: Final = 1024
"""What a record is taken to need beside its value."""


class Waiting(msgspec.Struct):
    """Records in the order in which they came; `rerouted` by the partition of mentions that they go to."""

    alerts: list[OutRecord] = []
    dead_letters: list[OutRecord] = []
    activity: list[OutRecord] = []
    rerouted: dict[int, list[OutRecord]] = {}


class Outbox:
    """What the engine wants written, in order.

    Attributes:
        alert_waits: set while an alert is among it.
    """

    def __init__(self, source: str = DEFAULT_SOURCE) -> None:
        """Nothing waits.

        Args:
            source: of alerts, as CloudEvents have it.
        """
        self._source = source
        self.alert_waits = asyncio.Event()
        self._waiting = Waiting()
        self._bytes = 0

    @property
    def is_full(self) -> bool:
        """Whether so much waits that a checkpoint must come before more is ingested: backpressure."""
        return self._bytes > WAITING_BYTES

    def add(self, outputs: Outputs) -> None:
        """Put the engine's outputs behind those that wait, as the records that they will be."""
        alerts = [alert_record(alert, self._source) for alert in outputs.alerts]
        dead_letters = list(map(dead_letter_record, outputs.dead_letters))
        activity = list(map(activity_record, outputs.activity))
        rerouted = list(map(rerouted_record, outputs.rerouted))
        self._waiting.alerts += alerts
        self._waiting.dead_letters += dead_letters
        self._waiting.activity += activity
        for mention, record in zip(outputs.rerouted, rerouted, strict=True):
            self._waiting.rerouted.setdefault(mention.home, []).append(record)
        for one in (*alerts, *dead_letters, *activity, *rerouted):
            self._bytes += len(one.value or b"") + RECORD_BYTES
        if outputs.alerts:
            self.alert_waits.set()

    def take(self) -> Waiting:
        """All that waits; nothing does afterwards."""
        taken, self._waiting, self._bytes = self._waiting, Waiting(), 0
        self.alert_waits.clear()
        return taken
