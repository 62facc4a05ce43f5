"""The whole worker through TLS and SASL: Faust's consumer, the producers and the loader get in by the same settings."""

from __future__ import annotations

import pytest

from pipeline.kafka.topics import apply_topics
from tests.integration.worker_process import difference, oracle, outcome, publish, settle, working
from tests.pipeline.mention_streams import START, mention, record

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    ("protocol", "mechanism"),
    [
        pytest.param("SSL", None, marks=pytest.mark.slow),
        pytest.param("SASL_PLAINTEXT", "PLAIN", marks=pytest.mark.slow),
        ("SASL_PLAINTEXT", "SCRAM-SHA-256"),
        pytest.param("SASL_SSL", "PLAIN", marks=pytest.mark.slow),
        ("SASL_SSL", "SCRAM-SHA-512"),
    ],
)
def test_mentions_go_through_a_secured_broker(secured, tmp_path, protocol, mechanism):
    name = f"{protocol}-{mechanism}".lower().replace("_", "-")
    changes = {"kafka_sasl_mechanism": mechanism} if mechanism else {}
    settings = secured.settings(protocol, topic_prefix=f"worker-{name}-", group=name, **changes)
    apply_topics(settings, 1)
    publish(settings, [record(0, mention(id=str(n), at=START + n)) for n in range(200)])
    with working(settings, tmp_path) as worker:
        settle(settings, [worker])
        worker.stop()
    assert not difference(outcome(settings), oracle(settings))


def test_a_user_without_permission_is_told_in_one_line(secured, tmp_path):
    settings = secured.settings("SASL_PLAINTEXT", topic_prefix="denied-")
    apply_topics(settings, 1)
    with working(settings.model_copy(update={"kafka_sasl_username": "guest"}), tmp_path) as worker:
        assert worker.await_end(30) == 1
    (error,) = worker.errors
    assert "the user 'guest' has no permission" in error
