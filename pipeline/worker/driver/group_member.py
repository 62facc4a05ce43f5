"""A member of the consumer group that notices when another process goes by its name.

With static membership whoever joins under a name takes the place of the one that had it. That is how a worker that was
killed gets its partitions back at once; but where the other one still runs, the broker no longer knows it, aiokafka
joins again and takes the place back, and so on for ever: two workers, each of which sees nothing but rebalances. The
broker's answer does not tell a place that was taken from a session that has expired; its list of members does.
"""

from __future__ import annotations

from typing import Any, Final

from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import KafkaError, UnknownMemberIdError
from aiokafka.protocol.admin import DescribeGroupsRequest

from pipeline.errors import BrokerError

_FENCED_INSTANCE: Final = 82
"""Kafka's FENCED_INSTANCE_ID, which aiokafka does not know."""
_GONE: Final = frozenset({UnknownMemberIdError.errno, _FENCED_INSTANCE})
_UUID_CHARACTERS: Final = 36


def is_member(member_id: str, instance: str) -> bool:
    """Whether Kafka gave this id to a static member of that name: it is the name and a UUID."""
    return member_id[:-_UUID_CHARACTERS] == f"{instance}-"


class GroupMember(GroupCoordinator):
    """aiokafka's coordinator; of two members with one name the older ends, with one line."""

    async def _send_req(self, request: Any) -> Any:
        mine = self.member_id
        response = await super()._send_req(request)
        if mine and self._group_instance_id and getattr(response, "error_code", 0) in _GONE:
            await self._look_for_namesake(mine)
        return response

    async def _look_for_namesake(self, mine: str) -> None:
        """Ask who is in our place; nobody is where our session has expired.

        Raises:
            BrokerError: another process that goes by our name.
        """
        try:
            response = await super()._send_req(DescribeGroupsRequest([self.group_id]))
        except KafkaError:  # the next answer of this kind asks again
            return
        for group in response.groups:
            for member_id, _, host, *_ in group[5]:
                if member_id != mine and is_member(member_id, self._group_instance_id):
                    raise BrokerError(
                        f"group {self.group_id}: expected to be the only worker with the name "
                        f"{self._group_instance_id}, got another one at {host}, which has taken our partitions; give "
                        "each worker a TOCSIN_INSTANCE of its own"
                    )
