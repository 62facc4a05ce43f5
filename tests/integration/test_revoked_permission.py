"""A permission taken away while the worker runs: one line and exit code 1; given back, it goes on without a loss."""

from __future__ import annotations

import pytest

from pipeline.kafka.feedback import write_feedback
from pipeline.kafka.topics import apply_topics
from schemas.feedback import new_feedback
from tests.integration.secured_broker import PASSWORD, Permission, name_of
from tests.integration.test_feedback import OPENED, brought
from tests.integration.test_least_privilege import TABLE
from tests.integration.worker_process import difference, oracle, outcome, publish, settle, wait_until, working
from tests.pipeline.mention_streams import troubled_stream

pytestmark = pytest.mark.integration

ENDING = [
    Permission("Topic", "PREFIXmentions", "literal", "Read"),
    Permission("Topic", "PREFIXalerts", "literal", "Write"),
    Permission("Topic", "PREFIXmentions-dlq", "literal", "Write"),
    Permission("Topic", "PREFIXbrand-state", "literal", "Write"),
    Permission("Group", "GROUP", "literal", "Read"),
    Permission("Transactional_ID", "PREFIXtocsin-", "prefixed", "Write"),
]
# One that reads and one that writes; the others end the worker in the same places.
OFTEN = {"PREFIXmentions", "PREFIXalerts"}


@pytest.mark.parametrize(
    "taken",
    [pytest.param(one, marks=() if one.name in OFTEN else pytest.mark.slow) for one in ENDING],
    ids=lambda one: f"{one.operation} on {one.name}",
)
def test_the_worker_ends_with_one_line_and_goes_on_once_it_may_again(secured, tmp_path, taken):
    settings = secured.restricted(kafka_timeout_seconds=6)
    mine = secured.settings("PLAINTEXT", topic_prefix=settings.topic_prefix, group=settings.group)
    apply_topics(mine, 2)
    secured.permit(settings, TABLE["worker"])
    records = [record for record in troubled_stream(3) if record.key and record.value]
    half = len(records) // 2
    publish(mine, records[:half])
    with working(settings, tmp_path) as worker:
        settle(mine, [worker])
        secured.revoke(settings, taken)
        publish(mine, records[half:])
        assert worker.await_end(60) == 1
        (error,) = worker.errors
        assert f"the user {settings.kafka_sasl_username!r} has no permission to {taken.operation} on" in error
        assert name_of(taken, settings) in error
        assert "Traceback" not in worker.said
        assert PASSWORD not in worker.said
    secured.permit(settings, [taken])
    with working(settings, tmp_path) as worker:
        settle(mine, [worker])
        worker.stop()
    found = outcome(mine)
    assert found.alert_count
    assert found.dead_letter_count
    assert not difference(found, oracle(mine))


def test_a_group_that_may_no_longer_be_read_ends_an_idle_worker_too(secured, tmp_path):
    settings = secured.restricted(kafka_timeout_seconds=6)
    apply_topics(secured.settings("PLAINTEXT", topic_prefix=settings.topic_prefix), 2)
    secured.permit(settings, TABLE["worker"])
    with working(settings, tmp_path) as worker:
        worker.await_ready(2)
        secured.revoke(settings, Permission("Group", "GROUP", "literal", "Read"))
        assert worker.await_end(60) == 1
        (error,) = worker.errors
        assert f"has no permission to Read on the consumer group {settings.group}" in error


@pytest.mark.slow
def test_without_a_right_to_feedback_the_worker_goes_on_and_brings_it_once_it_may_again(secured, tmp_path):
    settings = secured.restricted(kafka_timeout_seconds=6)
    mine = secured.settings("PLAINTEXT", topic_prefix=settings.topic_prefix, group=settings.group)
    apply_topics(mine, 2)
    secured.permit(settings, TABLE["worker"])
    taken = Permission("Topic", "PREFIXalert-feedback", "literal", "Read")
    with working(settings, tmp_path) as worker:
        worker.await_ready(2)
        said = [new_feedback(OPENED, "note", author="duty", time=OPENED.detected_time, note=f"{n}") for n in range(2)]
        write_feedback(mine, said[0])
        wait_until(lambda: brought(mine) == 1, 30, "the first feedback in the mentions")
        secured.revoke(settings, taken)
        wait_until(lambda: "no permission to bring feedback" in worker.said, 60, "the warning")
        write_feedback(mine, said[1])
        secured.permit(settings, [taken])
        wait_until(lambda: brought(mine) == 2, 60, "the second feedback in the mentions")
        assert worker.is_running
        assert worker.said.count("no permission to bring feedback") == 1
