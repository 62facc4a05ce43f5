"""What goes through a fetch relies on aiokafka's inside: an upgrade that breaks it is seen here, not in production."""

from __future__ import annotations

import gc
import inspect
import weakref

import aiokafka
import pytest
from aiokafka.consumer import fetcher
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record import memory_records
from aiokafka.record.default_records import DefaultRecord
from aiokafka.record.util import calc_crc32c

from pipeline.engine.records import Record
from pipeline.worker.driver import fetched_slices

OWN_RECORDS = fetcher.PartitionRecords.__mro__[-2]
"""aiokafka's class, also when `install` has put ours in its place before."""
HEADERS = [("a", b"1"), ("a", b"2")]


def batch(*records: Record) -> bytes:
    """A Kafka batch as a broker would send it."""
    builder = BatchBuilder(1_000_000, 0, is_transactional=0)
    for record in records:
        assert builder.append(
            timestamp=record.timestamp, key=record.key, value=record.value, headers=list(record.headers)
        )
    return bytes(builder._build())


def polled(data: bytes, kind=fetched_slices.LightRecords, start: int = 0):
    batches = fetched_slices.MemoryRecords if kind is fetched_slices.LightRecords else memory_records.MemoryRecords
    records = kind(
        aiokafka.TopicPartition("t", 3),
        batches(data),
        [],
        start,
        None,
        None,
        True,
        fetcher.READ_COMMITTED,
    )
    found = list(records)
    assert records.next_fetch_offset == (found[-1].offset + 1 if found else start)
    return found


def with_offset(data: bytes, first: int) -> bytes:
    """The batch as it stands in a log from that offset on; the checksum does not cover it."""
    return first.to_bytes(8, "big") + data[8:]


def with_bad_header_names(data: bytes) -> bytes:
    """Every header name "bad" made one that is not UTF-8, and the checksum set right."""
    changed = data.replace(b"\x06bad", b"\x06\xff\xfe\xfd")
    assert changed != data
    checksum: int = calc_crc32c(changed[21:])
    return changed[:17] + checksum.to_bytes(4, "big") + changed[21:]


def test_light_records_are_the_c_records_with_all_that_the_engine_reads():
    assert fetched_slices.light_records_work()
    light = polled(batch(Record(0, 1234, b"k", b"v", tuple(HEADERS)), Record(1, 1235, None, None)))
    assert [type(record) for record in light] == [DefaultRecord, DefaultRecord]
    assert "_crecords" in DefaultRecord.__module__
    assert [(r.offset, r.timestamp, r.key, r.value, list(r.headers)) for r in light] == [
        (0, 1234, b"k", b"v", HEADERS),
        (1, 1235, None, None, []),
    ]


def test_light_records_say_the_same_as_aiokafkas_own():
    data = batch(*(Record(n, 1000 + n, b"k%d" % n, b"v" * n, tuple(HEADERS)) for n in range(50)))
    for light, own in zip(polled(data), polled(data, OWN_RECORDS), strict=True):
        for name in ("offset", "timestamp", "key", "value"):
            assert getattr(light, name) == getattr(own, name)
        assert tuple(light.headers) == own.headers


def test_a_header_name_that_is_not_utf8_costs_neither_its_record_nor_its_neighbours():
    fine = batch(Record(0, 1, b"k", b"before", tuple(HEADERS)))
    foul = with_bad_header_names(
        batch(
            Record(0, 2, b"k", b"first", tuple(HEADERS)),
            Record(1, 3, b"k", b"second", (("bad", b"\xff"), ("a", b"1"))),
            Record(2, 4, None, None, (("bad", b""),)),
        )
    )
    log = fine + with_offset(foul, 1) + with_offset(fine, 4) + with_offset(foul, 5) + with_offset(fine, 8)
    with pytest.raises(UnicodeDecodeError):
        polled(log, OWN_RECORDS)
    name = r"\xff\xfe\xfd"
    foul_values = [
        (b"k", b"first", HEADERS),
        (b"k", b"second", [(name, b"\xff"), ("a", b"1")]),
        (None, None, [(name, b"")]),
    ]
    fine_values = [(b"k", b"before", HEADERS)]
    found = polled(log)
    assert [record.offset for record in found] == list(range(9))
    assert [record.timestamp for record in found] == [1, 2, 3, 4, 1, 2, 3, 4, 1]
    assert [(record.key, record.value, list(record.headers)) for record in found] == (
        fine_values + foul_values + fine_values + foul_values + fine_values
    )
    assert {type(record.key) for record in found} == {bytes, type(None)}
    from_the_middle = polled(with_offset(foul, 5) + with_offset(fine, 8), start=6)
    assert [record.offset for record in from_the_middle] == [6, 7, 8]


def test_the_bytes_of_every_batch_are_remembered_in_turn():
    batches = [batch(*(Record(n, 1, b"k", b"v" * count) for n in range(count))) for count in (1, 5, 3)]
    records = fetched_slices.MemoryRecords(b"".join(batches) + batches[0][:30])
    seen = []
    while records.has_next():
        records.next_batch()
        seen.append(records.batch_bytes)
    assert seen == batches
    assert records.size_in_bytes() == sum(map(len, batches)) + 30


def test_the_fetcher_looks_its_record_class_up_by_name_at_each_fetch():
    assert "partition_records = PartitionRecords(" in inspect.getsource(fetcher.Fetcher)
    assert "records = MemoryRecords(part_data[-1])" in inspect.getsource(fetcher.Fetcher)
    assert "self._consumer_record(tp, record)" in inspect.getsource(OWN_RECORDS)
    assert list(inspect.signature(OWN_RECORDS._consumer_record).parameters) == ["self", "tp", "record"]


def test_a_fetch_that_is_dropped_before_its_end_is_freed_without_the_garbage_collector():
    """The gap reader and rebalances drop fetches of megabytes; the worker's collector runs every ten minutes."""
    data = batch(*[Record(number, 1000, b"acme", b"x") for number in range(100)])
    records = fetched_slices.LightRecords(
        aiokafka.TopicPartition("t", 3),
        fetched_slices.MemoryRecords(data),
        [],
        0,
        None,
        None,
        True,
        fetcher.READ_COMMITTED,
    )
    assert next(records).offset == 0
    dropped = weakref.ref(records)
    was_on = gc.isenabled()
    gc.disable()
    try:
        del records
        assert dropped() is None
    finally:
        if was_on:
            gc.enable()


def test_an_empty_batch_takes_a_record_larger_than_a_batch_and_one_without_key_and_value():
    builder = BatchBuilder(900_000, 0, is_transactional=1)
    assert builder.append(timestamp=None, key=b"k", value=b"x" * 1_200_000, headers=[]) is not None
    assert builder.append(timestamp=None, key=b"k", value=b"x", headers=[]) is None
    builder = BatchBuilder(900_000, 0, is_transactional=1)
    assert builder.append(timestamp=None, key=None, value=None, headers=HEADERS) is not None
