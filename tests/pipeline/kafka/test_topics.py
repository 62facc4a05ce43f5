"""The catalogue against a broker: what is planned, what is refused, and what the worker is told at its start."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config.settings import Settings
from pipeline.errors import BrokerError
from pipeline.kafka import topics as module
from pipeline.kafka.existing_topics import Existing, await_usable, read_topics
from pipeline.kafka.permissions import worker_operations
from pipeline.kafka.topics import Step, plan_topic, plan_topics, refusals, verify_topics
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
    """The part of an AdminClient that is asked: partitions and allowed operations by topic, and settings."""

    def __init__(
        self,
        counts: dict[str, int],
        allowed: dict[str, list[str]] | None = None,
        code: int = 0,
        configs: dict[str, dict[str, str]] | None = None,
    ) -> None:
        self._counts, self._allowed, self._code, self._configs = counts, allowed or {}, code, configs or {}

    def topics(self, names: Sequence[str]) -> list[dict[str, Any]]:
        return [
            {
                "name": name,
                "error_code": self._code if name in self._counts else 3,
                "partitions": [{"replica_nodes": [1], "leader_id": 1}] * self._counts.get(name, 0),
                "authorized_operations": self._allowed.get(name),
            }
            for name in names
        ]

    def topics_by_broker(self, names: Sequence[str], _: float) -> dict[int, list[dict[str, Any]]]:
        return {1: self.topics(names)}

    def configs_by_broker(self, names: Sequence[str], _: float) -> dict[int, dict[str, dict[str, str]]]:
        return {1: {name: self._configs.get(name, {}) for name in names}}


class LaggingCluster:
    """Two brokers, of which the second hears of things `looks` questions after the first."""

    def __init__(self, before: Broker, after: Broker, looks: int) -> None:
        self._before, self._after, self._left = before, after, looks

    def _second(self) -> Broker:
        self._left -= 1
        return self._before if self._left >= 0 else self._after

    def topics_by_broker(self, names: Sequence[str], _: float) -> dict[int, list[dict[str, Any]]]:
        return {1: self._after.topics(names), 2: self._second().topics(names)}

    def configs_by_broker(self, names: Sequence[str], seconds: float) -> dict[int, dict[str, dict[str, str]]]:
        first, second = self._after.configs_by_broker(names, seconds), self._second().configs_by_broker(names, seconds)
        return {1: first[1], 2: second[1]}


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
    assert verify_topics(SETTINGS).partitions == 6


def test_every_missing_topic_is_named_with_the_remedy(answers: Any) -> None:
    answers(Broker({"p-mentions": 6, "p-alerts": 6}))
    missing = (
        r"got no p-mentions-dlq, no p-brand-state, no p-brand-activity, no p-alert-feedback, no p-alert-deliveries; "
        r"run `tocsin topics apply`"
    )
    with pytest.raises(BrokerError, match=missing):
        verify_topics(SETTINGS)


def test_a_worker_that_writes_no_activity_needs_no_topic_for_it(answers: Any) -> None:
    answers(Broker({name: count for name, count in EQUAL.items() if name != "p-brand-activity"}))
    needed = worker_operations(ticks=True, activity=False, feedback=False)
    assert (
        set(verify_topics(SETTINGS, needed).topics)
        == set(needed)
        == set(topics()) - {"brand-activity", "alert-feedback", "alert-deliveries"}
    )
    with pytest.raises(BrokerError, match="got no p-brand-activity"):
        verify_topics(SETTINGS, worker_operations(ticks=True))


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
    assert verify_topics(SETTINGS, needed).partitions == 6


def catalogued() -> dict[str, dict[str, str]]:
    return {f"p-{name}": dict(topic.config) for name, topic in topics().items()}


def test_every_setting_that_loses_what_is_promised_is_named_in_one_line(answers: Any) -> None:
    configs = catalogued()
    configs["p-mentions"] |= {"message.timestamp.type": "CreateTime", "cleanup.policy": "compact"}
    configs["p-brand-state"] |= {"cleanup.policy": "delete", "retention.ms": "3600000"}
    configs["p-alerts"] |= {"retention.ms": "1000"}
    answers(Broker(EQUAL, configs=configs))
    with pytest.raises(BrokerError) as caught:
        verify_topics(SETTINGS)
    assert str(caught.value) == (
        "kafka:9092: p-mentions: expected cleanup.policy delete, got compact; "
        "p-mentions: expected message.timestamp.type LogAppendTime, got CreateTime; "
        "p-brand-state: expected cleanup.policy compact, got delete; "
        "p-alerts: expected retention.ms 7776000000 or more, got 1000; "
        "what is promised rests on it: `tocsin topics apply` puts it right"
    )


def test_a_longer_retention_is_taken_and_said(answers: Any) -> None:
    configs = catalogued()
    configs["p-mentions"] |= {"retention.ms": "-1"}
    answers(Broker(EQUAL, configs=configs))
    found = verify_topics(SETTINGS)
    assert found.kept == ("p-mentions: retention.ms -1 (604800000 or more)",)
    assert found.unverified == ()
    (step,) = plan_topic(topics()["mentions"], "x", Existing(4, 1, configs["p-mentions"]), 4, 1)
    assert (step.action, "kept: retention.ms -1" in step.detail) == ("keep", True)


def test_settings_that_may_not_be_read_are_said_to_be_unverified_and_stop_nobody(answers: Any) -> None:
    allowed = {name: ["READ", "WRITE", "DESCRIBE"] for name in EQUAL} | {"p-alerts": ["WRITE", "DESCRIBE_CONFIGS"]}
    answers(Broker(EQUAL, allowed, configs=catalogued()))
    assert verify_topics(SETTINGS).unverified == tuple(name for name in EQUAL if name != "p-alerts")


def test_a_plan_needs_to_read_the_settings(answers: Any) -> None:
    answers(Broker(EQUAL))
    with pytest.raises(BrokerError, match=r"has no permission \(TopicAuthorizationFailedError: p-mentions\)"):
        plan_topics(SETTINGS)


@pytest.mark.parametrize("before", [Broker({}), Broker({"t": 2})], ids=["unknown", "fewer partitions"])
def test_topics_are_read_when_every_broker_says_the_same_of_them(before: Broker) -> None:
    cluster = LaggingCluster(before, Broker({"t": 4}), 3)
    assert read_topics(cluster, ["t"])["t"].partitions == 4


def test_brokers_that_do_not_agree_in_time_are_named_with_what_each_says() -> None:
    cluster = LaggingCluster(Broker({}), Broker({"t": 4}), 1_000)
    with pytest.raises(BrokerError, match="t: 4 partitions on broker 1, UnknownTopicOrPartitionError on broker 2; "):
        read_topics(cluster, ["t"], seconds=0.3)


def test_settings_are_compared_when_every_broker_has_heard_of_them() -> None:
    before = Broker({"t": 4}, configs={"t": {"cleanup.policy": "compact", "other": "1"}})
    after = Broker({"t": 4}, configs={"t": {"cleanup.policy": "delete", "other": "2"}})
    found = read_topics(LaggingCluster(before, after, 4), ["t"], compared={"cleanup.policy"})
    assert found["t"].config["cleanup.policy"] == "delete"


def test_a_topic_is_usable_when_every_broker_knows_it() -> None:
    await_usable(LaggingCluster(Broker({}), Broker({"t": 4}), 3), ["t"], 10)
    with pytest.raises(BrokerError, match="t: UnknownTopicOrPartitionError"):
        await_usable(LaggingCluster(Broker({}), Broker({}), 0), ["t"], 0.2)


def test_a_topic_that_cannot_be_described_is_not_taken_for_one_that_is_missing() -> None:
    from kafka.errors import TopicAuthorizationFailedError

    with pytest.raises(TopicAuthorizationFailedError):
        read_topics(Broker({"mentions": 4}, code=TopicAuthorizationFailedError.errno), ["mentions"])
    found = read_topics(Broker({"mentions": 4}), ["mentions", "other"])
    assert {name: (topic.partitions, topic.replication) for name, topic in found.items()} == {"mentions": (4, 1)}
