"""A look at the newest mentions: do they lie where their keys belong, and if not, who has put them elsewhere?"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from pipeline.config.model import Config
from pipeline.config.settings import Settings
from pipeline.engine.records import REROUTED_HEADER
from pipeline.kafka.clients import broker_errors, consumer, topic_name
from pipeline.kafka.partitioning import likely_partitioner, partition_of_brand
from pipeline.wording import counted

SAMPLE: Final = 1000
"""Records looked at of every partition, the newest ones."""


class Placed(msgspec.Struct):
    """What was found.

    Attributes:
        looked_at: mentions with a key.
        partitions: of the topic.
        elsewhere: how many of them lie on another partition than their key's, by key and partition.
    """

    looked_at: int
    partitions: int
    elsewhere: dict[tuple[bytes, int], int]

    def warning(self, config: Config) -> str:
        """What is wrong and which setting of the producer to change, as one line; empty where nothing is wrong."""
        if not self.elsewhere:
            return ""
        (key, partition), _ = max(self.elsewhere.items(), key=lambda item: item[1])
        home = partition_of_brand(config, key, self.partitions)
        plain = [
            (brand, number)
            for brand, number in self.elsewhere
            if config.category_of(brand.decode("utf-8", "replace")) is None
        ]
        advice = (
            f"places keys {likely_partitioner(plain, self.partitions)}"
            if plain
            else "must choose the partition of a brand with a category by the category's name"
        )
        brands = counted(len({brand for brand, _ in self.elsewhere}), "brand")
        return (
            f"{sum(self.elsewhere.values()):,} of the last {self.looked_at:,} mentions ({brands}) lie on another "
            f"partition than their key's, {key.decode('utf-8', 'backslashreplace')} on {partition} instead of {home}: "
            f"a producer {advice}; until then worker.misplaced says what becomes of them ({config.worker.misplaced})"
        )


def look_at_keys(settings: Settings, config: Config) -> Placed:
    """Where the newest mentions lie; those that the worker has rerouted are left out.

    Raises:
        BrokerError: no broker, no topic, no permission.
    """
    from kafka import TopicPartition

    topic = topic_name(settings, "mentions")
    with consumer(settings) as client, broker_errors(settings, f"read {topic}"):
        numbers = sorted(client.partitions_for_topic(topic) or ())
        wanted = [TopicPartition(topic, number) for number in numbers]
        placed = Placed(0, len(numbers), {})
        client.assign(wanted)
        starts, ends = client.beginning_offsets(wanted), client.end_offsets(wanted)
        for one in wanted:
            client.seek(one, max(starts[one], ends[one] - SAMPLE))
        while any(client.position(one) < ends[one] for one in wanted):
            for one, records in client.poll(timeout_ms=200).items():
                for record in records:
                    if record.offset < ends[one]:
                        _count(placed, config, record)
    return placed


def _count(placed: Placed, config: Config, record: Any) -> None:
    if not record.key or any(name == REROUTED_HEADER for name, _ in record.headers):
        return
    placed.looked_at += 1
    if partition_of_brand(config, record.key, placed.partitions) != record.partition:
        where = (record.key, record.partition)
        placed.elsewhere[where] = placed.elsewhere.get(where, 0) + 1
