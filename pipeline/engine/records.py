"""What goes into the engine and what comes out of it: plain values, the same for Kafka, files and tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

TICK_HEADER = "tocsin-tick"
"""Header of a tick record (null key, null value): the event time that has passed, in Unix milliseconds as text."""


class SourceRecord(Protocol):
    """A record of the mentions topic, as aiokafka, kafka-python and replay hand it over."""

    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int:
        """Kafka's record timestamp, Unix milliseconds."""

    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes]]: ...


class Record(msgspec.Struct, frozen=True):
    """A source record made by replay and by tests."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


class OutRecord(msgspec.Struct, frozen=True):
    """A record to be written: an alert or a dead letter. The partition is always the source record's."""

    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]


class Outputs(msgspec.Struct):
    """What the engine wants written, in order."""

    alerts: list[OutRecord] = []
    dead_letters: list[OutRecord] = []


def closing_tick_milliseconds(latest_event_time: float, lateness_seconds: float, now_milliseconds: int) -> int:
    """Event time, Unix milliseconds, of a tick that closes every open bucket, but never later than now.

    Where the latest event time lies less than a bucket and the lateness back, some buckets rightly stay open: more of
    them may still come.

    Args:
        latest_event_time: largest event time accepted, Unix seconds.
        lateness_seconds: allowed lateness of the engine.
        now_milliseconds: Unix milliseconds; a tick later than its record's timestamp would be refused.
    """
    return min(int((latest_event_time + 300 + lateness_seconds) * 1000), now_milliseconds)
