"""What a migration asks of the broker and changes there: the topics' partitions, and who is at work on them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

from pipeline.config.settings import Settings
from pipeline.errors import BrokerError, TocsinError
from pipeline.kafka.clients import admin, broker_errors, topic_name
from pipeline.kafka.topics import apply_topics
from pipeline.wording import counted
from schemas.catalogue import topics

_GRACE_SECONDS: Final = 5.0
_LOOK_SECONDS: Final = 0.5


def count_partitions(settings: Settings) -> dict[str, int]:
    """The partitions of the catalogue's topics by name; topics that are missing are left out.

    Raises:
        BrokerError: no broker, or no permission.
    """
    names = {topic_name(settings, name): name for name in topics()}
    with admin(settings) as client, broker_errors(settings, "read the topics"):
        return {names[topic]: count for topic, count in _described(client, list(names)).items()}


def _described(client: Any, names: list[str]) -> dict[str, int]:
    from kafka import errors

    counts: dict[str, int] = {}
    for found in client.describe_topics(names):
        problem = errors.for_code(found["error_code"])
        if problem is errors.NoError:
            counts[found["name"]] = len(found["partitions"])
        elif problem is not errors.UnknownTopicOrPartitionError:
            raise problem(found["name"])
    return counts


def grow(settings: Settings, counts: Mapping[str, int], partitions: int, after: Settings) -> None:
    """Give all topics but the state so many partitions, and make the state topic of the next generation.

    Args:
        settings: of the generation that is there.
        counts: partitions of the topics by name.
        partitions: wanted; none of the topics has more.
        after: settings of the next generation.

    Raises:
        BrokerError: no broker, no permission, or a refusal.
        TocsinError: the new state topic is there with another number of partitions.
    """
    new = topic_name(after, "brand-state")
    with admin(settings) as client, broker_errors(settings, f"read the topic {new}"):
        begun = _described(client, [new]).get(new, partitions)
    if begun != partitions:
        raise TocsinError(
            f"{new}: expected {partitions} partitions, got {begun} of a migration that was begun and not ended; delete "
            "the topic and begin again: alerts that it had written come once more, under the same ids"
        )
    smaller = {topic_name(settings, name) for name, count in counts.items() if count < partitions}
    smaller.discard(topic_name(settings, "brand-state"))  # it stays as it is: the way back
    with admin(settings) as client:
        for topic in sorted(smaller):
            with broker_errors(settings, f"add partitions to {topic}"):
                _add_partitions(client, topic, partitions)
        deadline = time.monotonic() + settings.kafka_timeout_seconds
        with broker_errors(settings, "read the topics"):
            while any(count < partitions for count in _described(client, sorted(smaller)).values()):
                if time.monotonic() > deadline:
                    raise BrokerError(
                        f"{', '.join(sorted(smaller))}: expected {partitions} partitions within "
                        f"{settings.kafka_timeout_seconds:g} s of adding them, got fewer; run the command again"
                    )
                time.sleep(_LOOK_SECONDS)
    apply_topics(after, partitions)


def _add_partitions(client: Any, topic: str, partitions: int) -> None:
    from kafka import errors

    result = client.create_partitions({topic: partitions}, raise_errors=False).to_dict()["results"][0]
    if result["error_code"]:
        raise errors.for_code(result["error_code"])(result["error_message"] or topic)


def workers(settings: Settings) -> list[str]:
    """The members of the consumer group by their instance names.

    Raises:
        BrokerError: no broker, or no permission.
    """
    from kafka.errors import CoordinatorNotAvailableError

    with admin(settings) as client, broker_errors(settings, f"read the consumer group {settings.group}"):
        try:
            found = client.describe_groups([settings.group])[settings.group]
        except CoordinatorNotAvailableError:  # a new broker makes its offsets topic when the first group comes
            return []
    return sorted(member.get("group_instance_id") or member["member_id"] for member in found["members"])


def await_no_workers(settings: Settings) -> None:
    """Wait until the consumer group is empty: a worker that was stopped is a member until its session ends.

    Raises:
        TocsinError: workers are active.
    """
    seconds = settings.group_session_timeout_seconds + _GRACE_SECONDS
    deadline = time.monotonic() + seconds
    while names := workers(settings):
        if time.monotonic() > deadline:
            raise TocsinError(
                f"consumer group {settings.group}: expected no worker, got {counted(len(names), 'active worker')} "
                f"({', '.join(names[:5])}) for {seconds:g} s; stop all workers, then run the command again"
            )
        time.sleep(_LOOK_SECONDS)
