"""What a partition holds of one brand: objects while it is loaded, its state records in between.

As objects a brand takes three times the bytes of its records, and the garbage collector has to walk them. So only the
brands and the open buckets used last are loaded (pipeline.engine.brands.cache). The others are kept as the very bytes
that a checkpoint writes and that a successor would restore, so nothing but time depends on which: a brand is loaded
when one of its buckets closes, its open buckets when it is mentioned.
"""

from __future__ import annotations

from functools import lru_cache
from types import MappingProxyType
from typing import Final, cast

import msgspec

from detectors.audience import AudienceState
from detectors.base import Detector, StateVersionError
from detectors.brand.pooled_tail import PooledTail
from detectors.normal import Normal
from detectors.registry import DEFAULT, Entry, entry
from pipeline.engine.brands.cache import BrandCache
from pipeline.engine.buckets.background import Background
from pipeline.engine.buckets.closed_counts import RecentCounts
from pipeline.engine.buckets.late import LateCounts
from pipeline.engine.buckets.open_bucket import OpenBucket
from pipeline.engine.buckets.posts import PostRecord
from pipeline.engine.buckets.story_memory import StoryMemory
from pipeline.engine.buckets.surge import Surge
from pipeline.engine.buckets.window_tables import WindowTables
from pipeline.engine.episodes.before import Before
from pipeline.engine.episodes.episode import Episode, Episodes, new_episodes, restored_episodes, stored_for_brand
from pipeline.engine.episodes.past import PastEpisode
from pipeline.engine.state import (
    VERSION,
    BrandRecord,
    decode_brand,
    decode_open,
    encode,
    encode_open,
    unreadable,
)

MAX_SERIALISED_IDS: Final = 16
"""Remembered ids up to which open buckets may be serialised: to load larger ones costs more than their mention."""

NONE_OPEN: Final = cast("dict[int, OpenBucket]", MappingProxyType({}))
"""The open buckets of a brand that has none, or whose open buckets are serialised; cannot be changed."""
NEVER_CLOSED: Final = (0.0, 0.0, 0.0, 0.0)
"""`Brand.last` before the first closed bucket."""


class Band(msgspec.Struct, frozen=True, gc=False):
    """What is normal for a bucket: from `lower` to `upper` mentions, and this share of them negative."""

    lower: float
    upper: float
    negative_share: float


class Serialised(msgspec.Struct, frozen=True, gc=False):
    """A brand's state record, and what is asked of a brand that is not loaded."""

    record: bytes
    last_bucket: int = -1
    is_warm: bool = False
    has_open_episode: bool = False


@lru_cache(maxsize=64)
def _unknown(detector: Entry) -> Serialised:
    """A brand of this detector of which nothing is known but its open buckets; one value for all of them."""
    model = msgspec.Raw(detector.make("crisis", PooledTail()).snapshot())
    episodes = stored_for_brand(new_episodes())
    return Serialised(encode(BrandRecord(VERSION, model, episodes, [], [], NEVER_CLOSED, detector=detector.key)))


