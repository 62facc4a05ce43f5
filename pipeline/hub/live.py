"""Server-sent events: tells open pages that something has changed, so that they ask anew."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import msgspec

from pipeline.hub.store.writer import Change

MAX_LISTENERS: Final = 200
_PAUSE_SECONDS: Final = 1.0
"""Between two events to one page."""
_SILENCE_SECONDS: Final = 15.0
"""After which a comment shows that the line is alive."""
_MAX_NAMES: Final = 200


class _News(msgspec.Struct):
    """What has changed since a page was last told."""

    episodes: set[str]
    brands: set[str]


class Live:
    """Knows the open pages. `tell` may be called from any thread, all else belongs to the event loop."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listeners: dict[asyncio.Event, _News] = {}
        self._closed = False

    @property
    def listeners(self) -> int:
        """Pages that listen now."""
        return len(self._listeners)

    def start(self) -> None:
        """Belong to the running event loop."""
        self._loop = asyncio.get_running_loop()

    def close(self) -> None:
        """End every stream, so that the server can stop."""
        self._closed = True
        for woken in self._listeners:
            woken.set()

    def tell(self, change: Change) -> None:
        """Tell every page of a change, soon."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._spread, change)

    def _spread(self, change: Change) -> None:
        for woken, news in self._listeners.items():
            news.episodes |= change.episodes
            news.brands |= change.brands
            woken.set()

    async def events(self) -> AsyncIterator[bytes]:
        """The events of one page, until it goes away."""
        woken, news = asyncio.Event(), _News(set(), set())
        self._listeners[woken] = news
        try:
            yield b"retry: 2000\nevent: hello\ndata: {}\n\n"
            while not self._closed:
                try:
                    await asyncio.wait_for(woken.wait(), _SILENCE_SECONDS)
                except TimeoutError:
                    yield b": still here\n\n"
                    continue
                woken.clear()
                yield _event(news)
                news.episodes.clear()
                news.brands.clear()
                if not self._closed:
                    await asyncio.sleep(_PAUSE_SECONDS)
        finally:
            del self._listeners[woken]


def _event(news: _News) -> bytes:
    """What changed; of more brands than are worth naming only that it is many."""
    brands = sorted(news.brands) if len(news.brands) <= _MAX_NAMES else None
    content = msgspec.json.encode({"episodes": sorted(news.episodes)[:_MAX_NAMES], "brands": brands})
    return b"event: change\ndata: " + content + b"\n\n"
