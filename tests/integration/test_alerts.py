"""`tocsin alerts`: committed alerts only, in order, filtered, as words or JSON; what is no alert is reported."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaProducer
from click.testing import CliRunner
from kafka.admin import ConfigResource, ConfigResourceType

from pipeline.cli.alert_text import alert_lines
from pipeline.cli.main import tocsin
from pipeline.config.settings import Settings, child_environment
from pipeline.errors import BrokerError, TocsinError
from pipeline.kafka.alerts import follow_alerts, read_alerts
from pipeline.kafka.clients import admin, aiokafka_options, producer, topic_name
from pipeline.kafka.feedback import write_feedback
from schemas.alert import Alert, Playbook, decode_alert, encode_alert
from schemas.feedback import new_feedback
from tests.integration.worker_process import wait_until

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "schemas" / "examples" / "alert" / "v1" / "valid"


def alert(name: str, **changes: Any) -> Alert:
    return msgspec.structs.replace(decode_alert((EXAMPLES / f"{name}.json").read_bytes()), **changes)


def write(settings: Settings, *values: bytes, key: bytes = b"acme") -> None:
    with producer(settings) as client:
        for value in values:
            client.send(topic_name(settings, "alerts"), value, key).get(10)


async def write_in_transaction(settings: Settings, value: bytes, *, commit: bool) -> None:
    client = AIOKafkaProducer(transactional_id=f"{settings.group}-{commit}", **aiokafka_options(settings))
    await client.start()
    await client.begin_transaction()
    await client.send_and_wait(topic_name(settings, "alerts"), value, key=b"acme")
    await (client.commit_transaction() if commit else client.abort_transaction())
    await client.stop()


@pytest.fixture
def run(cluster_settings):
    environment = {
        "TOCSIN_KAFKA_BOOTSTRAP": cluster_settings.kafka_bootstrap,
        "TOCSIN_TOPIC_PREFIX": cluster_settings.topic_prefix,
    }
    return lambda *arguments, **options: CliRunner().invoke(tocsin, ["alerts", *arguments], env=environment, **options)


def test_an_empty_topic_is_said_to_be_empty(run):
    result = run()
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "no alerts\n")


def test_alerts_of_all_partitions_come_in_the_order_of_their_detection(cluster_settings):
    first, second, third = alert("crisis-opened"), alert("crisis-escalated", brand="zeta"), alert("crisis-resolved")
    write(cluster_settings, encode_alert(third))
    write(cluster_settings, encode_alert(second), key=b"zeta")
    write(cluster_settings, encode_alert(first))
    assert [record.alert for record in read_alerts(cluster_settings)] == [first, second, third]


def test_an_aborted_transaction_is_never_seen_and_a_committed_one_is(cluster_settings):
    opened, escalated = encode_alert(alert("crisis-opened")), encode_alert(alert("crisis-escalated"))
    asyncio.run(write_in_transaction(cluster_settings, opened, commit=False))
    assert read_alerts(cluster_settings) == []
    asyncio.run(write_in_transaction(cluster_settings, escalated, commit=True))
    assert [record.value for record in read_alerts(cluster_settings)] == [escalated]


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8"])
def test_words_that_an_encoding_lacks_are_escapes_and_json_is_utf_8(cluster_settings, encoding):
    told = alert("crisis-opened")
    post = msgspec.structs.replace(told.evidence.posts[0], excerpt="\u6700\u60aa\u3060 \U0001f525")
    evidence = msgspec.structs.replace(told.evidence, posts=(post,))
    write(cluster_settings, encode_alert(msgspec.structs.replace(told, evidence=evidence)))
    with producer(cluster_settings) as client:
        client.send(topic_name(cluster_settings, "mentions-dlq"), post.excerpt.encode(), b"acme").get(10)
    for command in ("alerts", "dead-letters"):
        found = subprocess.run(
            [sys.executable, "-m", "pipeline", command],
            capture_output=True,
            check=False,
            cwd=ROOT,
            env=child_environment(cluster_settings) | {"PYTHONIOENCODING": encoding},
        )
        assert found.returncode == 0, found.stderr
        shown = found.stdout.decode(encoding)
        assert (post.excerpt if encoding == "utf-8" else "\\u6700\\u60aa\\u3060 \\U0001f525") in shown
        as_json = subprocess.run(
            [sys.executable, "-m", "pipeline", command, "--json"],
            capture_output=True,
            check=True,
            cwd=ROOT,
            env=child_environment(cluster_settings) | {"PYTHONIOENCODING": encoding},
        )
        assert post.excerpt in as_json.stdout.decode("utf-8")


def test_json_is_the_record_as_it_stands_and_words_are_those_of_alert_lines(run, cluster_settings):
    value = encode_alert(alert("full"))
    write(cluster_settings, value)
    assert run("--json").stdout == value.decode() + "\n"
    assert run().stdout == "\n".join(alert_lines(decode_alert(value))) + "\n"


@pytest.mark.parametrize("compression", ["gzip", "snappy", "lz4", "zstd"])
def test_alerts_are_read_however_the_broker_compresses_its_topics(cluster_settings, compression):
    """`compression.type` of a topic is the cluster's to choose."""
    topic = topic_name(cluster_settings, "alerts")
    with admin(cluster_settings) as client:
        client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {"compression.type": compression})])
    value = encode_alert(alert("full"))
    write(cluster_settings, value)
    assert [record.value for record in read_alerts(cluster_settings)] == [value]


