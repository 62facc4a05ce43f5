"""What the driver relies on inside Faust and aiokafka: an upgrade that breaks it is seen here, not in production."""

from __future__ import annotations

import asyncio
import inspect
from collections import defaultdict
from types import SimpleNamespace
from typing import Any

import aiokafka
import faust
import pytest
from aiokafka.consumer import fetcher
from faust.transport.consumer import Consumer as FaustConsumer
from faust.transport.consumer import ThreadDelegateConsumer
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from pipeline.engine.records import Record
from pipeline.worker.driver import faust_driver
from pipeline.worker.driver.group_member import GroupMember


@pytest.fixture
def consumer():
    """Our consumer with the bookkeeping that Faust's constructor makes, without an app or a thread."""
    bare = object.__new__(faust_driver.Consumer)
    bare._acked, bare._acked_index, bare.handed = defaultdict(list), defaultdict(set), {}
    return bare


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
        (faust.App, "_create_directories", ["self"]),
        (faust.Worker, "install_signal_handlers", ["self"]),
        (ThreadDelegateConsumer, "highwater", ["self", "tp"]),
        (GroupMember, "check_errors", ["self"]),
    ],
)
def test_what_is_overridden_or_called_still_exists_in_that_form(owner, name, parameters):
    assert list(inspect.signature(getattr(owner, name)).parameters) == parameters


def test_what_ended_the_member_of_the_group_ends_the_worker_though_no_poll_was_waiting_for_records(monkeypatch):
    """aiokafka gives it to polls that wait, and keeps it for the next that asks; without the question it stayed there:
    now and then a worker whose place another had taken ran on for good."""

    class EndedError(Exception):
        pass

    async def poll(*_: Any, **__: Any) -> Any:
        raise AssertionError("polled")

    def check_errors() -> None:
        raise EndedError

    monkeypatch.setattr(driver.AIOKafkaConsumerThread, "_fetch_records", poll)
    thread = faust_driver.ConsumerThread.__new__(faust_driver.ConsumerThread)
    consumer = SimpleNamespace(_coordinator=SimpleNamespace(check_errors=check_errors))
    with pytest.raises(EndedError):
        asyncio.run(thread._fetch_records(consumer, set(), timeout=1.0, max_records=1))
    assert "self._coordinator.check_errors()" in inspect.getsource(aiokafka.AIOKafkaConsumer.getmany)


def test_the_isolation_level_is_read_when_the_consumer_starts():
    assert "isolation_level=self._isolation_level" in inspect.getsource(aiokafka.AIOKafkaConsumer.start)


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
    consumer = SimpleNamespace(
        _fetcher=SimpleNamespace(_fetch_max_wait_ms=None, _records=left),
        _coordinator=SimpleNamespace(check_errors=lambda: None),
    )
    assert asyncio.run(thread._fetch_records(consumer, set(), timeout=1.0, max_records=4000)) is polled
    assert consumer._fetcher._fetch_max_wait_ms == wait
    assert "self._fetch_max_wait_ms," in inspect.getsource(fetcher.Fetcher._get_actions_per_node)
    assert "self._records[tp] = " in inspect.getsource(fetcher.Fetcher)
    assert "self._fetch_records," in inspect.getsource(driver.AIOKafkaConsumerThread.getmany)
