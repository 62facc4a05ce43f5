"""The feedback topic: what people say and do about an episode, read and written by the synchronous commands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from pipeline.config.settings import Settings
from pipeline.kafka.clients import broker_errors, producer, topic_name
from pipeline.kafka.reading import place, read_records
from pipeline.kafka.topics import partition_count
from schemas.feedback import Feedback, decode_feedback, encode_feedback, feedback_key, feedback_partition
from schemas.text import printable


class FeedbackRecord(msgspec.Struct, frozen=True):
    """A record of the feedback topic.

    Attributes:
        place: topic, partition and offset, for messages.
        value: bytes on the topic; empty for a record without a value.
        feedback: what was said, None when it cannot be decoded.
        problem: why it cannot be decoded, made printable.
    """

    place: str
    value: bytes
    feedback: Feedback | None
    problem: str = ""


def read_feedback(settings: Settings) -> Iterator[FeedbackRecord]:
    """All feedback that is on the topic now, each partition in its own order.

    Raises:
        BrokerError: no broker, no topic, no permission.
    """
    return follow_feedback(settings, lambda: False, follow=False)


def follow_feedback(settings: Settings, stop: Callable[[], bool], *, follow: bool = True) -> Iterator[FeedbackRecord]:
    """Feedback from the beginning and as it arrives, until `stop` says so (asked some five times per second).

    Raises:
        BrokerError: no broker, no topic, no permission.
    """
    return map(feedback_record, read_records(settings, "alert-feedback", from_beginning=True, follow=follow, stop=stop))


def feedback_record(record: Any) -> FeedbackRecord:
    """A record of kafka-python as feedback, or with the reason why it is none."""
    if record.value is None:
        return FeedbackRecord(place(record), b"", None, "no value")
    try:
        return FeedbackRecord(place(record), record.value, decode_feedback(record.value))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return FeedbackRecord(place(record), record.value, None, printable(str(error), 200))


def write_feedback(settings: Settings, feedback: Feedback) -> str:
    """Put feedback onto the topic, and wait until the broker has acknowledged it.

    Returns:
        Where it stands: topic[partition]@offset.

    Raises:
        BrokerError: no broker, no topic, no permission, no acknowledgement.
    """
    topic = topic_name(settings, "alert-feedback")
    number = feedback_partition(feedback, partition_count(settings, "alert-feedback"))
    with producer(settings, client_id="tocsin-feedback") as client, broker_errors(settings, f"write to {topic}"):
        sent = client.send(topic, encode_feedback(feedback), feedback_key(feedback), partition=number)
        return place(sent.get(2 * settings.kafka_timeout_seconds))
