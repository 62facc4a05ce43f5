"""Alerts and dead letters of a partition that wait for the next checkpoint."""

from __future__ import annotations

import asyncio
from typing import Final

from pipeline.engine.encoding import OutRecord, alert_record, dead_letter_record
from pipeline.engine.records import Outputs

WAITING_BYTES: Final = 16 << 20
"""Dead letters and alerts waiting for a checkpoint; at this size the partition waits for one instead of reading on."""
RECORD_BYTES: Final = 1024
"""What a record is taken to need beside its value."""


class Outbox:
    """What the engine wants written, in order.

    Attributes:
        alert_waits: set while an alert is among it.
    """

    def __init__(self) -> None:
        """Nothing waits."""
        self.alert_waits = asyncio.Event()
        self._alerts: list[OutRecord] = []
        self._dead_letters: list[OutRecord] = []
        self._bytes = 0

    @property
    def is_full(self) -> bool:
        """Whether so much waits that a checkpoint must come before more is ingested: backpressure."""
        return self._bytes > WAITING_BYTES

    def add(self, outputs: Outputs) -> None:
        """Put the engine's outputs behind those that wait, as the records that they will be."""
        alerts = list(map(alert_record, outputs.alerts))
        dead_letters = list(map(dead_letter_record, outputs.dead_letters))
        self._alerts += alerts
        self._dead_letters += dead_letters
        for one in (*alerts, *dead_letters):
            self._bytes += len(one.value or b"") + RECORD_BYTES
        if outputs.alerts:
            self.alert_waits.set()

    def take(self) -> tuple[list[OutRecord], list[OutRecord]]:
        """All alerts and all dead letters; nothing waits afterwards."""
        taken = self._alerts, self._dead_letters
        self._alerts, self._dead_letters, self._bytes = [], [], 0
        self.alert_waits.clear()
        return taken
