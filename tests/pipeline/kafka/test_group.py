"""What the broker says of the consumer group before the worker joins it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from kafka import OffsetAndMetadata, TopicPartition
from kafka.errors import CoordinatorLoadInProgressError, CoordinatorNotAvailableError, NotCoordinatorError

from pipeline.config.settings import Settings
from pipeline.errors import BrokerError
from pipeline.kafka import group as module
from pipeline.kafka.group import Group, verify_group

SETTINGS = Settings(group="g", instance="w0", topic_prefix="p-")


class Broker:
    """The part of an AdminClient that is asked."""

    def __init__(self, members: list[dict[str, Any]], error: Exception | None = None, allowed: Any = None) -> None:
        self._found = {"members": members, "authorized_operations": allowed}
        self._error = error

    def describe_groups(self, names: list[str]) -> dict[str, Any]:
        return {names[0]: self._found}

    def list_group_offsets(self, groups: dict[str, None]) -> dict[str, Any]:
        if self._error is not None:
            raise self._error
        offsets = {("p-mentions", 0): 7, ("p-mentions", 1): -1, ("other", 2): 5}
        return {
            name: {TopicPartition(*at): OffsetAndMetadata(n, "", -1) for at, n in offsets.items()} for name in groups
        }


def ask(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> Group:
    @contextmanager
    def admin(_: Settings) -> Iterator[Broker]:
        yield broker

    monkeypatch.setattr(module, "admin", admin)
    return verify_group(SETTINGS)


def test_a_namesake_and_the_offsets_of_our_mentions_are_found(monkeypatch):
    members = [
        {"group_instance_id": "w1", "client_host": "/10.0.0.1"},
        {"group_instance_id": "w0", "client_host": "/10.0.0.2"},
    ]
    assert ask(Broker(members), monkeypatch) == Group("/10.0.0.2", {0: 7})
    assert ask(Broker(members[:1]), monkeypatch).namesake is None


@pytest.mark.parametrize(
    "error", [CoordinatorNotAvailableError(), CoordinatorLoadInProgressError(), NotCoordinatorError()]
)
def test_a_broker_that_is_only_just_back_stops_no_worker(monkeypatch, error):
    """A start that met one after a pause of ten seconds ended with code 1."""
    assert ask(Broker([], error), monkeypatch) == Group()


def test_a_group_that_may_not_be_read_is_refused(monkeypatch):
    with pytest.raises(BrokerError, match=r"has no permission .*Read on g"):
        ask(Broker([], allowed=["DESCRIBE"]), monkeypatch)
