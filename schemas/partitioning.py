"""Kafka's default partition of a key: what collectors, the worker and every tool must agree on.

Method: murmur2 as Kafka's Java client computes it (org.apache.kafka.common.utils.Utils.murmur2), without the sign bit,
modulo the number of partitions.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

_SEED: Final = 0x9747B28C
_MIX: Final = 0x5BD1E995
_32_BITS: Final = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """MurmurHash2 with Kafka's seed, as an unsigned number of 32 bits."""
    whole = len(data) & ~3
    hashed = _SEED ^ len(data)
    for start in range(0, whole, 4):
        block = int.from_bytes(data[start : start + 4], "little") * _MIX & _32_BITS
        block = (block ^ block >> 24) * _MIX & _32_BITS
        hashed = hashed * _MIX & _32_BITS ^ block
    if whole < len(data):
        hashed = (hashed ^ int.from_bytes(data[whole:], "little")) * _MIX & _32_BITS
    hashed = (hashed ^ hashed >> 13) * _MIX & _32_BITS
    return hashed ^ hashed >> 15


@lru_cache(maxsize=8192)
def partition_of(key: bytes | None, partitions: int) -> int:
    """The partition of a record with this key; records without a key go to 0 here.

    Args:
        key: of the record; an empty one counts as none.
        partitions: of the topic, 1 or more.
    """
    return (murmur2(key) & 0x7FFFFFFF) % partitions if key else 0
