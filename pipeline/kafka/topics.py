"""Comparison of the topic catalogue with the broker: what is missing, what differs, and what must never change."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

import msgspec

from pipeline.config.settings import Settings
from pipeline.errors import BrokerError
from pipeline.kafka.clients import admin, broker_errors, explain, topic_name, user_of
from pipeline.kafka.existing_topics import Existing, await_usable, read_topics
from pipeline.kafka.permissions import missing as missing_operations
from pipeline.kafka.topic_settings import IN_SYNC, allowances, compared, differences
from pipeline.wording import counted
from schemas.catalogue import Topic, topics

Action = Literal["create", "configure", "add partitions", "refuse", "keep"]
_PAUSE_SECONDS: Final = 0.1


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
            config.setdefault(IN_SYNC, "2")
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
    changes = differences(topic, existing.config, existing.replication)
    if changes:
        detail = ", ".join(f"{one.setting}: {one.found} -> {one.wanted}" for one in changes)
        steps.append(Step(name, "configure", detail, config={one.setting: one.wanted for one in changes}))
    kept = "".join(f"; kept: {one}" for one in allowances(topic, existing.config))
    return steps or [Step(name, "keep", f"{counted(existing.partitions, 'partition')}, as in the catalogue{kept}")]


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
            await_usable(client, [step.topic for step in steps], settings.kafka_timeout_seconds)
        if any(step.action == "configure" for step in steps):
            with broker_errors(settings, "read the topics"):
                _await_configured(client, settings, partitions, replication)
    return steps


def _await_configured(client: Any, settings: Settings, partitions: int | None, replication: int | None) -> None:
    """Wait until every broker has heard of what was set."""
    deadline = time.monotonic() + settings.kafka_timeout_seconds
    while left := [step for step in _plan(client, settings, partitions, replication) if step.action == "configure"]:
        if time.monotonic() >= deadline:
            what = "; ".join(f"{step.topic}: {step.detail}" for step in left)
            raise BrokerError(
                f"{settings.kafka_bootstrap}: expected every broker to hear of the new settings within "
                f"{settings.kafka_timeout_seconds:g} s, got {what}; run the command again"
            )
        time.sleep(_PAUSE_SECONDS)


def refusals(steps: Iterable[Step]) -> str:
    """The refused differences as one line, empty when there is none; topics refused alike are named together."""
    alike: dict[str, list[str]] = {}
    for step in steps:
        if step.action == "refuse":
            alike.setdefault(step.detail, []).append(step.topic)
    return "; ".join(f"{', '.join(names)}: {detail}" for detail, names in alike.items())


class Verified(msgspec.Struct, frozen=True):
    """Topics that a worker may start on.

    Attributes:
        partitions: of mentions.
        topics: as they exist, by name in the catalogue.
        unverified: full names of those whose settings we may not read.
        kept: settings that differ from the catalogue's and do no harm, in words.
    """

    partitions: int
    topics: Mapping[str, Existing]
    unverified: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


def verify_topics(settings: Settings, needed: Mapping[str, Iterable[str]] | None = None) -> Verified:
    """Check, before the worker starts, that it can run on these topics.

    Args:
        settings: where the broker is and how topics are called.
        needed: operations that must be allowed, by topic of the catalogue; of these topics alone, where it is given.

    Raises:
        BrokerError: no broker, no permission, a topic that is missing, partition counts that do not match, or a setting
            that loses what is promised.
    """
    names = {name: topic_name(settings, name) for name in topics() if needed is None or name in needed}
    with admin(settings) as client, broker_errors(settings, "read the topics"):
        existing = _read(client, settings, names)
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
    found = {name: existing[full] for name, full in names.items()}
    _check_partitions(settings, names, found)
    _check_settings(settings, names, found)
    kept = [f"{names[name]}: {one}" for name in found for one in allowances(topics()[name], found[name].config)]
    unverified = [names[name] for name, topic in found.items() if not topic.config]
    return Verified(found["mentions"].partitions, found, tuple(unverified), tuple(kept))


def _check_partitions(settings: Settings, names: Mapping[str, str], found: Mapping[str, Existing]) -> None:
    """All topics have the partitions of mentions: what a record leads to is written to the same partition number."""
    mentions = found["mentions"].partitions
    others = {names[name]: found[name].partitions for name in found if name != "mentions"}
    wrong = [f"{name} has {partitions}" for name, partitions in others.items() if partitions != mentions]
    if wrong:
        raise BrokerError(
            f"{settings.kafka_bootstrap}: expected {counted(mentions, 'partition')} as {names['mentions']} has, but "
            f"{', '.join(wrong)}: a topic was grown; `tocsin migrate partitions` moves what was learned to where the "
            "keys now go"
        )


def _check_settings(settings: Settings, names: Mapping[str, str], found: Mapping[str, Existing]) -> None:
    """All that is wrong in one line; topics whose settings may not be read are passed over."""
    wrong = [
        f"{names[name]}: expected {one.setting} {one.expected}, got {one.found}"
        for name, topic in found.items()
        if topic.config
        for one in differences(topics()[name], topic.config, topic.replication, guaranteed_only=True)
    ]
    if wrong:
        raise BrokerError(
            f"{settings.kafka_bootstrap}: {'; '.join(wrong)}; what is promised rests on it: `tocsin topics apply` puts "
            "it right"
        )


def partition_count(settings: Settings, name: str) -> int:
    """The number of partitions of a topic of the catalogue on this cluster.

    Raises:
        BrokerError: no broker, no permission, or no such topic.
    """
    count = partitions_if_any(settings, name)
    if not count:
        raise BrokerError(
            f"{settings.kafka_bootstrap}: expected the topic {topic_name(settings, name)}, got none; run `tocsin "
            "topics apply`"
        )
    return count


def partitions_if_any(settings: Settings, name: str) -> int:
    """As `partition_count`, 0 where there is no such topic: of a topic that an older installation has not made.

    Raises:
        BrokerError: no broker, no permission.
    """
    topic = topic_name(settings, name)
    with admin(settings) as client, broker_errors(settings, f"read the topic {topic}"):
        existing = read_topics(client, [topic], seconds=settings.kafka_timeout_seconds)
    return existing[topic].partitions if topic in existing else 0


def _read(client: Any, settings: Settings, names: Iterable[str]) -> dict[str, Existing]:
    """Those of these topics that exist, by their full names, with their configuration where we may read it."""
    full = [topic_name(settings, name) for name in names]
    every = frozenset[str]().union(*map(compared, topics().values()))
    return read_topics(client, full, compared=every, seconds=settings.kafka_timeout_seconds)


def _plan(client: Any, settings: Settings, partitions: int | None, replication: int | None) -> list[Step]:
    from kafka.errors import TopicAuthorizationFailedError

    names = {name: topic_name(settings, name) for name in topics()}
    existing = _read(client, settings, names)
    for name, found in existing.items():
        if not found.config:  # kafka-python passes over the refusal
            raise TopicAuthorizationFailedError(name)
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
