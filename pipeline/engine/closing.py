"""Closing: buckets behind the watermark are scored and learned, brand by brand, and brands expire.

A brand is visited when a bucket in which it was mentioned closes, and in every bucket while an episode of it is open:
cost follows mentions, not known brands. Buckets close their brands in the order of first mention, which the state
keeps, so neither order nor result depends on how many are closed in one go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from pipeline.config.model import BrandConfig
from pipeline.engine.activity import ActivityRecorder, usual
from pipeline.engine.alerts.brand_alert import ClosedBucket
from pipeline.engine.alerts.evidence import add_late_posts, hold_news, keep_posts
from pipeline.engine.brands.brand import Band, Brand
from pipeline.engine.brands.expiry import IDLE_BUCKETS, Expirable, ExpiryReason
from pipeline.engine.brands.readings import audience_of
from pipeline.engine.buckets.closed_counts import BucketCounts
from pipeline.engine.buckets.late import LateCounts, WaitingRoom
from pipeline.engine.buckets.open_bucket import OpenBucket
from pipeline.engine.partition_state import PartitionState
from pipeline.engine.transitions import Transitions
from schemas.activity import ActivityChoice
from schemas.observation import BUCKET_SECONDS, BUCKETS_PER_DAY

SECONDS_PER_DAY: Final = float(BUCKET_SECONDS * BUCKETS_PER_DAY)
SURGE_STEPS: Final = 20
"""What a brand-bucket takes longer while its surge is gathered or an episode of it is open, in quiet brand-buckets."""
TELLING_STEPS: Final = 200
"""The same of one whose surge is read: for an alert, or to ask whether there is something to tell of."""


class Closing:
    """Closes the due buckets of one partition."""

    def __init__(
        self,
        state: PartitionState,
        observe: Callable[[ClosedBucket], None] | None = None,
        activity: ActivityChoice | None = None,
    ) -> None:
        """Nothing is closed yet.

        Args:
            state: of the partition.
            observe: called with every closed bucket of a brand.
            activity: of which of them there is a record; None: as the configuration says.
        """
        self._state = state
        self._activity = ActivityRecorder(activity or state.config.worker.activity)
        self._transitions = Transitions(state)
        self._observe = observe
        self._steps: Iterator[int] | None = None

    def close_due(self, limit: int = 0) -> bool:
        """Score and learn buckets behind the watermark.

        Args:
            limit: at most so many steps, but for the last brand-bucket's own: a quiet brand-bucket is one, one with
                stories or evidence is many, and so is a brand looked at for expiry; 0 closes all that is due.

        Returns:
            True while more may be due.
        """
        if self._steps is None:
            self._steps = self._due()
        done = 0
        for steps in self._steps:
            done += steps
            if limit and done >= limit:
                return True
        self._steps = None
        return False

    def _due(self) -> Iterator[int]:
        """Close what is due, one brand-bucket at a time, and say how many steps it took; mentions may come between."""
        state = self._state
        at, schedule = state.at, state.schedule
        while True:
            if not state.is_amid_bucket:
                yield from self._expire(at.next_bucket)
            if at.next_bucket >= schedule.due_end:
                return
            index = at.next_bucket
            names = schedule.brands.get(index)
            # A bucket that moves on is a change by itself: a checkpoint stores where closing has come.
            waiting = schedule.waiting.get(index)
            if not names and not waiting and not state.with_episode and not state.open_categories:
                at.next_bucket = schedule.next_open()
                state.changes.any = True
                state.is_amid_bucket = False
                continue
            for name in list(names or ()):
                yield self._close(name, index)
            # Asked after the brands that were mentioned: one of them may have opened or ended an episode.
            for name in sorted(name for name in state.with_episode if state.brands[name].last_bucket < index):
                yield self._close(name, index)
            for name in sorted(waiting or ()):
                if name in state.brands and state.brands[name].has_bucket(index):
                    yield self._close(name, index)
            self._transitions.follow_categories(index)
            schedule.close(index)
            at.next_bucket += 1
            state.changes.any = True
            state.is_amid_bucket = False
            at.feed.drop_before(at.next_bucket)

    def _expire(self, bucket: int) -> Iterator[int]:
        """Let brands become idle and expire, now that every bucket before this one is closed."""
        if not self._state.expiry.is_due(bucket):
            return
        for expired in self._state.expiry.due(bucket):
            if expired is not None:
                self._let_go(*expired)
            yield 1

    def _let_go(self, brand: Expirable, reason: ExpiryReason | None) -> None:
        """Take a brand out of memory (with a reason), or what nothing will ask for again (without one)."""
        state = self._state
        changes, name = state.changes, brand.name
        changes.any = True
        found = state.brands[name]
        if reason is None:
            found.make_idle()
            changes.brands[name] = None
            return
        state.stats.forgotten[reason] += 1
        changes.brands.pop(name, None)
        changes.expired[name] = None
        if found.has_open:
            found.reset()
        else:
            state.drop(found)

    def _close(self, name: str, index: int) -> int:
        """Close one bucket of one brand; returns how many steps that took."""
        state = self._state
        brand = state.brands[name]
        if brand.serialised is not None or brand.open_record is not None:
            state.cache.evict()
            brand.load()
        bucket = brand.leave(index)
        originals = 0
        if bucket is not None:
            state.changes.open_buckets[name] = None
            originals = bucket.mentions - bucket.reposts
            if bucket.late is not None and not self._take_late(brand, bucket, bucket.late, index):
                if name not in state.with_episode:
                    return 1
                bucket = None
        if brand.is_idle:
            state.expiry.activate(brand, index)
        state.changes.brands[name] = None
        feed, model = state.at.feed, brand.model
        if bucket is None and feed.is_unobserved(index):
            # An open episode is neither fed nor ended by a gap: its quiet time stands still.
            for episode in brand.episodes.values():
                episode.last_above += index - model.last_bucket
            model.pass_unobserved(index)
            return 1
        config = state.config.brand(name)
        tone = (0.0, 0.0) if bucket is None else bucket.counts()
        counts = BucketCounts(index) if bucket is None else _count(brand, bucket, index, config, originals, tone[0])
        unobserved = feed.unobserved(model.last_bucket + 1, index)
        reach = 0.0 if bucket is None else float(bucket.reach)
        assessment = model.close(index, counts.counted, counts.counted_negatives, unobserved, reach)
        keep_posts(brand, bucket, index)
        state.stats.buckets_closed += 1
        state.stats.scores += assessment.is_warm
        audience = audience_of(brand, bucket, assessment, self._days_silent)
        hold_news(brand, bucket)
        closed = ClosedBucket(index, brand, bucket, assessment, config, feed, audience)
        was_burning = name in state.with_episode
        self._transitions.follow_brand(closed)
        self._tell(closed, counts, tone[1], was_burning=was_burning)
        state.changes.any = True
        return _steps(closed)

    def _tell(self, closed: ClosedBucket, counts: BucketCounts, positives: float, *, was_burning: bool) -> None:
        """Note what the bucket says of its brand: for metrics, as a record, and for whoever observes."""
        state, brand, assessment = self._state, closed.brand, closed.assessment
        is_burning = brand.name in state.with_episode
        normal = brand.normal_of_episode if is_burning else None
        expected = assessment.expected_now if normal is None else normal.at(closed.index)
        brand.last = (float(counts.mentions), counts.negatives, expected, max(assessment.score("crisis"), 0.0))
        brand.band = None
        wanted = self._activity.wants(assessment, is_burning=was_burning or is_burning)
        if wanted or is_burning:
            found = usual(assessment, expected, normal)
            if is_burning:
                brand.band = Band(found.lower, found.upper, found.negative_share)
            if wanted:
                record = self._activity.record(closed, counts, positives, found, has_open=is_burning)
                state.outputs.activity.append(record)
        if self._observe is not None:
            self._observe(closed)

    def _days_silent(self, index: int) -> float:
        """Days for which a brand that is not known has surely not been mentioned: it would not be forgotten."""
        state = self._state
        days = (index * BUCKET_SECONDS - state.at.since) / SECONDS_PER_DAY
        return min(max(days, 0.0), float(state.config.engine.forget_new_after_days))

    def _take_late(self, brand: Brand, bucket: OpenBucket, waiting: WaitingRoom, index: int) -> bool:
        """Take the late mentions that waited in a bucket; False where nothing is left in it for the detector."""
        state = self._state
        state.changes.any = True
        last = brand.last_bucket
        is_observed = not bucket.only_waits
        # What waits in a gap of the feed does not make it a bucket that was observed.
        is_judged = is_observed or not state.at.feed.is_unobserved(index)
        has_awaited = is_judged and any(mention.awaited for mention in waiting.mentions.values())
        # Of a brand that was silent for a day nobody reads what was said before; of an unknown one neither.
        if is_observed or has_awaited or (last >= 0 and index - last <= IDLE_BUCKETS):
            fresh = brand.late.take(waiting, index, judged=is_judged)
            state.stats.duplicates += len(waiting.mentions) - len(fresh)
            for mention in fresh if has_awaited else ():
                if mention.awaited:
                    platform, language = waiting.platforms[mention.platform], waiting.languages[mention.language]
                    bucket.add_awaited(mention, platform, language)
            add_late_posts(bucket, waiting)
        if is_observed or bucket.mentions:
            return True
        if last >= 0:
            keep_posts(brand, bucket, index)
            state.changes.brands[brand.name] = None
        else:
            brand.late = LateCounts()
            if not brand.has_open:
                state.drop(brand)
        return False


def _steps(closed: ClosedBucket) -> int:
    """How long a brand-bucket took to close, in quiet brand-buckets: the same in every run of a log."""
    steps = 1 if closed.bucket is None else 1 + len(closed.bucket.stories.stories)
    if closed.said is not None:
        return steps + TELLING_STEPS
    return steps if closed.brand.surge is None else steps + SURGE_STEPS


def _count(
    brand: Brand, bucket: OpenBucket, index: int, config: BrandConfig, originals: int, negatives: float
) -> BucketCounts:
    """What the bucket holds and what of it the detector counts; its stories pass into the brand's memory.

    Args:
        brand: whose.
        bucket: that closes.
        index: of the bucket.
        config: of the brand.
        originals: mentions that came in time and are no reposts.
        negatives: negative mentions in it.
    """
    surplus = brand.stories.absorb(bucket.stories, bucket.ids, index, originals)
    weighs_stories = config.detection.copies == "story"
    counted = max(bucket.mentions - surplus.mentions, 0.0) if weighs_stories else float(bucket.mentions)
    counts = BucketCounts(
        index,
        bucket.mentions,
        negatives,
        counted,
        min(max(negatives - surplus.negatives, 0.0), counted) if weighs_stories else negatives,
        surplus.repeats,
    )
    brand.recent.add(counts)
    brand.tables.add(index, bucket, surplus)
    brand.late.remember(index, bucket.ids)
    return counts
