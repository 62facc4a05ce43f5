"""The hub on a real broker: what is on the topics is shown, once, whatever happens to the hub in between."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.request import urlopen

import pytest
from kafka.admin import NewPartitions

from pipeline.config.settings import Settings, child_environment
from pipeline.hub.store.reader import Reader
from pipeline.kafka.clients import admin, producer, topic_name
from pipeline.kafka.deliveries import delivery_writer
from pipeline.kafka.local import LocalKafka
from pipeline.kafka.topics import apply_topics
from schemas.activity import Activity, encode_activity
from schemas.alert import Alert, encode_alert
from schemas.delivery import new_delivery
from tests.integration.conftest import JARS
from tests.integration.hub_process import START_SECONDS, HubProcess
from tests.integration.worker_process import read_feedback, wait_until
from tests.pipeline.hub.world import START, buckets, episode, later

pytestmark = pytest.mark.integration


@pytest.fixture
def hub(cluster_settings: Settings, tmp_path: Path) -> Iterator[HubProcess]:
    made = HubProcess(cluster_settings, tmp_path)
    yield made
    made.close()


def write(settings: Settings, alerts: list[Alert], activity: list[Activity]) -> None:
    with producer(settings) as client:
        for alert in alerts:
            client.send(topic_name(settings, "alerts"), encode_alert(alert), alert.brand.encode())
        for record in activity:
            client.send(topic_name(settings, "brand-activity"), encode_activity(record), record.brand.encode())


def watermark(hub: HubProcess) -> int:
    answer = hub.get("api/episodes")
    return answer["status"]["watermark"] if answer else 0


def _has_passed(hub: HubProcess, moment: int) -> bool:
    return watermark(hub) > moment


def test_a_hub_that_is_killed_in_mid_crisis_loses_nothing_and_shows_nothing_twice(cluster_settings, hub):
    opened = episode(1, kind="crisis")
    hours = [buckets(brand, START, 12 * 24) for brand in ("acme", "bolt", "cora", "dune")]
    for day in range(4):
        part = [record for rows in hours for record in rows[72 * day : 72 * (day + 1)]]
        write(
            cluster_settings, [[opened], [later(opened, 2, "updated", 60)], [], [episode(3, brand="bolt")]][day], part
        )
        hub.start()
        wait_until(partial(_has_passed, hub, START + day * 6 * 3600), START_SECONDS, "activity of this part")
        assert hub.end(signal.SIGKILL) == -signal.SIGKILL
    hub.start()
    wait_until(lambda: watermark(hub) == START + 24 * 3600, START_SECONDS, "all activity")
    wait_until(lambda: len(hub.get("api/episodes")["episodes"]) == 2, START_SECONDS, "both episodes")
    assert hub.end(signal.SIGTERM) == 0
    reader = Reader(hub.store)
    try:
        for brand in ("acme", "bolt", "cora", "dune"):
            days = reader.periods(brand, START - 86_400, START + 2 * 86_400, 86_400)
            assert sum(day.mentions for day in days) == 4 * 12 * 24, brand
            assert len(reader.five_minutes(brand, START, START + 86_400)) == 12 * 24
        assert [alert.id for alert in reader.alerts(opened.episode_id)] == ["000000000001", "000000000002"]
    finally:
        reader.close()


def test_feedback_of_a_page_is_on_the_topic_and_on_the_page_are_feedback_and_deliveries_of_the_topics(
    cluster_settings, hub
):
    opened = episode(1, kind="crisis")
    write(cluster_settings, [opened], buckets("acme", START, 3))
    hub.start()
    wait_until(lambda: hub.get(f"api/episodes/{opened.episode_id}"), START_SECONDS, "the episode")
    status, shown = hub.say(opened.episode_id, kind="acknowledged", author="Kim", note="seen")
    assert status == 200
    assert "Acknowledged by Kim" in shown
    (record,) = read_feedback(cluster_settings)
    assert record.feedback is not None
    assert (record.feedback.episode_id, record.feedback.author) == (opened.episode_id, "Kim")
    command = [
        sys.executable,
        "-m",
        "pipeline",
        "note",
        opened.episode_id,
        "--as",
        "Ann",
        "--note",
        "the lab has answered",
    ]
    subprocess.run(command, check=True, env=child_environment(cluster_settings), capture_output=True)

    def notes() -> list[str]:
        found = hub.get(f"api/episodes/{opened.episode_id}")["standing"]["all"]
        return [one["author"] for one in found]

    wait_until(lambda: sorted(notes()) == ["Ann", "Kim"], START_SECONDS, "the note of the command line")
    with delivery_writer(cluster_settings) as write_deliveries:
        write_deliveries([new_delivery(opened, target=("on-call", "pagerduty"), time=opened.detected_time)])

    def told() -> list[str]:
        return [one["target"] for one in hub.get(f"api/episodes/{opened.episode_id}")["told"]]

    wait_until(lambda: told() == ["on-call"], START_SECONDS, "who was told")


def test_a_record_that_is_no_alert_is_passed_over_and_counted(cluster_settings, hub):
    with producer(cluster_settings) as client:
        client.send(topic_name(cluster_settings, "alerts"), b"<html>", b"acme").get(10)
    write(cluster_settings, [episode(1)], buckets("acme", START, 3))
    hub.start()
    wait_until(lambda: watermark(hub) == START + 900, START_SECONDS, "the activity")

    def metrics() -> str:
        text: str = urlopen(f"{hub.address}metrics", timeout=10).read().decode()
        return text

    assert "tocsin_hub_unreadable_records 1.0" in metrics()
    assert "tocsin_hub_open_episodes 1.0" in metrics()


def test_partitions_that_are_added_while_the_hub_runs_are_read_without_a_restart(cluster_settings, hub):
    write(cluster_settings, [episode(1)], buckets("acme", START, 3))
    hub.start()
    wait_until(lambda: watermark(hub) == START + 900, START_SECONDS, "the activity")
    names = {name: topic_name(cluster_settings, name) for name in ("alerts", "brand-activity")}
    with admin(cluster_settings) as client:
        before = len(client.describe_topics([names["alerts"]])[0]["partitions"])
        client.create_partitions({name: NewPartitions(before + 1) for name in names.values()})
        wait_until(
            lambda: all(len(found["partitions"]) > before for found in client.describe_topics(list(names.values()))),
            20,
            "the new partitions",
        )
    (record,) = buckets("bolt", START + 900, 1)
    with producer(cluster_settings) as client:
        for name, value in (
            ("alerts", encode_alert(episode(7, brand="bolt"))),
            ("brand-activity", encode_activity(record)),
        ):
            client.send(names[name], value, b"bolt", partition=before).get(20)
    wait_until(lambda: watermark(hub) == START + 1200, START_SECONDS, "activity of the new partition")
    wait_until(lambda: hub.get(f"api/episodes/{7:024x}"), START_SECONDS, "the episode of the new partition")
    assert hub.end(signal.SIGTERM) == 0
    reader = Reader(hub.store)
    try:
        assert sum(day.mentions for day in reader.periods("acme", START - 86_400, START + 86_400, 86_400)) == 12
    finally:
        reader.close()


@pytest.mark.slow
def test_a_broker_that_is_gone_is_said_on_the_page_and_read_on_when_it_is_back(tmp_path):
    kafka = LocalKafka(tmp_path / "kafka", 0, jars=JARS)
    kafka.start(owned=True)
    settings = Settings(kafka_bootstrap=kafka.bootstrap, kafka_timeout_seconds=5)
    apply_topics(settings)
    write(settings, [], buckets("acme", START, 3))
    made = HubProcess(settings, tmp_path)
    again = LocalKafka(tmp_path / "kafka", int(kafka.bootstrap.rpartition(":")[2]), jars=JARS)
    try:
        made.start()
        wait_until(lambda: watermark(made) == START + 900, START_SECONDS, "the activity")
        kafka.kill()
        wait_until(lambda: made.get("healthz") is None, START_SECONDS, "the hub to notice")
        with urlopen(made.address, timeout=10) as page:
            assert "The line is broken" in page.read().decode()
        again.start(owned=True)
        write(settings, [], buckets("acme", START + 900, 3))
        wait_until(lambda: watermark(made) == START + 1800, 2 * START_SECONDS, "what came meanwhile")
        assert made.get("healthz")["ok"]
    finally:
        made.close()
        kafka.kill()
        again.kill()


def test_without_topics_the_hub_says_what_to_do(bare_settings, tmp_path):
    made = HubProcess(bare_settings, tmp_path)
    made.start()
    assert made.process is not None
    made.process.communicate(timeout=START_SECONDS)
    assert (made.process.returncode, made.address) == (1, "")
    made.close()
    assert "run `tocsin topics apply`" in (tmp_path / "hub.log").read_text()
