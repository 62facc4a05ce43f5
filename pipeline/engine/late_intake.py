"""Late mentions on their way in: which may wait, and for what, in the first open bucket of their brand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from detectors.sentiment import language_of
from pipeline.engine.brands.brand import Brand
from pipeline.engine.buckets.columns import Columns, told_language
from pipeline.engine.buckets.ids import identity, speaker
from pipeline.engine.buckets.late import LateMention, WaitingRoom
from pipeline.engine.buckets.names import numbered, shown_name
from pipeline.engine.buckets.posts import POST_BUCKETS, is_before, is_news, keep_if_greatest, post_of
from pipeline.engine.partition_state import PartitionState
from pipeline.engine.records import SourceRecord
from pipeline.engine.tone import Tone
from schemas.mention import Mention
from schemas.observation import BUCKET_SECONDS, BUCKETS_PER_DAY
from schemas.text import normalised

OLDEST: Final = BUCKETS_PER_DAY
"""Buckets before the first open one of which anybody still reads."""

Seat = tuple[int, WaitingRoom, str]
"""Row of a late mention (Columns), where it waits, its identity."""

# Holds a place until the tone of a run is known; never seen outside of it.
_TAKEN: Final = LateMention(-1, 0, 0, 0, 0, 0, 0, 0, 0)


class LateIntake:
    """Takes the late mentions of one partition; they teach nothing, and make no time pass."""

    def __init__(self, state: PartitionState, tone: Tone) -> None:
        config = state.config.engine
        self._state = state
        self._tone = tone
        self._max_open = config.max_brands
        # By buckets, so that what is awaited is the same for a whole run of records.
        self._awaited = {
            source: -(-(seconds - config.allowed_lateness_seconds) // BUCKET_SECONDS)
            for source, seconds in config.allowed_lateness_seconds_by_source.items()
        }

    def may_wait(self, index: int) -> bool:
        """Whether a mention of this bucket, which is due, is one that anybody still reads of."""
        schedule = self._state.schedule
        return index >= schedule.due_end - OLDEST and schedule.waiting_count < self._max_open

    def leave_out(self, mention: Mention) -> None:
        """Count a late mention that nobody will read of."""
        self._state.stats.count_late(mention.platform, "uncounted")

    def take(self, brand: Brand, mention: Mention, event_time: float, index: int, offset: int) -> None:
        """Let a late mention wait in the brand's first open bucket.

        Args:
            brand: of the mention.
            mention: the late one.
            event_time: of it, Unix seconds.
            index: its bucket.
            offset: of its record.
        """
        state = self._state
        if not self.may_wait(index):
            self.leave_out(mention)
            return
        state.changes.open_buckets[brand.name] = None
        state.cache.evict()  # Before, for what is given out must stay.
        room = self._room(brand, offset)
        own = identity(mention.id)
        if not self._reserve(room, own, mention, index):
            return
        text = normalised(mention.text)
        language = told_language(mention) or language_of(text, mention.lang)
        negative = self._tone.of_late(text, language, mention.sentiment)
        self._seat(room, own, mention, event_time, index, language, negative=negative)

    def reserve(
        self, brand: Brand, rows: Sequence[int], columns: Columns, records: Sequence[SourceRecord]
    ) -> list[Seat]:
        """Places for late mentions of a run in a brand's first open bucket, for those that find one; `seat` them next.

        Args:
            brand: of the mentions.
            rows: the mentions, in order.
            columns: the run.
            records: of the run.
        """
        room = self._room(brand, records[rows[0]].offset)
        seats: list[Seat] = []
        for row in rows:
            own = columns.ids[row]
            index = int(columns.times[row] // BUCKET_SECONDS)
            if self._reserve(room, own, columns.mentions[row], index):
                seats.append((row, room, own))
        return seats

    def seat(self, columns: Columns, seats: Sequence[Seat]) -> None:
        """Let late mentions of a run wait, now that their tone is known."""
        for row, room, own in seats:
            event_time = columns.times[row]
            self._seat(
                room,
                own,
                columns.mentions[row],
                event_time,
                int(event_time // BUCKET_SECONDS),
                columns.languages[row],
                negative=columns.negatives[row],
            )

    def _room(self, brand: Brand, offset: int) -> WaitingRoom:
        bucket = self._state.waiting_bucket(brand, self._state.schedule.due_end, offset)
        if bucket.late is None:
            bucket.late = WaitingRoom()
        return bucket.late

    def _reserve(self, room: WaitingRoom, own: str, mention: Mention, index: int) -> bool:
        """Hold a place for a mention; False where it waits already, or where there is no room."""
        stats = self._state.stats
        if own in room.mentions:
            stats.duplicates += 1
            return False
        if room.is_full:
            self.leave_out(mention)
            return False
        stats.count_late(mention.platform, "awaited" if self._is_awaited(mention, index) else "late")
        room.mentions[own] = _TAKEN
        return True

    def _seat(
        self,
        room: WaitingRoom,
        own: str,
        mention: Mention,
        event_time: float,
        index: int,
        language: str,
        *,
        negative: bool,
    ) -> None:
        reach = mention.reach or 0
        is_awaited = self._is_awaited(mention, index)
        room.mentions[own] = LateMention(
            index,
            numbered(shown_name(mention.platform), room.platforms),
            numbered(language, room.languages),
            int(negative),
            int(mention.repost_of is not None),
            reach,
            speaker(mention),
            int(mention.author is not None),
            int(is_awaited),
        )
        is_shown = index > self._state.schedule.due_end - POST_BUCKETS
        is_first = negative and is_news(mention) and is_before(mention, event_time, room.news)
        if is_first and (is_shown or is_awaited):
            room.news = post_of(mention, event_time, index)
        if not is_shown:
            return
        keep_if_greatest(room.top_posts, mention, event_time, index)
        if negative:
            keep_if_greatest(room.negative_posts, mention, event_time, index)

    def _is_awaited(self, mention: Mention, index: int) -> bool:
        awaited = self._awaited
        if not awaited:
            return False
        buckets = awaited.get(mention.platform)
        if buckets is None:
            buckets = awaited.get(mention.channel or "", 0)
        return index >= self._state.schedule.due_end - buckets
