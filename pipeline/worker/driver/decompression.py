"""A bound on what one record batch may decompress to.

Brokers measure a batch as it is compressed (max.message.bytes, 1 MiB), and aiokafka decompresses it whole: six
kilobytes of zstd are 200 MiB, a megabyte is more than any machine has, and the worker would be killed for its memory at
the same offset after every restart. The decoders here take the place of aiokafka's (driver.batches). They give the same
bytes, or stop at the bound.

Then there is what the bytes become: a record with millions of headers of two bytes each compresses into nothing too,
and aiokafka makes 64 bytes of each. Batches above a size are therefore searched for that before they are handed on.

gzip stops by itself. lz4 and zstd write into a buffer as large as the bound and fail when it is full; snappy says
before each block how long it will be. None of them trusts what a header says of the whole.
"""

from __future__ import annotations

import gzip
import mmap
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from io import BytesIO
from types import ModuleType
from typing import Final

import cramjam
from aiokafka import codec
from aiokafka.record.util import decode_varint

MAX_DECOMPRESSED_BYTES: Final = 32 << 20
"""Of the records of one batch. JSON of one shape compresses ten- to twentyfold, so a full batch of a megabyte fits; and
sixteen slices that end in a record of this size, as many as Faust holds, are half a gigabyte."""
ENTRY_BYTES: Final = 64
"""What a record or a header takes in memory at least, however few bytes it was written in."""
CODECS: Final = {1: "gzip", 2: "snappy", 3: "lz4", 4: "zstd"}
"""By the number in the attributes of a batch."""

_CHECKED_BYTES: Final = 2 << 20
"""The entries of batches above so many decompressed bytes are counted, a sixth of a microsecond a record; most
producers' are below a megabyte. The headers that a batch below it has room for take 64 MiB."""
_LARGE_RECORD: Final = 128 << 10
"""Records above so many bytes, more than a mention may have, are searched for headers."""
_GZIP: Final = 16 + zlib.MAX_WBITS
_XERIAL_HEADER_BYTES: Final = 16


class BatchTooLargeError(Exception):
    """A batch decompresses to more than the bound.

    Attributes:
        limit: the bound, bytes.
    """

    def __init__(self, limit: int) -> None:
        super().__init__(f"expected a batch that unpacks to at most {limit} bytes, got more")
        self.limit = limit


class _Buffer(threading.local):
    """Memory to decompress into, one for each thread: Faust reads in one of its own, the gap reader in the main one.

    Anonymous memory that the system gives page by page: of it no more is used than the largest batch so far took.
    """

    def __init__(self, size: int) -> None:
        self.memory = mmap.mmap(-1, size)


