"""`tocsin record`: a range of the topic becomes a file that gives the worker's alerts, interrupted or not."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaProducer
from click.testing import CliRunner
from kafka import TopicPartition

import pipeline.kafka.recording as recording_module
from pipeline.cli.main import tocsin
from pipeline.config.settings import Settings
from pipeline.errors import TocsinError
from pipeline.files.mentions import lines, open_mentions
from pipeline.files.resumable import ResumableFile
from pipeline.kafka.clients import admin, aiokafka_options, consumer, producer, topic_name
from pipeline.kafka.partitioning import partition_of_brand
from pipeline.kafka.publishing import NULL, value_or_null
from pipeline.kafka.recording import Request, record_mentions
from pipeline.kafka.topics import apply_topics
from schemas.alert import Alert, decode_alert
from schemas.feedback import FeedbackKind, encode_feedback, new_feedback
from tests.integration.worker_process import outcome, publish, read, settle, wait_until, working
from tests.pipeline.engine.test_feedback import CONFIG, burning, crises, stream
from tests.pipeline.mention_streams import START, mention, record, troubled_stream

pytestmark = pytest.mark.integration

WHOLE = Request(since=None, until=None, asked="whole")


@pytest.fixture
def environment(cluster_settings):
    return {
        "TOCSIN_KAFKA_BOOTSTRAP": cluster_settings.kafka_bootstrap,
        "TOCSIN_TOPIC_PREFIX": cluster_settings.topic_prefix,
    }


@pytest.fixture
def run(environment):
    return lambda *arguments: CliRunner().invoke(tocsin, list(arguments), env=environment)


def many(count: int) -> list[Any]:
    """Mentions of seven brands, a second apart."""
    brands = [f"b{number % 7}" for number in range(count)]
    return [
        record(0, mention(brand=brand, id=str(number), at=START + number), brand.encode())
        for number, brand in enumerate(brands)
    ]


def mentions(seed: int) -> list[Any]:
    """The troubled stream with its refused records; a tick is for one partition only, and the worker makes its own."""
    return [one for one in troubled_stream(seed) if one.key is not None and one.value is not None]


def stop(done: Any, total: Any) -> None:
    """What ends a recording before its end: Ctrl-C between two chunks."""
    if done != total:
        raise KeyboardInterrupt


def ids(path: Path) -> list[str]:
    return [json.loads(line)["id"] for line in lines(str(path))]


def test_a_replay_of_the_recording_gives_the_alerts_of_the_worker(cluster_settings, run, tmp_path):
    """Refused records and ticks of the idle topic included, byte for byte."""
    with working(cluster_settings, tmp_path) as worker:
        worker.await_ready(4)
        publish(cluster_settings, mentions(2))
        settle(cluster_settings, [worker])
        worker.stop()
    live = outcome(cluster_settings)
    recorded, alerts = tmp_path / "r.jsonl.gz", tmp_path / "alerts.jsonl"
    config = str(worker.log.with_suffix(".toml"))
    result = run("record", "--out", str(recorded), "--config", config)
    assert result.exit_code == 0, result.output
    assert "invalid_utf8" in result.stderr
    result = run("replay", str(recorded), "--no-flush", "--alerts", str(alerts), "--config", config)
    assert result.exit_code == 0, result.output
    want = sorted(value for found in live.alerts.values() for _, value, _ in found if value)
    assert sorted(alerts.read_bytes().splitlines()) == want
    assert len(want) > 3


def test_partitions_that_wait_for_one_another_are_read_to_their_end(cluster_settings, tmp_path, monkeypatch):
    """Each is paused and resumed many times, with records fetched that nobody has taken yet."""
    monkeypatch.setattr(recording_module, "_WAITING_RECORDS", 20)
    publish(cluster_settings, many(3000))
    impatient = cluster_settings.model_copy(update={"kafka_timeout_seconds": 3.0})
    path = tmp_path / "r.jsonl"
    record_mentions(impatient, path, WHOLE, tolerance_seconds=60)
    assert sorted(ids(path), key=int) == [str(number) for number in range(3000)]


def test_a_partition_that_was_paused_half_read_goes_on_when_it_is_resumed(cluster_settings):
    """Also when the other one has nothing left, of which kafka-python alone waits for ever."""
    topic = topic_name(cluster_settings, "mentions")
    publish(cluster_settings, many(100))
    with consumer(cluster_settings, max_poll_records=3) as client:
        places = [TopicPartition(topic, number) for number in range(4)]
        ends = {place: end for place, end in client.end_offsets(places).items() if end}
        client.assign(list(ends))
        client.seek_to_beginning()
        found: Counter[Any] = Counter()

        def take() -> Any:
            found.update({place: len(batch) for place, batch in client.poll(50).items()})
            return found

        wait_until(take, 20, "the first records")
        (half_read,) = found
        client.pause(half_read)
        wait_until(lambda: all(take()[place] == end for place, end in ends.items() if place != half_read), 20, "others")
        assert found[half_read] == 3 < ends[half_read]
        client.resume(half_read)
        wait_until(lambda: take()[half_read] == ends[half_read], 5, "the rest of the partition that was paused")


def test_an_interrupted_recording_goes_on_and_is_the_same_file(cluster_settings, tmp_path, monkeypatch):
    """At every chunk, whether the process ends before or after the chunk is noted."""
    monkeypatch.setattr(recording_module, "CHUNK_RECORDS", 150)
    publish(cluster_settings, many(1000))
    whole, parts = tmp_path / "whole.jsonl.gz", tmp_path / "parts.jsonl.gz"
    record_mentions(cluster_settings, whole, WHOLE, tolerance_seconds=60)

    note = ResumableFile.note
    attempts = 0
    while not parts.exists():
        attempts += 1
        assert attempts < 40
        # Stopped by turns after a chunk was appended and before it is noted, and after it was noted.
        monkeypatch.setattr(ResumableFile, "note", stop if attempts % 2 else note)
        with suppress(KeyboardInterrupt):
            record_mentions(cluster_settings, parts, WHOLE, tolerance_seconds=60, on_progress=stop)
    assert attempts >= 12
    assert parts.read_bytes() == whole.read_bytes()
    assert sorted(ids(whole), key=int) == [str(number) for number in range(1000)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["parts.jsonl.gz", "whole.jsonl.gz"]


def test_an_unfinished_recording_of_another_range_is_not_continued(cluster_settings, tmp_path, monkeypatch):
    publish(cluster_settings, many(10))
    path = tmp_path / "r.jsonl"

    monkeypatch.setattr(recording_module, "CHUNK_RECORDS", 3)
    with pytest.raises(KeyboardInterrupt):
        record_mentions(cluster_settings, path, WHOLE, tolerance_seconds=60, on_progress=stop)
    other = Request(since=START + 5.0, until=None, asked="other")
    with pytest.raises(TocsinError, match=r"unfinished recording of `other`, got one of `whole`.*--restart"):
        record_mentions(cluster_settings, path, other, tolerance_seconds=60)
    record_mentions(cluster_settings, path, other, tolerance_seconds=60, restart=True)
    assert sorted(ids(path), key=int) == ["5", "6", "7", "8", "9"]


def test_a_topic_that_was_made_anew_is_not_taken_for_the_one_before(cluster_settings, tmp_path, monkeypatch):
    publish(cluster_settings, many(10))
    path = tmp_path / "r.jsonl"

    monkeypatch.setattr(recording_module, "CHUNK_RECORDS", 3)
    with pytest.raises(KeyboardInterrupt):
        record_mentions(cluster_settings, path, WHOLE, tolerance_seconds=60, on_progress=stop)
    topic = topic_name(cluster_settings, "mentions")
    with admin(cluster_settings) as client:
        client.delete_topics([topic])
        wait_until(lambda: topic not in client.list_topics(), 20, "the topic is gone")
    apply_topics(cluster_settings)
    with pytest.raises(TocsinError, match="of another topic"):
        record_mentions(cluster_settings, path, WHOLE, tolerance_seconds=60)


def test_since_and_until_are_event_times_and_until_is_not_part_of_the_range(cluster_settings, run, tmp_path):
    publish(cluster_settings, many(100))
    path = tmp_path / "r.jsonl"
    bounds = ("--since", "2026-01-01T00:00:10Z", "--until", "2026-01-01T00:00:20Z")
    result = run("record", *bounds, "--out", str(path))
    assert result.exit_code == 0, result.output
    assert sorted(ids(path)) == [str(number) for number in range(10, 20)]
    header = open_mentions(str(path)).header
    assert header is not None
    assert (header.partitions, header.since, header.until) == (4, START + 10.0, START + 20.0)
    result = run("record", "--time", "arrival", *bounds, "--out", str(path))
    assert "nothing in this range" in result.stderr
    result = run("record", "--time", "arrival", "--since", "1h", "--out", str(path))
    assert len(ids(path)) == 100


def test_only_some_brands_and_plain_mentions(cluster_settings, run, tmp_path):
    publish(cluster_settings, [*many(20), record(0, b"\xff")])
    path = tmp_path / "r.jsonl"
    result = run("record", "--brand", "b1", "--brand", "b2", "--plain", "--out", str(path))
    assert result.exit_code == 0, result.output
    found = path.read_bytes().splitlines()
    assert sorted(found) == sorted(one.value for one in many(20) if one.key in {b"b1", b"b2"})


def test_feedback_on_a_brand_is_recorded_with_it_and_a_replay_gives_the_same_alerts(cluster_settings, run, tmp_path):
    """That of other brands and what is no feedback are left out, and without --brand counted."""
    opened = crises(stream(burning()))[0]
    said: list[tuple[datetime, FeedbackKind, Alert]] = [
        (opened.detected_time + timedelta(minutes=10), "acknowledged", opened),
        (opened.detected_time + timedelta(minutes=50), "answer", opened),
        (opened.detected_time + timedelta(minutes=60), "answer", msgspec.structs.replace(opened, brand="bolt")),
    ]
    feedback = [(at, encode_feedback(new_feedback(of, kind, author="duty", time=at))) for at, kind, of in said]
    others = [mention(brand="bolt", id=str(number), at=START + number * 3600) for number in range(48)]
    partition = partition_of_brand(CONFIG, b"acme", 4)
    with producer(cluster_settings, linger_ms=5, value_serializer=value_or_null()) as client:
        topic = topic_name(cluster_settings, "mentions")
        for one in stream(burning(), *feedback, (opened.detected_time, b"{}")):
            value = NULL if one.value is None else one.value
            client.send(topic, value, one.key, headers=list(one.headers), partition=partition)
        for value in others:
            client.send(topic, value, b"bolt")
    config = tmp_path / "c.toml"
    config.write_text('[brands.acme.playbook]\nowner = "duty"\nrespond_within_minutes = 60\n')

    def of_acme(name: str, *options: str) -> tuple[str, list[bytes]]:
        path, alerts = tmp_path / f"{name}.jsonl", tmp_path / f"{name}-alerts.jsonl"
        recorded = run("record", *options, "--out", str(path))
        assert recorded.exit_code == 0, recorded.output
        replayed = run("replay", str(path), "--no-flush", "--alerts", str(alerts), "--config", str(config))
        assert replayed.exit_code == 0, replayed.output
        return recorded.stderr, [line for line in alerts.read_bytes().splitlines() if b'"brand":"acme"' in line]

    said_of_all, want = of_acme("all")
    assert "1 tick, 3 pieces of feedback, 1 refused" in said_of_all
    assert "refused: 1 tombstone" in said_of_all
    said_of_brand, got = of_acme("acme", "--brand", "acme")
    assert "1 tick, 2 pieces of feedback, 0 refused" in said_of_brand
    assert "left out: 1 refused record" in said_of_brand
    assert got == want
    assert ("answer",) in [decode_alert(line).changes for line in got]
    _, before = of_acme("before", "--brand", "acme", "--until", said[1][0].isoformat())
    assert ("answer",) not in [decode_alert(line).changes for line in before]
    plain = tmp_path / "plain.jsonl"
    assert "0 pieces of feedback" in run("record", "--plain", "--out", str(plain)).stderr
    assert sorted(plain.read_bytes().splitlines()) == sorted(burning() + others)


async def _write(settings: Settings, value: bytes, *, commit: bool) -> None:
    client = AIOKafkaProducer(transactional_id=f"{settings.group}-{commit}", **aiokafka_options(settings))
    await client.start()
    await client.begin_transaction()
    await client.send_and_wait(topic_name(settings, "mentions"), value, key=b"acme")
    await (client.commit_transaction() if commit else client.abort_transaction())
    await client.stop()


def test_aborted_transactions_are_not_recorded(cluster_settings, tmp_path):
    asyncio.run(_write(cluster_settings, mention(id="never"), commit=False))
    asyncio.run(_write(cluster_settings, mention(id="once"), commit=True))
    path = tmp_path / "r.jsonl"
    record_mentions(cluster_settings, path, WHOLE, tolerance_seconds=60)
    assert ids(path) == ["once"]


def test_each_partition_keeps_its_order_and_every_record_its_place(cluster_settings, tmp_path):
    publish(cluster_settings, mentions(3))
    path = tmp_path / "r.jsonl.gz"
    record_mentions(cluster_settings, path, WHOLE, tolerance_seconds=60)
    log = read(cluster_settings, "mentions")
    found: dict[int, list[Any]] = {number: [] for number in log}
    for one in open_mentions(str(path)).records:
        found[one.partition].append(one)
    assert [[(one.offset, one.timestamp, one.key, one.value) for one in found[number]] for number in sorted(log)] == [
        [(one.offset, one.timestamp, one.key, one.value) for one in log[number]] for number in sorted(log)
    ]


def test_two_recordings_do_not_write_one_file(cluster_settings, tmp_path):
    publish(cluster_settings, many(3))
    path = tmp_path / "r.jsonl"
    with ResumableFile(path), pytest.raises(TocsinError, match="expected to be the only one to write it"):
        record_mentions(cluster_settings, path, WHOLE, tolerance_seconds=60)


def test_wrong_usage_is_said_before_anything_is_read(run, tmp_path):
    assert run("record", "--out", str(tmp_path / "r.csv")).exit_code == 2
    out = ("--out", str(tmp_path / "r.jsonl"))
    assert "expected a date" in run("record", "--since", "yesterday", *out).stderr
    assert run("record", "--since", "1h", "--until", "2h", *out).exit_code == 2
    assert list(tmp_path.iterdir()) == []


def test_explain_reads_the_topic_as_it_reads_a_recording_of_it(cluster_settings, run, tmp_path):
    publish(cluster_settings, mentions(1))
    path = tmp_path / "r.jsonl"
    record_mentions(cluster_settings, path, WHOLE, tolerance_seconds=60)
    at = ("--at", "2026-01-02T05:00:00Z", "--json")
    of_topic, of_file = run("explain", "acme", *at), run("explain", "acme", str(path), *at)
    assert of_topic.exit_code == 0, of_topic.output
    assert of_topic.stdout == of_file.stdout
    assert json.loads(of_topic.stdout)["standing"] == "scored"
