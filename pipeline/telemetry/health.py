"""Is this worker alive, and is it doing its work: what /healthz and /readyz answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import Any, Final

import msgspec

HEARTBEAT_LIMIT_SECONDS: Final = 60.0
"""A worker whose loop has not turned for so long is stuck: the supervisor should replace it."""


class HealthReport(msgspec.Struct, frozen=True, kw_only=True):
    """An answer and its reason, in a form that fits one line of JSON."""

    ok: bool
    why: str
    heartbeat_age_seconds: float
    partitions: tuple[int, ...] = ()
    """Those whose state is loaded; none before, while a rebalance lasts and when the worker ends."""

    def line(self) -> bytes:
        """The report as one line of JSON."""
        return msgspec.json.encode(self) + b"\n"


class _State(msgspec.Struct, frozen=True):
    """All that is known at one moment. `beat` is the time of the last heartbeat; None stands for nothing to report."""

    beat: float
    failure: str | None = None
    stall: str | None = None
    away: str | None = None
    waiting_for: str | None = "starting"
    partitions: tuple[int, ...] = ()


class Health:
    """State of one worker: written by its loop, which replaces the whole state, and read by the HTTP threads.

    Alive means that the loop turns, work does not stand still and nothing has failed. Ready means alive, assigned, a
    broker that answers, and the state of every assigned partition loaded; a worker in stand-by (no partition left for
    it) is ready with none.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Not ready and not failed; the time to the first heartbeat counts from here.

        Args:
            clock: seconds, never going back.
        """
        self._clock = clock
        self._state = _State(clock())

    def heartbeat(self) -> None:
        """The loop has turned; to be called at least every few seconds, during a long state loading too."""
        self._change(beat=self._clock())

    def stalled(self, why: str | None) -> None:
        """Work stands still although the loop turns; None when it goes on again."""
        self._change(stall=why)

    def broker_away(self, why: str | None) -> None:
        """No broker answers; None when one does. Not ready, though alive: another process would not be answered."""
        self._change(away=why)

    def ready(self, partitions: Collection[int]) -> None:
        """Assignment is complete and the state of these partitions is loaded."""
        self._change(waiting_for=None, partitions=tuple(sorted(partitions)))

    def not_ready(self, why: str) -> None:
        """Work is suspended (rebalance, state loading, shutting down)."""
        self._change(waiting_for=why, partitions=())

    def fail(self, why: str) -> None:
        """The worker is going down; the first reason is kept."""
        self._change(failure=self._state.failure or why)

    def alive(self) -> HealthReport:
        """What /healthz answers."""
        return self._alive(self._state)

    def readiness(self) -> HealthReport:
        """What /readyz answers."""
        state = self._state
        alive = self._alive(state)
        if not alive.ok:
            return alive
        why = state.away or state.waiting_for
        if why is not None:
            return msgspec.structs.replace(alive, ok=False, why=why)
        return msgspec.structs.replace(alive, why="ready")

    def _change(self, **fields: Any) -> None:
        self._state = msgspec.structs.replace(self._state, **fields)

    def _alive(self, state: _State) -> HealthReport:
        age = round(self._clock() - state.beat, 3)
        why = state.failure
        if why is None and age > HEARTBEAT_LIMIT_SECONDS:
            why = f"the loop has not turned for {age:.0f} s, more than {HEARTBEAT_LIMIT_SECONDS:.0f}"
        if why is None:
            why = state.stall
        return HealthReport(ok=why is None, why=why or "alive", heartbeat_age_seconds=age, partitions=state.partitions)
