"""Whether a machine keeps the pace of the demo's simulated day, and what to say where it does not."""

from __future__ import annotations

from typing import Final

from schemas.moments import moment

MUCH_SECONDS: Final = 10.0
"""On the wall clock, by which alerts may be behind before that is said."""
_ALWAYS_SECONDS: Final = 900.0
"""Of event time, by which they always are: an open bucket, its lateness, and a look at it."""


def has_read(watermark: float | None, end: float) -> bool:
    """Whether a worker has read what was published up to an event time, Unix seconds; `watermark` as of `Lag.told`."""
    return watermark is not None and watermark >= end - _ALWAYS_SECONDS


class Lag:
    """How far the worker is behind the pace at which a simulated day is to pass."""

    def __init__(self, speed: float, end: float) -> None:
        """The day has not begun.

        Args:
            speed: seconds of event time per second of the wall clock.
            end: of the day, Unix seconds of event time.
        """
        self._speed = speed
        self._end = end
        self._first: float | None = None
        self._began = 0.0

    def begin(self, first: float, now: float) -> None:
        """The day begins; a second call changes nothing.

        Args:
            first: event time at which it does, Unix seconds.
            now: of a clock that never goes back, in seconds.
        """
        if self._first is None:
            self._first, self._began = first, now

    def behind(self, watermark: float, now: float) -> float:
        """Seconds of event time by which the watermark is behind the pace; 0 before the day begins."""
        if self._first is None:
            return 0.0
        return max(min(self._first + self._speed * (now - self._began), self._end) - watermark, 0.0)

    def told(self, watermark: float | None, now: float) -> str:
        """One line for people where the worker is much behind, else "".

        Args:
            watermark: of the partition that is furthest behind, Unix seconds; None before there is one.
            now: as of `begin`.
        """
        late = 0.0 if watermark is None else self.behind(watermark, now)
        if watermark is None or late <= _ALWAYS_SECONDS + MUCH_SECONDS * self._speed:
            return ""
        hours, minutes = divmod(int(late // 60), 60)
        length = f"{hours} h {minutes} min" if hours else f"{minutes} min"
        return (
            f"alerts are at {moment(watermark):%d %b %H:%M} UTC, {length} of event time behind: this machine is too "
            f"slow or too busy for {self._speed:.0f} times real time. They come later, with the same figures; with "
            f"--speed {max(self._speed / 15.0, 1.0):.0f} it has more time"
        )
