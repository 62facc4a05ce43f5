"""Open pages are told of changes: soon, together, and of no more than they need."""

from __future__ import annotations

import asyncio
import threading

import msgspec

from pipeline.hub.live import Live
from pipeline.hub.store.writer import Change


def change(*brands: str, episodes: tuple[str, ...] = ()) -> Change:
    return Change(frozenset(episodes), frozenset(brands), 0)


async def told(events: object) -> dict[str, object]:
    event = await anext(events)  # type: ignore[call-overload]
    assert event.startswith(b"event: change\ndata: ")
    found: dict[str, object] = msgspec.json.decode(event.removeprefix(b"event: change\ndata: "))
    return found


def test_changes_told_from_another_thread_reach_every_page_as_one_event():
    async def run() -> list[dict[str, object]]:
        live = Live()
        live.start()
        pages = [live.events() for _ in range(2)]
        for page in pages:
            assert (await anext(page)).startswith(b"retry:")
        changes = (change("acme", episodes=("e1",)), change("bolt"))
        teller = threading.Thread(target=lambda: any(map(live.tell, changes)))
        teller.start()
        await asyncio.to_thread(teller.join)
        found = [await told(page) for page in pages]
        live.close()
        return found

    assert asyncio.run(run()) == [{"episodes": ["e1"], "brands": ["acme", "bolt"]}] * 2


def test_of_many_brands_a_page_is_told_only_that_they_are_many():
    async def run() -> dict[str, object]:
        live = Live()
        live.start()
        page = live.events()
        await anext(page)
        live.tell(change(*(f"b{n}" for n in range(1000))))
        found = await told(page)
        live.close()
        return found

    assert asyncio.run(run()) == {"episodes": [], "brands": None}


def test_a_page_that_goes_away_is_forgotten_and_all_end_when_the_hub_does():
    async def run() -> tuple[int, int, list[bytes]]:
        live = Live()
        live.start()
        gone, stays = live.events(), live.events()
        await anext(gone)
        await anext(stays)
        await gone.aclose()  # type: ignore[attr-defined]
        listeners = live.listeners
        live.close()
        rest = [event async for event in stays]
        return listeners, live.listeners, rest[1:]

    assert asyncio.run(run()) == (1, 0, [])
