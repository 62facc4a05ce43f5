"""The partition of a brand's mentions: by its category if it has one, so that a category's brands share a partition.

The key of a record is the brand in any case. Tocsin's own producers (publish, replay, the demo) take categories from
the configuration; other producers have to choose the partition of a categorised brand by the category's name
themselves, with the same hash. What clients with another default partitioner do is known here too, so that it can be
said which setting of theirs is to be changed.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from typing import Final

from pipeline.config.model import Config
from pipeline.engine.placement import home_of
from schemas.partitioning import partition_of

__all__ = ["likely_partitioner", "partition_of", "partition_of_brand"]


def partition_of_brand(config: Config, key: bytes | None, partitions: int) -> int:
    """The partition of a record with this key, a brand or none."""
    return home_of(config, key.decode("utf-8", "replace"), partitions) if key else 0


def _crc32(key: bytes, partitions: int) -> int:
    return zlib.crc32(key) % partitions


def _fnv1a(key: bytes, partitions: int) -> int:
    """FNV-1a of 32 bits as a signed number, without its sign."""
    hashed = 0x811C9DC5
    for byte in key:
        hashed = (hashed ^ byte) * 0x01000193 & 0xFFFFFFFF
    return (hashed if hashed < 1 << 31 else (1 << 32) - hashed) % partitions


_OTHERS: Final[tuple[tuple[Callable[[bytes, int], int], str], ...]] = (
    (
        _crc32,
        (
            "as librdkafka's default (CRC32, consistent_random) does: set partitioner=murmur2_random in its clients "
            "(confluent-kafka and others)"
        ),
    ),
    (
        _fnv1a,
        (
            "as FNV-1a (Sarama's default, fnv1a_random of librdkafka) does: set partitioner=murmur2_random, or in "
            "Sarama a partitioner with murmur2"
        ),
    ),
)
_UNKNOWN: Final = (
    "as no partitioner that is known here does: give its records the key alone, no partition, and Kafka's default "
    "partitioner (murmur2; partitioner=murmur2_random in librdkafka's clients)"
)


def likely_partitioner(misplaced: Iterable[tuple[bytes, int]], partitions: int) -> str:
    """How a producer has placed these keys, and the setting to change, to be read after "places keys".

    Args:
        misplaced: keys and the partitions they were found on, none of which is Kafka's default one.
        partitions: of the topic.
    """
    placed = list(misplaced)
    for partitioner, words in _OTHERS:
        if all(partitioner(key, partitions) == partition for key, partition in placed):
            return words
    return _UNKNOWN
