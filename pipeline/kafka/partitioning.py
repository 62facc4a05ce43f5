"""On which partition of mentions a brand lies: its category's, if it has one, so that the brands of one lie together.

The key of a record stays the brand. Tocsin's own producers (publish, replay, the demo) follow this from the
configuration; other producers choose the partition of a categorised brand by the category's name themselves, with the
same hash.
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
