"""Stand-ins that tests of several folders share."""

from __future__ import annotations


class Clock:
    """A clock that a test sets: `clock.now += 30`."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now
