"""The life of a partition on one worker: a phase, and the table of the moves that lead from one to the next.

    OPENING --opened--> RUNNING --suspend--> SUSPENDED --withdraw--> WITHDRAWN
       |                   ^---------resume-----'------------resume------'
       '--suspend--> INTERRUPTED --opened--> WITHDRAWN        every phase --leave--> LEFT

A rebalance suspends every partition of the worker and asks each for a last checkpoint; when the time for it is over, it
withdraws them. Then the group decides: a partition that stays is resumed, one that goes is left. No transaction may
begin between revocation and assignment but that last one: the next owner's producer would fence ours in the middle of
it, and end a healthy worker.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from enum import Enum, auto
from types import MappingProxyType
from typing import Final


class Phase(Enum):
    """What the worker may do with a partition."""

    OPENING = auto()
    """The previous owner is fenced and its state loaded; nothing is ingested or written."""
    INTERRUPTED = auto()
    """The same, and a rebalance has begun meanwhile: there is nothing that a last checkpoint could write."""
    RUNNING = auto()
    """Records are ingested and checkpoints written."""
    SUSPENDED = auto()
    """A rebalance has begun: a last checkpoint may begin, no other. Records are ingested as far as memory allows."""
    WITHDRAWN = auto()
    """The time for a last checkpoint is over: none begins. Records are ingested as far as memory allows."""
    LEFT = auto()
    """The partition has another owner, or the worker ends: nothing is ingested, and no checkpoint begins."""


class Move(Enum):
    """What happens to a partition."""

    OPENED = auto()
    SUSPEND = auto()
    WITHDRAW = auto()
    RESUME = auto()
    LEAVE = auto()


TRANSITIONS: Final[Mapping[tuple[Phase, Move], Phase]] = MappingProxyType({
    (Phase.OPENING, Move.OPENED): Phase.RUNNING,
    (Phase.OPENING, Move.SUSPEND): Phase.INTERRUPTED,
    (Phase.OPENING, Move.WITHDRAW): Phase.OPENING,
    (Phase.OPENING, Move.LEAVE): Phase.LEFT,
    (Phase.INTERRUPTED, Move.OPENED): Phase.WITHDRAWN,
    (Phase.INTERRUPTED, Move.SUSPEND): Phase.INTERRUPTED,
    (Phase.INTERRUPTED, Move.WITHDRAW): Phase.INTERRUPTED,
    (Phase.INTERRUPTED, Move.RESUME): Phase.OPENING,
    (Phase.INTERRUPTED, Move.LEAVE): Phase.LEFT,
    (Phase.RUNNING, Move.SUSPEND): Phase.SUSPENDED,
    # The partition was resumed before the wait for last checkpoints ended.
    (Phase.RUNNING, Move.WITHDRAW): Phase.RUNNING,
    (Phase.RUNNING, Move.RESUME): Phase.RUNNING,
    (Phase.RUNNING, Move.LEAVE): Phase.LEFT,
    # The end of the worker in the middle of a rebalance suspends once more.
    (Phase.SUSPENDED, Move.SUSPEND): Phase.SUSPENDED,
    (Phase.SUSPENDED, Move.WITHDRAW): Phase.WITHDRAWN,
    (Phase.SUSPENDED, Move.RESUME): Phase.RUNNING,
    (Phase.SUSPENDED, Move.LEAVE): Phase.LEFT,
    # Withdrawn is withdrawn: the partition may have another owner already, whatever else begins here.
    (Phase.WITHDRAWN, Move.SUSPEND): Phase.WITHDRAWN,
    (Phase.WITHDRAWN, Move.WITHDRAW): Phase.WITHDRAWN,
    (Phase.WITHDRAWN, Move.RESUME): Phase.RUNNING,
    (Phase.WITHDRAWN, Move.LEAVE): Phase.LEFT,
    # What was under way when it was left comes too late.
    (Phase.LEFT, Move.OPENED): Phase.LEFT,
    (Phase.LEFT, Move.WITHDRAW): Phase.LEFT,
    (Phase.LEFT, Move.LEAVE): Phase.LEFT,
})  # fmt: skip
"""Every legal move. What is not here is a mistake in our own code."""


class IllegalMoveError(RuntimeError):
    """A move that the table does not have, or work that the phase does not allow."""


class Life:
    """The phase of one partition. Everything runs on one event loop."""

    def __init__(self) -> None:
        """It is being opened."""
        self.phase = Phase.OPENING
        self._moved = asyncio.Event()

    @property
    def is_open(self) -> bool:
        """Whether the state is loaded and the partition is not left."""
        return self.phase in {Phase.RUNNING, Phase.SUSPENDED, Phase.WITHDRAWN}

    def require_opened(self) -> None:
        """Nothing, once its state has been loaded.

        Raises:
            IllegalMoveError: not yet: what it is given now would be lost.
        """
        if self.phase in {Phase.OPENING, Phase.INTERRUPTED}:
            raise IllegalMoveError(f"a partition that is {self.phase.name} cannot take records")

    def may_write(self, *, last: bool) -> bool:
        """Whether a checkpoint may begin now.

        Args:
            last: it is the one before the partition may get another owner.
        """
        return self.phase is Phase.RUNNING or (last and self.phase is Phase.SUSPENDED)

    def move(self, move: Move) -> None:
        """Go over to the next phase, and wake the tasks that wait for it.

        Raises:
            IllegalMoveError: the table does not have it.
        """
        following = TRANSITIONS.get((self.phase, move))
        if following is None:
            raise IllegalMoveError(f"a partition that is {self.phase.name} cannot {move.name}")
        self.phase = following
        self._moved.set()
        self._moved = asyncio.Event()

    async def until(self, *phases: Phase) -> None:
        """Wait until the phase is one of these."""
        while self.phase not in phases:
            await self._moved.wait()
