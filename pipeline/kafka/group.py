"""The consumer group as the broker knows it, before the worker joins it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from pipeline.config.settings import Settings
from pipeline.kafka.clients import admin, broker_errors, topic_name
from pipeline.kafka.permissions import operations_of


class Group(msgspec.Struct, frozen=True):
    """A consumer group that we may join.

    Attributes:
        namesake: host of a member that goes by our name already, None where there is none. It may be what we were
            ourselves before we were killed: only a session that expires tells.
        committed: offsets of mentions by partition; those never committed are left out.
    """

    namesake: str | None = None
    committed: Mapping[int, int] = {}


def verify_group(settings: Settings) -> Group:
    """Check, before the worker starts, that it may join the group; the client itself would ask for ever.

    Raises:
        BrokerError: no broker, or no permission.
    """
    from kafka.errors import (
        CoordinatorLoadInProgressError,
        CoordinatorNotAvailableError,
        GroupAuthorizationFailedError,
        NotCoordinatorError,
    )

    # A new broker makes its offsets topic when the first group comes, and one that is back reads it first. What is not
    # said now the worker's own client hears when it joins.
    not_now = (CoordinatorNotAvailableError, CoordinatorLoadInProgressError, NotCoordinatorError)

    with admin(settings) as client, broker_errors(settings, f"join the consumer group {settings.group}"):
        try:
            found = client.describe_groups([settings.group])[settings.group]
            allowed = operations_of(found)
            if allowed is not None and "Read" not in allowed:
                raise GroupAuthorizationFailedError(f"Read on {settings.group}")
            offsets = client.list_group_offsets({settings.group: None})[settings.group]
        except not_now:
            return Group()
    return Group(_namesake(found, settings.instance), _committed(offsets, topic_name(settings, "mentions")))


def _namesake(found: Mapping[str, Any], instance: str) -> str | None:
    members = found.get("members") or ()
    return next((one["client_host"] for one in members if one.get("group_instance_id") == instance), None)


def _committed(offsets: Mapping[Any, Any], topic: str) -> dict[int, int]:
    return {where.partition: at.offset for where, at in offsets.items() if where.topic == topic and at.offset > 0}
