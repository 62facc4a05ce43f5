"""Batches as any program may write them to a topic, damaged ones too, and what polls give of them."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any, Final

import aiokafka
import cramjam
from aiokafka import codec
from aiokafka.consumer import fetcher
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.util import calc_crc32c, encode_varint

from pipeline.worker.driver import fetched_slices
from tests.pipeline.mention_streams import START

MIB: Final = 1 << 20
CODECS: Final = ("gzip", "snappy", "lz4", "zstd")
NUMBERS: Final = {name: number for number, name in enumerate(("", *CODECS))}


def packed(name: str, data: bytes) -> bytes:
    """As aiokafka's producers pack it; unchanged without a name."""
    return bytes(getattr(codec, f"{name}_encode")(data)) if name else data


XERIAL: Final = packed("snappy", b"x" * 100)[:16]
"""The header of snappy's framing."""


def snappy_frames(*blocks: bytes, header: bytes = XERIAL) -> bytes:
    """So many blocks after one header."""
    raw = (bytes(cramjam.snappy.compress_raw(block)) for block in blocks)
    return header + b"".join(struct.pack("!i", len(block)) + block for block in raw)


def batch(name: str, payload: bytes, count: int, first: int = 0, timestamp: int = 1_000) -> bytes:
    """A batch with that packed payload, as it stands in a log from that offset on."""
    builder = BatchBuilder(MIB, 0, is_transactional=0)
    builder.append(timestamp=timestamp, key=None, value=b"", headers=[])
    data = bytearray(bytes(builder._build())[:61]) + payload
    struct.pack_into(">q", data, 0, first)
    struct.pack_into(">i", data, 8, len(data) - 12)
    struct.pack_into(">h", data, 21, NUMBERS[name])
    struct.pack_into(">i", data, 23, count - 1)
    struct.pack_into(">i", data, 57, count)
    struct.pack_into(">I", data, 17, calc_crc32c(bytes(data[21:])))
    return bytes(data)


def honest(first: int, *values: bytes, name: str = "") -> bytes:
    """A batch of mentions as a producer packs it, from that offset on."""
    builder = BatchBuilder(64 * MIB, NUMBERS.get(name, 0), is_transactional=0)
    for value in values:
        assert builder.append(timestamp=(START + 3600) * 1000, key=b"acme", value=value, headers=[])
    return first.to_bytes(8, "big") + bytes(builder._build())[8:]


def varint(number: int) -> bytes:
    """As a record has it."""
    out = bytearray()
    encode_varint(number, out.append)
    return bytes(out)


def wide(number: int) -> bytes:
    """A small number in five bytes, of which Kafka's broker drops three bits that aiokafka keeps: 15 thousand million
    more."""
    return bytes([(number << 1) | 0x80, 0x80, 0x80, 0x80, 0x70])


def record_of(
    headers: int | bytes = 0,
    value: bytes = b"{}",
    key: bytes | None = b"acme",
    offset: int | bytes = 0,
    attributes: bytes = b"\0",
    key_length: bytes | None = None,
    length: int | None = None,
) -> bytes:
    """A record.

    Args:
        headers: so many of two bytes each; or the bytes of all of them, their number included.
        value: its value.
        key: its key, None for none.
        offset: counted from the batch's; or the bytes of that number.
        attributes: a byte that Kafka has no use for.
        key_length: the bytes that say how long the key is, where they are not the ordinary ones.
        length: what it says its own length is, where that is not so.
    """
    body = attributes + varint(0) + (offset if isinstance(offset, bytes) else varint(offset))
    body += (key_length or varint(-1 if key is None else len(key))) + (key or b"")
    body += varint(len(value)) + value
    body += headers if isinstance(headers, bytes) else varint(headers) + b"\0\1" * headers
    return varint(len(body) if length is None else length) + body


FOUL_HEADER: Final = varint(1) + varint(1) + b"\xff" + varint(0)
"""One header whose name is not UTF-8."""


def damaged(values: Sequence[bytes]) -> dict[str, bytes]:
    """By what is wrong with it: a batch of these values that Kafka's broker takes and its Python client cannot read.

    Args:
        values: two or more, of two bytes or more each.
    """
    count = len(values)
    *before, last = (record_of(value=value, offset=n) for n, value in enumerate(values))
    head, whole = b"".join(before), b"".join((*before, last))
    value, offset = values[-1], count - 1
    repeated = b"".join(record_of(value=each) for each in values)
    payloads = {
        "gzip, garbage after it": ("gzip", packed("gzip", whole) + b"garbage"),
        "lz4, garbage after it": ("lz4", packed("lz4", whole) + b"garbage"),
        "lz4, two stray bytes": ("lz4", packed("lz4", whole) + b"xx"),
        "snappy, two stray bytes": ("snappy", packed("snappy", whole) + b"xx"),
        "snappy, version 2": ("snappy", snappy_frames(whole, header=XERIAL[:8] + struct.pack("!ii", 2, 1))),
        "snappy, a second header": ("snappy", snappy_frames(whole[:20]) + snappy_frames(whole[20:])),
        "an attribute": ("", head + record_of(value=value, offset=offset, attributes=b"\x80")),
        "an attribute, packed": ("lz4", packed("lz4", head + record_of(0, value, offset=offset, attributes=b"\x80"))),
        "a length below the record's": ("gzip", packed("gzip", head + record_of(value=value, offset=offset, length=5))),
        "a key of 15 GB": ("", head + record_of(value=value, offset=offset, key_length=wide(4))),
        "15 thousand million headers": ("zstd", packed("zstd", head + record_of(wide(0), value, offset=offset))),
        "a key of 15 GB after a header name that is not UTF-8": (
            "",
            record_of(FOUL_HEADER, values[0]) + head[len(before[0]) :] + record_of(0, value, key_length=wide(4)),
        ),
        "a key that does not fit in memory": (
            "",
            # By the attribute, the length of the key is read where the key stands.
            head + record_of(0, value, varint((1 << 63) - 80), offset=offset, attributes=b"\x80"),
        ),
        "a key longer than a number": (
            "",
            head + record_of(0, value, varint((1 << 63) - 1), offset=offset, attributes=b"\x80"),
        ),
        "one offset for all": ("", repeated),
        "an offset far ahead": ("", head + record_of(value=value, offset=1_000_000)),
        "an offset before the batch": ("", record_of(value=values[0], offset=-5) + whole[len(before[0]) :]),
        "an offset far ahead, packed": ("zstd", packed("zstd", head + record_of(0, value, offset=wide(offset)))),
    }
    return {kind: batch(name, payload, count) for kind, (name, payload) in payloads.items()}


def fetched(data: bytes, start: int = 0, aborted: list[tuple[int, int]] | None = None) -> fetched_slices.LightRecords:
    return fetched_slices.LightRecords(
        aiokafka.TopicPartition("mentions", 0),
        fetched_slices.MemoryRecords(data),
        aborted or [],
        start,
        None,
        None,
        True,
        fetcher.READ_COMMITTED,
    )


def slices(records: fetched_slices.LightRecords, most: int | None = 4_000) -> Iterator[list[Any]]:
    """What polls give of a fetch, one after the other; the position must follow."""
    partition = aiokafka.TopicPartition("mentions", 0)
    state = SimpleNamespace(paused=False, position=records.next_fetch_offset)
    state.consumed_to = lambda position: setattr(state, "position", position)
    assignment = SimpleNamespace(active=True, state_value=lambda _: state)
    result = fetched_slices.SliceResult(partition, assignment=assignment, partition_records=records, backoff=0)
    while result.has_more():
        yield result.getall(most)
        assert state.position == records.next_fetch_offset
