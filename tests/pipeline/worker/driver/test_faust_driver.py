"""What the driver relies on inside Faust and aiokafka: an upgrade that breaks it is seen here, not in production."""

from __future__ import annotations

import asyncio
import gc
import inspect
import weakref
from collections import defaultdict
from types import SimpleNamespace
from typing import Any

import aiokafka
import faust
import pytest
from aiokafka.consumer import fetcher
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record import default_records, memory_records
from aiokafka.record.default_records import DefaultRecord
from aiokafka.record.util import calc_crc32c
from faust import streams
from faust.transport.consumer import Consumer as FaustConsumer
from faust.transport.consumer import ThreadDelegateConsumer
from faust.transport.drivers import TRANSPORTS
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from pipeline.engine.records import Record
from pipeline.errors import ConfigError
from pipeline.worker.driver import decompression, faust_driver

OWN_RECORDS = fetcher.PartitionRecords.__mro__[-2]
"""aiokafka's class, also when `install` has put ours in its place before."""
OWN_RESULT = faust_driver.SliceResult.__mro__[1]
HEADERS = [("a", b"1"), ("a", b"2")]


def batch(*records: Record) -> bytes:
    """A Kafka batch as a broker would send it."""
    builder = BatchBuilder(1_000_000, 0, is_transactional=0)
    for record in records:
        assert builder.append(
            timestamp=record.timestamp, key=record.key, value=record.value, headers=list(record.headers)
        )
    return bytes(builder._build())


def polled(data: bytes, kind=faust_driver.LightRecords, start: int = 0):
    batches = faust_driver.MemoryRecords if kind is faust_driver.LightRecords else memory_records.MemoryRecords
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


@pytest.fixture
def consumer():
    """Our consumer with the bookkeeping that Faust's constructor makes, without an app or a thread."""
    bare = object.__new__(faust_driver.Consumer)
    bare._acked, bare._acked_index, bare.handed = defaultdict(list), defaultdict(set), {}
    return bare


def test_light_records_are_the_c_records_with_all_that_the_engine_reads():
    assert faust_driver.light_records_work()
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
    records = faust_driver.MemoryRecords(b"".join(batches) + batches[0][:30])
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


def test_install_registers_the_driver_and_the_light_records(monkeypatch):
    monkeypatch.setattr(fetcher, "PartitionRecords", fetcher.PartitionRecords)
    monkeypatch.setattr(fetcher, "MemoryRecords", fetcher.MemoryRecords)
    monkeypatch.setattr(fetcher, "FetchResult", fetcher.FetchResult)
    decoders = decompression.decoders_of_aiokafka()
    assert decoders is not None
    for owner in (decoders, default_records):
        for name in ("gzip", "snappy", "lz4", "zstd"):
            monkeypatch.setattr(owner, f"{name}_decode", getattr(owner, f"{name}_decode"))
    faust_driver.install()
    assert TRANSPORTS.by_name(faust_driver.SCHEME) is faust_driver.Transport
    assert fetcher.PartitionRecords is faust_driver.LightRecords
    assert fetcher.MemoryRecords is faust_driver.MemoryRecords
    assert fetcher.FetchResult is faust_driver.SliceResult
    for owner in (decoders, default_records):
        for name in ("gzip", "snappy", "lz4", "zstd"):
            assert getattr(owner, f"{name}_decode").func is decompression._unpack


def test_install_falls_back_to_aiokafkas_records_where_light_ones_would_not_work(monkeypatch):
    monkeypatch.setattr(fetcher, "PartitionRecords", OWN_RECORDS)
    monkeypatch.setattr(fetcher, "MemoryRecords", memory_records.MemoryRecords)
    monkeypatch.setattr(fetcher, "FetchResult", OWN_RESULT)
    monkeypatch.setattr(faust_driver, "light_records_work", lambda: False)
    faust_driver.install()
    assert fetcher.PartitionRecords is OWN_RECORDS
    assert fetcher.MemoryRecords is memory_records.MemoryRecords
    assert fetcher.FetchResult is OWN_RESULT


def test_fausts_compiled_stream_iterator_is_present_and_its_absence_is_refused(monkeypatch):
    assert streams._CStreamIterator is not None
    monkeypatch.setattr(streams, "_CStreamIterator", None)
    with pytest.raises(ConfigError, match="compiled extension"):
        faust_driver.install()


def test_one_item_a_partition_and_none_for_an_empty_poll():
    one, two = TP("m", 1), TP("m", 2)
    assert list(faust_driver.SliceScheduler().iterate({one: ["a", "b"], two: [], TP("m", 3): ["c"]})) == [
        (one, ["a", "b"]),
        (TP("m", 3), ["c"]),
    ]
    assert "self.scheduler.iterate(records)" in inspect.getsource(FaustConsumer.getmany)
    assert "to_message(tp, record)" in inspect.getsource(FaustConsumer.getmany)


def test_the_schema_hands_the_list_through_untouched():
    schema = faust_driver.SliceSchema(key_type=bytes, value_type=bytes)
    records = [object()]
    app = faust.App("test-schema", broker="memory://", store="memory://")
    message = type("Message", (), {"key": None, "value": records, "headers": ()})()
    event = asyncio.run(schema.compile(app)(message))
    assert event.value is records
    assert event.key is None


def test_the_last_acknowledged_slice_is_what_is_committed(consumer):
    tp = TP("m", 0)
    assert consumer._new_offset(tp) is None
    consumer._acked[tp] += [9, 4, 19]
    consumer._acked_index[tp] |= {9, 4, 19}
    assert consumer._new_offset(tp) == 20
    assert consumer._acked[tp] == []
    assert consumer._acked_index[tp] == set()
    assert consumer._new_offset(tp) is None


