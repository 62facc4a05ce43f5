"""Circles: recent posts of a brand or of a surge that others may repeat, bounded."""

from __future__ import annotations

from typing import Final

import msgspec

from schemas.mention import Author

_RECENT: Final = 12
_FRESH_MS: Final = 6 * 3_600_000


class Said(msgspec.Struct, frozen=True, gc=False):
    """A post that others may repeat. `language` and `platform` are indices, times are milliseconds of the stream."""

    id: str
    text: str
    tone: int
    language: int
    platform: int
    author: Author
    followers: int
    time_ms: int


class Circle:
    """The recent posts of one brand or one surge, and the one among them with the most followers."""

    __slots__ = ("_hot", "_next", "_recent")

    def __init__(self) -> None:
        """Start without posts."""
        self._recent: list[Said] = []
        self._hot: Said | None = None
        self._next = 0

    def add(self, said: Said) -> None:
        """Add a post, in the place of the oldest of the recent ones if there are too many."""
        if len(self._recent) < _RECENT:
            self._recent.append(said)
        else:
            self._recent[self._next] = said
            self._next = (self._next + 1) % _RECENT
        hot = self._hot
        if hot is None or said.followers >= hot.followers or said.time_ms - hot.time_ms > _FRESH_MS // 2:
            self._hot = said

    def pick(self, draw: int, time_ms: int) -> Said | None:
        """A post to repeat: in half of the cases the one with the most followers, and never an old one."""
        if not self._recent:
            return None
        said = self._hot if draw & 1 else self._recent[(draw >> 1) % len(self._recent)]
        return said if said is not None and time_ms - said.time_ms <= _FRESH_MS else None