def test_kind_brand_and_limit_choose(run, cluster_settings):
    write(cluster_settings, encode_alert(alert("crisis-opened")), encode_alert(alert("volume-surge-opened")))
    write(cluster_settings, encode_alert(alert("crisis-opened", brand="zeta")), key=b"zeta")
    assert run("--kind", "volume_surge").stdout.count(" opened: ") == 1
    assert "zeta" in run("--brand", "zeta").stdout
    assert run("--brand", "zeta", "--brand", "acme", "--kind", "crisis").stdout.count(" opened: ") == 2
    assert run("--limit", "2").stdout.count(" opened: ") == 2


def test_severity_and_the_time_of_detection_choose(run, cluster_settings):
    """`--since` is event time, as the alert has it; the bound itself belongs to it."""
    early, late = alert("crisis-opened"), alert("crisis-escalated", brand="zeta")
    assert early.detected_time < late.detected_time
    write(cluster_settings, encode_alert(early), encode_alert(late))
    (since,) = run("--since", late.detected_time.isoformat(), "--json").stdout.splitlines()
    assert msgspec.json.decode(since)["brand"] == "zeta"
    assert run("--since", "2000-01-01", "--json").stdout.count("\n") == 2
    assert run("--since", "5m").stderr == "no alerts\n"
    assert run("--severity", early.severity, "--json").stdout.count("\n") == (1 + (late.severity == early.severity))
    assert run("--severity", "info").stderr == "no alerts\n"
    assert run("--since", "soon").exit_code == 2


@pytest.fixture
def episodes(cluster_settings):
    environment = {
        "TOCSIN_KAFKA_BOOTSTRAP": cluster_settings.kafka_bootstrap,
        "TOCSIN_TOPIC_PREFIX": cluster_settings.topic_prefix,
    }
    return lambda *arguments: CliRunner().invoke(tocsin, ["episodes", *arguments], env=environment)


def test_an_episode_is_open_until_it_is_resolved_whatever_the_order_of_the_partitions(episodes, cluster_settings):
    opened, escalated, resolved = (alert(f"crisis-{name}") for name in ("opened", "escalated", "resolved"))
    assert episodes().stderr == "no open episodes\n"
    write(cluster_settings, encode_alert(opened), encode_alert(escalated))
    write(cluster_settings, encode_alert(alert("volume-surge-opened", episode_id="b" * 24)), key=b"other")
    (first, second) = [msgspec.json.decode(line) for line in episodes("--json").stdout.splitlines()]
    assert (first["episode_id"], first["severity"], first["transition"]) == (opened.episode_id, "critical", "escalated")
    assert first["opened"] == opened.detected_time.isoformat().replace("+00:00", "Z")
    assert second["episode_id"] == "b" * 24
    assert opened.episode_id in episodes("--kind", "crisis").stdout
    assert episodes("--kind", "crisis").stdout.count("\n") == 2
    write(cluster_settings, encode_alert(resolved))
    assert opened.episode_id not in episodes().stdout
    assert episodes("--severity", "critical").stderr == "no open episodes\n"


