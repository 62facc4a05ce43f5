"""`tocsin publish`: every line arrives, keyed by its brand, at the pace asked for; what cannot be sent is named."""

from __future__ import annotations

import gzip
import time
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from kafka.partitioner.default import murmur2

from pipeline.cli.main import tocsin
from pipeline.config.settings import Settings
from pipeline.engine.records import TICK_HEADER, closing_tick_milliseconds
from pipeline.errors import BrokerError, TocsinError
from pipeline.kafka.clients import consumer, topic_name
from pipeline.kafka.publishing import publish

pytestmark = pytest.mark.integration


def mention(brand: str, number: int, seconds: int = 0) -> bytes:
    moment = f"2026-03-01T12:{seconds // 60:02}:{seconds % 60:02}Z"
    return msgspec.json.encode({"id": str(number), "brand": brand, "text": "…", "event_time": moment, "platform": "x"})


def records(settings: Settings) -> list[Any]:
    """Everything on the mentions topic, in log order per partition."""
    from kafka import TopicPartition

    topic = topic_name(settings, "mentions")
    with consumer(settings) as client:
        partitions = [TopicPartition(topic, number) for number in range(4)]
        client.assign(partitions)
        client.seek_to_beginning(*partitions)
        ends = client.end_offsets(partitions)
        found: list[Any] = []
        while any(client.position(partition) < ends[partition] for partition in partitions):
            for batch in client.poll(200).values():
                found += batch
    return found


def test_every_mention_arrives_once_in_order_on_the_partition_of_its_brand(cluster_settings):
    lines = [mention(f"brand-{number % 7}", number) for number in range(5000)]
    report = publish(cluster_settings, lines)
    assert (report.mentions, report.without_brand, report.ticks) == (5000, 0, 0)
    found = records(cluster_settings)
    assert len(found) == 5000
    for brand in {record.key for record in found}:
        mine = [record for record in found if record.key == brand]
        assert {record.partition for record in mine} == {(murmur2(brand) & 0x7FFFFFFF) % 4}
        assert [record.value for record in mine] == [line for line in lines if f'"{brand.decode()}"'.encode() in line]


def test_brands_of_a_category_go_to_the_partition_of_their_category_and_keep_their_keys(cluster_settings, tmp_path):
    config = tmp_path / "tocsin.toml"
    config.write_text("".join(f'[brands.brand-{number}]\ncategory = "airlines"\n' for number in range(5)))
    publish(cluster_settings.model_copy(update={"config": config}), [mention(f"brand-{n % 7}", n) for n in range(700)])
    found = records(cluster_settings)
    together = (murmur2(b"airlines") & 0x7FFFFFFF) % 4
    placed = {record.key: record.partition for record in found}
    assert len(found) == 700
    assert {placed[f"brand-{number}".encode()] for number in range(5)} == {together}
    for brand in (b"brand-5", b"brand-6"):
        assert placed[brand] == (murmur2(brand) & 0x7FFFFFFF) % 4


def test_a_line_that_names_no_brand_is_sent_as_it_is_for_the_worker_to_refuse(cluster_settings):
    strange = [b"junk", b'{"brand":7}', b"[]", b"\xff\xfe", b'{"brand":""}', b"[" * 5000]
    report = publish(cluster_settings, [mention("acme", 1), *strange])
    assert (report.mentions, report.without_brand) == (7, 6)
    assert sorted(record.value for record in records(cluster_settings) if record.key is None) == sorted(strange)


def test_the_final_tick_reaches_every_partition_after_the_last_mention(cluster_settings):
    report = publish(cluster_settings, [mention("acme", 1, 10), mention("acme", 2, 5)], final_tick=True)
    assert report.ticks == 4
    found = records(cluster_settings)
    ticks = [record for record in found if record.value is None]
    assert sorted(record.partition for record in ticks) == [0, 1, 2, 3]
    expected = str(closing_tick_milliseconds(report.latest_event_time, 120, report.ended_milliseconds)).encode()
    assert all(record.key is None and list(record.headers) == [(TICK_HEADER, expected)] for record in ticks)
    assert expected == b"1772366830000"  # 12:00:10, a bucket of 300 s and the lateness of 120 s


def test_a_recording_that_ends_now_gets_a_tick_that_is_not_in_the_future(cluster_settings):
    began = time.time()
    at = datetime.now(UTC).isoformat()
    line = msgspec.json.encode(msgspec.json.decode(mention("acme", 1)) | {"event_time": at})
    report = publish(cluster_settings, [line], final_tick=True)
    ticks = {int(record.headers[0][1]) for record in records(cluster_settings) if record.value is None}
    assert ticks == {report.ended_milliseconds}
    assert began * 1000 - 1 <= report.ended_milliseconds <= time.time() * 1000


def test_the_largest_line_that_is_let_through_is_taken_by_the_broker(cluster_settings):
    head, tail = b'{"brand":"acme","text":"', b'"}'
    line = head + b"x" * (1_047_552 - len(head) - len(tail)) + tail
    assert publish(cluster_settings, [line, line, line]).mentions == 3
    assert len(records(cluster_settings)) == 3


def test_without_the_topic_nothing_is_sent(bare_settings):
    with pytest.raises(BrokerError, match="run `tocsin topics apply`"):
        publish(bare_settings, [mention("acme", 1)])


@pytest.fixture
def run(cluster_settings):
    environment = {
        "TOCSIN_KAFKA_BOOTSTRAP": cluster_settings.kafka_bootstrap,
        "TOCSIN_TOPIC_PREFIX": cluster_settings.topic_prefix,
    }
    return lambda *arguments, **options: CliRunner().invoke(tocsin, ["publish", *arguments], env=environment, **options)


def test_the_command_reads_plain_and_zipped_files_and_standard_input(run, tmp_path, cluster_settings):
    (tmp_path / "a.jsonl").write_bytes(mention("acme", 1) + b"\n\n" + mention("acme", 2) + b"\r\n")
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(mention("acme", 3) + b"\n"))
    result = run(str(tmp_path / "a.jsonl"), str(tmp_path / "b.jsonl.gz"), "-", input=mention("acme", 4))
    assert result.exit_code == 0
    assert result.stdout == ""
    assert result.stderr.startswith("published 4 mentions in ")
    assert [msgspec.json.decode(record.value)["id"] for record in records(cluster_settings)] == ["1", "2", "3", "4"]


def test_the_command_names_file_and_line(run, tmp_path):
    (tmp_path / "a.jsonl").write_bytes(mention("acme", 1) + b"\n")
    (tmp_path / "b.jsonl").write_bytes(mention("acme", 2) + b"\njunk\n")
    result = run("--key-check", str(tmp_path / "a.jsonl"), str(tmp_path / "b.jsonl"))
    assert isinstance(result.exception, TocsinError)
    assert str(result.exception).startswith(f"{tmp_path / 'b.jsonl'}: line 2: expected a JSON object")


def test_rate_and_speed_together_are_a_usage_error(run):
    assert run("--rate", "1", "--speed", "1", "-").exit_code == 2


def test_a_table_of_counts_is_refused_before_anything_is_sent():
    """Counts have no texts to publish: thousands of dead letters help nobody."""
    found = CliRunner().invoke(tocsin, ["publish", "history.csv.gz"])
    assert found.exit_code == 2
    assert "expected mentions as JSON lines" in found.output
