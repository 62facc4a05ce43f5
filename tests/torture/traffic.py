"""Endless seeded mentions of forty brands, and the thread that publishes them while workers suffer."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from pipeline.config.settings import Settings
from pipeline.kafka.clients import aiokafka_options, producer, topic_name
from tests.pipeline.mention_streams import mention

START: Final = 1_735_689_600
"""2025-01-01T00:00:00Z: months of event time lie between it and the broker's clock."""
LEARNING_HOURS: Final = 30
"""A brand is silent for its first day: so many hours are published before anything happens to the workers."""

Sent = tuple[bytes | None, bytes | None]
"""Key and value of a record to publish."""


@dataclass(frozen=True)
class Trouble:
    """Shares of mentions that are not as they should be."""

    late: float = 0.03
    """Up to an hour out of order: some within the lateness, some beyond it."""
    twice: float = 0.02
    """Sent a second time."""
    poison_every: int = 100
    """A record that no decoder takes after every so many mentions."""
    leap_every: int = 0
    """After every so many mentions event time leaps ahead by hours; 0: never."""


def traffic(seed: int, trouble: Trouble, *, brands: int = 40, per_hour: float = 6.0) -> Iterator[Sent]:
    """Mentions in the order in which they are sent; crises, praise and garbage come by themselves.

    Args:
        seed: the same gives the same.
        trouble: what goes wrong.
        brands: how many there are.
        per_hour: mentions of a quiet brand in an hour of event time.
    """
    dice = random.Random(seed)
    names = [f"brand-{number}" for number in range(brands)]
    storms: dict[str, tuple[int, float]] = {}  # brand: last hour, share of negatives
    number, leap = itertools.count(1), 0
    held: list[tuple[int, int, Sent]] = []  # sent when so many mentions have been
    for hour in itertools.count():
        if hour >= LEARNING_HOURS - 1 and dice.random() < 0.4:
            storms[dice.choice(names)] = (hour + 3, 0.85 if dice.random() < 0.7 else 0.05)
        drafts = []
        for name in names:
            last, negatives = storms.get(name, (-1, 0.12))
            count = int(dice.expovariate(1 / per_hour)) + (15 * int(per_hour) if hour <= last else 0)
            share = negatives if hour <= last else 0.12
            drafts += [(dice.random() * 3600, name, dice.random() < share) for _ in range(count)]
        for second, name, negative in sorted(drafts):
            n = next(number)
            at = START + leap + hour * 3600 + second
            value = mention(
                brand=name,
                id=f"m{n}",
                text=dice.choice(("parcel arrived", "terrible, refund now", "love it", "最悪だ", "很好用", "")),
                at=at,
                sentiment=(-0.8 if negative else 0.4) if dice.random() < 0.8 else None,
                author={"id": f"a{dice.randrange(500)}", "followers": dice.randrange(10_000)},
            )
            if dice.random() < trouble.twice:
                heapq.heappush(held, (n + dice.randrange(50), n, (name.encode(), value)))
            if dice.random() < trouble.late:
                heapq.heappush(held, (n + dice.randrange(1, 400), -n, (name.encode(), value)))
            else:
                yield name.encode(), value
            while held and held[0][0] <= n:
                yield heapq.heappop(held)[2]
            if trouble.poison_every and n % trouble.poison_every == 0:
                yield dice.choice(((name.encode(), b"\xff" + value), (b"somebody-else", value), (b"x", None)))
            if trouble.leap_every and n % trouble.leap_every == 0:
                leap += dice.choice((301, 7200, 86_400, 5 * 86_400))


class Feed(threading.Thread):
    """Publishes traffic at a steady rate until stopped. What the broker did not take is no part of the log."""

    def __init__(self, settings: Settings, source: Iterator[Sent], per_second: float) -> None:
        super().__init__(daemon=True)
        self._settings = settings
        self._source = source
        self._usual = self._rate = per_second
        self._stop_asked = threading.Event()

    def publish(self, records: int) -> None:
        """So many at once, from the calling thread; before `start`."""
        with producer(self._settings, linger_ms=20) as client:
            for key, value in itertools.islice(self._source, records):
                client.send(topic_name(self._settings, "mentions"), value, key)

    def run(self) -> None:
        asyncio.run(self._publish_until_stopped())

    async def _publish_until_stopped(self) -> None:
        # aiokafka, because kafka-python's producer can stop sending for good when its broker dies or stands still.
        options = aiokafka_options(self._settings) | {"linger_ms": 20, "request_timeout_ms": 10_000}
        async with AIOKafkaProducer(**options) as client:
            owed, last = 0.0, time.monotonic()
            while not self._stop_asked.is_set():
                await asyncio.sleep(0.05)
                now = time.monotonic()
                owed, last = owed + (now - last) * self._rate, now
                if owed > 5 * self._rate:  # after an outage: no flood
                    owed = 0.0
                    continue
                due = int(owed)
                owed -= due
                for key, value in itertools.islice(self._source, due):
                    # Refused in an outage: then it is no part of the log.
                    with suppress(KafkaError):
                        acknowledged = await client.send(topic_name(self._settings, "mentions"), value, key)
                        acknowledged.add_done_callback(lambda one: one.cancelled() or one.exception())

    @contextmanager
    def hurrying(self, times: float) -> Iterator[None]:
        """So many times the rate, while the block runs."""
        self._rate = self._usual * times
        try:
            yield
        finally:
            self._rate = self._usual

    def stop(self) -> None:
        """No more; returns when everything is on the broker or given up."""
        self._stop_asked.set()
        self.join()
