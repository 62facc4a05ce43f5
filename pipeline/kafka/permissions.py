"""Permissions on topics that a command needs, checked with the broker before anything starts.

Otherwise a worker would find out at its first alert, hours later, that it may not write one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def worker_operations(
    *, ticks: bool, reroutes: bool = False, activity: bool = True, feedback: bool = True
) -> dict[str, frozenset[str]]:
    """Operations that the worker needs, by topic of the catalogue; each of them includes Describe.

    Args:
        ticks: whether the worker appends tick records to idle partitions of mentions.
        reroutes: whether it writes misplaced mentions to the right partition.
        activity: whether it writes the activity of the brands; where it does not, that topic need not be there.
        feedback: whether it brings feedback into the mentions; the same of its topic.
    """
    needed = {
        "mentions": frozenset({"Read", "Write"} if ticks or reroutes else {"Read"}),
        "alerts": frozenset({"Write"}),
        "mentions-dlq": frozenset({"Write"}),
        "brand-state": frozenset({"Read", "Write"}),
    }
    if activity:
        needed["brand-activity"] = frozenset({"Write"})
    if feedback:
        needed["alert-feedback"] = frozenset({"Read"})
    return needed


def missing(needed: Mapping[str, Iterable[str]], allowed: Mapping[str, frozenset[str] | None]) -> list[str]:
    """Operations that are not allowed, such as "Write on alerts", by topic; topics without an answer are left out.

    Args:
        needed: operations by topic.
        allowed: operations that the broker allows, by topic; None where it does not say.
    """
    return [
        f"{operation} on {topic}"
        for topic, operations in needed.items()
        for operation in sorted(operations)
        if (reported := allowed.get(topic)) is not None and operation not in reported
    ]


def operations_of(found: Mapping[str, Any]) -> frozenset[str] | None:
    """The operations that kafka-python reports with a topic or a group, as Kafka writes them in ACLs.

    Returns:
        Such as {"Read", "DescribeConfigs"}; None where the broker did not say.
    """
    reported = found.get("authorized_operations")
    return None if reported is None else frozenset(name.title().replace("_", "") for name in reported)
