"""What goes into the engine and what comes out of it: plain values, the same for Kafka, files and tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from schemas.activity import Activity
from schemas.alert import Alert
from schemas.rejection import Reason, Rejected

TICK_HEADER = "tocsin-tick"
"""Header of a tick record (null key, null value): the event time that has passed, in Unix milliseconds as text."""

FEEDBACK_TOPIC = "alert-feedback"
"""Its name in the catalogue."""
FEEDBACK_HEADER = "tocsin-feedback"
"""Header of a record (null key, null value) with what somebody has said about an episode, as JSON."""
FEEDBACK_OFFSET_HEADER = "tocsin-feedback-offset"
"""Its second header: the offset in alert-feedback, on the same partition, from which it was taken."""
FEEDBACK_TOPIC_HEADER = "tocsin-feedback-topic"
"""Header of the same record: the id of that topic, where the broker gives one; of another the offset says nothing."""

REROUTED_HEADER = "tocsin-rerouted"
"""Header of a mention that the worker has written to the right partition: PARTITION@OFFSET where it was found."""


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


class RefusedBatch(msgspec.Struct, frozen=True):
    """A batch that nobody may unpack or can read, in the place of its records: a source record that is always refused.

    Attributes:
        offset: of its last record, so that what comes next lies after the whole batch.
        timestamp: of the batch, Unix milliseconds.
        value: the batch as the broker keeps it, packed.
        first_offset: of its first record that was still to be read.
        reason: the reason code.
        error: what was expected and what was got.
    """

    offset: int
    timestamp: int
    value: bytes
    first_offset: int
    reason: Reason
    error: str
    key: None = None
    headers: tuple[tuple[str, bytes], ...] = ()

    @property
    def records(self) -> int:
        """How many offsets it stands for."""
        return self.offset - self.first_offset + 1

    @property
    def rejected(self) -> Rejected:
        """Why."""
        return Rejected(
            self.reason,
            f"{self.error}: offsets {self.first_offset} to {self.offset} are refused unread, and the value is the "
            "batch as the broker keeps it",
        )


class DeadLetter(msgspec.Struct, frozen=True):
    """A record that was refused, or the batch in whose place it stands: where it stood, what it was, and why.

    Attributes:
        record: the source record.
        topic, partition: where it stood.
        reason: the reason code.
        error: what was expected and what was got.
    """

    record: SourceRecord
    topic: str
    partition: int
    reason: Reason
    error: str


class Rerouted(msgspec.Struct, frozen=True):
    """A mention that lies on another partition than its key's, and is to be written to that one.

    Attributes:
        record: the source record.
        partition: where it stood.
        home: where it belongs.
    """

    record: SourceRecord
    partition: int
    home: int


class Outputs(msgspec.Struct):
    """What the engine wants written, in order."""

    alerts: list[Alert] = []
    dead_letters: list[DeadLetter] = []
    rerouted: list[Rerouted] = []
    activity: list[Activity] = []


def closing_tick_milliseconds(latest_event_time: float, lateness_seconds: float, now_milliseconds: int) -> int:
    """Event time, Unix milliseconds, of a tick that closes every open bucket, but never later than now.

    Where the latest event time lies less than a bucket and the lateness back, some buckets rightly stay open: more
    mentions of theirs may still come.

    Args:
        latest_event_time: largest event time accepted, Unix seconds.
        lateness_seconds: allowed lateness of the engine.
        now_milliseconds: Unix milliseconds; a tick later than its record's timestamp would be refused.
    """
    return min(int((latest_event_time + 300 + lateness_seconds) * 1000), now_milliseconds)
