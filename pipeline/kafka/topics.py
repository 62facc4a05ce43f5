"""Comparison of the topic catalogue with the broker: what is missing, what differs, and what must never change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from pipeline.config.settings import Settings
from pipeline.errors import BrokerError
from pipeline.kafka.clients import admin, broker_errors, explain, topic_name, user_of
from pipeline.kafka.permissions import missing as missing_operations
from pipeline.kafka.permissions import operations_of
from pipeline.wording import counted
from schemas.catalogue import Topic, topics

Action = Literal["create", "configure", "add partitions", "refuse", "keep"]
FOLLOW_MENTIONS: Final = ("mentions-dlq", "brand-state", "alerts")
"""Topics that share the partitions of mentions: what a record leads to is written to the same partition number."""


class Existing(msgspec.Struct, frozen=True):
    """A topic as it exists on the broker.

    `config` holds effective values, defaults included; `operations` are those that we are allowed, None where the
    broker does not say.
    """

    partitions: int
    replication: int
    config: Mapping[str, str] = {}
    operations: frozenset[str] | None = None


class Step(msgspec.Struct, frozen=True):
    """One step to make the broker's topics those of the catalogue.

    Attributes:
        topic: full name of the topic on this cluster.
        action: what to do; `keep` where nothing differs.
        detail: what exactly, in words; for `refuse` also why.
        partitions: number of partitions of the topic to create or to extend.
        replication: number of replicas of each partition of the topic to create.
        config: values to set.
    """

    topic: str
    action: Action
    detail: str
    partitions: int = 0
    replication: int = 0
    config: Mapping[str, str] = {}


def plan_topic(topic: Topic, name: str, existing: Existing | None, partitions: int, replication: int) -> list[Step]:
    """The steps for one topic. Pure.

    Args:
        topic: the catalogue's entry.
        name: its full name on this cluster.
        existing: the topic on the broker, None when it is missing.
        partitions: wanted number of partitions.
        replication: replicas of each partition, for a topic to create.
    """
    if existing is None:
        config = dict(topic.config)
        if replication >= 3:
            # An acknowledged record is then on two brokers at least.
            config.setdefault("min.insync.replicas", "2")
        detail = f"{counted(partitions, 'partition')}, {counted(replication, 'replica')} each; {_listed(config)}"
        return [Step(name, "create", detail, partitions, replication, config)]
    steps = []
    if existing.partitions != partitions:
        have = counted(existing.partitions, "partition")
        if topic.keyed:
            detail = (
                f"there are {have}, expected {partitions}: keys would move to other partitions than their state; "
                f"keep them with --partitions {existing.partitions}, or grow them with what was learned: `tocsin "
                "migrate partitions`"
            )
            steps.append(Step(name, "refuse", detail))
        elif existing.partitions > partitions:
            detail = f"there are {have}, expected {partitions}: Kafka cannot take partitions away"
            steps.append(Step(name, "refuse", detail))
        else:
            steps.append(Step(name, "add partitions", f"{existing.partitions} -> {partitions}", partitions))
    changes = {key: value for key, value in topic.config.items() if existing.config.get(key) != value}
    if changes:
        detail = ", ".join(f"{key}: {existing.config.get(key, 'unset')} -> {value}" for key, value in changes.items())
        steps.append(Step(name, "configure", detail, config=changes))
    return steps or [Step(name, "keep", f"{counted(existing.partitions, 'partition')}, as in the catalogue")]


def plan_topics(settings: Settings, partitions: int | None = None, replication: int | None = None) -> list[Step]:
    """The steps for every topic of the catalogue. Changes nothing.

    Args:
        settings: where the broker is and how topics are called.
        partitions: instead of the catalogue's number, for every topic.
        replication: replicas of a new topic's partitions; default 3, or as many as there are brokers.

    Raises:
        BrokerError: no broker, no permission.
    """
    with admin(settings) as client, broker_errors(settings, "read the topics"):
        return _plan(client, settings, partitions, replication)


def apply_topics(settings: Settings, partitions: int | None = None, replication: int | None = None) -> list[Step]:
    """Make the broker's topics what the catalogue says, and wait until they can be used.

    Nothing is changed when any difference must be refused.

    Returns:
        The steps that were taken, as from `plan_topics` before.

    Raises:
        BrokerError: no broker, no permission, or a difference that must be refused.
    """
    with admin(settings) as client:
        with broker_errors(settings, "read the topics"):
            steps = _plan(client, settings, partitions, replication)
        refused = refusals(steps)
        if refused:
            raise BrokerError(refused)
        for step in steps:
            with broker_errors(settings, f"{step.action} topic {step.topic}"):
                _take(client, settings, step)
        with broker_errors(settings, "use the new topics"):
            client.wait_for_topics([step.topic for step in steps], int(settings.kafka_timeout_seconds * 1000))
    return steps


def refusals(steps: Iterable[Step]) -> str:
    """The refused differences as one line, empty when there is none; topics refused alike are named together."""
    alike: dict[str, list[str]] = {}
    for step in steps:
        if step.action == "refuse":
            alike.setdefault(step.detail, []).append(step.topic)
    return "; ".join(f"{', '.join(names)}: {detail}" for detail, names in alike.items())


def verify_topics(settings: Settings, needed: Mapping[str, Iterable[str]] | None = None) -> int:
    """Check, before the worker starts, that it can run on these topics.

    Args:
        settings: where the broker is and how topics are called.
        needed: operations that must be allowed, by topic of the catalogue.

    Returns:
        The number of partitions of mentions.

    Raises:
        BrokerError: no broker, no permission, a topic that is missing, or partition counts that do not match.
    """
    names = {name: topic_name(settings, name) for name in topics()}
    with admin(settings) as client, broker_errors(settings, "read the topics"):
        existing = read_topics(client, list(names.values()), with_config=False)
    missing = [name for name in names.values() if name not in existing]
    if missing:
        raise BrokerError(
            f"{settings.kafka_bootstrap}: expected the topics of the catalogue, got no {', no '.join(missing)}; "
            "run `tocsin topics apply`"
        )
    wanted = {names[name]: operations for name, operations in (needed or {}).items()}
    denied = missing_operations(wanted, {name: found.operations for name, found in existing.items()})
    if denied:
        raise BrokerError(
            f"{settings.kafka_bootstrap}: {user_of(settings)} has no permission to {', '.join(denied)}; "
            "ask for ACLs that allow it"
        )
    mentions = existing[names["mentions"]].partitions
    wrong = [
        f"{names[name]} has {existing[names[name]].partitions}"
        for name in FOLLOW_MENTIONS
        if existing[names[name]].partitions != mentions
    ]
    if wrong:
        raise BrokerError(
            f"{settings.kafka_bootstrap}: expected {counted(mentions, 'partition')} as {names['mentions']} has, but "
            f"{', '.join(wrong)}: a topic was grown; `tocsin migrate partitions` moves what was learned to where the "
            "keys now go"
        )
    return mentions


def verify_group(settings: Settings) -> None:
    """Check, before the worker starts, that it may join the consumer group; the client itself would ask for ever.

    Raises:
        BrokerError: no broker, or no permission.
    """
    from kafka.errors import CoordinatorNotAvailableError, GroupAuthorizationFailedError

    with admin(settings) as client, broker_errors(settings, f"join the consumer group {settings.group}"):
        try:
            found = client.describe_groups([settings.group])[settings.group]
        except CoordinatorNotAvailableError:  # a new broker makes its offsets topic when the first group comes
            return
        allowed = operations_of(found)
        if allowed is not None and "Read" not in allowed:
            raise GroupAuthorizationFailedError(f"Read on {settings.group}")


def partition_count(settings: Settings, name: str) -> int:
    """The number of partitions of a topic of the catalogue on this cluster.

    Raises:
        BrokerError: no broker, no permission, or no such topic.
    """
    topic = topic_name(settings, name)
    with admin(settings) as client, broker_errors(settings, f"read the topic {topic}"):
        existing = read_topics(client, [topic], with_config=False)
    if topic not in existing:
        raise BrokerError(
            f"{settings.kafka_bootstrap}: expected the topic {topic}, got none; run `tocsin topics apply`"
        )
    return existing[topic].partitions


def read_topics(client: Any, names: Sequence[str], *, with_config: bool) -> dict[str, Existing]:
    """Those of the named topics that exist.

    Args:
        client: a KafkaAdminClient.
        names: full names.
        with_config: read their configuration too, which takes the permission DescribeConfigs.

    Raises:
        KafkaError: the broker refuses to say.
    """
    from kafka import errors
    from kafka.admin import ConfigResource, ConfigResourceType

    described = []
    for found in client.describe_topics(list(names)):
        problem = errors.for_code(found["error_code"])
        if problem is errors.UnknownTopicOrPartitionError:
            continue
        if problem is not errors.NoError:
            raise problem(found["name"])
        described.append(found)
    configs: dict[str, dict[str, dict[str, str]]] = {}
    if with_config and described:
        resources = [ConfigResource(ConfigResourceType.TOPIC, found["name"], None) for found in described]
        configs = client.describe_configs(resources, config_filter="all")["topic"]
        for name, config in configs.items():
            if not config:  # kafka-python passes over the refusal
                raise errors.TopicAuthorizationFailedError(name)
    return {
        found["name"]: Existing(
            len(found["partitions"]),
            len(found["partitions"][0]["replica_nodes"]),
            {key: entry["value"] for key, entry in configs.get(found["name"], {}).items()},
            operations_of(found),
        )
        for found in described
    }


def _plan(client: Any, settings: Settings, partitions: int | None, replication: int | None) -> list[Step]:
    names = {name: topic_name(settings, name) for name in topics()}
    existing = read_topics(client, list(names.values()), with_config=True)
    if replication is None:
        replication = min(3, len(client.describe_cluster()["brokers"]))
    return [
        step
        for name, topic in topics().items()
        for step in plan_topic(
            topic, names[name], existing.get(names[name]), partitions or topic.partitions, replication
        )
    ]


def _take(client: Any, settings: Settings, step: Step) -> None:
    from kafka import errors
    from kafka.admin import ConfigResource, ConfigResourceType

    outcome = None
    match step.action:
        case "create":
            order = {"num_partitions": step.partitions, "replication_factor": step.replication, "configs": step.config}
            outcome = client.create_topics({step.topic: order}, raise_errors=False)["topics"][0]
        case "add partitions":
            response = client.create_partitions({step.topic: step.partitions}, raise_errors=False)
            outcome = response.to_dict()["results"][0]
        case "configure":
            resource = ConfigResource(ConfigResourceType.TOPIC, step.topic, dict(step.config))
            said = client.alter_configs([resource], raise_on_unknown=False)["topic"][step.topic]
            if said != "OK":
                raise BrokerError(f"topic {step.topic}: could not set {_listed(step.config)}: {said}")
    if outcome and outcome["error_code"]:
        error = errors.for_code(outcome["error_code"])(outcome["error_message"] or "")
        if isinstance(error, errors.TopicAlreadyExistsError):
            raise BrokerError(f"topic {step.topic}: somebody else has created it just now; run the command again")
        raise BrokerError(f"topic {step.topic}: could not {step.action}: {explain(settings, error)}")


def _listed(config: Mapping[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in config.items())
