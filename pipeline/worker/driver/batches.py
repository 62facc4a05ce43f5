"""Batches of a topic, read so that no batch that a broker takes can end the worker.

A broker looks at less of a batch than its Python client does: it takes garbage behind a gzip or lz4 frame, framings of
snappy of its own, attributes and lengths that aiokafka reads otherwise, and offsets of any value. aiokafka then
raises, at the same offset after every restart, or believes such an offset and passes over all mentions up to it. Here
a batch is decompressed with a bound, its records are read before the first of them is handed on, and a batch that is
not as it should be is one refused record. The checksum is none of it: aiokafka holds it against the batch first, and
what was damaged on its way is fetched again.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

import aiokafka.record.default_records as aiokafka_default_records
import cramjam
from aiokafka.errors import CorruptRecordException, UnsupportedCodecError
from aiokafka.record.util import decode_varint_py

from pipeline.engine.records import TICK_HEADER, Record, RefusedBatch
from pipeline.worker.driver.decompression import CODECS, BatchTooLargeError, Decompressor
from schemas.rejection import Reason
from schemas.text import printable

READ_AHEAD: Final = 4_096
"""Records of a batch that are read before the first of them is handed on: all of most batches."""
KEPT_HEADERS: Final = 16
"""A record with more headers is handed on without them, but for a tick's own. A header of two bytes takes 64 in memory,
nothing reads it, and records wait by the thousand."""

DECOMPRESSOR: Final = Decompressor()
"""Of this process."""

_HEADER_BYTES: Final = 61
"""Of a batch of Kafka's message format 2; the records follow it."""
_ATTRIBUTES: Final = 22
"""Place of the lower byte of the attributes, which a batch's checksum covers."""
_CODEC_MASK: Final = 0x07
_ERROR_CHARACTERS: Final = 120
_UNREADABLE: Final = (
    cramjam.DecompressionError,
    zlib.error,
    gzip.BadGzipFile,
    EOFError,
    struct.error,
    UnsupportedCodecError,
    CorruptRecordException,
    ValueError,
    IndexError,
    OverflowError,
)
"""What the codecs and aiokafka's two parsers raise for what they cannot read."""


class UnreadableBatchError(Exception):
    """A batch with the right checksum cannot be decompressed or parsed, or its records stand at offsets not its own."""


class CheckedBatch:
    """A batch as aiokafka has it, whose records are read before they are handed on.

    Attributes:
        decompressed_bytes: what its records took decompressed, what they were allowed to where they cannot be; 0 until
            they are asked for, and where they are not compressed.
    """

    __slots__ = (
        "_batch",
        "_data",
        "base_offset",
        "decompressed_bytes",
        "is_control_batch",
        "is_transactional",
        "next_offset",
        "producer_id",
        "validate_crc",
    )

    def __init__(self, batch: Any, data: memoryview) -> None:
        """Nothing is decompressed yet.

        Args:
            batch: aiokafka's own, of Kafka's message format 2.
            data: its bytes.
        """
        self._batch = batch
        self._data = data
        self.decompressed_bytes = 0
        # What aiokafka asks of every batch, as attributes: of one record or two a batch is most of the work.
        self.validate_crc = batch.validate_crc
        self.base_offset = batch.base_offset
        self.next_offset = batch.next_offset
        self.producer_id = batch.producer_id
        self.is_transactional = batch.is_transactional
        self.is_control_batch = batch.is_control_batch

    def __next__(self) -> Any:
        """The marker of a batch that ends a transaction; only brokers write those."""
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        """Its records in order, READ_AHEAD at a time: of those with damage among them none is handed on.

        It is decompressed when the first is asked for.

        Raises:
            UnreadableBatchError: it is damaged.
            BatchTooLargeError: it takes more memory than it may; no record was handed on.
        """
        batch, data = self._batch, self._data
        if data[_ATTRIBUTES] & _CODEC_MASK:
            batch, data = self._decompressed()
        records = _light(batch)
        wanted, end = self.base_offset, self.next_offset
        given, is_lenient = 0, False
        while True:
            try:
                portion = list(islice(records, READ_AHEAD))
            except (UnicodeDecodeError, MemoryError):
                # The name of a header is not UTF-8; or a length is beyond all memory, which aiokafka does not tell from
                # one beyond the batch. Where there really is no memory, the other parser ends in the same way.
                if is_lenient:
                    raise
                is_lenient = True
                records = _light(islice(lenient_records(data), given, None))
                continue
            except _UNREADABLE as error:
                raise _unreadable(error) from error
            if not portion:
                return
            wanted = _after(portion, wanted, end)
            given += len(portion)
            yield from portion

    def _decompressed(self) -> tuple[Any, memoryview]:
        """A batch of aiokafka's over the same records not compressed, and its bytes.

        An unknown codec is left to aiokafka, which refuses it.
        """
        data = self._data
        number = data[_ATTRIBUTES] & _CODEC_MASK
        if number not in CODECS:
            return self._batch, data
        self.decompressed_bytes = DECOMPRESSOR.limit
        try:
            records = DECOMPRESSOR.decompress(number, bytes(data[_HEADER_BYTES:]))
        except _UNREADABLE as error:
            raise _unreadable(error) from error
        self.decompressed_bytes = len(records)
        header = bytearray(data[:_HEADER_BYTES])
        header[_ATTRIBUTES] &= ~_CODEC_MASK
        whole = b"".join((header, records))
        return aiokafka_default_records.DefaultRecordBatch(whole), memoryview(whole)


