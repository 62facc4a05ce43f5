"""Intake: records of the mentions topic into open buckets.

A record is admitted or refused, its mention is assigned to a bucket by event time, duplicates are dropped, its tone is
judged, and the bucket counts it. Nothing is scored here: buckets that the watermark has passed are due, and closing
takes them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from detectors.sentiment import language_at_a_glance, language_of
from pipeline.engine.brands.brand import Brand
from pipeline.engine.buckets.ids import LONG_ID, identity, spread
from pipeline.engine.buckets.open_bucket import MOST_CRITICS, compared
from pipeline.engine.feedback import FeedbackIntake
from pipeline.engine.intake_batch import BatchIntake
from pipeline.engine.late_intake import LateIntake
from pipeline.engine.partition_state import PartitionState
from pipeline.engine.platforms import completed
from pipeline.engine.records import (
    FEEDBACK_HEADER,
    REROUTED_HEADER,
    TICK_HEADER,
    DeadLetter,
    RefusedBatch,
    Rerouted,
    SourceRecord,
)
from pipeline.engine.tone import Tone
from pipeline.errors import DeadLetterLimitError
from schemas.mention import (
    EARLIEST_EVENT_TIME,
    LATEST_EVENT_TIME,
    Mention,
    brand_key,
    decode_of_some_brand,
    read_mention,
)
from schemas.observation import BUCKET_SECONDS, Observation
from schemas.rejection import Reason, Rejected
from schemas.text import normalised


class Intake:
    """Takes the records of one partition into its open buckets."""

    def __init__(self, state: PartitionState, close_due: Callable[[], object]) -> None:
        """Work on a partition's state.

        Args:
            state: of the partition.
            close_due: closes all that is due; asked where what is known must not depend on how far closing has come.
        """
        config = state.config
        self._state = state
        self._close_due = close_due
        self._tolerance_ms = config.engine.future_tolerance_seconds * 1000
        self._max_ids = config.engine.max_ids_per_brand
        self._small_ids = self._max_ids // 16
        self._max_open = config.engine.max_brands
        self._sentiment = config.sentiment
        self._platforms = config.platforms
        self._tone = Tone(state)
        self._late = LateIntake(state, self._tone)
        self._feedback = FeedbackIntake(state, close_due)
        self._batches = BatchIntake(state, self._tone, self._late, self.ingest_one_by_one)

    def ingest(self, records: Sequence[SourceRecord]) -> None:
        """Take records in offset order into the open buckets.

        Raises:
            DeadLetterLimitError: more refused records in a row than configured.
        """
        self._batches.ingest(records)

    def ingest_one_by_one(self, records: Sequence[SourceRecord]) -> None:
        """`ingest`, one record after the other: what it does with many at once is measured by this.

        Raises:
            DeadLetterLimitError: more refused records in a row than configured.
        """
        # The path of every mention that comes alone: branches where a function would do, counts in local variables, and
        # nothing looked up twice. What other methods may ask for meanwhile is written back before they are called.
        state = self._state
        at, stats, brands, schedule = state.at, state.stats, state.brands, state.schedule
        changed_open, feed = state.changes.open_buckets, at.feed
        tolerance_ms, max_open = self._tolerance_ms, self._max_open
        small_ids, max_ids = self._small_ids, self._max_ids
        sentiments = self._sentiment
        negative_below, positive_above = sentiments.negative_below, sentiments.positive_above
        platforms = self._platforms
        next_offset, timestamp, latest = at.next_offset, at.last_timestamp, at.event_time
        due_end, due_at = schedule.due_end, schedule.due_at
        index, begin, end = 0, 0.0, -1.0  # the bucket of the mention before and its bounds
        consumed = seen = 0
        on_time: dict[str, int] = {}  # by platform
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
                if platforms and mention is not None:
                    mention = completed(mention, platforms)
                if (
                    mention is not None
                    and (brand := brands.get(mention.brand)) is not None
                    and brand.key == record.key
                    and not brand.is_misplaced
                    and (event_time := mention.event_time.timestamp()) * 1000 <= timestamp + tolerance_ms
                    and (begin <= event_time < end or EARLIEST_EVENT_TIME <= event_time < LATEST_EVENT_TIME)
                    and schedule.open_count < max_open
                ):
                    at.rejected_in_a_row = 0
                    consumed += 1
                else:
                    at.event_time = latest
                    admitted = self._admit(record)
                    latest, due_end, due_at = at.event_time, schedule.due_end, schedule.due_at
                    if admitted is None:
                        continue
                    brand, mention, event_time = admitted
                if not begin <= event_time < end:
                    index = int(event_time // BUCKET_SECONDS)
                    begin = float(index * BUCKET_SECONDS)
                    end = begin + BUCKET_SECONDS
                if index < due_end:
                    self._late.take(brand, mention, event_time, index, offset)
                    continue
                on_time[mention.platform] = on_time.get(mention.platform, 0) + 1
                bucket = brand.open.get(index)
                if bucket is None or not bucket.mentions:
                    bucket = state.open_bucket(brand, index, offset)
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
                    feed.see(index, 1, due_end)
                else:
                    seen += 1
                text, lang, sentiment = normalised(mention.text), mention.lang, mention.sentiment
                if lang == "en" and sentiment is not None and mention.text.isascii():
                    language = "en"
                else:
                    language = language_at_a_glance(mention.text, lang) or language_of(text, lang)
                if sentiment is None:
                    judgement = self._tone.of_text(bucket, index, text, language)
                else:
                    judgement = bucket.add_given(
                        negative=sentiment <= negative_below, positive=sentiment >= positive_above
                    )
                    self._tone.learn(text, language, sentiment)
                judgement = compared(judgement, index, bucket.mentions)
                number = bucket.add(mention, own, judgement, language=language, event_time=event_time, bucket=index)
                if len(ids) < small_ids or brand.remembered < max_ids or brand.remembered_on_time(due_end) < max_ids:
                    ids[own] = number
                    brand.remembered += 1
                else:
                    stats.duplicates_unchecked += 1
                if event_time > latest:
                    latest = event_time
                    if event_time >= due_at:
                        state.pass_time(event_time)
                        due_end, due_at = schedule.due_end, schedule.due_at
        finally:
            state.changes.any = state.changes.any or next_offset > at.next_offset
            at.next_offset, at.last_timestamp, at.event_time = next_offset, timestamp, latest
            feed.mentions += seen
            stats.consumed += consumed
            stats.count_on_time(on_time)

    def ingest_observations(self, observations: Iterable[Observation]) -> None:
        """Take aggregated history, in order of `start`: each row is a whole bucket of one brand.

        Raises:
            ValueError: a bucket that is already closed, of another size, or given twice.
        """
        state = self._state
        schedule, at = state.schedule, state.at
        for row in observations:
            index = row.start // BUCKET_SECONDS
            if row.size_seconds != BUCKET_SECONDS or row.start % BUCKET_SECONDS:
                raise ValueError(
                    f"expected buckets of {BUCKET_SECONDS} s, got start {row.start} of {row.size_seconds} s"
                )
            if index < schedule.due_end or row.brand in schedule.brands.get(index, ()):
                raise ValueError(
                    f"expected one row per brand and bucket in order of start, got {row.brand} {row.start}"
                )
            bucket = state.open_bucket(state.brand(row.brand), index, at.next_offset)
            state.changes.open_buckets[row.brand] = None
            state.changes.any = True
            at.next_offset += 1
            bucket.mentions = row.mentions
            bucket.reposts = row.reposts
            bucket.reach = row.reach
            # Fractions survive through the sample fields: k negatives of n, as if one text in n had been read.
            bucket.sampled = bucket.scored = 1
            bucket.sampled_negatives = row.negatives
            bucket.sampled_positives = row.positives
            # Nor does it name anybody: each is one of their own.
            bucket.critics = [spread(index, number) for number in range(min(math.ceil(row.negatives), MOST_CRITICS))]
            state.stats.consumed += row.mentions
            at.feed.see(index, row.mentions, schedule.due_end)
            state.pass_time(float(row.start))

    def _admit(self, record: SourceRecord) -> tuple[Brand, Mention, float] | None:
        """A mention that is not plainly one of a known brand, with its brand and event time in Unix seconds.

        None for a tick, for what must be refused, for what belongs on another partition and is not to count here, and
        for a mention so late that nobody reads of it; that is dealt with here.
        """
        state = self._state
        try:
            if isinstance(record, RefusedBatch):
                rejected = record.rejected
                state.stats.rejected[rejected.reason] += record.records - 1  # one dead letter for all of them
                raise rejected
            if record.value is None:
                self._without_value(record)
                return None
            mention, event_time = self._checked(record, record.value)
            if state.placement.diverts and self._diverted(record, mention.brand):
                return None
        except Rejected as rejected:
            self._reject(record, rejected)
            return None
        state.at.rejected_in_a_row = 0
        state.stats.consumed += 1
        index = int(event_time // BUCKET_SECONDS)
        if index < state.schedule.due_end and not self._late.may_wait(index):
            self._late.leave_out(mention)
            return None
        brand = state.brand(mention.brand)
        state.stats.misplaced["counted"] += brand.is_misplaced
        return brand, mention, event_time

    def _diverted(self, record: SourceRecord, brand: str) -> bool:
        """Whether a mention is on its way to the partition where it belongs.

        Raises:
            Rejected: it does not belong here, and is to be refused.
        """
        state = self._state
        placement = state.placement
        # What was rerouted stays where it is: two workers that differ in their categories would send it to and fro.
        if not placement.is_misplaced(brand) or any(name == REROUTED_HEADER for name, _ in record.headers):
            return False
        home = state.note_misplaced(brand)
        if placement.treatment == "dead_letter":
            state.stats.misplaced["refused"] += 1
            raise Rejected(
                Reason.MISPLACED,
                f"expected the key {brand} on partition {home} of {placement.partitions}, where Kafka's default "
                f"partitioner (murmur2) puts it or its category, got it on {placement.partition}",
            )
        state.at.rejected_in_a_row = 0
        state.stats.misplaced["rerouted"] += 1
        state.outputs.rerouted.append(Rerouted(record, placement.partition, home))
        return True

    def _checked(self, record: SourceRecord, value: bytes) -> tuple[Mention, float]:
        """The mention in a record, against every rule, and its event time in Unix seconds.

        Raises:
            Rejected: with the reason code.
        """
        mention, dropped = read_mention(value)
        if self._platforms:
            mention = completed(mention, self._platforms)
        brand_key(mention, record.key)
        event_time = mention.event_time.timestamp()
        if event_time * 1000 > record.timestamp + self._tolerance_ms:
            raise Rejected(
                Reason.EVENT_TIME_IN_FUTURE,
                f'field "event_time" must not be more than {self._tolerance_ms // 1000} s ahead of the record '
                f"timestamp {record.timestamp} ms, got {mention.event_time.isoformat()}",
            )
        if self._state.schedule.open_count >= self._max_open and self._is_unknown(mention.brand, event_time):
            raise Rejected(
                Reason.TOO_MANY_BRANDS,
                f"expected at most {self._max_open} open buckets of brands (engine.max_brands), got one more "
                f"of {mention.brand}, a brand not known here",
            )
        for field in dropped:
            self._state.stats.fields_dropped[field] += 1
        return mention, event_time

    def _is_unknown(self, name: str, event_time: float) -> bool:
        """Whether a mention would open a bucket of a brand of which no bucket was ever closed."""
        state = self._state
        index = int(event_time // BUCKET_SECONDS)
        if index < state.schedule.due_end:
            return False
        self._close_due()
        brand = state.brands.get(name)
        if brand is None:
            return True
        state.cache.evict()
        brand.load_open()
        return brand.last_bucket < 0 and index not in brand.open

    def _without_value(self, record: SourceRecord) -> None:
        """Take feedback, or let event time pass on a partition without mentions; the record says which, and how far.

        Raises:
            Rejected: it is neither, or a tick of the future.
        """
        headers = dict(record.headers)
        if FEEDBACK_HEADER in headers and record.key is None:
            self._feedback.take(headers)
            return
        tick = headers.get(TICK_HEADER)
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
        state = self._state
        state.stats.ticks += 1
        if state.at.event_time and milliseconds / 1000 > state.at.event_time:
            state.pass_time(milliseconds / 1000)

    def _reject(self, record: SourceRecord, rejected: Rejected) -> None:
        """Make a dead letter of a record.

        Raises:
            DeadLetterLimitError: more refused records in a row than configured.
        """
        state = self._state
        at = state.at
        state.stats.rejected[rejected.reason] += 1
        state.outputs.dead_letters.append(
            DeadLetter(record, state.topic, state.placement.partition, rejected.reason, str(rejected))
        )
        # A flood of brands says nothing about the deploy, and nobody shall stop a worker with it; nor does a
        # partitioner of which the configuration says that its records are to be refused.
        at.rejected_in_a_row += rejected.reason not in {Reason.TOO_MANY_BRANDS, Reason.MISPLACED}
        limit = state.config.engine.dead_letter_run_limit
        if limit and at.rejected_in_a_row > limit:
            raise DeadLetterLimitError(
                f"{state.topic}[{state.placement.partition}]@{record.offset}: expected mentions, got more than {limit} "
                f"records in a row that had to be refused (the last: {rejected.reason}, {rejected}); fix the "
                "producer, or raise engine.dead_letter_run_limit to let them pass into the dead letter topic"
            )
