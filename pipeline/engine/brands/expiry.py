"""Expiry: which brands are idle and which expire, so that memory follows the brands that are talked about.

A brand not mentioned for a day is idle: what nothing will ask for again (stories, posts, the counts of its last day) is
dropped; its normal stays. It expires, as if it had never been known,

    silent  when it has not been mentioned for `engine.forget_after_days`;
    new     when it has never been warm and has not been mentioned for `engine.forget_new_after_days`;
    limit   when the partition knows more than `engine.max_brands`: brands that have never been warm go first, the least
            recently mentioned of them first, by name within a bucket; then warm ones in the same order.

A brand with an open episode is visited in every bucket, so it is never idle; the limit passes it over too. All of this
is a function of the buckets closed so far, so batches, crashes and restarts do not change which brands expire.

Method: a lazy timing wheel (Varghese & Lauck 1987). An active brand's slot is not moved when the brand is mentioned but
when the slot falls due, at most once a day: closing a bucket costs nothing.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from operator import attrgetter
from typing import Final, Literal, Protocol, get_args

from pipeline.config.model import EngineConfig
from schemas.observation import BUCKETS_PER_DAY

IDLE_BUCKETS: Final = BUCKETS_PER_DAY
"""A brand is idle when it was last mentioned more than so many buckets ago: longer than stories (six hours), posts (one
hour) and closed counts (a day) are looked back upon."""

RUN: Final = 1000
"""Brands of the one bucket at the limit that are sorted in one step; the runs are merged as they are asked for."""

ExpiryReason = Literal["silent", "new", "limit"]
EXPIRY_REASONS: Final[tuple[ExpiryReason, ...]] = get_args(ExpiryReason)

_by_name = attrgetter("name")


class Expirable(Protocol):
    """What is read of a brand. `is_idle` is False while an active slot holds it."""

    is_idle: bool

    @property
    def name(self) -> str: ...
    @property
    def last_bucket(self) -> int: ...
    @property
    def is_warm(self) -> bool: ...
    @property
    def has_open_episode(self) -> bool: ...
    def make_idle(self) -> None: ...


Expired = tuple[Expirable, ExpiryReason | None]
"""A brand, and why it expires; None: it only becomes idle."""


class Expiry:
    """Every brand of a partition that has a closed bucket, in the order in which they will expire."""

    def __init__(self, config: EngineConfig) -> None:
        self._max_brands = config.max_brands
        self._new = _Group("new", config.forget_new_after_days * BUCKETS_PER_DAY)
        self._warm = _Group("silent", config.forget_after_days * BUCKETS_PER_DAY)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def activate(self, brand: Expirable, bucket: int) -> None:
        """A bucket of a brand that is idle or new is about to close. Call before its model learns it."""
        last = brand.last_bucket
        of = self._group_of(brand)
        if last < 0:
            self._count += 1
        else:
            of.idle.remove(brand, last)
        brand.is_idle = False
        of.active.put(brand, bucket)

    def restore(self, brand: Expirable) -> None:
        """Take in a brand whose state was restored."""
        self._count += 1
        brand.is_idle = False
        self._group_of(brand).active.put(brand, brand.last_bucket)

    def is_due(self, bucket: int) -> bool:
        """Whether `due` has anything to do, now that every bucket before this one is closed."""
        return self._count > self._max_brands or self._new.is_due(bucket) or self._warm.is_due(bucket)

    def due(self, bucket: int) -> Iterator[Expired | None]:
        """Brands that become idle or expire, now that every bucket before this one is closed.

        Brands that expire are taken off. Take it to its end before anything else is closed; each step,
        None included, is a bounded piece of work.
        """
        for of in (self._new, self._warm):
            while of.active.oldest + IDLE_BUCKETS < bucket:
                yield from self._make_idle(of, *of.active.pop())
        for of in (self._new, self._warm):
            while of.idle.oldest + of.ttl < bucket:
                slot = of.idle.pop()[1]
                while slot:
                    self._count -= 1
                    yield slot.popitem()[0], of.reason
        for of in (self._new, self._warm):
            if self._count > self._max_brands:
                yield from self._over_the_limit(of)

    def _make_idle(self, of: _Group, bucket: int, slot: dict[Expirable, None]) -> Iterator[Expired | None]:
        for brand in slot:
            if self._is_in_place(of, brand, bucket):
                brand.is_idle = True
                of.idle.put(brand, bucket)
                yield brand, None
            else:
                yield None

    def _over_the_limit(self, of: _Group) -> Iterator[Expired | None]:
        while self._count > self._max_brands and of.idle:
            bucket, slot = of.idle.pop()
            yield from self._expire_first(of.idle, bucket, list(slot))
        with_episode: list[Expirable] = []
        while self._count > self._max_brands and of.active:
            bucket, slot = of.active.pop()
            brands = list(slot)
            slot.clear()
            in_place: list[Expirable] = []
            while brands:
                brand = brands.pop()
                if self._is_in_place(of, brand, bucket):
                    (with_episode if brand.has_open_episode else in_place).append(brand)
                yield None
            yield from self._expire_first(of.active, bucket, in_place)
        for brand in with_episode:
            of.active.put(brand, brand.last_bucket)

    def _expire_first(self, slots: _Slots, bucket: int, brands: list[Expirable]) -> Iterator[Expired | None]:
        """Let expire what is over the limit of one bucket's brands, by name; the others go back.

        The list is emptied as this goes on: brands that are freed all at once would be a stall of their own.
        """
        if self._count - self._max_brands >= len(brands):
            while brands:
                self._count -= 1
                yield brands.pop(), "limit"
            return
        runs: list[list[Expirable]] = []
        while brands:
            run: list[Expirable] = []
            while brands and len(run) < RUN:
                run.append(brands.pop())
                yield None
            run.sort(key=_by_name, reverse=True)
            runs.append(run)
        first = [(run[-1].name, place) for place, run in enumerate(runs)]
        heapq.heapify(first)
        while self._count > self._max_brands:
            run = runs[first[0][1]]
            self._count -= 1
            yield run.pop(), "limit"
            if run:
                heapq.heapreplace(first, (run[-1].name, first[0][1]))
            else:
                heapq.heappop(first)
        for run in runs:
            while run:
                slots.put(run.pop(), bucket)
                yield None

    def _is_in_place(self, of: _Group, brand: Expirable, bucket: int) -> bool:
        """Whether the brand belongs where its slot is; else it is put where it belongs."""
        last, now = brand.last_bucket, self._group_of(brand)
        if last == bucket and now is of:
            return True
        now.active.put(brand, last)
        return False

    def _group_of(self, brand: Expirable) -> _Group:
        return self._warm if brand.is_warm else self._new


class _Group:
    """Brands that expire for the same reason, after the same time."""

    __slots__ = ("active", "idle", "reason", "ttl")

    def __init__(self, reason: ExpiryReason, ttl: int) -> None:
        self.reason = reason
        self.ttl = ttl
        self.active = _Slots()
        self.idle = _Slots()

    def is_due(self, bucket: int) -> bool:
        return self.active.oldest + IDLE_BUCKETS < bucket or self.idle.oldest + self.ttl < bucket


class _Slots:
    """Brands by bucket, the oldest bucket first."""

    __slots__ = ("_by_bucket", "_order")

    def __init__(self) -> None:
        self._by_bucket: dict[int, dict[Expirable, None]] = {}
        self._order: list[int] = []

    def __bool__(self) -> bool:
        return bool(self._by_bucket)

    @property
    def oldest(self) -> float:
        """The oldest bucket, infinite where there is none."""
        order = self._order
        while order and order[0] not in self._by_bucket:
            heapq.heappop(order)
        return order[0] if order else float("inf")

    def put(self, brand: Expirable, bucket: int) -> None:
        slot = self._by_bucket.get(bucket)
        if slot is None:
            slot = self._by_bucket[bucket] = {}
            heapq.heappush(self._order, bucket)
        slot[brand] = None

    def remove(self, brand: Expirable, bucket: int) -> None:
        slot = self._by_bucket[bucket]
        del slot[brand]
        if not slot:
            del self._by_bucket[bucket]

    def pop(self) -> tuple[int, dict[Expirable, None]]:
        """The oldest bucket and its brands, which are taken out."""
        bucket = int(self.oldest)
        return bucket, self._by_bucket.pop(bucket)
