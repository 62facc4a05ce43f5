"""Intake of many records at once: the state and the outputs of intake one by one, at less cost.

Records are taken apart field by field (buckets.columns) and grouped by bucket and brand; every step is one short loop
over all of them, and an open bucket is looked up once per run. Only runs of plain records come this way: mentions that
decode, under their own key, of a time that can be, that neither open a bucket of the feed nor make one due. All else,
and every run too short to pay, goes one by one, which is always right: a record may be taken for one that is not plain,
never the other way round.

Within a run no bucket becomes due and nothing is closed, so that neither what is late nor which brands are known
changes. Language models learn in the order of the records.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from operator import lt
from typing import Final, TypeAlias

from pipeline.engine.brands.brand import Brand
from pipeline.engine.buckets.columns import Columns
from pipeline.engine.buckets.copies import fingerprints
from pipeline.engine.buckets.open_bucket import (
    READ,
    STORY_SAMPLE,
    STORY_TEXTS,
    Judgement,
    OpenBucket,
    compared,
    sampled_rows,
)
from pipeline.engine.late_intake import LateIntake, Seat
from pipeline.engine.partition_state import PartitionState
from pipeline.engine.platforms import completed
from pipeline.engine.records import SourceRecord
from pipeline.engine.tone import Share, Tone
from schemas.mention import EARLIEST_EVENT_TIME, LATEST_EVENT_TIME, Mention, decode_plain, is_brand
from schemas.observation import BUCKET_SECONDS

MIN_RUN: Final = 8
"""Minimum of plain records that are taken as a run: to begin one costs what some four records cost one by one."""
MAX_RUN: Final = 1024
"""Maximum of records decoded ahead: they fit into the processor's cache, and more at once save no more."""

_Groups: TypeAlias = dict[int, dict[str, list[int]]]
"""Rows by bucket and brand, each in the order of the first mention."""


