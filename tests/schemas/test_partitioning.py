"""Keys go where Kafka's own clients put them."""

from __future__ import annotations

from aiokafka.partitioner import DefaultPartitioner
from aiokafka.partitioner import murmur2 as theirs
from hypothesis import given
from hypothesis import strategies as st

from schemas.partitioning import murmur2, partition_of


@given(st.binary(max_size=70))
def test_the_hash_is_that_of_kafkas_clients(data: bytes) -> None:
    """Of every length and tail."""
    assert murmur2(data) == theirs(data) & 0xFFFFFFFF


@given(st.binary(min_size=1, max_size=70), st.integers(1, 50))
def test_the_partition_is_that_of_kafkas_clients(key: bytes, partitions: int) -> None:
    """Whatever the key."""
    every = list(range(partitions))
    assert partition_of(key, partitions) == DefaultPartitioner()(key, every, every)


def test_records_without_a_key_go_to_the_first() -> None:
    """None and an empty key alike."""
    assert partition_of(None, 4) == partition_of(b"", 4) == 0
