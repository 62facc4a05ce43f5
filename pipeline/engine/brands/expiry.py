"""Which brands rest, and which are forgotten, so that memory follows the brands that are talked about.

A brand not mentioned for a day rests: what nothing will ask for again (stories, posts, the counts of its last day) is
dropped; its normal stays. It is forgotten, as if it had never been,

    silent  when it has not been mentioned for `engine.forget_after_days`;
    new     when it has never been warm and has not been mentioned for `engine.forget_new_after_days`;
    limit   when the partition knows more than `engine.max_brands`: brands that have never been warm go first, the least
            recently mentioned of them first, by name within a bucket; then warm ones in the same order.

A brand with an open episode is visited in every bucket, so it never rests; the limit passes it over too. All of this
is a function of the buckets closed so far, so batches, crashes and restarts do not change who is forgotten.

Method: a lazy timing wheel (Varghese & Lauck 1987). A lively brand's slot is not moved when the brand is mentioned but
when the slot falls due, at most once a day: closing a bucket costs nothing.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from operator import attrgetter
from typing import Final, Literal, Protocol, get_args

from pipeline.config.model import EngineConfig
from schemas.observation import BUCKETS_PER_DAY

REST_BUCKETS: Final = BUCKETS_PER_DAY
"""A brand rests when it was last mentioned more than so many buckets ago: longer than stories (six hours), posts (one
hour) and recent counts (a day) are looked back upon."""

RUN: Final = 1000
"""Brands of the one bucket at the limit that are sorted in one step; the runs are merged as they are asked for."""

ForgetReason = Literal["silent", "new", "limit"]
FORGET_REASONS: Final[tuple[ForgetReason, ...]] = get_args(ForgetReason)

_by_name = attrgetter("name")


class Known(Protocol):
    """What is read of a brand. `rests` is False while a lively slot holds it."""

    rests: bool

    @property
    def name(self) -> str: ...
    @property
    def last_bucket(self) -> int: ...
    @property
    def is_warm(self) -> bool: ...
    @property
    def is_watched(self) -> bool: ...
    def rest(self) -> None: ...


Verdict = tuple[Known, ForgetReason | None]
"""A brand, and why it is forgotten; None: it only went to rest."""


class Roster:
    """Every brand of a partition that has a closed bucket, in the order in which they will be forgotten."""

    def __init__(self, config: EngineConfig) -> None:
        self._most = config.max_brands
        self._new = _Class("new", config.forget_new_after_days * BUCKETS_PER_DAY)
        self._warm = _Class("silent", config.forget_after_days * BUCKETS_PER_DAY)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def wake(self, brand: Known, bucket: int) -> None:
        """A bucket of a brand that rests, or is new, is about to close. Call before its model learns it."""
        last = brand.last_bucket
        of = self._class_of(brand)
        if last < 0:
            self._count += 1
        else:
            of.resting.remove(brand, last)
        brand.rests = False
        of.lively.put(brand, bucket)

    def restore(self, brand: Known) -> None:
        """Take in a brand whose state was restored."""
        self._count += 1
        brand.rests = False
        self._class_of(brand).lively.put(brand, brand.last_bucket)

    def is_due(self, bucket: int) -> bool:
        """Whether `due` has anything to do, now that every bucket before this one is closed."""
        return self._count > self._most or self._new.is_due(bucket) or self._warm.is_due(bucket)

    def due(self, bucket: int) -> Iterator[Verdict | None]:
        """Brands that go to rest or are to be forgotten, now that every bucket before this one is closed.

        Brands that are forgotten are off the roster. Take it to its end before anything else is closed; each step,
        None included, is a bounded piece of work.
        """
        for of in (self._new, self._warm):
            while of.lively.oldest + REST_BUCKETS < bucket:
                yield from self._rest(of, *of.lively.pop())
        for of in (self._new, self._warm):
            while of.resting.oldest + of.patience < bucket:
                slot = of.resting.pop()[1]
                while slot:
                    self._count -= 1
                    yield slot.popitem()[0], of.reason
        for of in (self._new, self._warm):
            if self._count > self._most:
                yield from self._over_the_limit(of)

    def _rest(self, of: _Class, bucket: int, slot: dict[Known, None]) -> Iterator[Verdict | None]:
        for brand in slot:
            if self._is_settled(of, brand, bucket):
                brand.rests = True
                of.resting.put(brand, bucket)
                yield brand, None
            else:
                yield None

    def _over_the_limit(self, of: _Class) -> Iterator[Verdict | None]:
        while self._count > self._most and of.resting:
            bucket, slot = of.resting.pop()
            yield from self._forget_first(of.resting, bucket, list(slot))
        watched: list[Known] = []
        while self._count > self._most and of.lively:
            bucket, slot = of.lively.pop()
            brands = list(slot)
            slot.clear()
            settled: list[Known] = []
            while brands:
                brand = brands.pop()
                if self._is_settled(of, brand, bucket):
                    (watched if brand.is_watched else settled).append(brand)
                yield None
            yield from self._forget_first(of.lively, bucket, settled)
        for brand in watched:
            of.lively.put(brand, brand.last_bucket)

    def _forget_first(self, slots: _Slots, bucket: int, brands: list[Known]) -> Iterator[Verdict | None]:
        """Forget what is over the limit of one bucket's brands, by name; the others go back.

        The list is emptied as this goes on: brands that are freed all at once would be a stall of their own.
        """
        if self._count - self._most >= len(brands):
            while brands:
                self._count -= 1
                yield brands.pop(), "limit"
            return
        runs: list[list[Known]] = []
        while brands:
            run: list[Known] = []
            while brands and len(run) < RUN:
                run.append(brands.pop())
                yield None
            run.sort(key=_by_name, reverse=True)
            runs.append(run)
        first = [(run[-1].name, place) for place, run in enumerate(runs)]
        heapq.heapify(first)
        while self._count > self._most:
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

    def _is_settled(self, of: _Class, brand: Known, bucket: int) -> bool:
        """Whether the brand belongs where its slot is; else it is put where it belongs."""
        last, now = brand.last_bucket, self._class_of(brand)
        if last == bucket and now is of:
            return True
        now.lively.put(brand, last)
        return False

    def _class_of(self, brand: Known) -> _Class:
        return self._warm if brand.is_warm else self._new


class _Class:
    """Brands that are forgotten for the same reason, after the same time."""

    __slots__ = ("lively", "patience", "reason", "resting")

    def __init__(self, reason: ForgetReason, patience: int) -> None:
        self.reason = reason
        self.patience = patience
        self.lively = _Slots()
        self.resting = _Slots()

    def is_due(self, bucket: int) -> bool:
        return self.lively.oldest + REST_BUCKETS < bucket or self.resting.oldest + self.patience < bucket


class _Slots:
    """Brands by bucket, the oldest bucket first."""

    __slots__ = ("_by_bucket", "_order")

    def __init__(self) -> None:
        self._by_bucket: dict[int, dict[Known, None]] = {}
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

    def put(self, brand: Known, bucket: int) -> None:
        slot = self._by_bucket.get(bucket)
        if slot is None:
            slot = self._by_bucket[bucket] = {}
            heapq.heappush(self._order, bucket)
        slot[brand] = None

    def remove(self, brand: Known, bucket: int) -> None:
        slot = self._by_bucket[bucket]
        del slot[brand]
        if not slot:
            del self._by_bucket[bucket]

    def pop(self) -> tuple[int, dict[Known, None]]:
        """The oldest bucket and its brands, which are taken out."""
        bucket = int(self.oldest)
        return bucket, self._by_bucket.pop(bucket)
