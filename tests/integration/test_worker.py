"""The worker on a real broker: whatever happens to it, its output is the pure engine's, and none of it twice."""

from __future__ import annotations

import itertools
import random
import signal
import socket
import threading
import time
from operator import itemgetter
from typing import Any

import pytest
from kafka import OffsetAndMetadata, TopicPartition
from kafka.errors import CoordinatorNotAvailableError

from pipeline.config.model import Config, ConfigFile, EngineConfig
from pipeline.config.settings import Settings
from pipeline.engine.engine import Engine
from pipeline.engine.records import TICK_HEADER, Record
from pipeline.kafka.clients import admin, producer, topic_name
from pipeline.kafka.topics import apply_topics
from tests.integration.worker_process import (
    QUICK,
    WorkerProcess,
    committed,
    difference,
    oracle,
    outcome,
    publish,
    read,
    settle,
    wait_until,
)
from tests.pipeline.mention_streams import START, mention, troubled_stream

pytestmark = pytest.mark.integration


class Feed(threading.Thread):
    """Publishes records over some seconds while a test is at work on the workers."""

    def __init__(self, settings: Settings, records: list[Record], seconds: float) -> None:
        super().__init__()
        self._settings, self._records, self._seconds = settings, records, seconds

    def run(self):
        parts = 20
        size = len(self._records) // parts + 1
        for first in range(0, len(self._records), size):
            publish(self._settings, self._records[first : first + size])
            time.sleep(self._seconds / parts)


def stream(seed: int) -> list[Record]:
    """Thirty brands on four partitions: the troubled stream under ten names each, in order of event time."""
    name = b'"brand": "'
    timed = []
    for copy in range(10):
        at = b""
        for record in troubled_stream(seed * 100 + copy):
            if record.key is not None and record.value is not None:  # not a tick, which is for one partition only
                at = record.value.partition(b'"event_time": "')[2][:19] or at
                value = record.value.replace(name, name + b"%d-" % copy)
                timed.append((at, Record(0, 0, b"%d-" % copy + record.key, value)))
    return [record for _, record in sorted(timed, key=itemgetter(0))]


def test_the_output_is_that_of_the_pure_engine_and_sigterm_ends_it(settings, launch):
    worker = launch()
    worker.await_ready(4)
    publish(settings, stream(1))
    settle(settings, [worker])
    assert worker.answer("/healthz")[0] == 200
    assert "tocsin_mentions_consumed_total" in worker.answer("/metrics")[1]
    worker.stop()
    want = oracle(settings)
    assert not difference(outcome(settings), want)
    assert want.alert_count > 5
    assert want.dead_letter_count > 50


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_signal_in_mid_stream_leaves_a_last_checkpoint(settings, launch, heeded_signals, number):
    worker = launch(config="[worker]\nticks = false\ncheckpoint_seconds = 300\n")
    worker.await_ready(4)
    publish(settings, [Record(0, 0, b"acme", mention(id=str(n), at=START + n)) for n in range(100)])
    wait_until(lambda: "100.0" in worker.answer("/metrics")[1], 20, "mentions folded in")
    assert committed(settings) == {}
    assert worker.terminate(number)[0] == 0
    assert not difference(outcome(settings), oracle(settings))


def test_kill_9_again_and_again_loses_nothing_and_doubles_nothing(settings, launch):
    worker = launch()
    feed = Feed(settings, stream(2), 14.0)
    feed.start()
    dice = random.Random(7)
    for _ in range(6):
        time.sleep(dice.uniform(1.6, 2.6))
        worker.kill()
        worker.start()
    feed.join()
    settle(settings, [worker])
    worker.stop()
    want = oracle(settings)
    assert want.alert_count > 5
    assert want.activity_count > 1000
    assert not difference(outcome(settings), want)


def test_another_worker_takes_over_what_a_killed_one_leaves_and_hands_it_back(settings, launch):
    first = launch("w0")
    first.await_ready(4)
    feed = Feed(settings, stream(3), 14.0)
    feed.start()
    second = launch("w1")
    second.await_ready(2)
    second.kill()
    wait_until(lambda: len(first.events("ready")) >= 3 and first.answer("/readyz")[0] == 200, 30, "taken over")
    first.await_ready(4)
    second.start()
    second.await_ready(2)
    first.await_ready(2)
    second.stop()
    feed.join()
    settle(settings, [first])
    first.stop()
    assert "taken this partition over" not in first.said + second.said
    assert not difference(outcome(settings), oracle(settings))


def test_a_frozen_worker_that_wakes_up_too_late_is_fenced(settings, launch):
    zombie = launch("w0")
    zombie.await_ready(4)
    other = launch("w1")
    other.await_ready(2)
    zombie.await_ready(2)
    feed = Feed(settings, stream(4), 12.0)
    feed.start()
    time.sleep(2)
    zombie.send(signal.SIGSTOP)
    other.await_ready(4)
    zombie.send(signal.SIGCONT)
    assert zombie.await_end(30) == 1
    assert "another worker has taken this partition over" in zombie.said.splitlines()[-1]
    feed.join()
    settle(settings, [other])
    other.stop()
    assert not difference(outcome(settings), oracle(settings))


