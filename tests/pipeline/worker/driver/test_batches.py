"""Whatever a broker took can be passed: a batch that cannot be read is one refused record, and its neighbours count."""

from __future__ import annotations

import inspect
import re
import struct
import tracemalloc

import pytest
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from aiokafka.record.util import calc_crc32c
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.config.model import Config
from pipeline.engine.encoding import dead_letter_record
from pipeline.engine.engine import Engine
from pipeline.engine.records import TICK_HEADER, RefusedBatch
from pipeline.worker.driver import batches, fetched_slices
from pipeline.worker.driver.batches import KEPT_HEADERS, READ_AHEAD, CheckedBatch, UnreadableBatchError
from schemas.rejection import Reason
from tests.pipeline.mention_streams import mention
from tests.pipeline.worker.driver.packed_batches import (
    CODECS,
    FOUL_HEADER,
    MIB,
    NUMBERS,
    batch,
    damaged,
    fetched,
    honest,
    packed,
    record_of,
    slices,
    varint,
    wide,
)

DAMAGED = damaged([mention(id=str(n)) for n in range(3)])
GOT = {
    "gzip, garbage after it": "BadGzipFile: Not a gzipped file",
    "lz4, garbage after it": "DecompressionError: lz4: ",
    "lz4, two stray bytes": "DecompressionError: lz4: ",
    "snappy, two stray bytes": "error: unpack_from requires a buffer of at least ",
    "snappy, version 2": "DecompressionError: snappy: ",
    "snappy, a second header": "ValueError: expected the length of a snappy block, got -2108469695",
    "an attribute": "CorruptRecordException: ",
    "an attribute, packed": "CorruptRecordException: ",
    "a length below the record's": "CorruptRecordException: Invalid record size: ",
    "a key of 15 GB": "CorruptRecordException: Can't read 15032385540 bytes",
    "15 thousand million headers": "CorruptRecordException: Can't read ",
    "a key of 15 GB after a header name that is not UTF-8": "IndexError: ",
    "a key that does not fit in memory": "IndexError: ",
    "a key longer than a number": "OverflowError: byte string is too large",
    "one offset for all": "expected a record at an offset from 6 to 7, got 5",
    "an offset far ahead": "expected a record at an offset from 7 to 7, got 1000005",
    "an offset before the batch": "expected a record at an offset from 5 to 7, got 0",
    "an offset far ahead, packed": "expected a record at an offset from 7 to 7, got 15032385543",
}
"""What the dead letter says was there, by kind of damage; the batch stands at offsets 5 to 7."""


def at(first: int, data: bytes) -> bytes:
    """The batch as it stands in a log from that offset on; the checksum does not cover it."""
    return first.to_bytes(8, "big") + data[8:]


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_batch_that_cannot_be_read_is_one_dead_letter_and_its_neighbours_count(kind: str) -> None:
    data = at(5, DAMAGED[kind])
    log = honest(4, mention(id="before")) + data + honest(8, mention(id="after"))
    records = fetched(log, 4)
    polled = [record for found in slices(records) for record in found]
    assert [record.offset for record in polled] == [4, 7, 8]
    assert records.next_fetch_offset == 9
    engine = Engine(0, Config())
    (letter,) = map(dead_letter_record, engine.process(polled).dead_letters)
    headers = dict(letter.headers)
    assert (letter.key, letter.value) == (None, data)
    assert (headers["tocsin-reason"], headers["tocsin-offset"]) == (b"unreadable_batch", b"7")
    assert GOT[kind] in headers["tocsin-error"].decode()
    assert "offsets 5 to 7 are refused" in headers["tocsin-error"].decode()
    assert engine.stats.consumed == 2
    assert engine.stats.rejected[Reason.UNREADABLE_BATCH] == sum(engine.stats.rejected.values()) == 3


