"""A bound on what one record batch may unpack to.

Brokers measure a batch as it is packed (max.message.bytes, 1 MiB), and aiokafka unpacks it whole: six kilobytes of zstd
are 200 MiB, a megabyte is more than any machine has, and the worker would be killed for its memory at the same offset
after every restart. The decoders here take aiokafka's place. They give the same bytes, or stop at the bound.

Then there is what the bytes become: a record with millions of headers of two bytes each packs into nothing too, and
aiokafka makes 64 bytes of each. Batches above a size are therefore looked through for that before they are handed on.

gzip stops by itself. lz4 and zstd write into a room as large as the bound and fail when it is full; snappy says before
each block how long it will be. None of them trusts what a header says of the whole.
"""

from __future__ import annotations

import gzip
import mmap
import struct
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from io import BytesIO
from types import ModuleType
from typing import Any, Final

import cramjam
from aiokafka import codec
from aiokafka.record import default_records
from aiokafka.record.util import decode_varint

UNPACKED_BYTES: Final = 32 << 20
"""Of the records of one batch. JSON of one shape packs ten- to twentyfold, so a full batch of a megabyte has room; and
sixteen slices that end in a record of this size, as many as Faust holds, are half a gigabyte."""
ENTRY_BYTES: Final = 64
"""What a record or a header takes in memory at least, however few bytes it was written in."""

_LOOKED_THROUGH: Final = 2 << 20
"""Batches above so many unpacked bytes are looked through, a sixth of a microsecond a record; most producers' are below
a megabyte. The headers that a batch below it has room for take 64 MiB."""
_LARGE_RECORD: Final = 128 << 10
"""Records above so many bytes, more than a mention may have, are looked into for headers."""
_GZIP: Final = 16 + zlib.MAX_WBITS
_XERIAL_HEADER_BYTES: Final = 16
_CODECS: Final = ("gzip", "snappy", "lz4", "zstd")


class UnpacksTooLargeError(Exception):
    """A batch unpacks to more than the bound.

    Attributes:
        limit: the bound, bytes.
    """

    def __init__(self, limit: int) -> None:
        super().__init__(f"expected a batch that unpacks to at most {limit} bytes, got more")
        self.limit = limit


class Spent(threading.local):
    """How much this thread has unpacked since it began, refused batches included with their bound."""

    bytes: int = 0


spent: Final = Spent()


class _Room(threading.local):
    """Memory to unpack into, one for each thread: Faust reads in one of its own, the gap reader in the main one.

    Anonymous memory that the system gives page by page: of it no more is used than the largest batch so far took.
    """

    def __init__(self, size: int) -> None:
        self.memory = mmap.mmap(-1, size)


class Unpacking:
    """The decoders of aiokafka.codec with a bound; what is damaged raises, as there."""

    def __init__(self, limit: int = UNPACKED_BYTES) -> None:
        """Nothing is allocated yet.

        Args:
            limit: bytes that a batch may unpack to, 1 or more.
        """
        self._limit = limit
        self._room = _Room(limit)
        self._lz4_is_full = _error_of_a_full_room(cramjam.lz4)
        self._zstd_is_full = _error_of_a_full_room(cramjam.zstd)

    def gzip(self, payload: Any) -> bytes:
        """What gzip.GzipFile reads: one member or several, and zeros after them.

        Raises:
            UnpacksTooLargeError: more than the bound; one byte more was unpacked.
            zlib.error, EOFError, gzip.BadGzipFile: not gzip.
        """
        most = self._limit + 1
        member = zlib.decompressobj(_GZIP)
        found = member.decompress(payload, most)
        if len(found) < most and (member.unused_data or not member.eof):
            # Seldom. GzipFile takes members one after the other, and as many as there are in one go through the bytes.
            with gzip.GzipFile(fileobj=BytesIO(payload)) as members:
                found = members.read(most)
        if len(found) == most:
            raise UnpacksTooLargeError(self._limit)
        return found

    def snappy(self, payload: bytes) -> bytes:
        """One block, or the blocks of the xerial framing that Java's producers write.

        Raises:
            UnpacksTooLargeError: more than the bound; nothing beyond it was unpacked.
            cramjam.DecompressionError, struct.error, ValueError: not snappy.
        """
        size = 0
        with memoryview(self._room.memory) as room:
            for block in _snappy_blocks(payload):
                if size + cramjam.snappy.decompress_raw_len(block) > self._limit:
                    raise UnpacksTooLargeError(self._limit)
                size += cramjam.snappy.decompress_raw_into(block, room[size:])
        return self._room.memory[:size]

    def lz4(self, payload: bytes) -> bytes:
        """Frames of lz4.

        Raises:
            UnpacksTooLargeError: more than the bound; nothing beyond it was unpacked.
            cramjam.DecompressionError: not lz4.
        """
        return self._into_room(cramjam.lz4.decompress_into, payload, self._lz4_is_full)

    def zstd(self, payload: bytes) -> bytes:
        """Frames of zstd.

        Raises:
            UnpacksTooLargeError: more than the bound; nothing beyond it was unpacked.
            cramjam.DecompressionError: not zstd.
        """
        return self._into_room(cramjam.zstd.decompress_into, payload, self._zstd_is_full)

    def _into_room(self, decompress_into: Callable[[bytes, mmap.mmap], int], payload: bytes, is_full: str) -> bytes:
        memory = self._room.memory
        try:
            size = decompress_into(payload, memory)
        except cramjam.DecompressionError as error:
            if str(error) == is_full:
                raise UnpacksTooLargeError(self._limit) from None
            raise
        return memory[:size]


