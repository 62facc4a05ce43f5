"""The feedback topic, as the commands and the hub write to it and read it: what people say and do about an episode."""

from __future__ import annotations

import msgspec

from pipeline.config.settings import Settings
from pipeline.kafka.clients import broker_errors, producer, topic_name
from pipeline.kafka.reading import place, read_records
from pipeline.kafka.topics import partition_count
from schemas.feedback import Feedback, decode_feedback, encode_feedback, feedback_key, feedback_partition


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


def read_feedback(settings: Settings) -> tuple[list[Feedback], int]:
    """All that was said and not taken back, in order of time, and how many records could not be read.

    Raises:
        BrokerError: no broker, no topic, no permission.
    """
    by_key: dict[bytes | None, list[Feedback]] = {}
    unreadable = 0
    for record in read_records(settings, "alert-feedback", from_beginning=True, follow=False, stop=lambda: False):
        if record.value is None:  # the tombstone of one that was taken back
            by_key.pop(record.key, None)
            continue
        try:
            by_key.setdefault(record.key, []).append(decode_feedback(record.value))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            unreadable += 1
    found = [one for several in by_key.values() for one in several]
    return sorted(found, key=lambda one: (one.time, one.id)), unreadable
