"""What a command must be allowed to do with topics, asked of the broker before anything starts.

Without this a worker would find out at its first alert, hours later, that it may not write one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def worker_operations(*, ticks: bool) -> dict[str, frozenset[str]]:
    """Operations that the worker needs, by topic of the catalogue; each of them includes Describe.

    Args:
        ticks: it appends tick records to idle partitions of mentions.
    """
    return {
        "mentions": frozenset({"Read", "Write"} if ticks else {"Read"}),
        "alerts": frozenset({"Write"}),
        "mentions-dlq": frozenset({"Write"}),
        "brand-state": frozenset({"Read", "Write"}),
    }


def missing(needed: Mapping[str, Iterable[str]], allowed: Mapping[str, frozenset[str] | None]) -> list[str]:
    """What is not allowed, as "Write on alerts", in the order of the topics; a topic that tells nothing is passed over.

    Args:
        needed: operations by topic.
        allowed: the same, as the broker tells them; None where it does not.
    """
    return [
        f"{operation} on {topic}"
        for topic, operations in needed.items()
        for operation in sorted(operations)
        if (told := allowed.get(topic)) is not None and operation not in told
    ]


def operations_of(found: Mapping[str, Any]) -> frozenset[str] | None:
    """The operations that kafka-python gives with a topic or a group, as Kafka writes them in ACLs.

    Returns:
        Such as {"Read", "DescribeConfigs"}; None where the broker did not tell.
    """
    told = found.get("authorized_operations")
    return None if told is None else frozenset(name.title().replace("_", "") for name in told)
