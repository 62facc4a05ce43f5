"""Who has placed a brand's mentions, and which setting of theirs is to be changed."""

from __future__ import annotations

import zlib

import pytest

from pipeline.kafka.partitioning import likely_partitioner, partition_of

KEYS = [b"acme", b"bolt", b"cora", b"delta-air", b"evergreen", b"foxglove"]


def misplaced(placed: dict[bytes, int]) -> list[tuple[bytes, int]]:
    """What does not lie where murmur2 puts it, of four partitions."""
    return [(key, partition) for key, partition in placed.items() if partition != partition_of(key, 4)]


def test_librdkafkas_default_is_known_by_its_crc32() -> None:
    """The setting is named as librdkafka calls it."""
    words = likely_partitioner(misplaced({key: zlib.crc32(key) % 4 for key in KEYS}), 4)
    assert "consistent_random" in words
    assert "partitioner=murmur2_random" in words


@pytest.mark.parametrize(("key", "partition"), [(b"foobar", 0xBF9CF968), (b"a", 0xE40C292C)])
def test_fnv_1a_is_known_by_its_published_values(key: bytes, partition: int) -> None:
    """As a signed number without its sign: so librdkafka and Sarama take it."""
    assert "Sarama" in likely_partitioner([(key, ((1 << 32) - partition) % 4096)], 4096)


def test_keys_that_follow_no_known_hash_are_said_so() -> None:
    """Then the producer chooses partitions itself, or ignores keys."""
    assert "no partitioner that is known" in likely_partitioner(
        [(key, (partition_of(key, 4) + 1) % 4) for key in KEYS], 4
    )
