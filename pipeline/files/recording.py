"""A recording: records of the mentions topic as lines, each with its place, for replay to repeat what the worker saw.

    {"tocsin_recording":{"version":1,"topic":"mentions","partitions":4,...}}                     the first line
    {"id":"1","brand":"acme",...,"tocsin_record":{"partition":2,"offset":7,"timestamp":1772}}    a mention
    {"tocsin_record":{"partition":2,"offset":8,"timestamp":1772,"headers":[...]}}                any other record

A mention is its own bytes with one field more at the end, so that tools for mentions read it and its bytes can be had
back. What is no plain mention (a tick, a record that the worker refuses) is kept whole, its bytes as base64. Without
the first line nothing is taken for a recording: a mention may bring a field of that name itself.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from schemas.mention import record_key

VERSION: Final = 1
KEPT_BYTES: Final = 1 << 20
"""Of a key or a value that is no mention: what is longer is refused for its size whatever follows."""
_HEADER: Final = b'{"tocsin_recording":'
_ALONE: Final = b'{"tocsin_record":{'
_FIELD: Final = b',"tocsin_record":{'
_PLACE: Final = re.compile(
    rb',"tocsin_record":\{"partition":(\d{1,9}),"offset":(\d{1,18}),"timestamp":(-?\d{1,18})\}\}\Z'
)
_PLACE_BYTES: Final = 128
"""At the end of a line, with room: the place is looked for in them only."""


class RecordingHeader(msgspec.Struct, frozen=True, kw_only=True):
    """What was recorded.

    Attributes:
        version: of this format.
        topic: full name of the topic.
        partitions: how many it had.
        since, until: bounds of the range, Unix seconds; None where it was open.
        time: what the bounds are held against: `event` time, or `arrival` at the broker.
        brands: the brands that were asked for; all where there is none.
        first, end: by partition, the offsets [first, end) that were read.
    """

    version: int = VERSION
    topic: str
    partitions: int
    since: float | None
    until: float | None
    time: str
    brands: tuple[str, ...] = ()
    first: tuple[int, ...] = ()
    end: tuple[int, ...] = ()


class RecordedRecord(msgspec.Struct, frozen=True):
    """A record of a recording: the source record that the engine takes, with its partition."""

    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


class RecordingError(ValueError):
    """A line that is none of a recording of this version."""


class _Whole(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A record that is no plain mention; bytes are base64, `size` is that of a value that was cut."""

    partition: int
    offset: int
    timestamp: int
    key: bytes | None = None
    value: bytes | None = None
    size: int = 0
    headers: tuple[tuple[str, bytes], ...] = ()


class _Line(msgspec.Struct):
    tocsin_record: _Whole


class _First(msgspec.Struct):
    tocsin_recording: RecordingHeader


_encoder: Final = msgspec.json.Encoder()
_decode_line: Final = msgspec.json.Decoder(_Line).decode
_decode_first: Final = msgspec.json.Decoder(_First).decode


def encode_header(header: RecordingHeader) -> bytes:
    """The first line of a recording."""
    return _encoder.encode(_First(header))


def header_of(line: bytes) -> RecordingHeader | None:
    """What the first line of a file says of a recording; None where the file is none.

    Raises:
        RecordingError: a recording of another version.
    """
    if not line.startswith(_HEADER):
        return None
    try:
        header = _decode_first(line).tocsin_recording
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RecordingError(f"expected the first line of a recording, got one that cannot be read: {error}") from None
    if header.version != VERSION:
        raise RecordingError(f"expected a recording of version {VERSION}, got version {header.version}")
    return header


def encode_record(partition: int, record: Any) -> bytes:
    """The line of a record.

    Args:
        partition: of the record.
        record: a source record (pipeline.engine.records.SourceRecord).
    """
    key, value = record.key, record.value
    headers = tuple((name, bytes(content or b"")) for name, content in record.headers if _is_ours(name, value))
    if value is not None and not headers and is_plain(key, value):
        place = b'"partition":%d,"offset":%d,"timestamp":%d' % (partition, record.offset, record.timestamp)
        return b"%b%b%b}}" % (value[:-1], _FIELD, place)
    whole = _Whole(partition=partition, offset=record.offset, timestamp=record.timestamp, headers=headers)
    if value is not None and is_plain(key, value):
        return b"%b,%b" % (value[:-1], _encoder.encode(_Line(whole))[1:])
    whole.key = None if key is None else bytes(key[:KEPT_BYTES])
    if value is not None:
        whole.value = bytes(value[:KEPT_BYTES])
        whole.size = len(value) if len(value) > KEPT_BYTES else 0
    return _encoder.encode(_Line(whole))


def _is_ours(name: str, value: bytes | None) -> bool:
    """Whether a header is kept: all of a tick or tombstone, of a mention those that Tocsin has written."""
    return value is None or name.startswith("tocsin-")


def is_plain(key: bytes | None, value: bytes) -> bool:
    """Whether a record is one line of JSON whose brand is its key: then it can be a line by itself."""
    return (
        value.startswith(b"{")
        and not value.startswith(_ALONE)
        and value.endswith(b"}")
        and b"\n" not in value
        and b"\r" not in value
        and key is not None
        and record_key(value) == key
    )


def decode_record(line: bytes) -> RecordedRecord:
    """The record in a line after the first.

    Raises:
        RecordingError: it holds none.
    """
    found = _PLACE.search(line, max(len(line) - _PLACE_BYTES, 0))
    if found:
        mention = line[: found.start()] + b"}"
        partition, offset, timestamp = map(int, found.groups())
        return RecordedRecord(partition, offset, timestamp, record_key(mention), mention)
    begin = 0 if line.startswith(_ALONE) else line.rfind(_FIELD)
    try:
        whole = _decode_line(line if begin <= 0 else b"{" + line[begin + 1 :]).tocsin_record
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RecordingError(f'expected a record with "tocsin_record", as `tocsin record` writes it: {error}') from None
    key, value = whole.key, whole.value
    if begin > 0:
        value = line[:begin] + b"}"
        key = record_key(value)
    return RecordedRecord(whole.partition, whole.offset, whole.timestamp, key, value, whole.headers)


def mention_in(record: RecordedRecord) -> bytes | None:
    """The mention of a recorded record as a file of mentions has it; None for what is none: ticks, foreign keys."""
    if record.key is None or record.value is None or record_key(record.value) != record.key:
        return None
    return record.value
