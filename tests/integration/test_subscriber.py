"""`examples/subscriber.py` against the broker: committed alerts, each handled once, whatever fields they have."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from kafka import TopicPartition

from pipeline.config.settings import Settings
from pipeline.kafka.clients import consumer, producer, topic_name
from schemas.alert import encode_alert
from tests.integration.test_alerts import alert, write, write_in_transaction

pytestmark = pytest.mark.integration

SUBSCRIBER = Path(__file__).parents[2] / "examples" / "subscriber.py"
Subscribe = Callable[..., "subprocess.CompletedProcess[str]"]


def started(settings: Settings, folder: Path, *options: str) -> list[str]:
    """The command; it ends when nothing has come for a while."""
    where = ("--bootstrap", settings.kafka_bootstrap, "--topic", topic_name(settings, "alerts"))
    own = ("--group", f"{settings.group}-subscriber", "--handled", str(folder / "handled.txt"), "--idle", "3")
    return [sys.executable, str(SUBSCRIBER), *where, *own, *options]


@pytest.fixture
def subscribe(cluster_settings: Settings, tmp_path: Path) -> Subscribe:
    def run(*options: str, settings: Settings = cluster_settings) -> subprocess.CompletedProcess[str]:
        command = started(settings, tmp_path, *options)
        return subprocess.run(
            command, capture_output=True, text=True, encoding="utf-8", check=False, timeout=60, cwd=tmp_path
        )

    return run


def test_an_alert_is_its_headline_and_who_must_act(subscribe, cluster_settings):
    opened = alert("full", headline="Crisis about acme: 412 mentions.")
    write(cluster_settings, encode_alert(opened), encode_alert(alert("crisis-resolved", headline="It is over.")))
    found = subscribe()
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout.splitlines() == [
        "[warning] Crisis about acme: 412 mentions. -> duty-officer@acme.example, by 2026-03-01T13:05:00Z",
        "[warning] It is over. -> it is over",
    ]


def test_an_aborted_transaction_is_not_seen_and_a_committed_one_is(subscribe, cluster_settings):
    asyncio.run(
        write_in_transaction(cluster_settings, encode_alert(alert("crisis-opened", headline="Never.")), commit=False)
    )
    asyncio.run(
        write_in_transaction(cluster_settings, encode_alert(alert("crisis-escalated", headline="True.")), commit=True)
    )
    found = subscribe()
    assert "True." in found.stdout
    assert "Never." not in found.stdout


def test_an_alert_that_is_delivered_again_is_handled_once_also_after_a_restart(subscribe, cluster_settings):
    value = encode_alert(alert("crisis-opened", headline="Once."))
    write(cluster_settings, value, value)
    assert subscribe().stdout.count("Once.") == 1
    again = subscribe("--group", f"{cluster_settings.group}-that-has-lost-its-offsets")
    assert (again.returncode, again.stdout) == (0, "")


def test_what_was_handled_is_committed_and_a_restart_goes_on_behind_it(subscribe, cluster_settings, tmp_path):
    write(cluster_settings, encode_alert(alert("crisis-opened", headline="First.")))
    assert "First." in subscribe().stdout
    topic = topic_name(cluster_settings, "alerts")
    with consumer(cluster_settings, group_id=f"{cluster_settings.group}-subscriber") as client:
        partitions = [TopicPartition(topic, number) for number in range(4)]
        assert sum(client.committed(partition) or 0 for partition in partitions) == 1
    (tmp_path / "handled.txt").unlink()
    write(cluster_settings, encode_alert(alert("crisis-escalated", headline="Second.")))
    assert subscribe().stdout.count("\n") == 1


def test_a_field_that_is_not_known_is_passed_over_and_what_is_no_alert_is_told_of(subscribe, cluster_settings):
    newer = json.loads(encode_alert(alert("full", headline="Read."))) | {"x_later": {"deep": [1]}}
    newer["evidence"]["x_more"] = True
    write(cluster_settings, b"\xff", b"[]", b'{"version": 2}', json.dumps(newer).encode())
    with producer(cluster_settings) as client:
        client.send(topic_name(cluster_settings, "alerts"), None, b"acme").get(10)
    found = subscribe()
    assert "Read." in found.stdout
    assert found.stdout.count("\n") == 1
    assert found.stderr.count("no alert of version 1") == 4


def test_no_broker_and_no_topic_are_errors_of_one_line(subscribe, cluster_settings):
    absent = subscribe("--topic", "nothing-of-the-kind")
    assert absent.returncode == 1
    assert absent.stderr.count("\n") == 1
    assert "expected the topic nothing-of-the-kind" in absent.stderr
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
        silent = subscribe("--bootstrap", address)
    assert silent.returncode == 1
    assert silent.stderr.count("\n") == 1
    assert f"no alerts from {address}" in silent.stderr
