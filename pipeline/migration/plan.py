"""What a migration has set out to do, kept in the new state topic until it is done, so that it can be resumed."""

from __future__ import annotations

from typing import Final

import msgspec

from pipeline.errors import StateError, TocsinError

PLAN_KEY: Final = b"#migration"
"""On partition 0 of the new state topic; deleted in the transaction that writes this partition, the last one."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """From where to where, and up to which offsets the old partitions' keys are counted together.

    Attributes:
        before, after: partitions.
        generation: of the new state.
        starts: by partition of mentions, the first offset that no old checkpoint holds.
        ends: by partition of mentions, the offset from which the workers go on.
        config: hash of the configuration: another one would count the rest differently.
    """

    before: int
    after: int
    generation: int
    starts: list[int]
    ends: list[int]
    config: str
    version: int = 1

    @property
    def unread(self) -> int:
        """Offsets from starts to ends: records, markers of transactions among them."""
        return sum(end - min(start, end) for start, end in zip(self.starts, self.ends, strict=True))


def encode_plan(plan: Plan) -> bytes:
    """The plan as the state topic keeps it."""
    return msgspec.json.encode(plan)


def taken_up(found: bytes, wanted: Plan, topic: str) -> Plan:
    """The plan that was begun, if it is one for what is wanted now.

    Args:
        found: what the new state topic keeps.
        wanted: what would be begun now.
        topic: the new state topic, named in errors.

    Raises:
        StateError: it cannot be read.
        TocsinError: it was begun for other partitions, from other checkpoints or with another configuration.
    """
    try:
        plan = msgspec.json.decode(found, type=Plan)
    except msgspec.DecodeError as error:
        raise StateError(
            f"{topic}: expected the plan of a migration, got {error}; delete the topic and begin again"
        ) from None
    for name in ("before", "after", "starts", "config"):
        begun, now = getattr(plan, name), getattr(wanted, name)
        if begun != now:
            raise TocsinError(
                f"{topic}: a migration was begun with {name} {begun}, expected the same, got {now}; go on as it was "
                f"begun, or delete {topic} and begin again"
            )
    return plan
