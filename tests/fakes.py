"""Stand-ins that tests of several folders share."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Clock:
    """A clock that a test sets: `clock.now += 30`."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class _JumpingSelector(selectors.DefaultSelector):
    """Instead of waiting for the next timer, the clock is set to it."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise AssertionError("every task waits for something that does not come")
        if not ready and timeout:
            self._clock.now += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose timers go by a clock of the test, and take no time: asyncio.sleep(60) returns at once."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(_JumpingSelector(clock))
        self._clock = clock

    def time(self) -> float:
        """Seconds of the test's clock."""
        return self._clock.now


def run_virtual(work: Coroutine[Any, Any, T], clock: Clock) -> T:
    """asyncio.run on a VirtualLoop."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(clock)) as runner:
        return runner.run(work)


async def turns(count: int = 200) -> None:
    """Let everybody do what can be done now."""
    for _ in range(count):
        await asyncio.sleep(0)
