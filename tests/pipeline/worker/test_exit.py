"""The last line of a worker that ends: one line, harmless, and says what to do."""

from __future__ import annotations

import subprocess
import sys

import pytest
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    KafkaError,
    MessageSizeTooLargeError,
    ProducerFenced,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)

from pipeline.errors import StateError
from pipeline.worker.exit import explain


def raised(error: Exception) -> Exception:
    try:
        raise error
    except type(error) as caught:
        return caught


def test_an_error_of_ours_is_its_own_explanation():
    assert explain(StateError("expected a, got b"), "mentions[1]") == "expected a, got b"


def test_a_fenced_producer_is_explained_by_its_cause():
    line = explain(ProducerFenced(), "mentions[1]")
    assert line.startswith("mentions[1]: another worker has taken this partition over")
    assert "TOCSIN_INSTANCE" in line


def test_a_refusal_of_kafkas_names_the_topic_that_was_written_and_the_way_out():
    error = MessageSizeTooLargeError(0)
    error.add_note("writing alerts[1]")
    line = explain(error, "mentions[1]")
    assert line.startswith("mentions[1]: writing alerts[1]: Kafka refused or did not answer: MessageSizeTooLargeError")
    assert "tocsin topics apply" in line


def writing(error: KafkaError) -> KafkaError:
    error.add_note("writing a checkpoint")
    return error


@pytest.mark.parametrize(
    ("error", "lacking"),
    [
        (TopicAuthorizationFailedError("mentions"), "Read on mentions"),
        (writing(TopicAuthorizationFailedError({"alerts", "brand-state"})), "Write on alerts, brand-state"),
        (GroupAuthorizationFailedError("tocsin"), "Read on the consumer group tocsin"),
        (writing(TransactionalIdAuthorizationFailed("tocsin-3")), "Write on the transactional id tocsin-3"),
    ],
)
def test_a_permission_that_is_gone_is_named_with_who_lacks_it(error, lacking):
    line = explain(error, "mentions[1]", "the user 'worker'")
    assert line == f"mentions[1]: the user 'worker' has no permission to {lacking}; ask for ACLs that allow it"


def test_a_refusal_without_a_note_has_no_empty_part():
    assert explain(KafkaError("no"), "worker").startswith("worker: Kafka refused or did not answer: KafkaError")


def test_an_unexpected_error_is_named_with_its_place():
    line = explain(raised(KeyError("brand")), "mentions[1]")
    assert line.startswith("mentions[1]: KeyError: 'brand' at ")
    assert "test_exit.py:" in line


def test_hostile_text_in_an_error_stays_on_one_line():
    line = explain(raised(ValueError("a\nb\x1b[31m" + "x" * 5000)), "here")
    assert "\n" not in line
    assert "\x1b" not in line
    assert len(line) <= 1000


def test_a_crash_ends_the_process_at_once_with_code_1_and_one_line():
    program = (
        "import threading, time; from pipeline.telemetry.health import Health; from pipeline.worker.exit import crash\n"
        "threading.Thread(target=time.sleep, args=(60,)).start()\n"
        "crash(RuntimeError('boom'), 'mentions[1]', Health())"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=30, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr == "tocsin: error: mentions[1]: RuntimeError: boom\n"
