"""Committed records of a topic of the catalogue, all of them or as they arrive, by the synchronous commands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from pipeline.config.settings import Settings
from pipeline.kafka.clients import broker_errors, consumer, topic_name
from pipeline.kafka.topics import partition_count

_POLL_MILLISECONDS: Final = 200


def place(record: Any) -> str:
    """The place of a record of kafka-python, for messages: topic[partition]@offset."""
    return f"{record.topic}[{record.partition}]@{record.offset}"


def read_records(
    settings: Settings, name: str, *, from_beginning: bool, follow: bool, stop: Callable[[], bool]
) -> Iterator[Any]:
    """Committed records of every partition, each partition in its own order.

    Args:
        settings: where the broker is.
        name: name of the topic in the catalogue.
        from_beginning: start with the oldest record kept; else with the first that arrives after this call.
        follow: keep reading when the records that are there now are read.
        stop: asked some five times per second whether to end.

    Raises:
        BrokerError: no broker, no topic, no permission.
    """
    from kafka import TopicPartition

    topic = topic_name(settings, name)
    partitions = [TopicPartition(topic, number) for number in range(partition_count(settings, name))]
    with consumer(settings) as client, broker_errors(settings, f"read {topic}"):
        client.assign(partitions)
        if from_beginning:
            client.seek_to_beginning(*partitions)
        else:
            client.seek_to_end(*partitions)
            for partition in partitions:
                client.position(partition)  # now, not at the first poll: what comes after this moment is new
        ends = {} if follow else client.end_offsets(partitions)
        while not stop():
            for batch in client.poll(_POLL_MILLISECONDS).values():
                yield from batch
            if not follow and all(client.position(partition) >= end for partition, end in ends.items()):
                return
