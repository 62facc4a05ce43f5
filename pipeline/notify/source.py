"""The alerts topic for one target: a consumer group of its own, whose offset moves on when the target has the alert."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Protocol

import msgspec
from kafka import OffsetAndMetadata, TopicPartition

from pipeline.config.settings import Settings
from pipeline.kafka.alerts import read_alert
from pipeline.kafka.clients import broker_errors, consumer, topic_name
from pipeline.kafka.topics import partition_count
from schemas.alert import Alert

_KEEP_SECONDS: Final = 1800.0
"""A broker forgets the offsets of a group that commits none for some days."""
_LOOK_SECONDS: Final = 30.0
"""Partitions may be added while we run; so old may be what is known of them."""


class Incoming(msgspec.Struct, frozen=True, kw_only=True):
    """A record of the alerts topic.

    Attributes:
        place: topic, partition and offset, for messages.
        alert: None where the record is none.
        problem: why it is none, made printable.
        published: Unix seconds of its writing.
        partition: of the topic.
        offset: within the partition.
    """

    place: str
    alert: Alert | None
    problem: str = ""
    published: float
    partition: int
    offset: int


class Source(Protocol):
    """Alerts in their order, and how far they are done with."""

    def next(self, seconds: float) -> Incoming | None:
        """The next record, None where none comes within so many seconds."""
        ...

    def done(self, record: Incoming) -> None:
        """Remember that this record and those before it are done with."""
        ...

    def is_caught_up(self) -> bool:
        """Whether all that is on the topic now has been handed out."""
        ...


def incoming(record: Any) -> Incoming:
    """A record of kafka-python as it is handed out."""
    read = read_alert(record)
    return Incoming(
        place=read.place,
        alert=read.alert,
        problem=read.problem,
        published=record.timestamp / 1000,
        partition=record.partition,
        offset=record.offset,
    )


def group_of(settings: Settings, target: str) -> str:
    """The consumer group of a target: its lag is what the target has not yet been told."""
    return f"{settings.group}-notify-{target}"


@contextmanager
def alerts_for(settings: Settings, target: str, *, from_beginning: bool) -> Iterator[Source]:
    """The alerts topic from where the target's group has committed.

    Args:
        settings: where the broker is.
        target: name of the target.
        from_beginning: a group that has committed nothing starts with the oldest alert kept; else with new ones.

    Raises:
        BrokerError: no broker, no topic, no permission; from the source's methods too.
    """
    group = group_of(settings, target)
    age = int(_LOOK_SECONDS * 1000)
    with consumer(settings, group_id=group, client_id=group, metadata_max_age_ms=age) as client:
        yield _KafkaSource(settings, client, from_beginning=from_beginning)


class _KafkaSource:
    def __init__(self, settings: Settings, client: Any, *, from_beginning: bool) -> None:
        self._settings, self._client = settings, client
        self._topic = topic_name(settings, "alerts")
        self._kept_at = self._looked_at = time.monotonic()
        with broker_errors(settings, f"read {self._topic}"):
            self._assign(partition_count(settings, "alerts"))
            if all(client.committed(one) is None for one in self._partitions):
                # At once and before anything is read: after a crash the start must not lie later.
                starts = client.beginning_offsets if from_beginning else client.end_offsets
                self._commit(starts(self._partitions))

    def next(self, seconds: float) -> Incoming | None:
        """See Source."""
        with broker_errors(self._settings, f"read {self._topic}"):
            self._look()
            found = self._client.poll(int(seconds * 1000), max_records=1)
        return next((incoming(record) for batch in found.values() for record in batch), None)

    def done(self, record: Incoming) -> None:
        """See Source."""
        with broker_errors(self._settings, f"commit an offset of {self._topic}"):
            self._commit({TopicPartition(self._topic, record.partition): record.offset + 1})

    def is_caught_up(self) -> bool:
        """See Source."""
        with broker_errors(self._settings, f"read {self._topic}"):
            ends = self._client.end_offsets(self._partitions)
            return all(self._client.position(one) >= end for one, end in ends.items())

    def _look(self) -> None:
        """Commit once more where we are, and take partitions that were added: now and then."""
        now = time.monotonic()
        if now - self._kept_at > _KEEP_SECONDS:
            self._commit({one: self._client.position(one) for one in self._partitions})
            self._kept_at = now
        if now - self._looked_at > _LOOK_SECONDS:
            count = len(self._client.partitions_for_topic(self._topic) or ())
            if count > len(self._partitions):
                self._assign(count)
            self._looked_at = now

    def _assign(self, count: int) -> None:
        """Read so many partitions, each from what is committed: nothing is in hand."""
        self._partitions = [TopicPartition(self._topic, number) for number in range(count)]
        self._client.assign(self._partitions)

    def _commit(self, offsets: dict[Any, int]) -> None:
        milliseconds = int(self._settings.kafka_timeout_seconds * 1000)
        self._client.commit(
            {place: OffsetAndMetadata(offset, "", -1) for place, offset in offsets.items()}, timeout_ms=milliseconds
        )