def test_episodes_say_who_must_act_by_when_and_who_does(episodes, cluster_settings):
    opened = alert("crisis-opened")
    due = opened.detected_time + timedelta(minutes=30)
    opened = msgspec.structs.replace(opened, playbook=Playbook(owner="duty@acme.example", respond_by=due))
    write(cluster_settings, encode_alert(opened))
    (before,) = map(msgspec.json.decode, episodes("--json").stdout.splitlines())
    assert (before["owner"], before["acknowledged"], before["overdue"]) == ("duty@acme.example", None, True)
    shown = episodes().stdout
    for words in ("duty@acme.example", f"{due:%m-%d %H:%M}, overdue ", "not acknowledged"):
        assert words in shown, words
    acknowledged = new_feedback(opened, "acknowledged", author="Kim", time=opened.detected_time + timedelta(minutes=9))
    write_feedback(cluster_settings, acknowledged)
    (after,) = map(msgspec.json.decode, episodes("--json").stdout.splitlines())
    assert (after["acknowledged"]["author"], after["overdue"]) == ("Kim", False)
    assert "acknowledged by Kim" in episodes().stdout
    assert "overdue" not in episodes().stdout


def test_without_the_feedback_topic_what_is_open_is_listed_and_what_is_not_known_is_said(episodes, cluster_settings):
    write(cluster_settings, encode_alert(alert("crisis-opened")))
    topic = topic_name(cluster_settings, "alert-feedback")
    with admin(cluster_settings) as client:
        client.delete_topics([topic])
        wait_until(lambda: client.describe_topics([topic])[0]["error_code"] == 3, 60, f"no {topic}")
    found = episodes("--json")
    assert "who has acknowledged is not known: " in found.stderr
    (line,) = map(msgspec.json.decode, found.stdout.splitlines())
    assert (line["feedback_known"], line["overdue"]) == (False, None)


def test_a_record_that_is_no_alert_is_counted_by_episodes_too(episodes, cluster_settings):
    write(cluster_settings, b"junk")
    assert "1 record could not be read" in episodes().stderr


def test_what_is_no_alert_is_reported_counted_and_makes_the_exit_code_1(run, cluster_settings):
    write(cluster_settings, b"junk \x1b[2J", encode_alert(alert("crisis-opened")), b'{"version":2}')
    result = run("--json", standalone_mode=False)
    assert result.return_value == 1  # pipeline.cli.main.main makes it the exit code
    assert result.stdout.count("\n") == 1
    assert "\x1b" not in result.stderr
    assert result.stderr.count("expected an alert of version 1") == 2
    assert "2 records could not be read" in result.stderr


def test_following_from_now_sees_what_comes_and_not_what_was(cluster_settings):
    write(cluster_settings, encode_alert(alert("crisis-opened")))
    done = threading.Event()
    ready = threading.Event()
    seen: list[Alert] = []

    def stop() -> bool:
        ready.set()  # asked only once the positions are taken
        return done.is_set()

    def follow() -> None:
        for found in follow_alerts(cluster_settings, stop, from_beginning=False):
            seen.append(found)
            done.set()

    thread = threading.Thread(target=follow)
    thread.start()
    assert ready.wait(20)
    write(cluster_settings, encode_alert(alert("crisis-escalated")))
    thread.join(20)
    assert seen == [alert("crisis-escalated")]


def test_following_stops_at_a_record_that_is_no_alert(cluster_settings):
    write(cluster_settings, b"junk")
    with pytest.raises(TocsinError, match=r"alerts\[\d\]@0: expected an alert of version 1"):
        next(follow_alerts(cluster_settings, lambda: False, from_beginning=True))


def test_a_follower_with_a_limit_ends(run, cluster_settings):
    write(cluster_settings, encode_alert(alert("crisis-opened")))
    assert run("--follow", "--limit", "1").stdout.count(" opened: ") == 1


def test_new_without_follow_is_a_usage_error(run):
    assert run("--new").exit_code == 2


def test_without_the_topic_the_remedy_is_named(bare_settings):
    with pytest.raises(BrokerError, match="run `tocsin topics apply`"):
        read_alerts(bare_settings)
