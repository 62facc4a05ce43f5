"""Stable hash buckets of features: the same in every process, platform and release with the same state version.

Python's `hash` is salted per process; these are plain 32-bit arithmetic on code points and CRC-32 values.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import xor
from typing import Final, NamedTuple, TypeAlias
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

BUCKET_BITS: Final = 16
BUCKETS: Final = 1 << BUCKET_BITS

Buckets: TypeAlias = NDArray[np.intp]
"""The distinct buckets of one text, in no particular order."""

STEM_LENGTH: Final = 4
"""Letters of the stem by which a word of as many letters also counts: wait and waiting share it."""

NO_BUCKETS: Final[Buckets] = np.empty(0, np.intp)

_SHIFT: Final = 32 - BUCKET_BITS
_MASK: Final = 0xFFFFFFFF
# Odd constants with well-spread bits (2^32 / golden ratio, and a prime of xxHash).
_FIRST: Final = 0x9E3779B1
_SECOND: Final = 0x85EBCA77
_FACTORS: Final = np.array([[_FIRST], [_SECOND]], np.uint32)
_NO_PAIR: Final = _MASK  # above every bucket


class WordParts(NamedTuple):
    """The contributions of a word to the buckets of a text."""

    first: int  # its own bucket, and its part in the bucket of a pair that it begins
    second: int  # its part in the bucket of a pair that it ends
    stem: int  # bucket of its stem; its own bucket again where it is too short for one


def word_parts(word: str) -> WordParts:
    """The parts of one word; they do not depend on its neighbours, so that they can be cached."""
    crc = crc32(word.encode("utf-8", "surrogatepass"))
    first = ((crc * _FIRST) & _MASK) >> _SHIFT
    stem = first
    if len(word) >= STEM_LENGTH:
        stem_crc = crc32(b"s" + word[:STEM_LENGTH].encode("utf-8", "surrogatepass"))
        stem = ((stem_crc * _FIRST) & _MASK) >> _SHIFT
    return WordParts(first, ((crc * _SECOND) & _MASK) >> _SHIFT, stem)


def trait_bucket(name: str) -> int:
    """The bucket of what a text has beside its words, such as a question mark."""
    return ((crc32(b"t" + name.encode()) * _FIRST) & _MASK) >> _SHIFT


def word_buckets(words: Sequence[WordParts], traits: Sequence[int]) -> Buckets:
    """The buckets of a text's words, of their stems and of neighbouring pairs, and those of its traits."""
    buckets = set(traits)
    if words:
        firsts, seconds, stems = zip(*words, strict=True)
        buckets.update(stems, firsts, map(xor, firsts, seconds[1:]))
    return np.fromiter(buckets, np.intp, len(buckets))


def character_buckets(text: str) -> Buckets:
    """The buckets of a text's characters and of neighbouring pairs."""
    if not text:
        return NO_BUCKETS
    # As few calls as possible: for so few numbers each costs more than what it computes.
    hashes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4") * _FACTORS
    hashes >>= _SHIFT
    hashes[1, 1:] ^= hashes[0, :-1]
    hashes[1, 0] = _NO_PAIR
    # Sorted in place, and the last of each run kept, _NO_PAIR not: half the time of a set.
    buckets = hashes.ravel()
    buckets.sort()
    distinct: Buckets = buckets[:-1][buckets[1:] != buckets[:-1]].astype(np.intp)
    return distinct
