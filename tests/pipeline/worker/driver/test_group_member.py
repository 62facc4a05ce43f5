"""Whether a member that the group no longer knows has lost its place to another process of its name."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.coordinator.protocol import ConsumerProtocol
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.admin import DescribeGroupsRequest

from pipeline.errors import BrokerError
from pipeline.worker.driver.group_member import GroupMember, is_member

UUID = "-0b6f7d2e-4f0a-4c52-9f29-1f5a2f6b7c10"
OTHER = "-9d1c5a44-88f1-4d5a-8f4e-7a2a1b3c4d5e"
UNKNOWN_MEMBER, FENCED_INSTANCE, REBALANCING = 25, 82, 27


class Broker:
    """Answers every request with a code, and says who is in the group."""

    def __init__(self, code: int, members: list[str], *, lost: bool = False) -> None:
        self.code, self.members, self.lost = code, members, lost
        self.state = "Stable"
        self.assignments: dict[str, bytes] = {}
        self.asked = 0

    async def answer(self, request: object) -> Any:
        if not isinstance(request, DescribeGroupsRequest):
            return SimpleNamespace(error_code=self.code)
        self.asked += 1
        if self.lost:
            raise KafkaConnectionError
        members = [(name, "tocsin", "/10.0.0.7", b"", self.assignments.get(name, b"")) for name in self.members]
        return SimpleNamespace(groups=[(0, "tocsin", self.state, "consumer", "faust", members)])


def heartbeat(broker: Broker, monkeypatch: pytest.MonkeyPatch, member_id: str = "w0" + UUID) -> Any:
    monkeypatch.setattr(GroupCoordinator, "_send_req", broker.answer)
    member = GroupMember.__new__(GroupMember)
    member.member_id, member.group_id, member._group_instance_id = member_id, "tocsin", "w0"
    return asyncio.run(member._send_req(object()))


@pytest.mark.parametrize("code", [UNKNOWN_MEMBER, FENCED_INSTANCE])
def test_a_place_that_another_process_of_our_name_has_taken_ends_the_worker(monkeypatch, code):
    with pytest.raises(BrokerError, match=r"worker with the name w0, got another one at /10\.0\.0\.7, .*INSTANCE"):
        heartbeat(Broker(code, ["w1" + UUID, "w0" + OTHER]), monkeypatch)


@pytest.mark.parametrize("members", [[], ["w1" + OTHER], ["w0" + UUID], ["w0-b" + OTHER]])
def test_a_session_that_has_expired_is_no_namesake(monkeypatch, members):
    assert heartbeat(Broker(UNKNOWN_MEMBER, members), monkeypatch).error_code == UNKNOWN_MEMBER


def test_a_broker_that_does_not_say_who_is_there_accuses_nobody(monkeypatch):
    broker = Broker(UNKNOWN_MEMBER, ["w0" + OTHER], lost=True)
    assert heartbeat(broker, monkeypatch).error_code == UNKNOWN_MEMBER
    assert broker.asked == 1


@pytest.mark.parametrize(("code", "member_id"), [(0, "w0" + UUID), (REBALANCING, "w0" + UUID), (UNKNOWN_MEMBER, "")])
def test_nothing_is_asked_where_there_is_no_place_to_lose(monkeypatch, code, member_id):
    broker = Broker(code, ["w0" + OTHER])
    assert heartbeat(broker, monkeypatch, member_id).error_code == code
    assert broker.asked == 0


def test_a_name_is_not_taken_for_one_that_begins_like_it():
    assert is_member("w0" + UUID, "w0")
    assert not is_member("w0-b" + UUID, "w0")
    assert not is_member("w0", "w0")


def owning(*numbers: int) -> bytes:
    """An assignment, as a member of the group has it."""
    return bytes(ConsumerProtocol.ASSIGNMENT(0, [("mentions", list(numbers))], b"").encode())


def join(broker: Broker, monkeypatch: pytest.MonkeyPatch, member_id: str = "") -> bool:
    """Join a group over four partitions of mentions; whether the group is asked once more."""
    asked = []

    async def joined(self: Any, _: object) -> bool:
        self.member_id = "w0" + UUID
        return True

    monkeypatch.setattr(GroupCoordinator, "_send_req", broker.answer)
    monkeypatch.setattr(GroupCoordinator, "_do_rejoin_group", joined)
    monkeypatch.setattr(GroupCoordinator, "request_rejoin", lambda _: asked.append(1))
    member = GroupMember.__new__(GroupMember)
    member.member_id, member.group_id, member._group_instance_id = member_id, "tocsin", "w0"
    member._cluster = SimpleNamespace(partitions_for_topic=lambda _: {0, 1, 2, 3})
    assert asyncio.run(member._do_rejoin_group(SimpleNamespace(topics={"mentions"})))
    return bool(asked)


@pytest.mark.parametrize(
    ("assignments", "again"),
    [
        ({"w0" + UUID: owning(0, 1, 2, 3)}, False),
        ({"w0" + UUID: owning(0, 1), "w1" + OTHER: owning(2, 3)}, False),
        ({"w0" + UUID: owning()}, True),
        ({"w0" + UUID: b""}, True),
        ({"w0" + UUID: owning(0, 1), "w1" + OTHER: owning()}, True),
    ],
    ids=["all", "shared", "none", "not a word", "some"],
)
def test_a_place_that_is_taken_over_while_partitions_have_no_owner_asks_for_them(monkeypatch, assignments, again):
    broker = Broker(0, list(assignments))
    broker.assignments = assignments
    assert join(broker, monkeypatch) == again


def test_a_group_that_is_giving_out_its_partitions_is_left_alone(monkeypatch):
    broker = Broker(0, ["w0" + UUID])
    broker.state = "PreparingRebalance"
    assert not join(broker, monkeypatch)


def test_a_member_that_the_group_knows_asks_nothing_more(monkeypatch):
    broker = Broker(0, ["w0" + UUID])
    assert not join(broker, monkeypatch, "w0" + OTHER)
    assert broker.asked == 0
