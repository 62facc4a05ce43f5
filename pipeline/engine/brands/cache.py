"""What a partition holds of each brand: objects while it is at work, its state records in between.

As objects a brand takes three times the bytes of its records, and the garbage collector has to walk them. So only the
brands and the open buckets used last stay objects. The others lie as the very bytes that a checkpoint writes and that
a successor would restore, so nothing but time depends on which: a brand is woken when one of its buckets closes, its
open buckets when it is mentioned.
"""

from __future__ import annotations

from collections import OrderedDict
from types import MappingProxyType
from typing import Final, cast

import msgspec

from detectors.brand.model import BrandModel, ModelState
from detectors.brand.pooled_tail import PooledTail
from pipeline.engine.buckets.closed_counts import RecentCounts
from pipeline.engine.buckets.open_bucket import OpenBucket, PostRecord
from pipeline.engine.buckets.stories import StoryMemory
from pipeline.engine.episodes.episode import Episode
from pipeline.engine.state import VERSION, BrandRecord, decode_brand, decode_open, encode, encode_open
from schemas.alert import KINDS

MAX_CACHED: Final = 4096
"""Brands that are objects, and likewise brands whose open buckets are, beside the one at work: some 35 MB. A worker
shares it out among its partitions."""
MIN_CACHED: Final = 256
"""A partition's share of it, however many there are."""
SHED_AT_ONCE: Final = 16
"""Brands packed in one go: a share that falls in a rebalance must not hold up the event loop."""
SMALL_BUCKET: Final = 16
"""Remembered ids up to which open buckets may lie as bytes: to wake greater ones costs more than their mention."""

NONE_OPEN: Final = cast("dict[int, OpenBucket]", MappingProxyType({}))
"""The open buckets of a brand that has none, or whose open buckets lie as bytes; cannot be changed."""


