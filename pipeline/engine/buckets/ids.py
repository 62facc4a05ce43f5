"""What a mention and its author are remembered by: bounded, whatever their ids look like."""

from __future__ import annotations

import base64
import hashlib
import zlib
from typing import Final

from schemas.mention import Mention

LONG_ID: Final = 24
"""Bytes: longer ids are remembered by a digest, so that memory and state are bounded."""

HASH_FACTOR: Final = 0x9E3779B1
"""2^32 divided by the golden ratio, odd (Knuth's multiplicative hashing)."""


def identity(mention_id: str) -> str:
    """The id itself, or a 96-bit digest of a long one."""
    encoded = mention_id.encode()
    if len(encoded) <= LONG_ID:
        return mention_id
    return "\0" + base64.b64encode(hashlib.blake2b(encoded, digest_size=12).digest()).decode()


def author_hash(author: str) -> int:
    """32 bits, of which the high ones are even."""
    # CRC-32 alone is linear and would deal numbered authors unevenly: multiply (Knuth).
    return zlib.crc32(author.encode()) * HASH_FACTOR & 0xFFFFFFFF


AUTHOR_BITS: Final = 2048
"""Cells of the bitmap by which distinct authors are estimated."""


def author_cell(author: int) -> int:
    """The cell of an author, by the hash."""
    return author >> 32 - (AUTHOR_BITS.bit_length() - 1)


def speaker(mention: Mention) -> int:
    """Hash of who wrote a mention; nobody can tell strangers without a name apart, so each is one of their own."""
    return author_hash(mention.id if mention.author is None else mention.author.id)


def spread(bucket: int, number: int) -> int:
    """32 bits for the n-th thing of a bucket: evenly spread over any run of n (Weyl's sequence of the golden ratio).

    A sample drawn by it depends on the order of arrival alone: nobody who chooses ids or texts can avoid it.
    """
    return (number * HASH_FACTOR + bucket * 0x85EBCA77) & 0xFFFFFFFF
