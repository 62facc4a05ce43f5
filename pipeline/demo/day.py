"""The demo's stream: two quiet days as fast as possible, and once they are read, a day at a pace."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Final

from pipeline.demo.lag import Lag, has_read
from pipeline.simulation import Simulation
from schemas.moments import moment

_LOOK_SECONDS: Final = 0.2


class SimulatedDay:
    """A simulated stream in two stages, and how far it has come.

    Attributes:
        passed: event time up to which mentions were handed out, Unix seconds; 0.0 before the first batch.
    """

    def __init__(
        self, stream: Simulation, speed: float, *, watermark: Callable[[], float | None], stop: threading.Event
    ) -> None:
        """Nothing is handed out yet.

        Args:
            stream: with a history.
            speed: at which the day is to pass, in seconds of event time per second.
            watermark: asks for the event time that the worker has come to; None where it is not known.
            stop: when set, nobody waits any more.
        """
        self.passed = 0.0
        self._history_end = stream.labels.history_end.timestamp()
        self._end = stream.labels.end.timestamp()
        self._batches = iter(stream.batches())
        self._lag = Lag(speed, self._end)
        self._watermark = watermark
        self._stop = stop

    def history(self) -> Iterator[bytes]:
        """The mentions before the day."""
        yield from self._until(self._history_end)

    def day(self) -> Iterator[bytes]:
        """The mentions of the day, the first when the worker has read those before it.

        Else a slow machine would show the day in leaps: what somebody is to act on would be overdue at once.
        """
        while not has_read(self._watermark(), self._history_end):
            if self._stop.wait(_LOOK_SECONDS):
                return
        for line in self._until(self._end):
            self._lag.begin(self._history_end, time.monotonic())
            yield line

    def status(self) -> str:
        """How far it has come, in one line for people, and what is behind."""
        watermark = self._watermark()
        told = self._lag.told(watermark, time.monotonic())
        if self.passed == self._history_end and not has_read(watermark, self._history_end):
            reached = "" if watermark is None else f", it is at {moment(watermark):%d %b %H:%M}"
            told = f"the day begins when the worker has read up to here{reached}"
        return f"event time {moment(self.passed):%d %b %H:%M} UTC" + (f"; {told}" if told else "")

    def _until(self, end: float) -> Iterator[bytes]:
        for batch in self._batches:
            yield from (text.rstrip(b"\n") for text in batch.lines)
            self.passed = float(batch.end)
            if batch.end >= end:
                return