def cache_share(partitions: int) -> int:
    """How many brands of each partition may be objects in a process that has so many partitions, 1 or more."""
    return max(MIN_CACHED, MAX_CACHED // partitions)


class Packed(msgspec.Struct, frozen=True, gc=False):
    """A brand's state record, and what is asked of a brand that lies as bytes."""

    record: bytes
    last_bucket: int = -1
    is_warm: bool = False
    is_watched: bool = False


def _first_record() -> bytes:
    return encode(BrandRecord(VERSION, ModelState(), [Episode() for _ in KINDS], [], [], (0.0, 0.0, 0.0, 0.0)))


_UNKNOWN: Final = Packed(_first_record())
"""A brand of which nothing is known but its open buckets."""


class Brand:
    """One brand in memory.

    Attributes:
        name, key: the slug, and the key of its mentions.
        weighs_stories: whether copies count as stories.
        remembered: ids in the open buckets.
        open: open buckets by index; empty while `open_record` holds them.
        open_record: the open buckets as bytes, None while they are objects.
        last: of the last closed bucket: mentions, negatives, expected mentions, crisis score.
        rests: False while a lively slot of the roster holds it.
        packed: the brand as bytes, None while it is objects.
        model, episodes, negative_posts, top_posts, stories, recent: the objects; absent while `packed` holds them.
    """

    __slots__ = (
        "_memory",
        "episodes",
        "key",
        "last",
        "model",
        "name",
        "negative_posts",
        "open",
        "open_record",
        "packed",
        "recent",
        "remembered",
        "rests",
        "stories",
        "top_posts",
        "weighs_stories",
    )

    model: BrandModel
    episodes: list[Episode]
    negative_posts: list[PostRecord]
    top_posts: list[PostRecord]
    stories: StoryMemory
    recent: RecentCounts

    def __init__(self, name: str, memory: BrandCache, *, weighs_stories: bool) -> None:
        self.name = name
        self.key = name.encode()
        self.weighs_stories = weighs_stories
        self.remembered = 0
        self.open: dict[int, OpenBucket] = NONE_OPEN
        self.open_record: bytes | None = None
        self.packed: Packed | None = _UNKNOWN
        self.rests = True
        self.last = (0.0, 0.0, 0.0, 0.0)
        self._memory = memory

    def begin(self) -> None:
        """Know nothing but the open buckets."""
        self.rests = True
        self.last = (0.0, 0.0, 0.0, 0.0)
        self._lie_as(_UNKNOWN)

    @property
    def last_bucket(self) -> int:
        """The last bucket that was closed; -1 before the first."""
        return self.model.last_bucket if self.packed is None else self.packed.last_bucket

    @property
    def is_warm(self) -> bool:
        """Whether its scores mean something."""
        return self.model.is_warm if self.packed is None else self.packed.is_warm

    @property
    def is_watched(self) -> bool:
        """Whether an episode of it is open."""
        return _is_open(self.episodes) if self.packed is None else self.packed.is_watched

    def read_episodes(self) -> list[Episode]:
        """The episodes in the order of KINDS, for a reader that must not wake the brand: another thread, for one."""
        while True:
            packed = self.packed
            if packed is not None:
                return decode_brand(self.key, packed.record).episodes
            try:
                return self.episodes
            except AttributeError:
                continue  # It was packed in between.

    def rest(self) -> None:
        """Drop what nothing asks for after a day without mentions (pipeline.engine.brands.expiry)."""
        self.wake()
        self.negative_posts = []
        self.top_posts = []
        self.stories = StoryMemory()
        self.recent = RecentCounts()
        self.pack()

    def wake(self) -> None:
        """Be objects."""
        packed = self.packed
        if packed is None:
            return
        record = decode_brand(self.key, packed.record)
        self.model = BrandModel(record.model, self._memory.tail)
        self.episodes = record.episodes
        self.negative_posts = record.negative_posts
        self.top_posts = record.top_posts
        self.stories = record.stories
        self.recent = record.recent
        self.packed = None
        self._memory.awake[self] = None

    def restore(self, value: bytes) -> None:
        """Take over a predecessor's record, and lie as it.

        Raises:
            StateError: it cannot be read.
        """
        record = decode_brand(self.key, value)
        model = BrandModel(record.model, self._memory.tail)
        self.last = record.last
        self._lie_as(Packed(value, model.last_bucket, model.is_warm, _is_open(record.episodes)))

    def record(self) -> bytes:
        """The state record."""
        if self.packed is not None:
            return self.packed.record
        return encode(
            BrandRecord(
                VERSION,
                self.model.state,
                self.episodes,
                self.negative_posts,
                self.top_posts,
                self.last,
                self.stories,
                self.recent,
            )
        )

    def pack(self) -> None:
        """Be bytes."""
        if self.packed is None:
            self._lie_as(Packed(self.record(), self.last_bucket, self.is_warm, self.is_watched))

    def wake_open(self) -> None:
        """Let the open buckets be objects."""
        if self.open_record is not None:
            self.open = decode_open(self.key, self.open_record).buckets
            self.open_record = None
            self._memory.awake_open[self] = None

    def restore_open(self, key: bytes, value: bytes) -> dict[int, OpenBucket]:
        """Take over a predecessor's open buckets; returns them, to be read.

        Raises:
            StateError: they cannot be read.
        """
        buckets = decode_open(key, value).buckets
        self.remembered = sum(len(bucket.ids) for bucket in buckets.values())
        if self.remembered <= SMALL_BUCKET:
            self.open_record = value
        else:
            self.open = buckets
            self._memory.awake_open[self] = None
        return buckets

    def enter(self, index: int, bucket: OpenBucket) -> None:
        """Open a bucket."""
        if self.open is NONE_OPEN:
            self.wake_open()
            if self.open is NONE_OPEN:
                self.open = {}
                self._memory.awake_open[self] = None
        self.open[index] = bucket

    def leave(self, index: int) -> OpenBucket | None:
        """Close a bucket; None where none is open."""
        if self.open_record is not None:
            self.wake_open()
        bucket = self.open.pop(index, None) if self.open else None
        if bucket is not None:
            self.remembered -= len(bucket.ids)
            if not self.open:
                self.open = NONE_OPEN
                self._memory.awake_open.pop(self, None)
        return bucket

    @property
    def has_open(self) -> bool:
        """Whether a bucket is open."""
        return bool(self.open) or self.open_record is not None

    def encode_open(self) -> bytes | None:
        """The record of the open buckets; None where none is open."""
        return encode_open(self.open) if self.open else self.open_record

    def pack_open(self) -> None:
        """Let the open buckets be bytes, if they are small."""
        if self.open and self.remembered <= SMALL_BUCKET:
            self.open_record = encode_open(self.open)
            self.open = NONE_OPEN

    def _lie_as(self, packed: Packed) -> None:
        awake = self.packed is None
        self.packed = packed  # First, for read_episodes.
        if awake:
            del self.model, self.episodes, self.negative_posts, self.top_posts, self.stories, self.recent
            self._memory.awake.pop(self, None)


class BrandCache:
    """Which brands of a partition are objects.

    Attributes:
        tail: shared by the models of all brands.
        awake: brands that are objects, the first woken first.
        awake_open: brands whose open buckets are, likewise.
        most: as many of each are objects at the most.
    """

    __slots__ = ("awake", "awake_open", "most", "tail")

    def __init__(self, tail: PooledTail, most: int = MAX_CACHED) -> None:
        self.tail = tail
        self.awake: OrderedDict[Brand, None] = OrderedDict()
        self.awake_open: OrderedDict[Brand, None] = OrderedDict()
        self.most = most

    def shed(self) -> None:
        """Pack what was woken first, as far as too much is awake. Nobody may hold a part of a brand meanwhile.

        One is woken between two calls; more than that is packed only after `most` has fallen, some at a time.
        """
        for _ in range(min(len(self.awake) - self.most, SHED_AT_ONCE)):
            self.awake.popitem(last=False)[0].pack()
        for _ in range(min(len(self.awake_open) - self.most, SHED_AT_ONCE)):
            self.awake_open.popitem(last=False)[0].pack_open()

    def drop(self, brand: Brand) -> None:
        """The brand is forgotten."""
        self.awake.pop(brand, None)
        self.awake_open.pop(brand, None)


def _is_open(episodes: list[Episode]) -> bool:
    crisis, shift, surge = episodes
    return bool(crisis.id or shift.id or surge.id)
