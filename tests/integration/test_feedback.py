"""`tocsin ack`, `answer`, `label` and `note`: what is said stands on the topic once, where the brand's mentions lie."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from pipeline.cli.main import tocsin
from pipeline.config.settings import Settings
from pipeline.engine.records import FEEDBACK_HEADER, FEEDBACK_TOPIC_HEADER, Record
from pipeline.kafka.clients import producer, topic_name
from pipeline.kafka.feedback import write_feedback
from schemas.alert import decode_alert, encode_alert
from schemas.feedback import encode_feedback, feedback_partition, new_feedback
from tests.integration.test_recreated_topics import make_again
from tests.integration.worker_process import (
    difference,
    oracle,
    outcome,
    publish,
    read,
    read_feedback,
    settle,
    wait_until,
)
from tests.pipeline.engine.test_feedback import CONFIG, burning, crises, stream

pytestmark = pytest.mark.integration

EXAMPLE = Path(__file__).parents[2] / "schemas" / "examples" / "alert" / "v1" / "valid" / "crisis-opened.json"
OPENED = decode_alert(EXAMPLE.read_bytes())
TWIN = msgspec.structs.replace(OPENED, episode_id=OPENED.episode_id[:8] + "0" * 24, id="0" * 32)


@pytest.fixture
def run(cluster_settings):
    with producer(cluster_settings) as client:
        for alert in (OPENED, TWIN):
            client.send(topic_name(cluster_settings, "alerts"), encode_alert(alert), alert.brand.encode()).get(10)
    environment = {
        "TOCSIN_KAFKA_BOOTSTRAP": cluster_settings.kafka_bootstrap,
        "TOCSIN_TOPIC_PREFIX": cluster_settings.topic_prefix,
    }
    return lambda *arguments: CliRunner().invoke(tocsin, arguments, env=environment)


def test_what_people_say_of_an_episode_stands_on_the_topic(run, cluster_settings):
    episode = OPENED.episode_id
    said = [
        run("ack", episode[:12], "--as", "duty", "--note", "I look at it."),
        run("answer", episode, "--as", "press", "--url", "https://acme.example/a", "--at", "2026-03-01T13:00:00Z"),
        run("label", episode, "true", "--as", "chief"),
        run("note", episode, "--as", "=1+1", "--note", "回収は確認済みです。"),
    ]
    assert [result.exit_code for result in said] == [0, 0, 0, 0], [result.output for result in said]
    records = read_feedback(cluster_settings)
    found = {record.feedback.kind: record.feedback for record in records if record.feedback is not None}
    assert sorted(found) == ["acknowledged", "answer", "label", "note"]
    assert {(one.episode_id, one.brand) for one in found.values()} == {(episode, OPENED.brand)}
    assert (found["acknowledged"].author, found["acknowledged"].note) == ("duty", "I look at it.")
    assert f"{found['answer'].time:%H:%M} {found['answer'].url}" == "13:00 https://acme.example/a"
    assert {record.place for record in records} == {result.stdout.split()[-1] for result in said}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("ack", OPENED.episode_id[:8]), "with which 2 begin; give more"),
        (("ack", OPENED.episode_id[:5]), "expected 6 digits or more of an episode's id"),
        (("ack", OPENED.episode_id[:-1] + "~"), f"did you mean {OPENED.episode_id}?"),
        (
            ("answer", OPENED.episode_id, "--url", "javascript:alert(1)"),
            "feedback: expected an address that begins",
        ),
        (("note", OPENED.episode_id, "--note", "x" * 2001), "feedback: expected a note of at most 2,000 characters"),
    ],
)
def test_what_cannot_be_said_is_refused_with_the_reason_and_writes_nothing(
    run, cluster_settings, arguments, complaint, caplog
):
    result = run(*arguments, "--as", "duty")
    assert result.exit_code == 1
    assert complaint in str(result.exception)
    assert read_feedback(cluster_settings) == []


WORKER = """
[worker]
checkpoint_seconds = 0.3
tick_idle_seconds = 3600
[sentiment]
learn = false
[brands.acme.playbook]
owner = "duty"
respond_within_minutes = 60
"""


def brought(settings: Settings) -> int:
    """Records of feedback in the mentions."""
    records = [record for found in read(settings, "mentions").values() for record in found]
    return sum(FEEDBACK_HEADER in dict(record.headers) for record in records)


def brought_from(settings: Settings) -> Counter[bytes]:
    """Of how many topics of feedback, by their ids, how many records were brought into the mentions."""
    records = [record for found in read(settings, "mentions").values() for record in found]
    return Counter(dict(one.headers)[FEEDBACK_TOPIC_HEADER] for one in records if FEEDBACK_HEADER in dict(one.headers))


def test_a_worker_brings_feedback_into_the_mentions_where_a_replay_sees_it_too(cluster_settings, launch):
    opened = crises(stream(burning()))[0]
    values = burning()
    first = sum(msgspec.json.decode(value)["event_time"] < f"{opened.detected_time:%FT%T}" for value in values) + 20
    worker = launch(config=WORKER)
    worker.await_ready(4)
    publish(cluster_settings, [Record(0, 0, b"acme", value) for value in values[:first]])
    wait_until(lambda: any(read(cluster_settings, "alerts").values()), 30, "the alert")
    for kind in ("acknowledged", "answer"):
        write_feedback(cluster_settings, new_feedback(opened, kind, author="duty", time=opened.detected_time))
    wait_until(lambda: brought(cluster_settings) >= 2, 30, "feedback in the mentions")
    worker.kill()
    again = launch(config=WORKER)
    again.await_ready(4)
    publish(cluster_settings, [Record(0, 0, b"acme", value) for value in values[first:]])
    settle(cluster_settings, [again])
    again.stop()
    found = outcome(cluster_settings)
    assert not difference(found, oracle(cluster_settings, CONFIG))
    changes = [decode_alert(value or b"").changes for alerts in found.alerts.values() for _, value, _ in alerts]
    assert ("answer",) in changes
    assert ("unanswered",) not in changes


def test_hostile_records_stop_no_worker_and_what_comes_after_them_is_brought(cluster_settings, launch):
    worker = launch(config=WORKER)
    worker.await_ready(4)
    good = new_feedback(OPENED, "acknowledged", author="duty", time=OPENED.detected_time)
    value, place = encode_feedback(good), feedback_partition(good, 4)
    blown_up = value[:-1] + b',"padding":"' + b"x" * 4_000_000 + b'"}'
    with producer(cluster_settings, compression_type="gzip", max_request_size=8 << 20) as client:
        for hostile in (blown_up, b"\xff", b"{}", b"[" * 100_000, None, value.replace(b"2026-", b"9999-"), value):
            client.send(topic_name(cluster_settings, "alert-feedback"), hostile, b"k", partition=place).get(10)
    wait_until(lambda: brought(cluster_settings) or not worker.is_running, 30, "the feedback in the mentions")
    settle(cluster_settings, [worker])
    assert worker.is_running
    assert (brought(cluster_settings), outcome(cluster_settings).dead_letter_count) == (1, 0)


def test_feedback_that_was_created_again_while_the_worker_was_down_is_read_from_its_beginning(cluster_settings, launch):
    """The new topic is longer than the old one was: what lies below the old offset was passed over."""
    opened = crises(stream(burning()))[0]
    episodes = [msgspec.structs.replace(opened, episode_id=f"{number:024x}") for number in range(6)]

    def say(number: int, author: str) -> None:
        one = new_feedback(episodes[number], "acknowledged", author=author, time=opened.detected_time)
        write_feedback(cluster_settings, one)

    worker = launch(config=WORKER)
    worker.await_ready(4)
    publish(cluster_settings, [Record(0, 0, b"acme", burning()[0])])
    for number in range(3):
        say(number, "before")
    wait_until(lambda: brought(cluster_settings) == 3, 30, "feedback in the mentions")
    settle(cluster_settings, [worker])
    worker.stop()
    make_again(cluster_settings, "alert-feedback")
    for number in range(6):
        say(number, "after")
    again = launch(config=WORKER)
    again.await_ready(4)
    wait_until(lambda: brought(cluster_settings) == 9, 30, "all that the new topic holds")
    said = again.events("a topic was created again: what was written to it before is gone, what follows is whole")
    assert {line["topic"] for line in said} == {topic_name(cluster_settings, "alert-feedback")}
    settle(cluster_settings, [again])
    again.stop()
    third = launch(config=WORKER)
    third.await_ready(4)
    assert not third.events("a topic was created again: what was written to it before is gone, what follows is whole")
    settle(cluster_settings, [third])
    assert brought(cluster_settings) == 9, "what was read is not read again"
    assert sorted(brought_from(cluster_settings).values()) == [3, 6], "each record names the topic that it is from"


def test_feedback_that_is_created_again_while_the_worker_runs_ends_it_with_one_line(cluster_settings, launch):
    worker = launch(config=WORKER)
    worker.await_ready(4)
    make_again(cluster_settings, "alert-feedback")
    assert worker.await_end(40) == 1
    (line,) = worker.errors
    assert line.startswith(f"{topic_name(cluster_settings, 'alert-feedback')}: expected the topic ")
