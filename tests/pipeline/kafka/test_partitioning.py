"""Brands go where Kafka's own partitioner puts their keys."""

from __future__ import annotations

import pytest
from aiokafka.partitioner import DefaultPartitioner

from pipeline.kafka.partitioning import partition_of


@pytest.mark.parametrize("key", [b"acme", b"a", "東京".encode(), b"x" * 64])
@pytest.mark.parametrize("partitions", [1, 4, 12])
def test_mentions_are_dealt_as_kafka_deals_them(key: bytes, partitions: int) -> None:
    """The same brand goes to the same partition as on the topic."""
    every = list(range(partitions))
    assert partition_of(key, partitions) == DefaultPartitioner()(key, every, every)