class BatchIntake:
    """Takes records of one partition into its open buckets, many at once where that gives the same."""

    def __init__(
        self, state: PartitionState, tone: Tone, late: LateIntake, one_by_one: Callable[[Sequence[SourceRecord]], None]
    ) -> None:
        """Work on a partition's state.

        Args:
            state: of the partition.
            tone: judges the mentions.
            late: takes the late ones.
            one_by_one: takes any records.
        """
        config = state.config.engine
        self._state = state
        self._tone = tone
        self._late = late
        self._one_by_one = one_by_one
        self._tolerance_ms = config.future_tolerance_seconds * 1000
        self._max_ids = config.max_ids_per_brand
        self._small_ids = self._max_ids // 16
        self._max_open = config.max_brands

    def ingest(self, records: Sequence[SourceRecord]) -> None:
        """Take records in offset order into the open buckets.

        Raises:
            DeadLetterLimitError: more refused records in a row than configured.
        """
        for first in range(0, len(records), MAX_RUN):
            batch = records[first : first + MAX_RUN]
            # At the limit of open buckets a record may ask for closing; short of it none of these can.
            if self._state.schedule.open_count + len(batch) < self._max_open and self._are_next(batch):
                self._ingest_batch(batch)
            else:
                self._one_by_one(batch)

    def _are_next(self, records: Sequence[SourceRecord]) -> bool:
        """Whether the offsets rise, and none was seen before."""
        offsets = [record.offset for record in records]
        first = offsets[0]
        return first >= self._state.at.next_offset and (
            offsets == list(range(first, first + len(offsets))) or all(map(lt, offsets, offsets[1:]))
        )

    def _ingest_batch(self, records: Sequence[SourceRecord]) -> None:
        values = [record.value for record in records]
        begin = 0
        while begin < len(records):
            mentions = decode_plain(values[begin:])
            end = begin + len(mentions)
            if len(mentions) >= MIN_RUN:
                self._ingest_decoded(records[begin:end], mentions)
            else:
                end = min(begin + MIN_RUN, len(records))
                self._one_by_one(records[begin:end])
            begin = end

    def _ingest_decoded(self, records: Sequence[SourceRecord], mentions: list[Mention]) -> None:
        """Take records that are mentions: in runs as far as they are plain."""
        schedule, feed = self._state.schedule, self._state.at.feed
        platforms = self._state.config.platforms
        if platforms:
            mentions = [completed(mention, platforms) for mention in mentions]
        times = [mention.event_time.timestamp() for mention in mentions]
        names = [mention.brand for mention in mentions]
        odd = self._odd(records, names, times)
        latest = max(times)
        begin, count = 0, len(records)
        while begin < count:
            while odd and odd[-1] < begin:
                odd.pop()
            end = odd[-1] if odd else count
            # From here on a mention makes a bucket due, or is the first of a bucket of the feed.
            limit = min(schedule.due_at, max(feed.bucket + 1, schedule.due_end) * BUCKET_SECONDS)
            if latest >= limit:
                end = next((row for row in range(begin, end) if times[row] >= limit), end)
            if end - begin < MIN_RUN or not self._take(
                records[begin:end], mentions[begin:end], names[begin:end], times[begin:end]
            ):
                end = min(max(end, begin + MIN_RUN), count)
                self._one_by_one(records[begin:end])
            begin = end

    def _odd(self, records: Sequence[SourceRecord], names: Sequence[str], times: Sequence[float]) -> list[int]:
        """Rows of the mentions that must be looked at one by one, or may not be accepted; the last one first."""
        keys = [record.key for record in records]
        stamps = [record.timestamp for record in records]
        brands, tolerance = self._state.brands, self._tolerance_ms
        no_brands = {name for name in set(names) if name not in brands and not is_brand(name)}
        placement = self._state.placement
        if placement.diverts:
            no_brands |= {name for name in set(names) if placement.is_misplaced(name)}
        if (
            keys == list(map(str.encode, names))
            and not no_brands
            and min(times) >= EARLIEST_EVENT_TIME
            and (latest := max(times)) < LATEST_EVENT_TIME
            and latest * 1000 <= min(stamps) + tolerance
        ):
            return []
        return [
            row
            for row in range(len(times) - 1, -1, -1)
            if names[row] in no_brands
            or keys[row] != names[row].encode()
            or not EARLIEST_EVENT_TIME <= times[row] < LATEST_EVENT_TIME
            or times[row] * 1000 > stamps[row] + tolerance
        ]

    def _take(
        self, records: Sequence[SourceRecord], mentions: list[Mention], names: list[str], times: list[float]
    ) -> bool:
        """Take a run of plain records; False, and nothing changes, where they must go one by one."""
        state = self._state
        at, stats, due_end = state.at, state.stats, state.schedule.due_end
        last, count = records[-1], len(records)
        due = float(due_end * BUCKET_SECONDS)
        left_out: list[Mention] = []
        if min(times) < due:
            may_wait = self._late.may_wait
            kept = [row for row, time in enumerate(times) if time >= due or may_wait(int(time // BUCKET_SECONDS))]
            left_out = [mentions[row] for row in sorted(set(range(count)).difference(kept))]
            records, mentions = [records[row] for row in kept], [mentions[row] for row in kept]
            names, times = [names[row] for row in kept], [times[row] for row in kept]
        groups = _grouped(names, times, due)
        if len(groups) > 1 and self._is_near_limit(groups):
            return False
        stats.consumed += count
        for mention in left_out:
            self._late.leave_out(mention)
        at.rejected_in_a_row = 0
        at.next_offset, at.last_timestamp = last.offset + 1, last.timestamp
        state.changes.any = True
        if times:
            for name in dict.fromkeys(names):
                if name not in state.brands:
                    state.brand(name)
                state.changes.open_buckets[name] = None
            if state.misplaced:
                stats.misplaced["counted"] += sum(map(state.misplaced.__contains__, names))
            self._count(records, Columns(mentions, times), groups)
        return True

    def _is_near_limit(self, groups: _Groups) -> bool:
        """Whether a brand with mentions in several buckets may come to the limit on its ids: then order matters."""
        counts: dict[str, int] = {}
        for group in groups.values():
            for name, rows in group.items():
                counts[name] = counts.get(name, 0) + len(rows)
        known, due_end, most = self._state.brands, self._state.schedule.due_end, self._max_ids
        return any(
            name in known
            and known[name].remembered + count > most
            and known[name].remembered_on_time(due_end) + count > most
            for name, count in counts.items()
        )

    def _count(self, records: Sequence[SourceRecord], columns: Columns, groups: _Groups) -> None:
        """Let the open buckets count mentions that are on time."""
        state = self._state
        at, times = state.at, columns.times
        shares, loaded = self._shares(records, columns, groups)
        seats = self._seats(records, columns)
        fresh: Sequence[int] = range(len(times))
        count = sum([len(rows) for _, _, rows in shares])
        if count < len(times):
            fresh = sorted(chain.from_iterable([rows for _, _, rows in shares]))
        self._count_on_time(columns)
        if fresh:
            at.feed.mentions += count
            at.event_time = max(at.event_time, *[times[row] for row in fresh])
        if fresh or seats:
            judgements = self._tone.of_many(columns, shares, fresh, [row for row, _, _ in seats])
            for bucket, index, rows in shares:
                bucket.add_many(columns, rows, index)
            _join_stories(columns, shares, judgements)
            self._late.seat(columns, seats)
        # Not before, for a bucket in hand must stay. Each call makes room for at least as many as were loaded.
        for _ in range(loaded + len({id(room) for _, room, _ in seats})):
            state.cache.evict()

    def _count_on_time(self, columns: Columns) -> None:
        due = self._state.schedule.due_end * BUCKET_SECONDS
        platforms = columns.platforms
        if min(columns.times) < due:
            platforms = [platform for platform, time in zip(platforms, columns.times, strict=True) if time >= due]
        self._state.stats.count_on_time(platforms)

    def _shares(self, records: Sequence[SourceRecord], columns: Columns, groups: _Groups) -> tuple[list[Share], int]:
        """The mentions not seen before, by open bucket, their ids remembered; and how many buckets were loaded."""
        state = self._state
        brands, small_ids, max_ids = state.brands, self._small_ids, self._max_ids
        ids = columns.ids
        shares: list[Share] = []
        loaded = 0
        for index, group in groups.items():
            for name, rows in group.items():
                brand = brands[name]
                bucket = brand.open.get(index)
                if bucket is None or not bucket.mentions:
                    bucket = state.load_bucket(brand, index, records[rows[0]].offset)
                    loaded += 1
                known = bucket.ids
                count = len(known) + len(rows)
                if count > small_ids and brand.remembered + len(rows) > max_ids:
                    fresh = self._remember_some(brand, known, rows, ids)
                else:
                    fresh = rows
                    repeated: set[int] = set()
                    for row in rows:
                        own = ids[row]
                        if own in known:
                            repeated.add(row)
                        else:
                            known[own] = 0
                    if repeated:
                        state.stats.duplicates += len(repeated)
                        fresh = [row for row in rows if row not in repeated]
                    brand.remembered += len(fresh)
                if fresh:
                    shares.append((bucket, index, fresh))
        return shares, loaded

    def _seats(self, records: Sequence[SourceRecord], columns: Columns) -> list[Seat]:
        """Places of the late mentions that find one."""
        due = float(self._state.schedule.due_end * BUCKET_SECONDS)
        if min(columns.times) >= due:
            return []
        by_brand: dict[str, list[int]] = {}
        for row, time in enumerate(columns.times):
            if time < due:
                by_brand.setdefault(columns.mentions[row].brand, []).append(row)
        seats: list[Seat] = []
        for name, rows in by_brand.items():
            seats += self._late.reserve(self._state.brands[name], rows, columns, records)
        return seats

    def _remember_some(self, brand: Brand, known: dict[str, int], rows: Sequence[int], ids: Sequence[str]) -> list[int]:
        """The mentions not among the known ids, which take up those of the others as far as the limit allows."""
        stats, due_end, max_ids = self._state.stats, self._state.schedule.due_end, self._max_ids
        fresh: list[int] = []
        for row in rows:
            own = ids[row]
            if own in known:
                stats.duplicates += 1
                continue
            fresh.append(row)
            if (
                len(known) < self._small_ids
                or brand.remembered < max_ids
                or brand.remembered_on_time(due_end) < max_ids
            ):
                known[own] = 0
                brand.remembered += 1
            else:
                stats.duplicates_unchecked += 1
        return fresh


def _grouped(names: Sequence[str], times: Sequence[float], due: float) -> _Groups:
    """The rows that are not late."""
    if not times:
        return {}
    index = int(min(times) // BUCKET_SECONDS)
    if max(times) >= (index + 1) * BUCKET_SECONDS or min(times) < due:
        groups: _Groups = {}
        for row, name in enumerate(names):
            if times[row] >= due:
                groups.setdefault(int(times[row] // BUCKET_SECONDS), {}).setdefault(name, []).append(row)
        return groups
    group: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        if name in group:
            group[name].append(row)
        else:
            group[name] = [row]
    return {index: group}


def _join_stories(columns: Columns, shares: Sequence[Share], judgements: list[Judgement] | None) -> None:
    """Join the mentions to their stories, and remember with their ids which; the buckets have counted them."""
    plain: list[tuple[OpenBucket, list[int], bool]] = []
    read: list[int] = []
    for bucket, index, rows in shares:
        begin = bucket.mentions - len(rows)
        if bucket.stories.awaited or (columns.reposts and not columns.reposts.isdisjoint(rows)):
            own = [READ[columns.negatives[row]] if judgements is None else judgements[row] for row in rows]
            bucket.join_each(
                columns,
                rows,
                [compared(judgement, index, position) for position, judgement in enumerate(own, begin)],
            )
            continue
        full = max(STORY_TEXTS - begin, 0)
        if full:
            plain.append((bucket, rows[:full], False))
            read += rows[:full]
        if full < len(rows):
            plain.append((bucket, rows[full:], True))
            read += sampled_rows(index, begin + full, rows[full:], STORY_SAMPLE)
    keys = dict(zip(read, fingerprints([columns.mentions[row].text for row in read]), strict=True))
    for bucket, rows, beyond in plain:
        bucket.stories.join_posts(columns, rows, keys, bucket.ids, beyond=beyond)
