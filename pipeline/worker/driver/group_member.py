"""A member of the consumer group that notices when another process goes by its name.

With static membership whoever joins under a name takes the place of the one that had it. That is how a worker that was
killed gets its partitions back at once; but where the other one still runs, the broker no longer knows it, aiokafka
joins again and takes the place back, and so on for ever: two workers, each of which sees nothing but rebalances. The
broker's answer does not tell a place that was taken from a session that has expired; its list of members does.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import structlog
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.coordinator.protocol import ConsumerProtocol
from aiokafka.errors import KafkaError, UnknownMemberIdError
from aiokafka.protocol.admin import DescribeGroupsRequest
from aiokafka.protocol.group import JoinGroupRequest

from pipeline.errors import BrokerError

_FENCED_INSTANCE: Final = 82
"""Kafka's FENCED_INSTANCE_ID, which aiokafka does not know."""
_GONE: Final = frozenset({UnknownMemberIdError.errno, _FENCED_INSTANCE})
_UUID_CHARACTERS: Final = 36
_AT_REST: Final = "Stable"

logger = structlog.get_logger("tocsin.worker")


def is_member(member_id: str, instance: str) -> bool:
    """Whether Kafka gave this id to a static member of that name: it is the name and a UUID."""
    return member_id[:-_UUID_CHARACTERS] == f"{instance}-"


class GroupMember(GroupCoordinator):
    """aiokafka's coordinator; of two members with one name the older ends, with one line."""

    async def _send_req(self, request: Any) -> Any:
        mine = self.member_id
        response = await super()._send_req(request)
        if mine and self._group_instance_id and getattr(response, "error_code", 0) in _GONE:
            for member_id, _, host, *_ in (await self._described())[1]:
                if member_id != mine and is_member(member_id, self._group_instance_id):
                    raise BrokerError(
                        f"group {self.group_id}: expected to be the only worker with the name "
                        f"{self._group_instance_id}, got another one at {host}, which has taken our partitions; give "
                        "each worker a TOCSIN_INSTANCE of its own"
                    )
        return response

    async def _do_rejoin_group(self, subscription: Any) -> bool:
        """Join; and once more where the place that was taken over comes with an assignment of other days.

        Whoever takes a place over gets what the one before had, and no partitions are given out anew. Where that one
        died while its topic was deleted, it had none: the worker would stand by for ever, ready and without work. As a
        member that the broker knows its leader is heard.
        """
        takes_over = self._group_instance_id and self.member_id == JoinGroupRequest.UNKNOWN_MEMBER_ID
        joined: bool = await super()._do_rejoin_group(subscription)
        if joined and takes_over and await self._leaves_some(subscription.topics):
            logger.warning("partitions without an owner: the group is asked to give them out again")
            self.request_rejoin()
        return joined

    async def _leaves_some(self, topics: Iterable[str]) -> bool:
        """Whether a partition of these topics has no owner while the group is at rest."""
        state, members = await self._described()
        if state != _AT_REST:
            return False
        owned = {
            (topic, number)
            for *_, assignment in members
            if assignment
            for topic, numbers in ConsumerProtocol.ASSIGNMENT.decode(assignment).assignment
            for number in numbers
        }
        return any(
            (topic, number) not in owned
            for topic in topics
            for number in self._cluster.partitions_for_topic(topic) or ()
        )

    async def _described(self) -> tuple[str, list[tuple[Any, ...]]]:
        """The group's state and its members: id, client, host, metadata, assignment. Nothing where no broker says."""
        try:
            response = await super()._send_req(DescribeGroupsRequest([self.group_id]))
        except KafkaError:  # whoever asked: the next answer of this kind asks again
            return "", []
        (group,) = response.groups
        return group[2], group[5]
