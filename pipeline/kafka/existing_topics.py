"""The topics as they exist on the brokers, once every broker that answers says the same of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import msgspec

from pipeline.errors import BrokerError
from pipeline.kafka.permissions import operations_of
from pipeline.wording import counted

_PAUSE_SECONDS: Final = 0.1
_NO_LEADER: Final = -1
_NO_ID: Final = str(UUID(int=0))
READ_CONFIG: Final = "DescribeConfigs"
"""The operation that lets us read the configuration of a topic."""


class Existing(msgspec.Struct, frozen=True):
    """A topic as it exists on the broker.

    Attributes:
        partitions, replication: of the topic; replicas are those of its first partition.
        config: effective values, defaults included; empty where they were not asked for, or may not be read.
        operations: those that we are allowed, None where the broker does not say.
        id: of this topic and no other that had or will have its name; empty where the broker gives none (before 2.8).
        leader_epochs: by partition; they never go down while the topic exists. -1 where the broker gives none.
    """

    partitions: int
    replication: int
    config: Mapping[str, str] = {}
    operations: frozenset[str] | None = None
    id: str = ""
    leader_epochs: tuple[int, ...] = ()


def read_topics(
    client: Any, names: Sequence[str], *, compared: Container[str] = (), seconds: float = 10.0
) -> dict[str, Existing]:
    """Those of the named topics that exist, when all brokers agree on them.

    Args:
        client: a pipeline.kafka.admin_client.AdminClient.
        names: full names.
        compared: settings that all brokers must have alike. With some, the configuration is read too, where the
            permission DescribeConfigs allows it.
        seconds: longest wait until the brokers agree.

    Raises:
        KafkaError: the broker refuses to say.
        BrokerError: the brokers do not agree in time.
    """
    from kafka import errors

    described = []
    for found in _agreed(client.topics_by_broker, names, seconds, _standing):
        problem = errors.for_code(found["error_code"])
        if problem is errors.UnknownTopicOrPartitionError:
            continue
        if problem is not errors.NoError:
            raise problem(found["name"])
        described.append(_existing(found))
    known = dict(described)
    readable = [name for name, topic in known.items() if topic.operations is None or READ_CONFIG in topic.operations]
    if not compared or not readable:
        return known

    def essence(configs: Mapping[str, Mapping[str, str]]) -> Any:
        return {name: {key: config[key] for key in config if key in compared} for name, config in configs.items()}

    configs = _agreed(client.configs_by_broker, readable, seconds, essence)
    return {name: msgspec.structs.replace(topic, config=configs.get(name, {})) for name, topic in known.items()}


def glance(client: Any, names: Sequence[str]) -> dict[str, Existing | None]:
    """What one broker says of these topics now; None for one that is not there.

    Left out are those of which it does not speak, because we may not ask or there is no leader at this moment.

    Raises:
        KafkaError: no broker answers.
    """
    from kafka import errors

    found: dict[str, Existing | None] = {}
    for described in client.describe_topics(list(names)):
        problem = errors.for_code(described["error_code"])
        if problem is errors.NoError:
            name, existing = _existing(described)
            found[name] = existing
        elif problem is errors.UnknownTopicOrPartitionError:
            found[described["name"]] = None
    return found


def await_usable(client: Any, names: Sequence[str], seconds: float) -> None:
    """Wait until every broker knows the topics, alike, and every partition has a leader.

    Raises:
        KafkaError: no broker answers.
        BrokerError: it takes longer; with what is missing.
    """
    _agreed(client.topics_by_broker, names, seconds, _standing, _unusable)


def _agreed(
    ask: Callable[[Sequence[str], float], dict[int, Any]],
    names: Sequence[str],
    seconds: float,
    essence: Callable[[Any], Any],
    fault: Callable[[Any], str] = lambda _: "",
) -> Any:
    """The answer of any broker, once all that answer say the same and there is no fault in it.

    Args:
        ask: the question to all brokers, for answers by broker.
        names: of the topics.
        seconds: longest wait for that.
        essence: of an answer, in which they have to agree.
        fault: of an answer that all give; empty where there is none.
    """
    deadline = time.monotonic() + seconds
    while True:
        answers = ask(names, seconds)
        (broker, first), *others = sorted(answers.items())
        differing = [(other, answer) for other, answer in others if essence(answer) != essence(first)]
        why = fault(first)
        if not differing and not why:
            return first
        if time.monotonic() + _PAUSE_SECONDS >= deadline:
            if differing:
                other, answer = differing[0]
                why = _difference(essence(first), essence(answer), broker, other)
            raise BrokerError(
                f"expected every broker to know the topics alike within {seconds:g} s, got: {why}; nothing is wrong "
                "with the topics themselves: run the command again when the brokers have caught up"
            )
        time.sleep(_PAUSE_SECONDS)


def _standing(described: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """By topic, what does not change while it is merely used: not its leaders, nor which replicas are in sync."""
    return {found["name"]: _words(found) for found in described}


def _words(found: Mapping[str, Any]) -> str:
    if found["error_code"]:
        from kafka import errors

        return str(errors.for_code(found["error_code"]).__name__)
    identity = _id(found)
    return counted(len(found["partitions"]), "partition") + (f" of the topic {identity}" if identity else "")


def _difference(first: Mapping[str, Any], other: Mapping[str, Any], broker: int, another: int) -> str:
    for name, value in first.items():
        if other.get(name) != value:
            if isinstance(value, Mapping):
                return f"{name} is not configured alike on brokers {broker} and {another}"
            return f"{name}: {value} on broker {broker}, {other.get(name)} on broker {another}"
    return f"brokers {broker} and {another} speak of different topics"


def _unusable(described: Sequence[Mapping[str, Any]]) -> str:
    for found in described:
        if found["error_code"]:
            return f"{found['name']}: {_words(found)}"
        for partition in found["partitions"]:
            if partition.get("leader_id", _NO_LEADER) == _NO_LEADER:
                return f"{found['name']}[{partition['partition_index']}] has no leader"
    return ""


def _existing(found: Mapping[str, Any]) -> tuple[str, Existing]:
    partitions = sorted(found["partitions"], key=lambda partition: int(partition.get("partition_index", 0)))
    return found["name"], Existing(
        len(partitions),
        len(partitions[0]["replica_nodes"]),
        operations=operations_of(found),
        id=_id(found),
        leader_epochs=tuple(int(partition.get("leader_epoch", -1)) for partition in partitions),
    )


def _id(found: Mapping[str, Any]) -> str:
    given = str(found.get("topic_id") or "")
    return "" if given == _NO_ID else given