def _snappy_blocks(payload: bytes) -> Iterator[memoryview]:
    packed = memoryview(payload)
    if not codec._detect_xerial_stream(payload):  # noqa: SLF001 - as aiokafka's decoder asks
        yield packed
        return
    position = _XERIAL_HEADER_BYTES
    while position < len(packed):
        (length,) = struct.unpack_from("!i", packed, position)
        if length < 0:  # aiokafka goes back by it, and round for ever
            raise ValueError(f"expected the length of a snappy block, got {length}")
        position += 4
        yield packed[position : position + length]
        position += length


def _error_of_a_full_room(kind: ModuleType) -> str:
    """What cramjam says when the room is full: it has one class of errors for that and for damage."""
    try:
        kind.decompress_into(bytes(kind.compress(bytes(100))), bytearray(1))
    except cramjam.DecompressionError as error:
        return str(error)
    raise AssertionError("100 bytes cannot be unpacked into one")


def _look_through(records: bytes, limit: int) -> None:
    """Nothing, for a batch that takes no more than the bound with its records and headers as objects.

    Raises:
        UnpacksTooLargeError: it takes more.
    """
    if len(records) > _LOOKED_THROUGH:
        most = (limit - len(records)) // ENTRY_BYTES
        try:
            found = _entries(records, most)
        except ValueError:
            return  # no number stands where one should: aiokafka's parser says what is wrong with it
        if found > most:
            raise UnpacksTooLargeError(limit)


def _entries(records: bytes, most: int) -> int:
    """Records of a batch and headers of its large ones, counted until there are more than `most`.

    Raises:
        ValueError: a number of more than 64 bits.
    """
    end = len(records)
    found = position = 0
    while position < end and found <= most:
        length, position = decode_varint(records, position)
        if length < 0:
            break
        found += 1
        if length > _LARGE_RECORD:
            found += _headers(records, position)
        position += length
    return found


def _headers(records: bytes, position: int) -> int:
    """How many headers the record says it has whose attributes stand at that position, but no more than fit behind it.

    0 where that cannot be followed.
    """
    count = 0
    # Attributes, timestamp, offset, length of the key, length of the value, number of headers. aiokafka's compiled
    # function looks wherever it is told to, so that every position is held against the end first.
    for is_length in (False, False, False, True, True, False):
        if position >= len(records):
            return 0
        count, position = decode_varint(records, position)
        if is_length:
            position += max(count, 0)  # -1 for none
    return max(min(count, (len(records) - position) // 2), 0)


def decoders_of_aiokafka() -> ModuleType | None:
    """The module in which aiokafka's batches look their decoders up; None where this version has them elsewhere."""
    module = sys.modules[default_records.DefaultRecordBatch.__module__]
    whole = all(hasattr(module, f"{name}_decode") for name in _CODECS) and hasattr(codec, "_detect_xerial_stream")
    return module if whole else None


def install(module: ModuleType, limit: int = UNPACKED_BYTES) -> None:
    """Make the batches of this process unpack with a bound, those too that are gone through by the pure-Python parser.

    Args:
        module: what `decoders_of_aiokafka` found.
        limit: bytes that a batch may unpack to.
    """
    unpacking = Unpacking(limit)
    for name in _CODECS:
        for owner in (module, default_records):
            setattr(owner, f"{name}_decode", partial(_unpack, getattr(unpacking, name), limit))


def _unpack(decode: Callable[[Any], bytes], limit: int, payload: Any) -> bytes:
    """The records of a batch, unpacked.

    Raises:
        UnpacksTooLargeError: they take more memory than the bound, as bytes or as what will be made of them.
        What the decoder raises: it is damaged.
    """
    taken = limit
    try:
        records = decode(payload)
        _look_through(records, limit)
        taken = len(records)
    finally:
        spent.bytes += taken
    return records
