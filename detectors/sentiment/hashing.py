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

BUCKET_BITS: Final = 15
BUCKETS: Final = 1 << BUCKET_BITS

Buckets: TypeAlias = NDArray[np.intp]
"""The distinct buckets of one text, in no particular order."""

STEM_LENGTH: Final = 5
"""Letters of the stem by which a word of at least four letters also counts: complain and complaint share it."""
_MIN_STEMMED: Final = 4

NO_BUCKETS: Final[Buckets] = np.empty(0, np.intp)

_SHIFT: Final = 32 - BUCKET_BITS
_MASK: Final = 0xFFFFFFFF
# Odd constants with well-spread bits (2^32 / golden ratio, and a prime of xxHash).
_FIRST: Final = 0x9E3779B1
_SECOND: Final = 0x85EBCA77
_FIRST_ARRAY: Final = np.array([_FIRST], np.uint32)
_SECOND_ARRAY: Final = np.array([_SECOND], np.uint32)


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
    if len(word) >= _MIN_STEMMED:
        stem_crc = crc32(b"s" + word[:STEM_LENGTH].encode("utf-8", "surrogatepass"))
        stem = ((stem_crc * _FIRST) & _MASK) >> _SHIFT
    return WordParts(first, ((crc * _SECOND) & _MASK) >> _SHIFT, stem)


def word_buckets(words: Sequence[WordParts]) -> Buckets:
    """The buckets of a text's words, of their stems and of neighbouring pairs."""
    firsts = [word[0] for word in words]
    buckets = {word[2] for word in words}
    buckets.update(firsts)
    buckets.update(map(xor, firsts, [word[1] for word in words[1:]]))
    return np.fromiter(buckets, np.intp, len(buckets))


def character_buckets(text: str) -> Buckets:
    """The buckets of a text's characters and of neighbouring pairs."""
    if not text:
        return NO_BUCKETS
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
    count = len(codes)
    buckets = np.empty(2 * count - 1, np.uint32)
    firsts, pairs = buckets[:count], buckets[count:]
    np.multiply(codes, _FIRST_ARRAY, out=firsts)
    np.right_shift(firsts, _SHIFT, out=firsts)
    np.multiply(codes[1:], _SECOND_ARRAY, out=pairs)
    np.right_shift(pairs, _SHIFT, out=pairs)
    np.bitwise_xor(pairs, firsts[:-1], out=pairs)
    # Sorted in place, and the first of each run kept: half the time of a set.
    buckets.sort()
    first_of_run = np.empty(len(buckets), np.bool_)
    first_of_run[0] = True
    np.not_equal(buckets[1:], buckets[:-1], out=first_of_run[1:])
    return buckets[first_of_run].astype(np.intp)
