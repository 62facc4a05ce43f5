"""Partitions that are added to the topic of mentions while the worker runs: from then on keys go elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, NoReturn

from pipeline.errors import PartitionsChangedError

LOOK_SECONDS: Final = 1.0


async def watch_partitions(topic: str, expected: int, found: Callable[[], int | None]) -> NoReturn:
    """Look every second, until cancelled.

    Args:
        topic: of the mentions, named in the error.
        expected: partitions for which the engines were made.
        found: partitions that there are, as last heard from the broker; None or 0 where nothing was heard.

    Raises:
        PartitionsChangedError: there are others now.
    """
    while True:
        count = found()
        if count and count != expected:
            raise PartitionsChangedError(topic, expected, count)
        await asyncio.sleep(LOOK_SECONDS)
