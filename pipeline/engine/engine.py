"""The engine of one partition: a pure function of (state, records), called by the worker, by replay and by the tests.

It sees no clock, no network, no log and no framework; time is event time. The same records in the same order give the
same alerts, byte for byte, however they are cut into batches and wherever the process died in between.

    ingest(records)   mentions into open buckets; the watermark moves; bad records become dead letters
    close_due(limit)  buckets behind the watermark are scored and learned, a few brands at a time; episodes step
    take_outputs()    alerts and dead letters so far
    snapshot_in_batches()   changed state, with the offset it stands for; cut() takes all of it

A brand is visited when a bucket in which it was mentioned closes, and in every bucket while an episode of it is open:
cost follows mentions, not known brands.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

import msgspec

from detectors.brand.pooled_tail import PooledTail
from detectors.brand.window_lengths import WINDOWS
from detectors.features import Bucket
from detectors.sentiment import LANGUAGES, PLAIN_TAGS, SentimentModels, language_of
from pipeline.config.model import BrandConfig, Config
from pipeline.engine.alerts.brand_alert import WindowCounts, alert_record, take_suppressed
from pipeline.engine.alerts.category_alert import category_alert_record
from pipeline.engine.brands.cache import MAX_CACHED, Brand, BrandCache
from pipeline.engine.brands.expiry import FORGET_REASONS, ForgetReason, Known, Roster, Verdict
from pipeline.engine.buckets.closed_counts import BucketCounts, onset
from pipeline.engine.buckets.ids import LONG_ID, identity
from pipeline.engine.buckets.open_bucket import KEPT_POSTS, OpenBucket, PostRecord, by_audience, is_in_sample
from pipeline.engine.categories import Category
from pipeline.engine.dead_letters import RefusedBatch, dead_letter
from pipeline.engine.episodes.episode import Rule, Suppressed, close, step
from pipeline.engine.episodes.rules import rules
from pipeline.engine.records import TICK_HEADER, Outputs, SourceRecord
from pipeline.engine.state import (
    CATEGORY_PREFIX,
    CHECKPOINT_KEY,
    OPEN_SUFFIX,
    SENTIMENT_PREFIX,
    Checkpoint,
    decode_category,
    decode_checkpoint,
    encode,
    unreadable,
)
from pipeline.errors import DeadLetterLimitError
from schemas.alert import KINDS, Kind, Severity, SuppressionReason, Transition
from schemas.mention import (
    EARLIEST_EVENT_TIME,
    LATEST_EVENT_TIME,
    Mention,
    brand_key,
    decode_mention,
    decode_of_some_brand,
)
from schemas.observation import BUCKET_SECONDS, BUCKETS_PER_DAY, Observation
from schemas.rejection import Reason, Rejected

STORY_TEXTS: Final = 32
"""Where stories only explain, so many texts a brand and bucket are compared; past that a sample stands for the rest."""
STORY_SAMPLE: Final = 8
"""The sample: one text in so many."""
SNAPSHOT_RECORDS: Final = 500
"""State records encoded at a time, so that a checkpoint of many brands holds up nobody."""
RESTORED_RECORDS: Final = 500
"""State records restored at a time, for the same reason."""
POST_BUCKETS: Final = 12
"""Posts are kept as evidence for an hour."""


class BrandView(msgspec.Struct, frozen=True):
    """A brand in its last closed bucket, for metrics: counts, expected mentions, crisis score."""

    brand: str
    mentions: float
    negatives: float
    expected: float
    score: float


class OpenEpisode(msgspec.Struct, frozen=True):
    """An open episode, for metrics. `onset` is event time in Unix seconds."""

    brand: str
    kind: Kind
    severity: Severity
    onset: float
    score: float


class EngineStats(msgspec.Struct):
    """Plain counts since construction; not part of the state."""

    consumed: int = 0
    ticks: int = 0
    skipped: int = 0
    late: int = 0
    duplicates: int = 0
    duplicates_unchecked: int = 0
    texts_scored: int = 0
    labels_learned: int = 0
    labels_left_out: int = 0
    sentiment_drifts: dict[str, int] = msgspec.field(default_factory=lambda: dict.fromkeys(LANGUAGES, 0))
    buckets_closed: int = 0
    scores: int = 0
    forgotten: dict[ForgetReason, int] = msgspec.field(default_factory=lambda: dict.fromkeys(FORGET_REASONS, 0))
    rejected: dict[Reason, int] = msgspec.field(default_factory=lambda: dict.fromkeys(Reason, 0))
    alerts: dict[tuple[Kind, Severity, Transition], int] = msgspec.field(default_factory=dict)
    suppressed: dict[tuple[Kind, SuppressionReason], int] = msgspec.field(default_factory=dict)


class Engine:
    """State and line of one partition. See the module's text."""

    def __init__(
        self, partition: int, config: Config, *, topic: str = "mentions", max_cached: int = MAX_CACHED
    ) -> None:
        """Know nothing.

        Args:
            partition: whose records come.
            config: what holds for the brands.
            topic: of the records; named in dead letters.
            max_cached: brands that are objects at a time (brands.cache); nothing but time depends on it.
        """
        self.partition = partition
        self.stats = EngineStats()
        self._topic = topic
        self._config = config
        self._lateness = float(config.engine.allowed_lateness_seconds)
        self._tolerance_ms = config.engine.future_tolerance_seconds * 1000
        self._most_ids = config.engine.max_ids_per_brand
        self._small_ids = self._most_ids // 16
        self._negative_below = config.sentiment.negative_below
        self._positive_above = config.sentiment.positive_above
        self._learns = config.sentiment.learn
        self._full_labels = config.sentiment.full_labels_per_bucket
        self._brands: dict[str, Brand] = {}
        self._watched: set[str] = set()
        self._categories: dict[str, Category] = {}
        self._open_categories: set[str] = set()
        self._categorised: list[tuple[str, str]] = []
        self._ever_categorised: set[str] = set()
        self._open: dict[int, dict[str, None]] = {}
        self._open_order: list[int] = []
        self._sentiment = SentimentModels()
        self.stats.sentiment_drifts = self._sentiment.drifts
        self._at = Checkpoint()
        self._memory = BrandCache(PooledTail(self._at.tail), max_cached)
        self._close_end = -1
        self._close_at = 0.0  # event time at which the next bucket becomes due
        self._outputs = Outputs()
        self._closing: Iterator[str] | None = None
        self._closing_watched = False
        self._rules: dict[str, tuple[Rule, ...]] = {}
        self._roster = Roster(config.engine)
        self._forgetting: Iterator[Verdict | None] | None = None
        self._amid_bucket = False  # restored with a part of `next_bucket` closed
        self._most_open = config.engine.max_brands
        self._open_count = 0  # open buckets of brands that are not due
        self._forgotten_brands: dict[str, None] = {}
        self._changed_brands: dict[str, None] = {}
        self._changed_open: dict[str, None] = {}
        self._changed_categories: dict[str, None] = {}
        self._changed = False

    # ---------------------------------------------------------------- facts

    @property
    def next_offset(self) -> int:
        """First offset that is not in the state; `ingest` skips records below it."""
        return self._at.next_offset

    @property
    def event_time(self) -> float:
        """Largest event time seen, Unix seconds; 0.0 before the first mention."""
        return self._at.event_time

    @property
    def watermark(self) -> float:
        """Event time up to which buckets are closed: `event_time` less the allowed lateness; 0.0 at first."""
        return self._at.event_time - self._lateness if self._at.event_time else 0.0

    @property
    def last_timestamp(self) -> int:
        """Kafka timestamp (Unix milliseconds) of the last record folded in; 0 before the first."""
        return self._at.last_timestamp

    @property
    def needs_time(self) -> bool:
        """True while the passing of event time alone can still change something."""
        return bool(self._open or self._watched or self._open_categories)

    @property
    def categorised(self) -> Sequence[tuple[str, str]]:
        """(brand, category) of every brand with a category, in the order in which this engine met them."""
        return self._categorised

    @property
    def max_cached(self) -> int:
        """Brands that are objects at a time; may change at any time, for nothing but time and memory depends on it."""
        return self._memory.most

    @max_cached.setter
    def max_cached(self, count: int) -> None:
        self._memory.most = count

    @property
    def changes(self) -> int:
        """Brands and open buckets whose records the next cut writes."""
        return len(self._changed_brands) + len(self._changed_open) + len(self._forgotten_brands)

    @property
    def brands(self) -> int:
        """Brands tracked."""
        return len(self._brands)

    def open_episodes(self) -> Iterator[OpenEpisode]:
        """Every open episode; of a category's the brand is the category."""
        for name in sorted(self._open_categories):
            for kind, episode in zip(KINDS, self._categories[name].episodes, strict=True):
                if episode.id:
                    yield OpenEpisode(name, kind, episode.severity, episode.onset * BUCKET_SECONDS, episode.score)
        for name in sorted(self._watched):
            for kind, episode in zip(KINDS, self._brands[name].read_episodes(), strict=True):
                if episode.id:
                    yield OpenEpisode(name, kind, episode.severity, episode.onset * BUCKET_SECONDS, episode.score)

    def brand_view(self, brand: str) -> BrandView | None:
        """The brand's last closed bucket; None for a brand never seen."""
        found = self._brands.get(brand)
        return None if found is None else BrandView(brand, *found.last)

    def top_brands(self, count: int) -> list[BrandView]:
        """The brands with most mentions in their last closed bucket, most first."""
        # Asked by another thread while mentions are folded in: of 100,000 brands only those that are shown are built.
        found = heapq.nsmallest(count, list(self._brands.values()), key=lambda brand: (-brand.last[0], brand.name))
        return [BrandView(brand.name, *brand.last) for brand in found]

    # ---------------------------------------------------------------- work

    def process(self, records: Sequence[SourceRecord]) -> Outputs:
        """Fold the records, close all that is due and take the outputs."""
        self.ingest(records)
        self.close_due()
        return self.take_outputs()

    def ingest(self, records: Sequence[SourceRecord]) -> None:
        """Take records in offset order into the open buckets.

        Raises:
            DeadLetterLimitError: more refused records in a row than configured.
        """
        # The path of every mention: branches where a function would do, counts in local variables, and nothing looked
        # up twice. What the engine's other methods may ask for meanwhile is written back before they are called.
        at = self._at
        stats = self.stats
        brands = self._brands
        changed_open = self._changed_open
        feed = at.feed
        tolerance_ms = self._tolerance_ms
        most_open = self._most_open
        negative_below, positive_above, learns = self._negative_below, self._positive_above, self._learns
        next_offset, timestamp, latest = at.next_offset, at.last_timestamp, at.event_time
        close_end, close_at = self._close_end, self._close_at
        index, begin, end = 0, 0.0, -1.0  # the bucket of the mention before and its bounds
        labels, full_labels = at.labels, self._full_labels
        consumed = seen = left_out = 0
        try:
            for record in records:
                offset = record.offset
                if offset < next_offset:
                    stats.skipped += 1
                    continue
                next_offset = offset + 1
                timestamp = record.timestamp
                value = record.value
                mention = None if value is None else decode_of_some_brand(value)
                if (
                    mention is not None
                    and (brand := brands.get(mention.brand)) is not None
                    and brand.key == record.key
                    and (event_time := mention.event_time.timestamp()) * 1000 <= timestamp + tolerance_ms
                    and (begin <= event_time < end or EARLIEST_EVENT_TIME <= event_time < LATEST_EVENT_TIME)
                    and self._open_count < most_open
                ):
                    at.rejected_in_a_row = 0
                    consumed += 1
                else:
                    at.event_time = latest
                    admitted = self._admit(record)
                    latest, close_end, close_at = at.event_time, self._close_end, self._close_at
                    if admitted is None:
                        continue
                    brand, mention, event_time = admitted
                if not begin <= event_time < end:
                    index = int(event_time // BUCKET_SECONDS)
                    begin = float(index * BUCKET_SECONDS)
                    end = begin + BUCKET_SECONDS
                if index < close_end:
                    stats.late += 1
                    continue
                bucket = brand.open.get(index)
                if bucket is None:
                    bucket = self._bucket(brand, index, offset)
                changed_open[brand.name] = None
                ids = bucket.ids
                own = mention.id
                if len(own) > LONG_ID or not own.isascii():
                    own = identity(own)
                if own in ids:
                    stats.duplicates += 1
                    continue
                if index > feed.bucket:
                    feed.mentions += seen
                    seen = 0
                    feed.see(index, 1, close_end)
                else:
                    seen += 1
                lang = mention.lang
                language = (PLAIN_TAGS.get(lang) if lang else None) or language_of(mention.text, lang)
                position = bucket.mentions
                sentiment = mention.sentiment
                if sentiment is None:
                    before = bucket.scored, bucket.sampled
                    negative = self._judge_text(bucket, index, mention, language)
                    sampled = bucket.sampled > before[1]
                    read = sampled or bucket.scored > before[0]
                else:
                    sampled, read = False, True
                    negative = sentiment <= negative_below
                    if negative:
                        bucket.negatives += 1
                    if sentiment >= positive_above:
                        bucket.positives += 1
                    if learns:
                        if labels.admit(close_end, language, full_labels):
                            self._learn(mention, language, sentiment)
                        else:
                            left_out += 1
                if not brand.weighs_stories:
                    sampled = position >= STORY_TEXTS and is_in_sample(index, position, STORY_SAMPLE)
                    read = sampled or position < STORY_TEXTS
                bucket.add(mention, language, event_time, index, negative=negative)
                if read or mention.repost_of is not None:
                    stories = bucket.stories
                    number = stories.join(mention, own, ids, event_time, negative=negative, read=read, sampled=sampled)
                elif bucket.stories.awaited:
                    number = bucket.stories.join_unread(mention, own, event_time, negative=negative)
                else:
                    number = 0
                if len(ids) < self._small_ids or brand.remembered < self._most_ids:
                    ids[own] = number
                    brand.remembered += 1
                else:
                    stats.duplicates_unchecked += 1
                if event_time > latest:
                    latest = event_time
                    if event_time >= close_at:
                        self._pass_time(event_time)
                        close_end, close_at = self._close_end, self._close_at
        finally:
            self._changed = self._changed or next_offset > at.next_offset
            at.next_offset, at.last_timestamp, at.event_time = next_offset, timestamp, latest
            feed.mentions += seen
            stats.consumed += consumed
            stats.labels_left_out += left_out

    def _admit(self, record: SourceRecord) -> tuple[Brand, Mention, float] | None:
        """A mention that is not plainly one of a known brand, with its brand and event time in Unix seconds.

        None for a tick, for what must be refused and for a late mention of a new brand; that is dealt with here.
        """
        at = self._at
        try:
            if isinstance(record, RefusedBatch):
                rejected = record.rejected
                self.stats.rejected[rejected.reason] += record.records - 1  # one dead letter for all of them
                raise rejected
            if record.value is None:
                self._tick(record)
                return None
            mention = decode_mention(record.value)
            brand_key(mention, record.key)
            event_time = mention.event_time.timestamp()
            if event_time * 1000 > record.timestamp + self._tolerance_ms:
                raise Rejected(  # noqa: TRY301 - one place where refusals end
                    Reason.EVENT_TIME_IN_FUTURE,
                    f'field "event_time" must not be more than {self._tolerance_ms // 1000} s ahead of the record '
                    f"timestamp {record.timestamp} ms, got {mention.event_time.isoformat()}",
                )
            if self._open_count >= self._most_open and self._is_stranger(mention.brand, event_time):
                raise Rejected(  # noqa: TRY301 - as above
                    Reason.TOO_MANY_BRANDS,
                    f"expected at most {self._most_open} open buckets of brands (engine.max_brands), got one more "
                    f"of {mention.brand}, a brand not known here",
                )
        except Rejected as rejected:
            self._reject(record, rejected)
            return None
        at.rejected_in_a_row = 0
        self.stats.consumed += 1
        # A brand whose mentions are all late is not remembered.
        if event_time // BUCKET_SECONDS < self._close_end:
            self.stats.late += 1
            return None
        return self._brand(mention.brand), mention, event_time

    def ingest_observations(self, observations: Iterable[Observation]) -> None:
        """Take aggregated history, in order of `start`: each row is a whole bucket of one brand.

        Raises:
            ValueError: a bucket that is already closed, of another size, or given twice.
        """
        for row in observations:
            index = row.start // BUCKET_SECONDS
            if row.size_seconds != BUCKET_SECONDS or row.start % BUCKET_SECONDS:
                raise ValueError(
                    f"expected buckets of {BUCKET_SECONDS} s, got start {row.start} of {row.size_seconds} s"
                )
            if index < self._close_end or row.brand in self._open.get(index, ()):
                raise ValueError(
                    f"expected one row per brand and bucket in order of start, got {row.brand} {row.start}"
                )
            bucket = self._bucket(self._brand(row.brand), index, self._at.next_offset)
            self._changed_open[row.brand] = None
            self._changed = True
            self._at.next_offset += 1
            bucket.mentions = row.mentions
            bucket.reposts = row.reposts
            bucket.reach = row.reach
            # Fractions survive through the sample fields: k negatives of n, as if one text in n had been read.
            bucket.sampled = bucket.scored = 1
            bucket.sampled_negatives = row.negatives
            bucket.sampled_positives = row.positives
            self.stats.consumed += row.mentions
            self._at.feed.see(index, row.mentions, self._close_end)
            self._pass_time(float(row.start))

    def close_due(self, limit: int = 0) -> bool:
        """Score and learn buckets behind the watermark.

        Args:
            limit: at most so many brand-buckets; 0 closes all that are due.

        Returns:
            True while more are due.
        """
        closed = 0
        at = self._at
        while True:
            if self._closing is None:
                closed = self._forget_due(closed, limit)
                if limit and closed >= limit:
                    return True
                if at.next_bucket >= self._close_end:
                    return False
                brands = self._open.get(at.next_bucket)
                if not brands and not self._watched and not self._open_categories:
                    at.next_bucket = self._next_open()
                    self._amid_bucket = False
                    continue
                self._closing = iter(list(brands or ()))
                self._closing_watched = False
            for name in self._closing:
                self._close(name, at.next_bucket)
                closed += 1
                if limit and closed >= limit:
                    return True
            if not self._closing_watched:
                self._closing_watched = True
                index = at.next_bucket
                silent = [name for name in self._watched if self._brands[name].last_bucket < index]
                self._closing = iter(sorted(silent))
                continue
            self._follow_categories(at.next_bucket)
            self._open.pop(at.next_bucket, None)
            at.next_bucket += 1
            while self._open_order and self._open_order[0] < at.next_bucket:
                heapq.heappop(self._open_order)
            self._closing = None
            self._amid_bucket = False
            at.feed.drop_before(at.next_bucket)

    def _forget_due(self, done: int, limit: int) -> int:
        """Let brands rest and forget brands, now that every bucket before `next_bucket` is closed.

        Args:
            done: steps taken in this call of `close_due`.
            limit: at most so many; 0 takes all.

        Returns:
            Steps taken. Less than the limit means that nothing is left to do.
        """
        if self._forgetting is None:
            bucket = self._at.next_bucket
            if self._amid_bucket or not self._roster.is_due(bucket):
                return done
            self._forgetting = self._roster.due(bucket)
        for verdict in self._forgetting:
            if verdict is not None:
                self._let_go(*verdict)
            done += 1
            if limit and done >= limit:
                return done
        self._forgetting = None
        return done

    def _let_go(self, brand: Known, reason: ForgetReason | None) -> None:
        self._changed = True
        name = brand.name
        found = self._brands[name]
        if reason is None:
            found.rest()
            self._changed_brands[name] = None
            return
        self.stats.forgotten[reason] += 1
        self._changed_brands.pop(name, None)
        self._forgotten_brands[name] = None
        if found.has_open:
            found.begin()
            return
        del self._brands[name]
        self._memory.drop(found)
        category = self._config.brand(name).category
        if category is not None:
            self._category(category).leave(found)

    def _next_open(self) -> int:
        """The next bucket in which something is to be closed, or the end of what is due."""
        order = self._open_order
        while order and order[0] not in self._open:
            heapq.heappop(order)
        return min(order[0], self._close_end) if order else self._close_end

    def take_outputs(self) -> Outputs:
        """Alerts and dead letters since the last take, in order."""
        outputs, self._outputs = self._outputs, Outputs([], [])
        return outputs

    # ---------------------------------------------------------------- state

    def snapshot(self) -> list[tuple[bytes, bytes | None]]:
        """What changed since the last cut, encoded: None is a tombstone, the checkpoint is last; [] if nothing did."""
        return [record for records in self.snapshot_in_batches() for record in records]

    def snapshot_in_batches(self, size: int = SNAPSHOT_RECORDS) -> Iterator[list[tuple[bytes, bytes | None]]]:
        """`cut` in slices of at most so many records; nothing may change the engine until the last one is taken."""
        if not self._changed:
            return
        records = self._changed_records()
        while taken := list(islice(records, size)):
            yield taken
        self.discard_changes()

    def discard_changes(self) -> None:
        """Take what changed so far as written; for a caller that keeps no state, or the list grows with every brand."""
        self._forgotten_brands = {}
        self._changed_brands = {}
        self._changed_open = {}
        self._changed_categories = {}
        self._changed = False

    def _changed_records(self) -> Iterator[tuple[bytes, bytes | None]]:
        for name in self._forgotten_brands:
            yield name.encode(), None
        for name in self._changed_brands:
            yield name.encode(), self._brands[name].record()
        for name in self._changed_open:
            found = self._brands.get(name)
            yield name.encode() + OPEN_SUFFIX, None if found is None else found.encode_open()
        for name in self._changed_categories:
            yield CATEGORY_PREFIX + name.encode(), encode(self._categories[name].record())
        for name, payload in self._sentiment.changed():
            yield SENTIMENT_PREFIX + name.encode(), payload
        yield CHECKPOINT_KEY, encode(self._at)

    def restore(self, records: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Take over the state of a fresh engine's predecessor.

        Args:
            records: the state topic's records in log order; the last of a key holds.

        Raises:
            StateError: a record cannot be read.
        """
        for _ in self.restore_in_batches(records):
            pass

    def restore_in_batches(
        self, records: Iterable[tuple[bytes, bytes | None]], size: int = RESTORED_RECORDS
    ) -> Iterator[None]:
        """`restore` with pauses: after so many records, or ten times as many where little is done with each.

        Nothing else may be asked of the engine until its end.
        """
        latest: dict[bytes, bytes] = {}
        for number, (key, value) in enumerate(records, 1):
            if number % (10 * size) == 0:
                yield
            if value is None:
                latest.pop(key, None)
            else:
                latest[key] = value
        if CHECKPOINT_KEY in latest:
            self._at = decode_checkpoint(CHECKPOINT_KEY, latest.pop(CHECKPOINT_KEY))
            self._memory.tail = PooledTail(self._at.tail)
        opened: list[tuple[int, str, int]] = []
        for number, (key, value) in enumerate(latest.items(), 1):
            if number % size == 0:
                yield
            if key.startswith(SENTIMENT_PREFIX):
                try:
                    self._sentiment.restore(key[len(SENTIMENT_PREFIX) :].decode(), value)
                except ValueError as error:
                    raise unreadable(key, error) from None
            elif key.startswith(CATEGORY_PREFIX):
                self._restore_category(key, value)
            elif key.endswith(OPEN_SUFFIX):
                name = key[: -len(OPEN_SUFFIX)].decode()
                buckets = self._brand(name).restore_open(key, value)
                opened += ((bucket.first_offset, name, index) for index, bucket in buckets.items())
                self._memory.shed()
            else:
                self._restore_brand(key, value)
        yield
        # Buckets close their brands in order of first mention, so that alerts keep their order through a crash.
        for number, (_, name, index) in enumerate(sorted(opened, key=lambda item: item[0]), 1):
            if number % (10 * size) == 0:
                yield
            self._enter_open(index, name)
        yield
        if self._at.event_time:
            self._close_end = max(int(self.watermark // BUCKET_SECONDS), self._at.next_bucket)
        for number, brand in enumerate(self._brands.values(), 1):
            if number % (10 * size) == 0:
                yield
            if brand.last_bucket >= 0:
                self._roster.restore(brand)
                self._amid_bucket |= brand.last_bucket >= self._at.next_bucket
        self._count_open()

    def _restore_brand(self, key: bytes, value: bytes) -> None:
        brand = self._brand(key.decode())
        brand.restore(value)
        if brand.is_watched:
            self._watched.add(brand.name)

    def _restore_category(self, key: bytes, value: bytes) -> None:
        category = self._category(key[len(CATEGORY_PREFIX) :].decode())
        category.restore(decode_category(key, value))
        if category.is_open:
            self._open_categories.add(category.name)

    # ---------------------------------------------------------------- one record

    def _learn(self, mention: Mention, language: str, sentiment: float) -> None:
        """Let the language's model learn a trusted sentiment."""
        self.stats.labels_learned += 1
        # The model learns what this configuration calls negative, not the raw number.
        label = float(sentiment >= self._positive_above) - float(sentiment <= self._negative_below)
        self._sentiment.learn_one(mention.text, language, label)

    def _judge_text(self, bucket: OpenBucket, index: int, mention: Mention, language: str) -> bool:
        """Count the mention as its text is read, or as unread; True where it is taken for negative."""
        config = self._config.sentiment
        full = bucket.scored < config.full_texts_per_bucket
        if not full and not is_in_sample(index, bucket.mentions, config.sample_one_in):
            bucket.unscored += 1
            return False
        p_negative, p_positive = self._sentiment.estimate_one(mention.text, language)
        self.stats.texts_scored += 1
        negative = p_negative > 0.5
        positive = not negative and p_positive > 0.5
        if full:
            bucket.scored += 1
            bucket.negatives += negative
            bucket.positives += positive
        else:
            bucket.sampled += 1
            bucket.sampled_negatives += negative
            bucket.sampled_positives += positive
        return negative

    def _tick(self, record: SourceRecord) -> None:
        """Let event time pass on a partition without mentions; the record says how far."""
        tick = next((value for name, value in record.headers if name == TICK_HEADER), None)
        if tick is None or record.key is not None:
            raise Rejected(Reason.TOMBSTONE, "expected a mention, got a record without a value")
        if not (tick.isdigit() and len(tick) <= 16):
            raise Rejected(Reason.INVALID_TICK, f"expected Unix milliseconds in {TICK_HEADER}, got {tick[:40]!r}")
        milliseconds = int(tick)
        if milliseconds > record.timestamp + self._tolerance_ms:
            raise Rejected(
                Reason.INVALID_TICK,
                f"expected a tick not later than its record timestamp {record.timestamp} ms, got {milliseconds} ms",
            )
        self.stats.ticks += 1
        if self._at.event_time and milliseconds / 1000 > self._at.event_time:
            self._pass_time(milliseconds / 1000)

    def _pass_time(self, event_time: float) -> None:
        at = self._at
        first = not at.event_time
        at.event_time = max(at.event_time, event_time)
        # Never back: a longer lateness after a restart must not open buckets that were closed.
        due = int((at.event_time - self._lateness) // BUCKET_SECONDS)
        if due > self._close_end:
            self._close_end = due
            self._count_open()
        self._close_at = (self._close_end + 1) * BUCKET_SECONDS + self._lateness
        if first:
            at.next_bucket = self._close_end

    def _count_open(self) -> None:
        self._open_count = sum(len(brands) for index, brands in self._open.items() if index >= self._close_end)

    def _is_stranger(self, name: str, event_time: float) -> bool:
        """Whether a mention would open a bucket of a brand of which no bucket was ever closed."""
        index = int(event_time // BUCKET_SECONDS)
        if index < self._close_end:
            return False
        self.close_due()  # What is known must not depend on how far closing has come.
        brand = self._brands.get(name)
        if brand is None:
            return True
        self._memory.shed()
        brand.wake_open()
        return brand.last_bucket < 0 and index not in brand.open

    def _bucket(self, brand: Brand, index: int, offset: int) -> OpenBucket:
        self._memory.shed()  # Before, for what is given out must stay.
        brand.wake_open()
        bucket = brand.open.get(index)
        if bucket is None:
            bucket = OpenBucket(first_offset=offset)
            brand.enter(index, bucket)
            self._enter_open(index, brand.name)
        return bucket

    def _enter_open(self, index: int, name: str) -> None:
        brands = self._open.get(index)
        if brands is None:
            brands = self._open[index] = {}
            heapq.heappush(self._open_order, index)
        brands[name] = None
        self._open_count += 1

    def _brand(self, name: str) -> Brand:
        brand = self._brands.get(name)
        if brand is None:
            config = self._config.brand(name)
            weighs_stories = config.detection.copies == "story"
            brand = self._brands[name] = Brand(name, self._memory, weighs_stories=weighs_stories)
            category = config.category
            if category is not None:
                self._category(category).join(brand)
                if name not in self._ever_categorised:
                    self._ever_categorised.add(name)
                    self._categorised.append((name, category))
        return brand

    def _category(self, name: str) -> Category:
        category = self._categories.get(name)
        if category is None:
            category = self._categories[name] = Category(name)
        return category

    def _reject(self, record: SourceRecord, rejected: Rejected) -> None:
        at = self._at
        self.stats.rejected[rejected.reason] += 1
        self._outputs.dead_letters.append(dead_letter(record, rejected, self._topic, self.partition))
        # A flood of brands says nothing about the deploy, and nobody shall stop a worker with it.
        at.rejected_in_a_row += rejected.reason is not Reason.TOO_MANY_BRANDS
        limit = self._config.engine.dead_letter_run_limit
        if limit and at.rejected_in_a_row > limit:
            raise DeadLetterLimitError(
                f"{self._topic}[{self.partition}]@{record.offset}: expected mentions, got more than {limit} records in "
                f"a row that had to be refused (the last: {rejected.reason}, {rejected}); mend the producer, or raise "
                "engine.dead_letter_run_limit to let them pass into the dead letter topic"
            )

    # ---------------------------------------------------------------- one bucket

    def _close(self, name: str, index: int) -> None:
        brand = self._brands[name]
        if brand.rests:
            self._roster.wake(brand, index)
        if brand.packed is not None or brand.open_record is not None:
            self._memory.shed()
            brand.wake()
        bucket = brand.leave(index)
        model = brand.model
        if bucket is None and self._at.feed.is_unobserved(index):
            # An open episode is neither fed nor ended by a hole: its quiet time stands still.
            for episode in brand.episodes:
                episode.last_loud += index - model.last_bucket
            model.pass_unobserved(index)
            self._changed_brands[name] = None
            return
        config = self._config.brand(name)
        counts = BucketCounts(index) if bucket is None else self._count(brand, bucket, index, config)
        unobserved = self._at.feed.unobserved(model.last_bucket + 1, index)
        model.advance(Bucket(index, counts.counted, counts.counted_negatives, unobserved))
        assessment = model.assess(index, counts.counted, counts.counted_negatives)
        model.learn(assessment, counts.counted, counts.counted_negatives)
        self._keep_posts(brand, bucket, index)
        crisis = max(assessment.crisis, 0.0)
        brand.last = (float(counts.mentions), counts.negatives, assessment.expected_now, crisis)
        self.stats.buckets_closed += 1
        self.stats.scores += assessment.is_warm
        held_back = False
        category = None if config.category is None else self._categories[config.category]
        for kind, rule, episode in zip(KINDS, self._rules_of(config), brand.episodes, strict=True):
            score = assessment.score(kind)
            if episode.stays_quiet(score, rule):
                episode.score = score
                continue
            window = WINDOWS[assessment.window(kind)]
            may_open = assessment.is_warm and not held_back
            is_common = (
                category is not None
                and may_open
                and not episode.is_open
                and score >= rule.threshold
                and category.is_common(brand, kind, rule, assessment)
            )
            if category is not None and is_common:
                self._step_category(category, kind, index, {name: score})
            transition = step(
                episode,
                rule,
                brand=name,
                kind=kind,
                bucket=index,
                score=score,
                window_buckets=window,
                may_open=may_open,
                is_common=is_common,
            )
            if isinstance(transition, Suppressed):
                self._count_suppressed(kind, transition)
            elif transition is not None:
                if transition == "opened":
                    episode.onset = self._onset(brand, kind, index, assessment.base_rate)
                posts = brand.top_posts if kind == "volume_surge" else brand.negative_posts
                self._outputs.alerts.append(
                    alert_record(
                        name,
                        kind,
                        transition,
                        episode,
                        rule,
                        assessment,
                        bucket,
                        posts,
                        self._window_counts(brand, index + 1 - window, index + 1),
                        [story for story in brand.stories.stories if story.last_told > index - window],
                        config,
                        take_suppressed(brand.episodes),
                        "" if category is None else category.episodes[KINDS.index(kind)].id,
                    )
                )
                self._count_alert(kind, episode.severity, transition)
                if transition == "resolved":
                    close(episode, index)
            held_back = held_back or (kind == "crisis" and (episode.is_open or is_common))
        if brand.is_watched:
            self._watched.add(name)
        else:
            self._watched.discard(name)
        self._changed_brands[name] = None
        if bucket is not None:
            self._changed_open[name] = None
        self._changed = True

    def _follow_categories(self, index: int) -> None:
        """Let a whole bucket act on the open episodes of categories, after its brands were closed."""
        for name in sorted(self._open_categories):
            self._memory.shed()
            category = self._categories[name]
            self._changed_categories[name] = None
            self._changed = True
            if self._at.feed.is_unobserved(index):
                category.pass_unobserved()
                continue
            for kind, episode in zip(KINDS, category.episodes, strict=True):
                if episode.is_open:
                    self._step_category(category, kind, index)

    def _step_category(self, category: Category, kind: Kind, index: int, now: dict[str, float] | None = None) -> None:
        """Let the members' scores act on the category's episode of this kind."""
        config = self._config.category(category.name)
        rule = rules(config.detection)[kind]
        transition = category.step(kind, rule, index, now)
        if isinstance(transition, Suppressed):
            self._count_suppressed(kind, transition)
        elif transition is not None:
            suppressed = take_suppressed(category.episodes)
            self._outputs.alerts.append(
                category_alert_record(category, kind, transition, index, rule, config, suppressed)
            )
            self._count_alert(kind, category.episodes[KINDS.index(kind)].severity, transition)
            if transition == "resolved":
                category.close(kind, index)
        if category.is_open:
            self._open_categories.add(category.name)
        else:
            self._open_categories.discard(category.name)
        self._changed_categories[category.name] = None

    def _count_alert(self, kind: Kind, severity: Severity, transition: Transition) -> None:
        counted = (kind, severity, transition)
        self.stats.alerts[counted] = self.stats.alerts.get(counted, 0) + 1

    def _count_suppressed(self, kind: Kind, suppressed: Suppressed) -> None:
        counted = (kind, suppressed.reason)
        self.stats.suppressed[counted] = self.stats.suppressed.get(counted, 0) + 1

    def _rules_of(self, config: BrandConfig) -> tuple[Rule, ...]:
        """The brand's rules in the order of KINDS, by hash: a configuration is dear to compare."""
        found = self._rules.get(config.config_hash)
        if found is None:
            found = self._rules[config.config_hash] = tuple(rules(config.detection).values())
        return found

    @staticmethod
    def _count(brand: Brand, bucket: OpenBucket, index: int, config: BrandConfig) -> BucketCounts:
        """What the bucket holds and what of it the detector counts; its stories pass into the brand's memory."""
        negatives = bucket.counts()[0]
        surplus = brand.stories.absorb(bucket.stories, bucket.ids, index, bucket.mentions - bucket.reposts)
        weighed = config.detection.copies == "story"
        counted = max(bucket.mentions - surplus.mentions, 0.0) if weighed else float(bucket.mentions)
        counts = BucketCounts(
            index,
            bucket.mentions,
            negatives,
            counted,
            min(max(negatives - surplus.negatives, 0.0), counted) if weighed else negatives,
            surplus.repeats,
        )
        brand.recent.add(counts)
        return counts

    def _window_counts(self, brand: Brand, first: int, end: int) -> WindowCounts:
        seen = 1.0 - self._at.feed.unobserved(first, end) / (end - first)
        return WindowCounts(brand.recent.total(first, end), seen * sum(brand.model.expect(first, end)))

    @staticmethod
    def _onset(brand: Brand, kind: Kind, index: int, base_rate: float) -> int:
        """First bucket of the excess: of mentions, of negatives, or of negatives against the mentions there were."""
        first = index + 1 - BUCKETS_PER_DAY
        buckets = brand.recent.since(first)
        if kind == "sentiment_shift":
            expected = dict.fromkeys(range(first, index + 1), 0.0)
            expected |= {counts.bucket: counts.counted * base_rate for counts in buckets}
        else:
            share = base_rate if kind == "crisis" else 1.0
            expected = dict(enumerate((value * share for value in brand.model.expect(first, index + 1)), first))
        observed = {
            counts.bucket: counts.counted if kind == "volume_surge" else counts.counted_negatives for counts in buckets
        }
        return onset(index, observed, expected)

    @staticmethod
    def _keep_posts(brand: Brand, bucket: OpenBucket | None, index: int) -> None:
        if bucket is None and not brand.top_posts:
            return
        fresh_negative = bucket.negative_posts if bucket else []
        fresh_top = bucket.top_posts if bucket else []
        brand.negative_posts = _best(brand.negative_posts, fresh_negative, index)
        brand.top_posts = _best(brand.top_posts, fresh_top, index)


def _best(kept: list[PostRecord], fresh: list[PostRecord], index: int) -> list[PostRecord]:
    """The posts of the last hour with the greatest audience."""
    recent = [post for post in kept if post.bucket > index - POST_BUCKETS]
    if not recent or not fresh:
        return recent or fresh  # Both are in order.
    return sorted((*recent, *fresh), key=by_audience)[:KEPT_POSTS]