class Brand:
    """One brand in memory.

    Attributes:
        name, key: the slug, and the key of its mentions.
        detector: what judges it, by the configuration; a stored model of another one is not taken over.
        remembered: ids in the open buckets, but for those that `remembered_on_time` has left out since they are due.
        open: open buckets by index; empty while `open_record` holds them.
        open_record: the open buckets as bytes, None while they are objects.
        last: of the last closed bucket: mentions, negatives, expected mentions, crisis score.
        band: what was normal in it, while an episode is open; for metrics, and no part of the state.
        is_misplaced: whether its mentions belong on another partition.
        is_idle: False while an active slot of the expiry holds it.
        serialised: the brand as bytes, None while it is loaded.
        model, episodes, negative_posts, top_posts, stories, recent, before, tables, late, background, surge, past,
            news: absent while `serialised` holds them.
    """

    __slots__ = (
        "_cache",
        "_counted_from",
        "background",
        "band",
        "before",
        "detector",
        "episodes",
        "is_idle",
        "is_misplaced",
        "key",
        "last",
        "late",
        "model",
        "name",
        "negative_posts",
        "news",
        "open",
        "open_record",
        "past",
        "recent",
        "remembered",
        "serialised",
        "stories",
        "surge",
        "tables",
        "top_posts",
    )

    model: Detector
    episodes: Episodes
    negative_posts: list[PostRecord]
    top_posts: list[PostRecord]
    stories: StoryMemory
    recent: RecentCounts
    before: Before | None
    tables: WindowTables
    late: LateCounts
    background: Background | None
    surge: Surge | None
    past: tuple[PastEpisode, ...]
    news: list[PostRecord]

    def __init__(self, name: str, cache: BrandCache, detector: Entry) -> None:
        self.name = name
        self.detector = detector
        self.key = name.encode()
        self.remembered = 0
        self._counted_from = -1  # the first bucket whose ids are in `remembered`
        self.open: dict[int, OpenBucket] = NONE_OPEN
        self.open_record: bytes | None = None
        self.serialised: Serialised | None = _unknown(detector)
        self.is_misplaced = False
        self.is_idle = True
        self.last = NEVER_CLOSED
        self.band: Band | None = None
        self._cache = cache

    def reset(self) -> None:
        """Drop all but the open buckets: the brand has expired, and begins as a new one."""
        self.is_idle = True
        self.last = NEVER_CLOSED
        self._keep_as(_unknown(self.detector))

    @property
    def last_bucket(self) -> int:
        """The last bucket that was closed; -1 before the first."""
        return self.model.last_bucket if self.serialised is None else self.serialised.last_bucket

    @property
    def is_warm(self) -> bool:
        """Whether its scores mean something."""
        return self.model.is_warm if self.serialised is None else self.serialised.is_warm

    @property
    def has_open_episode(self) -> bool:
        """Whether an episode of any kind is open."""
        return (
            any(episode.id for episode in self.episodes.values())
            if self.serialised is None
            else self.serialised.has_open_episode
        )

    @property
    def audience(self) -> AudienceState | None:
        """What is known of its posts of great audience; None where none came. Only while it is loaded."""
        return self.episodes["high_reach_post"].audience

    @property
    def surge_since(self) -> int:
        """Bucket of the onset that its surge is counted from; -1 where none is. Only while it is loaded."""
        return -1 if self.surge is None else self.surge.since

    def read_episodes(self) -> Episodes:
        """The episodes, for a reader that must not load the brand."""
        if self.serialised is None:
            return self.episodes
        return restored_episodes(decode_brand(self.key, self.serialised.record).episodes)

    def normal_before(self) -> Normal:
        """The brand's normal before it became unusual, or as it is now where it is not."""
        return self.model.normal() if self.before is None else self.before.normal

    @property
    def normal_of_episode(self) -> Normal | None:
        """The normal that the open episode is held against; None where none is open, or an older version opened it."""
        return next((episode.normal for episode in self.episodes.values() if episode.normal is not None), None)

    def make_idle(self) -> None:
        """Drop what nothing asks for after a day without mentions (pipeline.engine.brands.expiry), and serialise."""
        self.load()
        self.negative_posts = []
        self.top_posts = []
        self.stories = StoryMemory()
        self.recent = RecentCounts()
        self.before = None
        self.tables = WindowTables()
        self.late = LateCounts()
        self.surge = None
        self.news = []
        self.serialise()

    def load(self) -> None:
        """Make objects of the state record."""
        serialised = self.serialised
        if serialised is None:
            return
        record = decode_brand(self.key, serialised.record)
        self.model = self._model_of(record)
        self.episodes = restored_episodes(record.episodes)
        self.negative_posts = record.negative_posts
        self.top_posts = record.top_posts
        self.stories = record.stories
        self.recent = record.recent
        self.before = record.before
        self.tables = record.tables
        self.late = record.late
        self.background = record.background
        self.surge = record.surge
        self.past = record.past
        self.news = record.news
        self.serialised = None
        self._cache.loaded[self] = None

    def restore(self, value: bytes) -> None:
        """Take over a predecessor's record, and stay serialised.

        Raises:
            StateError: it cannot be read.
        """
        record = decode_brand(self.key, value)
        model = self._model_of(record)
        self.last = record.last
        self._keep_as(Serialised(value, model.last_bucket, model.is_warm, _any_open(record.episodes)))

    def _model_of(self, record: BrandRecord) -> Detector:
        """The stored detector; where another one is configured now, a fresh one that begins at the same bucket."""
        detector = self.detector
        model = detector.make("crisis", self._cache.tails.of(detector))
        if record.detector == detector.key:
            try:
                model.restore(bytes(record.model))
            except StateVersionError as error:
                raise unreadable(self.key, error) from None
            return model
        last = record.last_bucket
        if last < 0 and record.detector == DEFAULT:  # Written before the record itself said so.
            old = entry(DEFAULT).make("crisis", PooledTail())
            old.restore(bytes(record.model))
            last = old.last_bucket
        if last >= 0:
            model.pass_unobserved(last)
        return model

    def record(self) -> bytes:
        """The state record."""
        if self.serialised is not None:
            return self.serialised.record
        return encode(
            BrandRecord(
                VERSION,
                msgspec.Raw(self.model.snapshot()),
                stored_for_brand(self.episodes),
                self.negative_posts,
                self.top_posts,
                self.last,
                self.stories,
                self.recent,
                self.detector.key,
                self.model.last_bucket,
                self.before,
                self.tables,
                self.late,
                self.background,
                self.surge,
                self.past,
                self.news,
            )
        )

    def serialise(self) -> None:
        """Keep only the state record."""
        if self.serialised is None:
            self._keep_as(Serialised(self.record(), self.last_bucket, self.is_warm, self.has_open_episode))

    def load_open(self) -> None:
        """Make objects of the open buckets."""
        if self.open_record is not None:
            self.open = decode_open(self.key, self.open_record).buckets
            self.open_record = None
            self._cache.loaded_open[self] = None

    def restore_open(self, key: bytes, value: bytes) -> dict[int, OpenBucket]:
        """Take over a predecessor's open buckets; returns them, to be read.

        Raises:
            StateError: they cannot be read.
        """
        buckets = decode_open(key, value).buckets
        self.remembered = sum(len(bucket.ids) for bucket in buckets.values())
        if self.remembered <= MAX_SERIALISED_IDS:
            self.open_record = value
        else:
            self.open = buckets
            self._cache.loaded_open[self] = None
        return buckets

    def enter(self, index: int, bucket: OpenBucket) -> None:
        """Open a bucket."""
        if self.open is NONE_OPEN:
            self.load_open()
            if self.open is NONE_OPEN:
                self.open = {}
                self._cache.loaded_open[self] = None
        self.open[index] = bucket

    def leave(self, index: int) -> OpenBucket | None:
        """Close a bucket; None where none is open."""
        if self.open_record is not None:
            self.load_open()
        bucket = self.open.pop(index, None) if self.open else None
        if bucket is not None:
            if index >= self._counted_from:
                self.remembered -= len(bucket.ids)
            if not self.open:
                self.open = NONE_OPEN
                self._cache.loaded_open.pop(self, None)
        return bucket

    def remembered_on_time(self, due_end: int) -> int:
        """Ids in the open buckets that are not due, which the log alone decides: closing may be behind.

        Counted once for every `due_end`, and only by whom `remembered` seems too many.

        Args:
            due_end: buckets before it are due.
        """
        if due_end > self._counted_from and self.open_record is None:
            self._counted_from = due_end
            self.remembered = sum(len(bucket.ids) for index, bucket in self.open.items() if index >= due_end)
        return self.remembered

    def has_bucket(self, index: int) -> bool:
        """Whether this bucket is open."""
        self.load_open()
        return index in self.open

    @property
    def has_open(self) -> bool:
        """Whether a bucket is open."""
        return bool(self.open) or self.open_record is not None

    def encode_open(self) -> bytes | None:
        """The record of the open buckets; None where none is open."""
        return encode_open(self.open) if self.open else self.open_record

    def serialise_open(self) -> None:
        """Keep only the record of the open buckets, if they are small."""
        if self.open and self.remembered <= MAX_SERIALISED_IDS and all(one.late is None for one in self.open.values()):
            self.open_record = encode_open(self.open)
            self.open = NONE_OPEN

    def _keep_as(self, serialised: Serialised) -> None:
        was_loaded = self.serialised is None
        self.serialised = serialised
        if was_loaded:
            del self.model, self.episodes, self.negative_posts, self.top_posts, self.stories, self.recent
            del self.before, self.tables, self.late, self.background, self.surge, self.past, self.news
            self._cache.loaded.pop(self, None)


def _any_open(episodes: list[Episode]) -> bool:
    return any(episode.id for episode in episodes)
