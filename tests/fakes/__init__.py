"""Stand-ins that tests of several folders share."""

from __future__ import annotations

import asyncio
import selectors
import threading
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from kafka import errors

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


class Waits(threading.Event):
    """An event whose waiting moves a clock and takes no time."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None, "would wait for ever"
        self._clock.now += timeout
        return self.is_set()


class Acknowledgement:
    """What a producer gives for a record: it fails with an error, or it is there."""

    is_done = True

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error

    def get(self, timeout: float | None = None) -> None:
        assert timeout is not None, "would wait for ever"
        if self._error:
            raise self._error


@dataclass
class FakeProducer:
    """Keeps what is sent: (value, key, partition, headers); `fails` says which records are not acknowledged."""

    fails: dict[int, Exception] = field(default_factory=dict)
    sent: list[tuple[Any, bytes | None, int | None, list[tuple[str, bytes]]]] = field(default_factory=list)

    def send(
        self,
        topic: str,
        value: Any,
        key: bytes | None = None,
        headers: list[tuple[str, bytes]] | None = None,
        partition: int | None = None,
    ) -> Acknowledgement:
        self.sent.append((value, key, partition, headers or []))
        return Acknowledgement(self.fails.get(len(self.sent)))


class StuckProducer:
    """A producer with a batch that is never answered, as kafka-python's after a broker stood still."""

    def __init__(self) -> None:
        self._sender = self
        self.waited: list[float | None] = []
        self.given_up = False

    def flush(self, timeout: float | None = None) -> None:
        self.waited.append(timeout)
        raise errors.KafkaTimeoutError

    def force_close(self) -> None:
        self.given_up = True

    def close(self) -> None:
        assert self.given_up, "would wait for ever"
