"""Stable buckets of features: the same in every process, on every platform and in every release of one state version.

Python's `hash` is salted per process; these are plain 32-bit arithmetic on code points and CRC-32 values.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import xor
from typing import Final, TypeAlias
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

BUCKET_BITS: Final = 14
BUCKETS: Final = 1 << BUCKET_BITS

Buckets: TypeAlias = NDArray[np.intp]
"""Distinct buckets of one text, in no meaningful order."""

NO_BUCKETS: Final[Buckets] = np.empty(0, np.intp)

_SHIFT: Final = 32 - BUCKET_BITS
_MASK: Final = 0xFFFFFFFF
# Odd constants with well-spread bits (2^32 / golden ratio, and a prime of xxHash).
_FIRST: Final = 0x9E3779B1
_SECOND: Final = 0x85EBCA77
_FIRST_ARRAY: Final = np.array([_FIRST], np.uint32)
_SECOND_ARRAY: Final = np.array([_SECOND], np.uint32)


def word_halves(word: str) -> tuple[int, int]:
    """Bucket of a word, also its part in a pair's bucket as first word; and its part as second word."""
    crc = crc32(word.encode("utf-8", "surrogatepass"))
    return ((crc * _FIRST) & _MASK) >> _SHIFT, ((crc * _SECOND) & _MASK) >> _SHIFT


def word_buckets(halves: Sequence[tuple[int, int]]) -> Buckets:
    """Buckets of a text's words and of their neighbouring pairs."""
    firsts = [half[0] for half in halves]
    buckets = set(firsts)
    buckets.update(map(xor, firsts, [half[1] for half in halves[1:]]))
    return np.fromiter(buckets, np.intp, len(buckets))


def character_buckets(text: str) -> Buckets:
    """Buckets of a text's characters and of their neighbouring pairs."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
    firsts = (codes * _FIRST_ARRAY) >> _SHIFT
    pairs = firsts[:-1] ^ (codes[1:] * _SECOND_ARRAY) >> _SHIFT
    buckets = {*firsts.tolist(), *pairs.tolist()}
    return np.fromiter(buckets, np.intp, len(buckets))
