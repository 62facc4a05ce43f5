"""Everything that one partition remembers: brands, categories, open buckets, models, and what of it has changed."""

from __future__ import annotations

from typing import Final

from detectors.registry import entry
from detectors.sentiment import SentimentModels
from pipeline.config.model import Config
from pipeline.engine.brands.brand import Brand
from pipeline.engine.brands.cache import MAX_CACHED, BrandCache, Tails
from pipeline.engine.brands.expiry import Expiry
from pipeline.engine.buckets.open_bucket import OpenBucket
from pipeline.engine.buckets.schedule import BucketSchedule
from pipeline.engine.buckets.stories import room_for_texts
from pipeline.engine.categories import Category
from pipeline.engine.placement import Placement
from pipeline.engine.records import Outputs
from pipeline.engine.state import VERSION, Checkpoint
from pipeline.engine.stats import EngineStats

MAX_NAMED: Final = 1000
"""Misplaced brands that are kept by name since construction: enough to tell who places them."""


class Changes:
    """What has changed since the last snapshot, in order of first change.

    Attributes:
        any: whether anything has, offsets included.
        expired: brands that are to be deleted.
        brands: brands whose own record changed.
        open_buckets: brands whose open buckets changed.
        categories: categories whose record changed.
    """

    __slots__ = ("any", "brands", "categories", "expired", "open_buckets")

    def __init__(self) -> None:
        self.any = False
        self.expired: dict[str, None] = {}
        self.brands: dict[str, None] = {}
        self.open_buckets: dict[str, None] = {}
        self.categories: dict[str, None] = {}

    def __len__(self) -> int:
        """Records that the next snapshot writes for brands."""
        return len(self.brands) + len(self.open_buckets) + len(self.expired)

    def discard(self) -> None:
        """Begin again with nothing changed."""
        self.any = False
        for changed in (self.expired, self.brands, self.open_buckets, self.categories):
            changed.clear()


class PartitionState:
    """What a partition remembers; intake, closing and checkpointing work on it and on nothing else.

    Attributes:
        placement: whose records come, and which brands belong here.
        topic: of the records; named in dead letters.
        config: what holds for the brands.
        stats: plain counts since construction.
        at: where the partition stands: offset, event time, next bucket to close, feed, pooled tail, label counts.
        sentiment: the language models.
        cache: which brands are loaded.
        brands: every known brand.
        with_episode: brands with an open episode.
        categories: every category of a known brand.
        open_categories: categories with an open episode.
        misplaced: known brands that belong on another partition.
        misplaced_seen: the first MAX_NAMED misplaced brands since construction, counted here or not, and their home.
        schedule: open buckets in order of event time.
        expiry: which brands are idle, and which expire.
        is_amid_bucket: restored with a part of the bucket `at.next_bucket` closed.
        changes: since the last snapshot.
        outputs: alerts and dead letters not yet taken.
    """

    def __init__(self, placement: Placement, config: Config, topic: str, max_cached: int = MAX_CACHED) -> None:
        """The state of a partition of which no record has been seen.

        Args:
            placement: whose records come.
            config: what holds for the brands.
            topic: of the records.
            max_cached: brands that are loaded at a time; nothing but time and memory depends on it.
        """
        self.placement = placement
        self.topic = topic
        self.config = config
        self.stats = EngineStats()
        self.at = Checkpoint(VERSION, partitions=placement.partitions)
        self.sentiment = SentimentModels()
        self.stats.sentiment_drifts = self.sentiment.drifts
        self.cache = BrandCache(Tails(self.at), max_cached)
        self.brands: dict[str, Brand] = {}
        self.with_episode: set[str] = set()
        self.categories: dict[str, Category] = {}
        self.open_categories: set[str] = set()
        self.misplaced: set[str] = set()
        self.misplaced_seen: dict[str, int] = {}
        self.schedule = BucketSchedule(float(config.engine.allowed_lateness_seconds))
        self.expiry = Expiry(config.engine)
        self.is_amid_bucket = False
        self.changes = Changes()
        self.outputs = Outputs()

    @property
    def watermark(self) -> float:
        """Event time up to which buckets are closed: `event_time` less the allowed lateness; 0.0 at first."""
        return self.at.event_time - self.config.engine.allowed_lateness_seconds if self.at.event_time else 0.0

    def pass_time(self, event_time: float) -> None:
        """Let event time pass, Unix seconds; it never goes back."""
        at = self.at
        is_first = not at.event_time
        at.event_time = max(at.event_time, event_time)
        self.schedule.advance(at.event_time)
        if is_first:
            at.since = event_time
            at.next_bucket = self.schedule.due_end

    def brand(self, name: str) -> Brand:
        """The brand of this name, a new one where it is not known."""
        brand = self.brands.get(name)
        if brand is None:
            config = self.config.brand(name)
            detector = entry(config.detection.detector)
            brand = self.brands[name] = Brand(name, self.cache, detector)
            category = config.category
            if category is not None:
                self.category(category).join(brand)
            if self.placement.is_misplaced(name):
                brand.is_misplaced = True
                self.misplaced.add(name)
                self.note_misplaced(name)
        return brand

    def note_misplaced(self, name: str) -> int:
        """A mention of a brand that belongs on another partition has come; returns that partition."""
        home = self.placement.home(name)
        if len(self.misplaced_seen) < MAX_NAMED:
            self.misplaced_seen[name] = home
        return home

    def drop(self, brand: Brand) -> None:
        """Drop a brand that has expired and has no open bucket."""
        del self.brands[brand.name]
        self.misplaced.discard(brand.name)
        self.cache.drop(brand)
        category = self.config.brand(brand.name).category
        if category is not None:
            self.category(category).leave(brand)

    def category(self, name: str) -> Category:
        """The category of this name, a new one where it is not known."""
        category = self.categories.get(name)
        if category is None:
            category = self.categories[name] = Category(name)
        return category

    def open_bucket(self, brand: Brand, index: int, offset: int) -> OpenBucket:
        """The brand's open bucket, a new one where it has none.

        Args:
            brand: whose.
            index: the bucket.
            offset: of the record that it is opened for.
        """
        self.cache.evict()  # Before, for what is given out must stay.
        return self.load_bucket(brand, index, offset)

    def load_bucket(self, brand: Brand, index: int, offset: int) -> OpenBucket:
        """`open_bucket` without making room for it: the caller does so when it has let go of all it was given."""
        brand.load_open()
        bucket = brand.open.get(index)
        if bucket is None:
            bucket = self._new_bucket(brand, index, offset)
            self.schedule.enter(index, brand.name)
        elif bucket.late is not None and not self.schedule.is_entered(index, brand.name):
            # Until now late mentions alone waited in it: a brand enters with its first one in time.
            bucket.first_offset = offset
            self.schedule.enter(index, brand.name)
        return bucket

    def waiting_bucket(self, brand: Brand, index: int, offset: int) -> OpenBucket:
        """The brand's open bucket for a late mention, without making room for it; a new one where it has none."""
        brand.load_open()
        bucket = brand.open.get(index)
        if bucket is None:
            bucket = self._new_bucket(brand, index, offset)
            self.schedule.let_wait(index, brand.name)
        return bucket

    def _new_bucket(self, brand: Brand, index: int, offset: int) -> OpenBucket:
        bucket = OpenBucket(first_offset=offset)
        bucket.stories.room = room_for_texts(self.config.engine.allowed_lateness_seconds)
        brand.enter(index, bucket)
        return bucket
