"""Committed records of a topic of the catalogue, all of them or as they arrive, by the synchronous commands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from pipeline.config.settings import Settings
from pipeline.kafka.clients import broker_errors, consumer, topic_name
from pipeline.kafka.topics import partition_count

_POLL_MILLISECONDS: Final = 200


def place(record: Any) -> str:
    """The place of a record of kafka-python, for messages: topic[partition]@offset."""
    return f"{record.topic}[{record.partition}]@{record.offset}"


def read_records(
    settings: Settings,
    name: str,
    *,
    from_beginning: bool,
    follow: bool,
    stop: Callable[[], bool],
    since: float | None = None,
) -> Iterator[Any]:
    """Committed records of every partition, each partition in its own order.

    Args:
        settings: where the broker is.
        name: name of the topic in the catalogue.
        from_beginning: start with the oldest record kept; else with the first that arrives after this call.
        follow: keep reading when the records that are there now are read.
        stop: asked some five times per second whether to end.
        since: Unix seconds; from the beginning, pass over what was written before, by the records' timestamps.

    Raises:
        BrokerError: no broker, no topic, no permission.
    """
    from kafka import TopicPartition

    topic = topic_name(settings, name)
    partitions = [TopicPartition(topic, number) for number in range(partition_count(settings, name))]
    with consumer(settings) as client, broker_errors(settings, f"read {topic}"):
        client.assign(partitions)
        if from_beginning and since is not None:
            _seek(client, partitions, since)
        elif from_beginning:
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


def _seek(client: Any, partitions: Sequence[Any], since: float) -> None:
    """To the first record of every partition that was written then or later; to its end where there is none."""
    milliseconds = max(int(since * 1000), 0)
    for partition, found in client.offsets_for_times(dict.fromkeys(partitions, milliseconds)).items():
        if found is None:
            client.seek_to_end(partition)
            client.position(partition)
        else:
            client.seek(partition, found.offset)
