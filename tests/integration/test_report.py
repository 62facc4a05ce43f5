"""`tocsin report` over a real broker: committed records of three topics, each named by its place and its digest."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import msgspec
import pytest
from aiokafka import AIOKafkaProducer
from click.testing import CliRunner

from pipeline.cli.main import tocsin
from pipeline.config.settings import Settings
from pipeline.kafka.clients import aiokafka_options, producer, topic_name
from pipeline.kafka.deliveries import delivery_writer
from pipeline.kafka.feedback import write_feedback
from pipeline.kafka.reading import read_records
from schemas.activity import encode_activity
from schemas.alert import encode_alert
from schemas.delivery import encode_delivery, new_delivery
from tests.pipeline.report.recorded import changed, recorded, said

pytestmark = pytest.mark.integration

ALERTS, ACTIVITY = recorded()
EPISODE = ALERTS[0].episode_id


def fill(settings: Settings) -> dict[str, bytes]:
    """The material on the topics beside that of another brand; returns the values of the episode by their ids."""
    with producer(settings) as client:
        for alert in ALERTS:
            client.send(topic_name(settings, "alerts"), encode_alert(alert), b"acme")
        for one in ACTIVITY:
            client.send(topic_name(settings, "brand-activity"), encode_activity(one), b"acme")
            other = msgspec.structs.replace(one, brand="bolt", mentions=one.mentions + 1000)
            client.send(topic_name(settings, "brand-activity"), encode_activity(other), b"bolt")
        client.flush()
    feedback = said(ALERTS[0])
    told = [new_delivery(one, target=("chat", "apprise"), time=one.detected_time) for one in ALERTS]
    with delivery_writer(settings) as write:
        write(told)
    places = [write_feedback(settings, one) for one in feedback]
    assert len(set(places)) == len(feedback)
    values = {one.id: encode_alert(one) for one in ALERTS} | {one.id: msgspec.json.encode(one) for one in feedback}
    return values | {one.id: encode_delivery(one) for one in told}


async def abort(settings: Settings, value: bytes) -> None:
    client = AIOKafkaProducer(transactional_id=f"{settings.group}-report", **aiokafka_options(settings))
    await client.start()
    await client.begin_transaction()
    await client.send_and_wait(topic_name(settings, "alerts"), value, key=b"acme")
    await client.abort_transaction()
    await client.stop()


def test_what_was_written_before_a_moment_is_passed_over(cluster_settings):
    with producer(cluster_settings) as client:
        for second in range(8):
            client.send(
                topic_name(cluster_settings, "brand-activity"), b"%d" % second, b"acme", timestamp_ms=1000 * second
            )
        client.flush()

    def read(since: float | None) -> list[bytes]:
        records = read_records(
            cluster_settings, "brand-activity", from_beginning=True, follow=False, stop=lambda: False, since=since
        )
        return [record.value for record in records]

    assert read(None) == [b"%d" % second for second in range(8)]
    assert read(5.5) == [b"6", b"7"]
    assert read(9.0) == []


def test_the_topics_give_a_report_whose_trail_names_every_committed_record(cluster_settings):
    began = datetime.now(UTC)
    values = fill(cluster_settings)
    asyncio.run(abort(cluster_settings, encode_alert(changed(ALERTS[0], id="f" * 32, transition="escalated"))))
    environment = {
        "TOCSIN_KAFKA_BOOTSTRAP": cluster_settings.kafka_bootstrap,
        "TOCSIN_TOPIC_PREFIX": cluster_settings.topic_prefix,
    }

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(tocsin, ["report", *arguments], env=environment, standalone_mode=False)
        assert (result.exception, result.return_value, result.stderr) == (None, 0, "")
        return result.stdout

    found = json.loads(run(EPISODE[:8], "--format", "json"))
    records = found["trail"]["records"]
    assert {record["id"] for record in records} == set(values)
    for record in records:
        assert record["sha256"] == sha256(values[record["id"]]).hexdigest()
        assert record["source"].removeprefix(cluster_settings.topic_prefix) in {
            "alerts",
            "alert-feedback",
            "alert-deliveries",
        }
        assert record["offset"] >= 0
        written = datetime.fromisoformat(record["written"])
        assert began - timedelta(minutes=1) < written < datetime.now(UTC) + timedelta(minutes=1)
        assert record["partition"] in range(4)
    places = {(record["source"], record["partition"], record["offset"]) for record in records}
    assert len(places) == len(records)
    assert ALERTS[-1].since_onset is not None
    assert found["peak"]["mentions"] == ALERTS[-1].since_onset.peak_per_hour
    assert found["times"]["alert_to_acknowledged"] == 6.0
    assert found["answers"][0]["text"] == "We recall it."
    assert [(one["target"], one["alerts"]) for one in found["told"]] == [("chat", len(ALERTS))]
    assert found["times"]["alert_to_told"] == 0.0
    assert run(EPISODE, "--format", "json") == run(EPISODE, "--format", "json")