def _unreadable(error: Exception) -> UnreadableBatchError:
    what = printable(f"{type(error).__name__}: {error}", _ERROR_CHARACTERS)
    return UnreadableBatchError(f"expected a batch that can be read, got {what}")


def _light(records: Iterable[Any]) -> Iterator[Any]:
    """The records, without the headers that are not read where a record has many."""
    for record in records:
        if len(record.headers) <= KEPT_HEADERS:
            yield record
        else:
            ticks = (header for header in record.headers if header[0] == TICK_HEADER)
            yield Record(record.offset, record.timestamp, record.key, record.value, tuple(islice(ticks, 1)))


def _after(portion: list[Any], wanted: int, end: int) -> int:
    """The offset after these records; their offsets must rise within [wanted, end). Compaction may have taken some out.

    Raises:
        UnreadableBatchError: they do not. aiokafka would hand the largest on, and pass over every record below it.
    """
    for record in portion:
        offset = record.offset
        if not wanted <= offset < end:
            raise UnreadableBatchError(f"expected a record at an offset from {wanted} to {end - 1}, got {offset}")
        wanted = offset + 1
    return wanted


class _LenientBytes(bytearray):
    """Bytes whose parts decode whatever they are: what is not UTF-8 becomes a backslash escape."""

    def __getitem__(self, part: Any) -> Any:
        found = super().__getitem__(part)
        return _LenientBytes(found) if isinstance(part, slice) else found

    def decode(self, encoding: str = "utf-8", errors: str = "backslashreplace") -> str:
        return super().decode(encoding, errors)


def lenient_records(data: memoryview) -> Iterator[Any]:
    """The records of a batch by aiokafka's pure-Python parser, with header names as they may be.

    Args:
        data: one batch of Kafka's message format 2, the only one that has headers, not compressed.

    Raises:
        CorruptRecordException, ValueError, IndexError: it is broken in another way.
    """
    batch = iter(aiokafka_default_records._DefaultRecordBatchPy(data))  # noqa: SLF001
    batch._buffer = _LenientBytes(batch._buffer)  # noqa: SLF001 - the parser slices and decodes nothing else
    for _ in range(batch._num_records):  # noqa: SLF001 - as its own loop does
        # Its own loop reads numbers by a compiled function that looks wherever it is told to, outside the batch too.
        yield batch._read_msg(decode_varint_py)  # noqa: SLF001
    if batch._pos != len(batch._buffer):  # noqa: SLF001
        raise ValueError(f"{len(batch._buffer) - batch._pos} bytes after the last record")  # noqa: SLF001


def refused_batch(data: bytes, wanted: int, error: BatchTooLargeError | UnreadableBatchError) -> RefusedBatch:
    """What stands for all records of a batch that cannot be handed on.

    Args:
        data: one batch of Kafka's message format 2; its checksum has been verified, and the broker has held its header
            against its records.
        wanted: first offset that was still to be read.
        error: why not.
    """
    header = aiokafka_default_records.DefaultRecordBatch(data)
    reason = Reason.TOO_LARGE if isinstance(error, BatchTooLargeError) else Reason.UNREADABLE_BATCH
    first = max(wanted, header.base_offset)
    return RefusedBatch(header.next_offset - 1, header.max_timestamp, data, first, reason, str(error))
