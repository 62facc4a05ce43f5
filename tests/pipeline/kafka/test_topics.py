"""The catalogue against a broker: what is planned, what is refused, and what the worker is told at its start."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config.settings import Settings
from pipeline.errors import BrokerError
from pipeline.kafka import topics as module
from pipeline.kafka.topics import Existing, Step, plan_topic, read_topics, refusals, verify_topics
from schemas.catalogue import Topic, topics

NAMES = st.sampled_from(list(topics()))
COUNTS = st.integers(1, 100)
CONFIGS = st.dictionaries(st.sampled_from(["retention.ms", "cleanup.policy", "max.message.bytes"]), st.just("1"))


def as_catalogued(topic: Topic, partitions: int) -> Existing:
    return Existing(partitions, 1, dict(topic.config))


def after(existing: Existing | None, steps: list[Step]) -> Existing:
    """The topic once these steps are taken."""
    found = existing or Existing(0, 0)
    for step in steps:
        if step.action == "create":
            found = Existing(step.partitions, step.replication, step.config)
        elif step.action == "add partitions":
            found = Existing(step.partitions, found.replication, found.config)
        elif step.action == "configure":
            found = Existing(found.partitions, found.replication, {**found.config, **step.config})
    return found


@given(NAMES, COUNTS, st.none() | st.builds(Existing, COUNTS, COUNTS, CONFIGS))
def test_what_is_planned_is_refused_or_leaves_nothing_to_plan(
    name: str, partitions: int, existing: Existing | None
) -> None:
    topic = topics()[name]
    steps = plan_topic(topic, "x", existing, partitions, 1)
    if refusals(steps):
        assert existing is not None
        assert existing.partitions != partitions
        assert topic.keyed or existing.partitions > partitions
    else:
        found = after(existing, steps)
        assert found.partitions == partitions
        assert [step.action for step in plan_topic(topic, "x", found, partitions, 1)] == ["keep"]


@given(NAMES, COUNTS, COUNTS)
def test_keys_never_move_and_partitions_never_vanish(name: str, have: int, wanted: int) -> None:
    topic = topics()[name]
    (step,) = plan_topic(topic, "x", as_catalogued(topic, have), wanted, 1)
    if have == wanted:
        assert step.action == "keep"
    elif topic.keyed:
        assert step.action == "refuse"
        assert f"--partitions {have}" in step.detail
    else:
        assert step.action == ("add partitions" if wanted > have else "refuse")


@pytest.mark.parametrize(("replication", "expected"), [(1, None), (2, None), (3, "2"), (5, "2")])
def test_acknowledged_records_are_on_two_brokers_where_there_are_three(replication: int, expected: str | None) -> None:
    for topic in topics().values():
        (step,) = plan_topic(topic, topic.name, None, 4, replication)
        assert step.config.get("min.insync.replicas") == expected


def test_a_drifted_configuration_is_named_value_by_value() -> None:
    topic = topics()["alerts"]
    drifted = Existing(4, 1, {**topic.config, "retention.ms": "1000"})
    (step,) = plan_topic(topic, "alerts", drifted, 4, 1)
    assert (step.action, dict(step.config)) == ("configure", {"retention.ms": topic.config["retention.ms"]})
    assert step.detail == f"retention.ms: 1000 -> {topic.config['retention.ms']}"


def test_what_is_refused_alike_is_named_together() -> None:
    steps = [Step("a", "refuse", "too few"), Step("b", "keep", ""), Step("c", "refuse", "too few")]
    steps.append(Step("d", "refuse", "too many"))
    assert refusals(steps) == "a, c: too few; d: too many"
    assert refusals([Step("b", "keep", "")]) == ""


# ---- What a broker says ---------------------------------------------------------------------------------------------


class Broker:
    """The part of a KafkaAdminClient that is asked: partitions and allowed operations by topic."""

    def __init__(self, counts: dict[str, int], allowed: dict[str, list[str]] | None = None, code: int = 0) -> None:
        self._counts, self._allowed, self._code = counts, allowed or {}, code

    def describe_topics(self, names: list[str]) -> list[dict[str, Any]]:
        return [
            {
                "name": name,
                "error_code": self._code if name in self._counts else 3,
                "partitions": [{"replica_nodes": [1]}] * self._counts.get(name, 0),
                "authorized_operations": self._allowed.get(name),
            }
            for name in names
        ]

    def describe_configs(self, resources: list[Any], config_filter: str) -> dict[str, dict[str, dict[str, Any]]]:
        assert config_filter == "all"
        return {"topic": {resource.name: {} for resource in resources}}


SETTINGS = Settings(topic_prefix="p-", kafka_bootstrap="kafka:9092")
EQUAL = {f"p-{name}": 6 for name in topics()}


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let `verify_topics` ask this broker."""

    def install(broker: Broker) -> None:
        @contextmanager
        def admin(_: Settings) -> Iterator[Broker]:
            yield broker

        monkeypatch.setattr(module, "admin", admin)

    return install


def test_the_partitions_of_mentions_are_what_the_worker_is_told(answers: Any) -> None:
    answers(Broker(EQUAL))
    assert verify_topics(SETTINGS) == 6


def test_every_missing_topic_is_named_with_the_remedy(answers: Any) -> None:
    answers(Broker({"p-mentions": 6, "p-alerts": 6}))
    with pytest.raises(BrokerError, match=r"got no p-mentions-dlq, no p-brand-state; run `tocsin topics apply`"):
        verify_topics(SETTINGS)


def test_partition_counts_that_differ_from_that_of_mentions_are_named(answers: Any) -> None:
    answers(Broker(EQUAL | {"p-brand-state": 2}))
    with pytest.raises(BrokerError, match="expected 6 partitions as p-mentions has, but p-brand-state has 2"):
        verify_topics(SETTINGS)


def test_an_operation_that_is_not_allowed_is_named_and_one_that_is_not_told_is_passed_over(answers: Any) -> None:
    needed = {"mentions": {"Read"}, "alerts": {"Write"}, "brand-state": {"Read", "Write"}}
    answers(Broker(EQUAL, {"p-mentions": ["READ", "DESCRIBE_CONFIGS"], "p-brand-state": ["DESCRIBE"]}))
    with pytest.raises(BrokerError, match="has no permission to Read on p-brand-state, Write on p-brand-state; ask"):
        verify_topics(SETTINGS, needed)
    answers(Broker(EQUAL, {"p-brand-state": ["READ", "WRITE"]}))
    assert verify_topics(SETTINGS, needed) == 6


def test_a_configuration_that_may_not_be_read_is_a_refusal_and_not_an_empty_one() -> None:
    from kafka.errors import TopicAuthorizationFailedError

    with pytest.raises(TopicAuthorizationFailedError, match="mentions"):
        read_topics(Broker({"mentions": 4}), ["mentions"], with_config=True)


def test_a_topic_that_cannot_be_described_is_not_taken_for_one_that_is_missing() -> None:
    from kafka.errors import TopicAuthorizationFailedError

    with pytest.raises(TopicAuthorizationFailedError):
        read_topics(Broker({"mentions": 4}, code=TopicAuthorizationFailedError.errno), ["mentions"], with_config=False)
    assert read_topics(Broker({"mentions": 4}), ["mentions", "other"], with_config=False) == {
        "mentions": Existing(4, 1)
    }