def test_what_was_handed_over_is_known_by_partition(consumer):
    tp = TP("m", 0)
    consumer.app = type("App", (), {"consumer_generation_id": 1})()
    message = consumer._to_message(tp, [Record(7, 1000, b"k", b"v"), Record(9, 2000, b"k", b"v")])
    assert (message.offset, message.timestamp, consumer.handed) == (9, 2.0, {tp: 10})


def test_no_gap_is_remembered_between_slices(consumer):
    consumer._gap = defaultdict(list)
    asyncio.run(consumer._add_gap(TP("m", 0), 3, 4000))
    assert consumer._gap == {}


def test_fausts_guess_at_stalled_partitions_is_never_asked(consumer):
    consumer._thread = None  # Faust's own method asks the thread
    consumer.verify_event_path(1e6, TP("m", 0))


@pytest.mark.parametrize(
    ("owner", "name", "parameters"),
    [
        (FaustConsumer, "_new_offset", ["self", "tp"]),
        (FaustConsumer, "_add_gap", ["self", "tp", "offset_from", "offset_to"]),
        (FaustConsumer, "verify_event_path", ["self", "now", "tp"]),
        (driver.Consumer, "_to_message", ["self", "tp", "record"]),
        (driver.Consumer, "_new_consumer_thread", ["self"]),
        (driver.AIOKafkaConsumerThread, "_create_worker_consumer", ["self", "transport"]),
        (OWN_RECORDS, "_consumer_record", ["self", "tp", "record"]),
        (faust.App, "_create_directories", ["self"]),
        (faust.Worker, "install_signal_handlers", ["self"]),
        (ThreadDelegateConsumer, "highwater", ["self", "tp"]),
    ],
)
def test_what_is_overridden_or_called_still_exists_in_that_form(owner, name, parameters):
    assert list(inspect.signature(getattr(owner, name)).parameters) == parameters


def test_the_isolation_level_is_read_when_the_consumer_starts():
    assert "isolation_level=self._isolation_level" in inspect.getsource(aiokafka.AIOKafkaConsumer.start)


def test_a_fetch_that_is_dropped_before_its_end_is_freed_without_the_garbage_collector():
    """The gap reader and rebalances drop fetches of megabytes; the worker's collector runs every ten minutes."""
    data = batch(*[Record(number, 1000, b"acme", b"x") for number in range(100)])
    records = faust_driver.LightRecords(
        aiokafka.TopicPartition("t", 3),
        faust_driver.MemoryRecords(data),
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


def test_the_consumer_reads_committed_records_and_waits_little_for_silent_partitions(monkeypatch):
    """A broker holds one fetch at a time: with Faust's 1,500 ms a busy partition waited that long for silent ones."""
    made = SimpleNamespace(_isolation_level="read_uncommitted", _fetch_max_wait_ms=1500)
    monkeypatch.setattr(driver.AIOKafkaConsumerThread, "_create_worker_consumer", lambda *_: made)
    thread = faust_driver.ConsumerThread.__new__(faust_driver.ConsumerThread)
    assert thread._create_worker_consumer(None) is made
    assert (made._isolation_level, made._fetch_max_wait_ms) == ("read_committed", faust_driver.FETCH_WAIT_MILLISECONDS)
    assert "fetch_max_wait_ms=self._fetch_max_wait_ms" in inspect.getsource(aiokafka.AIOKafkaConsumer.start)


@pytest.mark.parametrize(
    ("polled", "left", "wait"),
    [
        ({}, {}, faust_driver.FETCH_WAIT_MILLISECONDS),
        ({"a": [1] * 10, "b": [1] * 10}, {}, faust_driver.FETCH_WAIT_MILLISECONDS),
        ({"a": [1] * 10, "b": [1] * 4000}, {}, faust_driver.BACKLOG_WAIT_MILLISECONDS),
        ({"a": [1] * 100}, {"a": "what a poll of 100 at the most has left"}, faust_driver.BACKLOG_WAIT_MILLISECONDS),
    ],
    ids=["silence", "a few", "a backlog", "a backlog in small polls"],
)
def test_a_backlog_waits_next_to_nothing_for_silent_partitions_and_a_quiet_topic_is_asked_seldom(
    monkeypatch, polled, left, wait
):
    async def poll(*_: Any, **__: Any) -> Any:
        return polled

    monkeypatch.setattr(driver.AIOKafkaConsumerThread, "_fetch_records", poll)
    thread = faust_driver.ConsumerThread.__new__(faust_driver.ConsumerThread)
    consumer = SimpleNamespace(_fetcher=SimpleNamespace(_fetch_max_wait_ms=None, _records=left))
    assert asyncio.run(thread._fetch_records(consumer, set(), timeout=1.0, max_records=4000)) is polled
    assert consumer._fetcher._fetch_max_wait_ms == wait
    assert "self._fetch_max_wait_ms," in inspect.getsource(fetcher.Fetcher._get_actions_per_node)
    assert "self._records[tp] = " in inspect.getsource(fetcher.Fetcher)
    assert "self._fetch_records," in inspect.getsource(driver.AIOKafkaConsumerThread.getmany)


def test_an_empty_batch_takes_a_record_larger_than_a_batch_and_one_without_key_and_value():
    builder = BatchBuilder(900_000, 0, is_transactional=1)
    assert builder.append(timestamp=None, key=b"k", value=b"x" * 1_200_000, headers=[]) is not None
    assert builder.append(timestamp=None, key=b"k", value=b"x", headers=[]) is None
    builder = BatchBuilder(900_000, 0, is_transactional=1)
    assert builder.append(timestamp=None, key=None, value=None, headers=HEADERS) is not None
