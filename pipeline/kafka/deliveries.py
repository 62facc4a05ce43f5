"""The deliveries topic, as `tocsin notify` writes it: which target was told of an alert, when and how."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from pipeline.config.settings import Settings
from pipeline.kafka.clients import broker_errors, producer, topic_name
from pipeline.kafka.topics import partition_count
from schemas.delivery import Delivery, delivery_partition, encode_delivery


@contextmanager
def delivery_writer(settings: Settings) -> Iterator[Callable[[Sequence[Delivery]], None]]:
    """What puts deliveries onto the topic, and waits until the broker has acknowledged them.

    Raises:
        BrokerError: no broker, no topic, no permission, no acknowledgement; from the function too, after which some of
            the deliveries may be on the topic.
    """
    topic = topic_name(settings, "alert-deliveries")
    partitions = partition_count(settings, "alert-deliveries")
    with producer(settings, client_id="tocsin-deliveries") as client:

        def write(deliveries: Sequence[Delivery]) -> None:
            with broker_errors(settings, f"write to {topic}"):
                sent = [
                    client.send(
                        topic,
                        encode_delivery(one),
                        one.brand.encode(),
                        partition=delivery_partition(one, partitions),
                    )
                    for one in deliveries
                ]
                for one in sent:
                    one.get(2 * settings.kafka_timeout_seconds)

        yield write