class Decompressor:
    """The decoders of aiokafka.codec with a bound; what is damaged raises, as there.

    Attributes:
        limit: the bound, bytes.
    """

    def __init__(self, limit: int = MAX_DECOMPRESSED_BYTES) -> None:
        """Nothing is allocated yet.

        Args:
            limit: bytes that a batch may decompress to, 1 or more.
        """
        self.limit = limit
        self._buffer = _Buffer(limit)
        self._lz4_full = _error_of_a_full_buffer(cramjam.lz4)
        self._zstd_full = _error_of_a_full_buffer(cramjam.zstd)

    def gzip(self, payload: bytes) -> bytes:
        """What gzip.GzipFile reads: one member or several, and zeros after them.

        Raises:
            BatchTooLargeError: more than the bound; one byte more was decompressed.
            zlib.error, EOFError, gzip.BadGzipFile: not gzip.
        """
        max_bytes = self.limit + 1
        member = zlib.decompressobj(_GZIP)
        found = member.decompress(payload, max_bytes)
        if len(found) < max_bytes and (member.unused_data or not member.eof):
            # Rarely. GzipFile takes members one after the other, and as many as there are in one go through the bytes.
            with gzip.GzipFile(fileobj=BytesIO(payload)) as members:
                found = members.read(max_bytes)
        if len(found) == max_bytes:
            raise BatchTooLargeError(self.limit)
        return found

    def snappy(self, payload: bytes) -> bytes:
        """One block, or the blocks of the xerial framing that Java's producers write.

        Raises:
            BatchTooLargeError: more than the bound; nothing beyond it was decompressed.
            cramjam.DecompressionError, struct.error, ValueError: not snappy.
        """
        size = 0
        with memoryview(self._buffer.memory) as buffer:
            for block in _snappy_blocks(payload):
                if size + cramjam.snappy.decompress_raw_len(block) > self.limit:
                    raise BatchTooLargeError(self.limit)
                size += cramjam.snappy.decompress_raw_into(block, buffer[size:])
        return self._buffer.memory[:size]

    def lz4(self, payload: bytes) -> bytes:
        """Frames of lz4.

        Raises:
            BatchTooLargeError: more than the bound; nothing beyond it was decompressed.
            cramjam.DecompressionError: not lz4.
        """
        return self._into_buffer(cramjam.lz4.decompress_into, payload, self._lz4_full)

    def zstd(self, payload: bytes) -> bytes:
        """Frames of zstd.

        Raises:
            BatchTooLargeError: more than the bound; nothing beyond it was decompressed.
            cramjam.DecompressionError: not zstd.
        """
        return self._into_buffer(cramjam.zstd.decompress_into, payload, self._zstd_full)

    def _into_buffer(self, decompress_into: Callable[[bytes, mmap.mmap], int], payload: bytes, full: str) -> bytes:
        memory = self._buffer.memory
        try:
            size = decompress_into(payload, memory)
        except cramjam.DecompressionError as error:
            if str(error) == full:
                raise BatchTooLargeError(self.limit) from None
            raise
        return memory[:size]

    def decompress(self, codec_number: int, payload: bytes) -> bytes:
        """The records of a batch.

        Args:
            codec_number: as the attributes of a batch have it, one of CODECS.
            payload: what follows the header of the batch.

        Raises:
            BatchTooLargeError: they take more memory than the bound, as bytes or as what will be made of them.
            What the codec raises: the payload is damaged.
        """
        records: bytes = getattr(self, CODECS[codec_number])(payload)
        check_entries(records, self.limit)
        return records


def _snappy_blocks(payload: bytes) -> Iterator[memoryview]:
    whole = memoryview(payload)
    if not codec._detect_xerial_stream(payload):  # noqa: SLF001 - as aiokafka's decoder asks
        yield whole
        return
    position = _XERIAL_HEADER_BYTES
    while position < len(whole):
        (length,) = struct.unpack_from("!i", whole, position)
        if length < 0:  # aiokafka goes back by it, and round for ever
            raise ValueError(f"expected the length of a snappy block, got {length}")
        position += 4
        yield whole[position : position + length]
        position += length


def _error_of_a_full_buffer(kind: ModuleType) -> str:
    """What cramjam says when the buffer is full: it has one class of errors for that and for damage."""
    try:
        kind.decompress_into(bytes(kind.compress(bytes(100))), bytearray(1))
    except cramjam.DecompressionError as error:
        return str(error)
    raise AssertionError("100 bytes do not fit into one")


def check_entries(records: bytes, limit: int) -> None:
    """Nothing, for a batch that takes no more than the bound with its records and headers as objects.

    Raises:
        BatchTooLargeError: it takes more.
    """
    if len(records) > _CHECKED_BYTES:
        max_entries = (limit - len(records)) // ENTRY_BYTES
        try:
            found = _entries(records, max_entries)
        except ValueError:
            return  # no number stands where one should: aiokafka's parser says what is wrong with it
        if found > max_entries:
            raise BatchTooLargeError(limit)


def _entries(records: bytes, max_entries: int) -> int:
    """Records of a batch and headers of its large ones, counted until there are more than `max_entries`.

    Raises:
        ValueError: a number of more than 64 bits.
    """
    end = len(records)
    found = position = 0
    while position < end and found <= max_entries:
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
