"""`tocsin notify` as a process on a real broker: nothing lost, a dead target alone, killed and stopped at any time."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from pipeline.cli.main import tocsin
from pipeline.config.settings import Settings, child_environment
from pipeline.kafka.clients import admin, producer, topic_name
from pipeline.kafka.topics import apply_topics
from pipeline.notify import source
from pipeline.notify.source import group_of
from schemas.alert import Alert, encode_alert
from schemas.delivery import Delivery, decode_delivery
from tests.integration.test_alerts import write, write_in_transaction
from tests.integration.worker_process import WorkerProcess, read, wait_until
from tests.pipeline.notify.examples import crisis, example
from tests.pipeline.notify.receiver import HANGS, Answer, Receiver, receiving

pytestmark = pytest.mark.integration

SECRET = "a key of more than 24 bytes"
NOT_RECORDED = "who was told is not recorded; alerts are delivered all the same, and it is tried again"
Launch = Callable[..., WorkerProcess]


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def chat() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def configured(folder: Path, hook: Receiver, chat: Receiver | None = None, **webhook: Any) -> Path:
    """A file with a webhook and, through apprise, a chat."""
    (folder / "secret").write_text(SECRET, encoding="utf-8")
    lines = [f"{key} = {msgspec.json.encode(value).decode()}" for key, value in webhook.items()]
    text = f'[targets.hook]\ntype = "webhook"\nurl = "{hook.url}"\nsecret_file = "secret"\n' + "\n".join(lines)
    if chat is not None:
        text += f'\n[targets.chat]\ntype = "apprise"\nurl = "{chat.url.replace("http", "json")}"\n'
    path = folder / "targets.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def launch(cluster_settings: Settings, tmp_path: Path) -> Iterator[Launch]:
    """Start the service; it does not outlive the test."""
    started = []

    def start(config: Path, *options: str) -> WorkerProcess:
        program = ("pipeline", "notify", "--config", str(config), "--state", str(tmp_path / "state"), *options)
        process = WorkerProcess(cluster_settings, tmp_path, "notify", program=program)
        started.append(process)
        process.start()
        return process

    yield start
    for process in started:
        process.close()


def ids(receiver: Receiver) -> list[str]:
    return [one.headers["webhook-id"] for one in receiver.requests]


def titles(receiver: Receiver) -> list[str]:
    return [one.document["title"] for one in receiver.requests]


def publish(settings: Settings, *alerts: Alert) -> list[str]:
    write(settings, *(encode_alert(alert) for alert in alerts))
    return [alert.id for alert in alerts]


def story(episodes: int) -> list[Alert]:
    """So many crises, one after the other, each of four alerts."""
    transitions = ("opened", "updated", "escalated", "resolved")
    return [
        crisis(transition, 4 * episode + number, episode, brand=f"brand-{episode}")
        for episode in range(1, episodes + 1)
        for number, transition in enumerate(transitions)
    ]


def recorded(settings: Settings) -> list[Delivery]:
    """What is on the topic of deliveries, where the key says that it is."""
    records = [one for found in read(settings, "alert-deliveries").values() for one in found]
    found = [decode_delivery(one.value) for one in records]
    assert [one.brand.encode() for one in found] == [one.key for one in records]
    return found


def lag(settings: Settings, target: str) -> int:
    """What a target has not yet been told, as any tool for consumer groups shows it."""
    group = group_of(settings, target)
    with admin(settings) as client:
        offsets = client.list_group_offsets({group: None})[group]
        ends = client.list_partition_offsets(dict.fromkeys(offsets, -1))
        return sum(ends[place].offset - max(at.offset, 0) for place, at in offsets.items())


def test_a_target_that_hangs_holds_only_itself_and_has_everything_once_it_is_back(
    cluster_settings, launch, tmp_path, hook, chat
):
    hook.answers = [HANGS]
    alerts = story(2)
    expected = publish(cluster_settings, *alerts)
    process = launch(configured(tmp_path, hook, chat, timeout_seconds=1), "--from-beginning", "--metrics-port", "0")
    wait_until(lambda: len(chat.requests) == 8, 30, "the chat has everything")
    assert [title.split()[2] for title in titles(chat)[:3]] == ["opened:", "updated:", "escalated:"]
    wait_until(lambda: process.events("not delivered"), 30, "the webhook has failed")
    assert set(ids(hook)) == {expected[0]}
    assert hook.closing.is_set() is False
    page = wait_until(lambda: process.answer("/metrics")[1], 10, "metrics")
    assert 'tocsin_notify_delivered_total{target="chat"} 8.0' in page
    assert 'tocsin_notify_delivered_total{target="hook"} 0.0' in page
    assert 'tocsin_notify_retried_total{cause="timeout",target="hook"}' in page
    hook.answers = [Answer()]
    wait_until(lambda: len(set(ids(hook))) == 8, 60, "the webhook has everything")
    assert list(dict.fromkeys(ids(hook))) == expected
    process.stop()
    assert process.errors == []


def test_killed_again_and_again_it_loses_nothing_and_repeats_only_what_was_in_flight(
    cluster_settings, launch, tmp_path, hook, chat
):
    alerts = story(6)
    config = configured(tmp_path, hook, chat)
    process = launch(config, "--from-beginning")
    expected, kills = [], 4
    for number in range(kills):
        expected += publish(cluster_settings, *alerts[6 * number : 6 * number + 6])
        wait_until(lambda: len(ids(hook)) > 6 * number + number % 3, 30, "a part is delivered")  # noqa: B023 - at once
        process.kill()
        process = launch(config)
    wait_until(lambda: len(set(ids(hook))) == 24 and len(set(titles(chat))) == 24, 60, "everything is delivered")
    # The last part may have been delivered before the kill: a process that is still starting knows no SIGTERM yet.
    wait_until(lambda: process.events("target"), 30, "the last start is over")
    process.stop()
    assert list(dict.fromkeys(ids(hook))) == expected
    assert len(ids(hook)) <= 24 + kills
    assert len(titles(chat)) <= 24 + kills
    assert process.errors == []
    # And who was told is on its topic: written twice at times, but once by its id.
    told = {one.id: (one.target, one.alert_id) for one in recorded(cluster_settings)}
    assert sorted(told.values()) == sorted((target, name) for target in ("chat", "hook") for name in expected)


def test_without_a_topic_for_it_alerts_are_delivered_and_who_was_told_is_recorded_once_there_is_one(
    cluster_settings, launch, tmp_path, hook
):
    topic = topic_name(cluster_settings, "alert-deliveries")
    with admin(cluster_settings) as client:
        client.delete_topics([topic])
        wait_until(lambda: client.describe_topics([topic])[0]["error_code"] == 3, 20, f"no {topic}")
    expected = publish(cluster_settings, *story(1))
    process = launch(configured(tmp_path, hook), "--from-beginning")
    wait_until(lambda: len(hook.requests) == 4, 30, "everything is delivered")
    (said,) = wait_until(lambda: process.events(NOT_RECORDED), 30, "it is said")
    assert f"expected the topic {topic}, got none; run `tocsin topics apply`" in said["why"]
    apply_topics(cluster_settings)
    wait_until(lambda: process.events("who was told is recorded again"), 30, "it is recorded")
    process.stop()
    assert len(process.events(NOT_RECORDED)) == 1
    assert [(one.target, one.alert_id, one.outcome) for one in recorded(cluster_settings)] == [
        ("hook", name, "delivered") for name in expected
    ]


def test_a_stop_does_not_wait_for_a_target_that_hangs_and_what_was_in_flight_comes_after_the_next_start(
    cluster_settings, launch, tmp_path, hook
):
    hook.answers = [HANGS]
    expected = publish(cluster_settings, crisis())
    config = configured(tmp_path, hook, timeout_seconds=120)
    process = launch(config, "--from-beginning")
    wait_until(lambda: hook.requests, 30, "a delivery is in flight")
    process.stop()
    assert process.events("stopped while a delivery was in flight: it is repeated after the next start")
    hook.answers = [Answer()]
    process = launch(config)
    wait_until(lambda: len(hook.requests) == 2, 30, "it is delivered again")
    process.stop()
    assert ids(hook) == 2 * expected


def test_a_new_target_begins_with_what_comes_and_its_lag_is_what_it_has_not_been_told(
    cluster_settings, launch, tmp_path, hook
):
    publish(cluster_settings, crisis(number=1))
    config = configured(tmp_path, hook)
    process = launch(config)
    wait_until(lambda: lag_or_none(cluster_settings) == 0, 30, "the start is committed")
    process.kill()
    publish(cluster_settings, crisis(number=2, episode=2), crisis("updated", number=3, episode=2))
    assert lag(cluster_settings, "hook") == 2
    process = launch(config)
    wait_until(lambda: lag(cluster_settings, "hook") == 0, 30, "all is told")
    process.stop()
    assert ids(hook) == [crisis(number=number).id for number in (2, 3)]


def lag_or_none(settings: Settings) -> int | None:
    with admin(settings) as client:
        group = group_of(settings, "hook")
        known = client.list_group_offsets({group: None})[group]
    return lag(settings, "hook") if known else None


def test_what_was_never_committed_is_never_told_and_what_is_no_alert_holds_up_nothing(
    cluster_settings, launch, tmp_path, hook
):
    aborted, committed = example("crisis-opened", id="a" * 12), example("crisis-escalated", id="b" * 12)
    asyncio.run(write_in_transaction(cluster_settings, encode_alert(aborted), commit=False))
    write(cluster_settings, b"junk \x1b[2J")
    asyncio.run(write_in_transaction(cluster_settings, encode_alert(committed), commit=True))
    process = launch(configured(tmp_path, hook), "--from-beginning")
    wait_until(lambda: hook.requests, 30, "the committed one")
    process.stop()
    assert ids(hook) == ["b" * 12]
    assert "\x1b" not in process.said
    (junk,) = process.events("a record is no alert")
    assert "alerts[" in junk["place"]


def test_a_second_process_on_the_same_state_ends_with_what_to_do(cluster_settings, launch, tmp_path, hook):
    config = configured(tmp_path, hook)
    first = launch(config)
    wait_until(lambda: first.events("target"), 30, "the first has started")
    second = launch(config)
    assert second.await_end(30) == 1
    assert "another `tocsin notify` uses it: stop that one first" in second.said
    first.stop()


def test_without_topics_it_ends_with_the_remedy(bare_settings, tmp_path, hook):
    config = configured(tmp_path, hook)
    process = WorkerProcess(bare_settings, tmp_path, program=("pipeline", "notify", "--config", str(config)))
    process.start()
    assert process.await_end(30) == 1
    (error,) = process.errors
    assert "run `tocsin topics apply`" in error


def invoke(settings: Settings, *arguments: str) -> Any:
    environment = {"TOCSIN_KAFKA_BOOTSTRAP": settings.kafka_bootstrap, "TOCSIN_TOPIC_PREFIX": settings.topic_prefix}
    return CliRunner().invoke(tocsin, ["notify", *arguments], env=environment, standalone_mode=False)


def test_a_dry_run_prints_what_would_be_told_and_why_the_rest_would_not_and_delivers_nothing(
    cluster_settings, tmp_path, hook
):
    publish(cluster_settings, *story(2), crisis(number=99, episode=9, severity="info"))
    config = configured(tmp_path, hook, min_severity="warning", transitions=["opened", "resolved"])
    result = subprocess.run(
        [sys.executable, "-m", "pipeline", "notify", "--config", config, "--dry-run"],
        cwd=Path(__file__).parents[2],
        env=child_environment(cluster_settings),
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.count("hook: WARNING crisis opened: brand-") == 2
    assert result.stdout.count("hook: RESOLVED crisis: brand-") == 2
    assert "delivered" not in result.stdout
    reasons = "below_severity 1, other_transition 4"
    assert result.stderr == f"hook: 4 of 9 alerts would be delivered, 0 still waiting; {reasons}\n"
    assert hook.requests == []
    assert recorded(cluster_settings) == []


def test_a_test_message_says_that_it_is_one_and_a_target_that_fails_makes_the_exit_code_1(
    cluster_settings, tmp_path, hook
):
    config = str(configured(tmp_path, hook))
    result = invoke(cluster_settings, "test", "hook", "--config", config)
    assert (result.return_value, result.stdout) == (0, "hook: delivered\n")
    result = invoke(cluster_settings, "test", "hook", "--config", config, "--resolve")
    assert (result.return_value, result.stdout) == (0, "hook: delivered\n")
    first, second = (one.document for one in hook.requests)
    assert first["message"]["title"].startswith("TEST, nothing has happened: INFO")
    assert first["dedup_key"] == second["dedup_key"]
    hook.answers = [Answer(403, b"no")]
    result = invoke(cluster_settings, "--config", config, "test", "hook")
    assert result.return_value == 1
    assert result.stderr == "tocsin: hook: not delivered: status 403: no\n"
    result = invoke(cluster_settings, "test", "hok", "--config", config)
    assert "did you mean 'hook'?" in str(result.exception)


def test_partitions_that_are_added_are_read_from_their_beginning(cluster_settings, monkeypatch):
    monkeypatch.setattr(source, "_LOOK_SECONDS", 0.1)
    topic = topic_name(cluster_settings, "alerts")
    with source.alerts_for(cluster_settings, "hook", from_beginning=False) as alerts:
        assert alerts.next(0.1) is None
        with admin(cluster_settings) as client:
            client.create_partitions({topic: 6})
        with producer(cluster_settings) as client:
            late = client.send(topic, encode_alert(crisis(number=1)), b"acme", partition=5)
            late.get(20)
        found = wait_until(lambda: alerts.next(0.2), 30, "an alert of a partition that is new")
        assert (found.partition, found.alert.id) == (5, crisis(number=1).id)
        alerts.done(found)
        assert alerts.is_caught_up()
    with source.alerts_for(cluster_settings, "hook", from_beginning=False) as alerts:
        assert alerts.next(1.0) is None