@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize("damage", ["cut", "noise", "empty"])
def test_payloads_that_are_not_what_they_say_are_refused_in_every_codec(name: str, damage: str) -> None:
    whole = packed(name, record_of(value=b"x" * 1_000))
    payload = {"cut": whole[: len(whole) // 2], "noise": b"no frame of any codec", "empty": b""}[damage]
    (refused,) = fetched(batch(name, payload, 1))
    assert isinstance(refused, RefusedBatch)
    assert refused.reason == Reason.UNREADABLE_BATCH


@pytest.mark.parametrize("number", [5, 6, 7])
def test_a_codec_that_nobody_knows_is_refused(number: int) -> None:
    data = bytearray(honest(0, b"v"))
    struct.pack_into(">h", data, 21, number)
    struct.pack_into(">I", data, 17, calc_crc32c(bytes(data[21:])))
    (refused,) = fetched(bytes(data))
    assert "UnsupportedCodecError: Unknown compression codec" in refused.error


@pytest.mark.parametrize("name", ["", *CODECS])
def test_damage_that_the_checksum_tells_is_fetched_again(name: str) -> None:
    """It happened on the way, not at the producer: no record is refused, and the position stays before the batch."""
    log = bytearray(honest(0, b"a") + honest(1, b"b" * 100, name=name))
    log[-1] ^= 1
    records = fetched(bytes(log))
    assert next(records).value == b"a"
    with pytest.raises(CorruptRecordException, match="Invalid CRC"):
        next(records)
    assert records.next_fetch_offset == 1
    assert list(records) == []


def test_a_large_batch_is_read_in_portions_and_only_what_was_not_handed_on_is_refused() -> None:
    count = READ_AHEAD + 100
    payload = b"".join(record_of(value=b"v", offset=n) for n in range(count - 1))
    data = batch("lz4", packed("lz4", payload + record_of(offset=count - 1, length=5)), count, first=10)
    records = fetched(data + honest(10 + count, b"after"), 10)
    *read, refused, after = [record for found in slices(records) for record in found]
    assert [record.offset for record in read] == list(range(10, 10 + READ_AHEAD))
    assert (refused.first_offset, refused.offset, refused.records) == (10 + READ_AHEAD, 9 + count, 100)
    assert after.value == b"after"


@pytest.mark.parametrize("start", [3, 5, READ_AHEAD + 3])
def test_reading_that_begins_amid_a_damaged_batch_refuses_no_offset_before(start: int) -> None:
    """What was committed has been counted, and is not counted again."""
    count = READ_AHEAD + 10
    payload = b"".join(record_of(value=b"v", offset=n) for n in range(count - 1))
    data = batch("zstd", packed("zstd", payload + record_of(offset=count - 1, length=5)), count)
    *read, refused = fetched(data, start)
    assert [record.offset for record in read] == list(range(start, READ_AHEAD))
    assert (refused.first_offset, refused.offset) == (max(start, READ_AHEAD), count - 1)


def test_a_foul_header_name_late_in_a_large_batch_costs_no_record_and_doubles_none() -> None:
    count = 2 * READ_AHEAD + 5
    foul = {READ_AHEAD + 7, count - 1}
    payload = b"".join(record_of(FOUL_HEADER if n in foul else 0, b"%d" % n, offset=n) for n in range(count))
    found = list(fetched(batch("", payload, count)))
    assert [record.offset for record in found] == list(range(count))
    assert [record.value for record in found] == [b"%d" % n for n in range(count)]
    assert list(found[READ_AHEAD + 7].headers) == [("\\xff", b"")]


def test_a_batch_that_goes_on_behind_its_last_record_is_refused_whole() -> None:
    for header in (0, FOUL_HEADER):
        records = record_of(header, b"a") + record_of(0, b"b", offset=1)
        (refused,) = fetched(batch("", records, count=1))
        assert isinstance(refused, RefusedBatch)


def test_a_damaged_batch_of_an_aborted_transaction_was_never_said() -> None:
    data = bytearray(at(5, DAMAGED["gzip, garbage after it"]))
    struct.pack_into(">h", data, 21, NUMBERS["gzip"] | 0x10)  # transactional
    struct.pack_into(">qh", data, 43, 7, 0)  # producer
    struct.pack_into(">I", data, 17, calc_crc32c(bytes(data[21:])))
    log = bytes(data) + honest(8, b"after")
    assert [record.offset for record in fetched(log, 5, aborted=[(7, 5)])] == [8]
    assert [record.offset for record in fetched(log, 5)] == [7, 8]


def test_offsets_that_compaction_has_left_out_are_no_damage() -> None:
    records = b"".join(record_of(value=b"v", offset=n) for n in (2, 3, 7))
    data = bytearray(batch("", records, 3))
    struct.pack_into(">i", data, 23, 9)  # last offset
    struct.pack_into(">I", data, 17, calc_crc32c(bytes(data[21:])))
    polled = fetched(bytes(data))
    assert [record.offset for record in polled] == [2, 3, 7]
    assert polled.next_fetch_offset == 10


def test_a_damaged_batch_ends_a_slice_as_a_bomb_does() -> None:
    """Nobody knows how much was unpacked before the damage was met."""
    log = honest(0, b"a") + at(1, DAMAGED["lz4, garbage after it"]) + honest(4, b"b")
    assert [[record.offset for record in found] for found in slices(fetched(log))] == [[0, 3], [4]]


@given(st.data())
@example(None)
def test_noise_in_a_batch_costs_at_most_its_own_records(data: st.DataObject | None) -> None:
    """Bytes changed, taken out and put in, numbers of every width among them: it is read, or refused whole."""
    payload = bytearray(b"".join(record_of(2, b"v%d" % n, offset=n) for n in range(4)))
    for _ in range(data.draw(st.integers(1, 4)) if data else 0):
        assert data
        place = data.draw(st.integers(0, len(payload)))
        noise = st.binary(max_size=12) | st.sampled_from([varint(n) for n in (2**63 - 1, -(2**63), 2**62, 2**31)])
        payload[place : place + data.draw(st.integers(0, 6))] = data.draw(noise)
    log = batch("", bytes(payload), 4, first=5) + honest(9, b"after")
    records = fetched(log, 5)
    *found, after = records
    assert after.value == b"after"
    assert records.next_fetch_offset == 10
    assert [record.offset for record in found] in ([8], [5, 6, 7, 8])


def test_real_want_of_memory_is_no_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(payload: bytes) -> bytes:
        raise MemoryError

    monkeypatch.setattr(batches.DECOMPRESSOR, "lz4", no_room)
    with pytest.raises(MemoryError):
        list(fetched(honest(0, b"v", name="lz4")))


def test_many_headers_are_left_out_and_few_are_kept() -> None:
    log = batch("", record_of(KEPT_HEADERS) + record_of(KEPT_HEADERS + 1, b"v", offset=1), 2, timestamp=77)
    few, many = fetched(log)
    assert len(few.headers) == KEPT_HEADERS
    assert (many.offset, many.timestamp, many.key, many.value, many.headers) == (1, 77, b"acme", b"v", ())


def test_a_tick_among_many_headers_is_still_a_tick() -> None:
    name = TICK_HEADER.encode()
    ticks = b"".join(varint(len(name)) + name + varint(1) + value for value in (b"5", b"6"))
    body = b"\0\0\0" + varint(-1) + varint(-1) + varint(102) + b"\0\1" * 50 + ticks + b"\0\1" * 50
    (tick,) = fetched(batch("", varint(len(body)) + body, 1))
    assert (tick.key, tick.value, tick.headers) == (None, None, ((TICK_HEADER, b"5"),))


def test_a_fetch_full_of_headers_is_a_slice_of_little_memory() -> None:
    """As objects 4 MiB of headers of two bytes each are 134 MiB, in each of the sixteen slices that Faust holds."""
    log = b"".join(batch("", record_of(1_000_000), 1, first=n) for n in range(2))
    tracemalloc.start()
    try:
        (polled,) = slices(fetched(log))
        held, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [record.offset for record in polled] == [0, 1]
    assert held < MIB
    assert most < 100 * MIB, "the headers of one record at a time"


def test_what_aiokafka_asks_of_a_batch_is_answered_by_its_own() -> None:
    data = honest(7, b"a", b"b")
    checked, own = CheckedBatch(DefaultRecordBatch(data), memoryview(data)), DefaultRecordBatch(data)
    source = inspect.getsource(fetched_slices.LightRecords.__mro__[1]._unpack_records)
    asked = set(re.findall(r"next_batch\.(\w+)", source))
    assert asked >= {"validate_crc", "base_offset"}
    for name in asked - {"validate_crc"}:
        assert getattr(checked, name) == getattr(own, name)
    assert checked.validate_crc()
    assert next(checked).value == b"a", "of a control batch the first record is asked for without iteration"


def test_an_older_format_is_left_to_aiokafka() -> None:
    builder = LegacyRecordBatchBuilder(1, 0, MIB)
    builder.append(0, timestamp=1, key=b"acme", value=b"v")
    records = fetched_slices.MemoryRecords(bytes(builder.build()))
    assert not isinstance(records.next_batch(), CheckedBatch)


def test_the_error_is_short_and_its_cause_is_kept() -> None:
    data = batch("", record_of(value=b"v", key_length=wide(4)), 1)
    with pytest.raises(UnreadableBatchError) as caught:
        list(CheckedBatch(DefaultRecordBatch(data), memoryview(data)))
    assert isinstance(caught.value.__cause__, CorruptRecordException)
    assert len(str(caught.value)) < 200
