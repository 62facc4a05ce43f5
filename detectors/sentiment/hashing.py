"""Stable buckets of features: the same in every process, on every platform and in every release of one state version.

Python's `hash` is salted per process; these are plain arithmetic on code points and CRC-32 values.
"""

from __future__ import annotations

from typing import Final

BUCKET_BITS: Final = 14
BUCKETS: Final = 1 << BUCKET_BITS

_SHIFT: Final = 32 - BUCKET_BITS
_MASK: Final = 0xFFFFFFFF
# Odd constants with well-spread bits (2^32 / golden ratio, and the primes of xxHash).
_FIRST: Final = 0x9E3779B1
_SECOND: Final = 0x85EBCA77


def word_bucket(crc: int) -> int:
    """Bucket of one word, from the CRC-32 of its UTF-8 bytes."""
    return crc >> _SHIFT


def word_pair_bucket(first: int, second: int) -> int:
    """Bucket of two neighbouring words, in this order."""
    return ((first * _FIRST + second * _SECOND) & _MASK) >> _SHIFT


def character_bucket(code: int) -> int:
    """Bucket of one character, from its code point."""
    return ((code * _FIRST) & _MASK) >> _SHIFT


def character_pair_bucket(first: int, second: int) -> int:
    """Bucket of two neighbouring characters, in this order."""
    return ((first * _FIRST + second * _SECOND) & _MASK) >> _SHIFT
