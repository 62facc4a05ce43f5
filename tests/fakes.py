"""Stand-ins that more than one test needs."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

from kafka import errors


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


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
