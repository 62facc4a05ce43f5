"""Is this worker alive, and is it doing its work: what /healthz and /readyz answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from typing import Final

import msgspec

HEARTBEAT_LIMIT_SECONDS: Final = 60.0
"""A worker whose loop has not turned for so long is stuck: the supervisor should replace it."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """An answer and its reason, in a form that fits one line of JSON."""

    ok: bool
    why: str
    heartbeat_age_seconds: float
    partitions: tuple[int, ...] = ()

    def line(self) -> bytes:
        """The verdict as one line of JSON."""
        return msgspec.json.encode(self) + b"\n"


class Health:
    """State of one worker, written by its loop and read by the HTTP threads.

    Alive means that the loop turns, work does not stand still and nothing has failed. Ready means alive, assigned, and
    the state of every assigned partition loaded; a worker in stand-by (no partition left for it) is ready with none.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Not ready and not failed; the time to the first heartbeat counts from here.

        Args:
            clock: seconds, never going back.
        """
        self._clock = clock
        self._lock = threading.Lock()
        self._beat = clock()
        self._failure: str | None = None
        self._stall: str | None = None
        self._waiting_for: str | None = "starting"
        self._partitions: tuple[int, ...] = ()

    def heartbeat(self) -> None:
        """The loop has turned; to be called at least every few seconds, during a long state loading too."""
        with self._lock:
            self._beat = self._clock()

    def stalled(self, why: str | None) -> None:
        """Work stands still although the loop turns; None when it goes on again."""
        with self._lock:
            self._stall = why

    def ready(self, partitions: Collection[int]) -> None:
        """Assignment is complete and the state of these partitions is loaded."""
        with self._lock:
            self._waiting_for = None
            self._partitions = tuple(sorted(partitions))

    def not_ready(self, why: str) -> None:
        """Work is suspended (rebalance, state loading, shutting down)."""
        with self._lock:
            self._waiting_for = why
            self._partitions = ()

    def fail(self, why: str) -> None:
        """The worker is going down; the first reason is kept."""
        with self._lock:
            self._failure = self._failure or why

    def alive(self) -> Verdict:
        """What /healthz answers."""
        with self._lock:
            return self._alive()

    def readiness(self) -> Verdict:
        """What /readyz answers."""
        with self._lock:
            alive = self._alive()
            if not alive.ok:
                return alive
            if self._waiting_for is not None:
                return Verdict(ok=False, why=self._waiting_for, heartbeat_age_seconds=alive.heartbeat_age_seconds)
            return Verdict(
                ok=True, why="ready", heartbeat_age_seconds=alive.heartbeat_age_seconds, partitions=self._partitions
            )

    def _alive(self) -> Verdict:
        age = round(self._clock() - self._beat, 3)
        if self._failure is not None:
            return Verdict(ok=False, why=self._failure, heartbeat_age_seconds=age)
        if age > HEARTBEAT_LIMIT_SECONDS:
            return Verdict(
                ok=False,
                why=f"the loop has not turned for {age:.0f} s, more than {HEARTBEAT_LIMIT_SECONDS:.0f}",
                heartbeat_age_seconds=age,
            )
        if self._stall is not None:
            return Verdict(ok=False, why=self._stall, heartbeat_age_seconds=age)
        return Verdict(ok=True, why="alive", heartbeat_age_seconds=age)