def test_the_state_says_where_to_go_on_whatever_the_committed_offsets_say(settings, launch):
    publish(settings, stream(5)[:3000])
    topic = topic_name(settings, "mentions")
    ends = {
        TopicPartition(topic, number): OffsetAndMetadata(len(records), "", -1)
        for number, records in read(settings, "mentions").items()
    }
    with admin(settings) as client:
        # The consumer group says that all of these have been read; there is no state that says so.
        wait_until(lambda: _committed_by_hand(client, settings.group, ends), 10, "offsets committed")
    worker = launch()
    worker.await_ready(4)
    publish(settings, stream(5)[3000:])
    settle(settings, [worker])
    worker.stop()
    assert "were read again" in worker.said
    assert "the state of a partition is gone" in worker.said
    assert not difference(outcome(settings), oracle(settings))


def test_a_state_ahead_of_the_mentions_is_refused_with_one_line(settings, launch):
    with producer(settings) as client:
        checkpoint = dict(_state_after(Record(41, START * 1000, b"acme", mention())))
        for key, value in checkpoint.items():
            client.send(topic_name(settings, "brand-state"), value, key, partition=2)
    worker = launch()
    assert worker.await_end(20) == 1
    assert "expected at least 42 offsets" in worker.said.splitlines()[-1]


def test_time_passes_on_an_idle_partition(settings, launch):
    worker = launch(config="[worker]\ntick_idle_seconds = 1\n")
    worker.await_ready(4)
    event_time = time.time() - 30
    publish(settings, [Record(0, 0, b"acme", mention(at=event_time))])

    def ticks() -> list[float]:
        records = itertools.chain(*read(settings, "mentions").values())
        return [
            float(dict(record.headers)[TICK_HEADER]) / 1000
            for record in records
            if record.key is None and record.value is None
        ]

    first, second = wait_until(lambda: len(ticks()) >= 2 and ticks()[:2], 20, "two ticks")
    assert event_time + 1 <= first <= event_time + 15
    assert second >= first + 1
    worker.stop()


def test_a_partition_of_garbage_goes_to_the_dead_letters_byte_for_byte(settings, launch):
    worker = launch()
    values = (b"\xff", b"x" * 1_000_000, b"{}", None)
    garbage = [Record(0, 0, key, value) for key in (b"k", None) for value in values if key or value]
    publish(settings, [*garbage, Record(0, 0, b"acme", mention())])
    settle(settings, [worker])
    worker.stop()
    found = outcome(settings)
    assert found == oracle(settings)
    assert found.dead_letter_count == 7
    letters = {(key, value) for letters in found.dead_letters.values() for key, value, _ in letters}
    assert letters == {(record.key, record.value) for record in garbage}


def test_too_many_refused_in_a_row_stop_the_worker_with_one_line(settings, launch):
    worker = launch(config=QUICK + "[engine]\ndead_letter_run_limit = 20\n")
    publish(settings, [Record(0, 0, b"acme", mention())])
    settle(settings, [worker])
    publish(settings, [Record(0, 0, b"acme", b"\xff") for _ in range(30)])
    assert worker.await_end(20) == 1
    (error,) = worker.errors
    assert error in worker.said.splitlines()[-1]
    assert topic_name(settings, "mentions") in error
    assert "20" in error
    # The refused ones are not lost: with the cause mended the worker reads them again.
    mended = launch("w0")
    settle(settings, [mended])
    mended.stop()
    config = Config(ConfigFile(engine=EngineConfig()))
    assert outcome(settings) == oracle(settings, config)


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("no broker", "expected a Kafka broker"),
        ("no topics", "tocsin topics apply"),
        ("wrong partitions", "partitions"),
    ],
)
def test_what_the_worker_cannot_run_on_is_said_in_one_line(bare_settings, tmp_path, case, words):
    settings = bare_settings.model_copy(update={"kafka_timeout_seconds": 3.0})
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        if case == "no broker":
            settings = settings.model_copy(update={"kafka_bootstrap": f"127.0.0.1:{free.getsockname()[1]}"})
    if case == "wrong partitions":
        apply_topics(settings)
        apply_topics(settings, 4)
        _widen(settings)
    worker = WorkerProcess(settings, tmp_path)
    worker.start()
    assert worker.await_end(30) == 1
    (error,) = worker.errors
    assert words in error
    assert all(line.startswith("{") for line in worker.said.splitlines())  # a log in JSON is JSON to its last line


def _committed_by_hand(client: Any, group: str, offsets: dict[TopicPartition, OffsetAndMetadata]) -> bool:
    try:
        client.alter_group_offsets(group, offsets)
    except CoordinatorNotAvailableError:  # a new broker makes its offsets topic when the first group comes
        return False
    return {where: at.offset for where, at in client.list_group_offsets({group: None})[group].items()} == {
        where: at.offset for where, at in offsets.items()
    }


def _state_after(record: Record) -> list[tuple[bytes, bytes | None]]:
    engine = Engine(2, Config())
    engine.process([record])
    return engine.snapshot()


def _widen(settings: Settings) -> None:
    with admin(settings) as client:
        client.create_partitions({topic_name(settings, "alerts"): 6})
