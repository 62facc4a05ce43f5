"""A topic that was deleted and created again has its name and no more: the worker ends and says so, and can go on."""

from __future__ import annotations

import pytest

from pipeline.config.settings import Settings
from pipeline.kafka.clients import admin, topic_name
from pipeline.kafka.topics import apply_topics
from tests.integration.worker_process import (
    WorkerProcess,
    difference,
    oracle,
    outcome,
    publish,
    read,
    settle,
    wait_until,
    working,
)
from tests.pipeline.mention_streams import troubled_stream

pytestmark = pytest.mark.integration

NOTICED_SECONDS = 40.0
STREAM = [record for record in troubled_stream(3) if record.key and record.value]


def make_again(settings: Settings, name: str) -> None:
    """Delete a topic; `topics apply` makes it anew."""
    topic = topic_name(settings, name)
    with admin(settings) as client:
        client.delete_topics([topic])
        wait_until(lambda: client.describe_topics([topic])[0]["error_code"] == 3, 20, f"no {topic}")
    apply_topics(settings)


def test_mentions_made_again_and_longer_than_before_are_not_passed_over(cluster_settings, tmp_path):
    """5,414 of 7,814 mentions were, with a lag of zero and a worker that said it was ready."""
    publish(cluster_settings, STREAM)
    with working(cluster_settings, tmp_path) as worker:
        settle(cluster_settings, [worker])
        make_again(cluster_settings, "mentions")
        publish(cluster_settings, STREAM + STREAM)
        assert worker.await_end(NOTICED_SECONDS) == 1
        (running,) = worker.errors
        assert running.startswith(f"{topic_name(cluster_settings, 'mentions')}: expected the topic ")
        # Its place in the group has no partitions: they were taken from it while there was no topic.
        worker.start()
        assert worker.await_end(NOTICED_SECONDS) == 1, "a start must not take the new mentions for those of before"
        (starting,) = worker.errors
    for line in (running, starting):
        assert "was deleted and created again" in line or "the topic was created again" in line
        assert 'docs/delivery.md, "When a topic was created again"' in line
    assert topic_name(cluster_settings, "mentions") + "[" in starting


def test_the_way_on_that_the_document_gives_leads_on(cluster_settings, tmp_path):
    publish(cluster_settings, STREAM)
    with working(cluster_settings, tmp_path) as worker:
        settle(cluster_settings, [worker])
        worker.kill()
        make_again(cluster_settings, "mentions")
        publish(cluster_settings, STREAM + STREAM)
        worker.start()
        assert worker.await_end(NOTICED_SECONDS) == 1
        for name in ("alerts", "mentions-dlq", "brand-state", "brand-activity"):
            make_again(cluster_settings, name)
        with admin(cluster_settings) as client:
            wait_until(lambda: group_is_deleted(client, cluster_settings.group), 20, "the group deleted")
        worker.start()
        settle(cluster_settings, [worker])
        worker.stop()
    assert not difference(outcome(cluster_settings), oracle(cluster_settings))


def group_is_deleted(client: object, group: str) -> bool:
    """A group can be deleted once the session of its last member has expired."""
    from kafka.errors import KafkaError

    try:
        client.delete_groups([group])  # type: ignore[attr-defined]
    except KafkaError as error:
        return "GroupIdNotFound" in repr(error)
    return True


@pytest.mark.parametrize("name", ["alerts", "brand-state"])
def test_what_the_worker_writes_to_is_looked_at_too(cluster_settings, tmp_path, name):
    """An idle worker: nothing is written that could be refused."""
    with working(cluster_settings, tmp_path) as worker:
        worker.await_ready(4)
        make_again(cluster_settings, name)
        assert worker.await_end(NOTICED_SECONDS) == 1
        (line,) = worker.errors
    assert line.startswith(f"{topic_name(cluster_settings, name)}: expected the topic ")


@pytest.mark.parametrize("name", ["alerts", "brand-activity"])
def test_what_is_written_goes_on_in_a_new_topic_and_what_is_gone_is_said(cluster_settings, tmp_path, name):
    publish(cluster_settings, STREAM)
    with working(cluster_settings, tmp_path) as worker:
        settle(cluster_settings, [worker])
        worker.stop()
        make_again(cluster_settings, name)
        worker.start()
        worker.await_ready(4)
        said = worker.events("a topic was created again: what was written to it before is gone, what follows is whole")
        assert {line["topic"] for line in said} == {topic_name(cluster_settings, name)}
        worker.stop()
        worker.start()
        worker.await_ready(4)
        again = worker.events("a topic was created again: what was written to it before is gone, what follows is whole")
        worker.stop()
    assert said
    assert not again, "the checkpoints know the new topic"
    assert not any(read(cluster_settings, name).values())


def test_a_deleted_topic_ends_an_idle_worker_with_its_name(cluster_settings, tmp_path):
    with working(cluster_settings, tmp_path) as worker:
        worker.await_ready(4)
        with admin(cluster_settings) as client:
            client.delete_topics([topic_name(cluster_settings, "brand-state")])
        assert worker.await_end(NOTICED_SECONDS) == 1
        (line,) = worker.errors
    assert line.startswith(f"{topic_name(cluster_settings, 'brand-state')}: expected the topic, got none")


def test_an_idle_worker_whose_broker_is_away_says_so_and_when_it_is_back(tmp_path, local_kafka, cluster_settings):
    """In the log, in /readyz and in a metric; with SIGSTOP, as a machine that hangs: connections are still taken."""
    import os
    import signal

    with working(cluster_settings, tmp_path) as worker:
        worker.await_ready(4)
        assert "\ntocsin_broker_up 1.0" in worker.answer("/metrics")[1]
        broker = local_kafka.status().pid
        assert broker is not None
        os.kill(broker, signal.SIGSTOP)
        try:
            wait_until(lambda: worker.events("no broker answers"), 30, "the line")
            assert worker.answer("/readyz")[0] == 503
            assert "\ntocsin_broker_up 0.0" in worker.answer("/metrics")[1]
            assert worker.answer("/healthz")[0] == 200
        finally:
            os.kill(broker, signal.SIGCONT)
        worker.await_ready(4)
        assert worker.events("a broker answers again")
        worker.stop()


def test_of_two_workers_with_one_name_the_older_ends_and_both_say_so(cluster_settings, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    with working(cluster_settings, tmp_path) as older:
        older.await_ready(4)
        younger = WorkerProcess(cluster_settings, other, config=(tmp_path / "w0.toml").read_text())
        try:
            younger.start()
            assert older.await_end(30) == 1
            (line,) = older.errors
            younger.await_ready(4)
            (warning,) = younger.events(
                "a worker of this name is in the group: its place is taken, and it ends if it still runs"
            )
            younger.stop()
        finally:
            younger.close()
    assert line.startswith(f"group {cluster_settings.group}: expected to be the only worker with the name w0, got ")
    assert (warning["instance"], warning["group"]) == ("w0", cluster_settings.group)
