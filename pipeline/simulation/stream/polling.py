"""A channel that is polled: its mentions come together, as old as the last poll, behind those of all others."""

from __future__ import annotations

from typing import Final

import msgspec

from schemas.mention import Channel


class _OfChannel(msgspec.Struct):
    channel: Channel | None = None


_decode: Final = msgspec.json.Decoder(_OfChannel).decode


class PolledChannel:
    """Holds the mentions of a channel back until the next poll."""

    def __init__(self, channel: str, minutes: int) -> None:
        """Nothing is held back yet.

        Args:
            channel: name of it.
            minutes: between two polls, which begin at the Unix epoch.
        """
        self._channel = channel
        self._seconds = 60 * minutes
        self._held: list[bytes] = []
        self._next = 0.0

    def arriving(self, start: float, lines: list[bytes]) -> list[bytes]:
        """The lines as they arrive: those written in a step, without those that the next poll brings.

        Args:
            start: of the step, Unix seconds; not earlier than that of the step before.
            lines: mentions written in the step, in order.
        """
        arriving: list[bytes] = []
        if start >= self._next:
            arriving, self._held = self._held, []
            self._next = (start // self._seconds + 1) * self._seconds
        for line in lines:
            (self._held if _decode(line).channel == self._channel else arriving).append(line)
        return arriving

    def rest(self) -> list[bytes]:
        """What the last poll brings, after the end."""
        rest, self._held = self._held, []
        return rest
