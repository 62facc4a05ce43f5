"""The partition of a brand's mentions: by its category if it has one, so that a category's brands share a partition.

The key of a record is the brand in any case. Tocsin's own producers (publish, replay, the demo) take categories from
the configuration; other producers have to choose the partition of a categorised brand by the category's name
themselves, with the same hash.
"""

from __future__ import annotations

from kafka.partitioner.default import murmur2

from pipeline.config.model import Config


def partition_of(key: bytes | None, partitions: int) -> int:
    """Kafka's default partition of a key: murmur2(key) modulo partitions; records without a key go to 0 here."""
    if not key:
        return 0
    return int(murmur2(key) & 0x7FFFFFFF) % partitions


def partition_of_brand(config: Config, key: bytes | None, partitions: int) -> int:
    """The partition of a record with this key, a brand or none."""
    category = config.category_of(key.decode("utf-8", "replace")) if key else None
    return partition_of(category.encode() if category else key, partitions)
