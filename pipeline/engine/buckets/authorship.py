"""Who writes: how much each author does, how new the accounts are, and what comes within seconds.

Counted of every mention, in bounded memory, for alerts to say whether a crowd speaks or a few, or a campaign.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from pipeline.engine.buckets.columns import Columns
from pipeline.engine.buckets.ids import author_hash
from schemas.mention import Mention
from schemas.observation import BUCKET_SECONDS

MOST_WRITERS: Final = 256
MOST_GATHERED: Final = 512
"""Authors counted one by one, of a bucket and of a surge; with one more they are brought down to half as many."""
LOUDEST: Final = 10
YOUNG_SECONDS: Final = 30 * 86_400
"""An account is young for as long after it was created."""
SKEW_SECONDS: Final = 86_400
"""One that was created longer than this after it wrote is not dated: the source is wrong, or fills in a date."""
SLOT_SECONDS: Final = 10
ROUNDED: Final = 5
"""Seconds: a time that is a multiple may have been rounded, to five seconds, half a minute or a minute."""
LEAST_BURST: Final = 6
BURST_FOLD: Final = 4
"""A burst is so many mentions in one slot, and so many times what the bucket's slots hold on average. Of mentions that
come evenly (Poisson) one bucket in 500 holds one where there are 20, three in 100 where there are 60."""

_SLOTS: Final = BUCKET_SECONDS // SLOT_SECONDS


class Authorship(msgspec.Struct, array_like=True, gc=False):
    """Of the mentions of one bucket, or of a surge.

    Attributes:
        mentions: all of them.
        named: those that name an author.
        dated: those of them that say when the account was created.
        young: those of these whose account was young.
        audience: sum of the audiences (reach or followers, whichever is more).
        writers: hash of an author to its mentions, at least; what is missing of any is at most `missed`.
        missed: how much was taken off each by bringing the writers down.
        slots: of a bucket: mentions by slot of ten seconds, without those at whole multiples of ROUNDED.
    """

    mentions: int = 0
    named: int = 0
    dated: int = 0
    young: int = 0
    audience: int = 0
    writers: dict[int, int] = msgspec.field(default_factory=dict)
    missed: int = 0
    slots: dict[int, int] = msgspec.field(default_factory=dict)

    def see(self, mention: Mention, event_time: float, audience: int) -> None:
        """Count a mention.

        Args:
            mention: the mention.
            event_time: of it, Unix seconds.
            audience: of it.
        """
        self.mentions += 1
        self.audience += audience
        author = mention.author
        if author is not None:
            self._hear(author_hash(author.id))
            if author.created_time is not None:
                self._date(event_time - author.created_time.timestamp())
        second = int(event_time) % BUCKET_SECONDS
        if second % ROUNDED:
            slot = second // SLOT_SECONDS
            self.slots[slot] = self.slots.get(slot, 0) + 1

    def see_many(self, columns: Columns, rows: Sequence[int]) -> None:
        """`see` some mentions of a run, in order."""
        audiences, authors, times, slots = columns.audiences, columns.authors, columns.times, self.slots
        self.mentions += len(rows)
        self.audience += sum([audiences[row] for row in rows])
        writers = self.writers
        for row in rows:
            author = authors[row]
            if author >= 0:
                self.named += 1
                writers[author] = writers.get(author, 0) + 1
                if len(writers) > MOST_WRITERS:
                    self._shorten(MOST_WRITERS // 2)
                    writers = self.writers
            second = int(times[row]) % BUCKET_SECONDS
            if second % ROUNDED:
                slot = second // SLOT_SECONDS
                slots[slot] = slots.get(slot, 0) + 1
        if columns.created:
            created = columns.created
            for row in rows:
                if row in created:
                    self._date(times[row] - created[row])

    def see_late(self, author: int | None, audience: int) -> None:
        """Count a mention that came late: of its time and account nothing was kept.

        Args:
            author: hash of it, None where none is named.
            audience: of the mention.
        """
        self.mentions += 1
        self.audience += audience
        if author is not None:
            self._hear(author)

    def gather(self, bucket: Authorship) -> None:
        """Add a bucket's, but for the slots."""
        self.mentions += bucket.mentions
        self.named += bucket.named
        self.dated += bucket.dated
        self.young += bucket.young
        self.audience += bucket.audience
        self.missed += bucket.missed
        writers = self.writers
        for author, count in bucket.writers.items():
            writers[author] = writers.get(author, 0) + count
        if len(writers) > MOST_GATHERED:
            self._shorten(MOST_GATHERED // 2)

    def loudest(self) -> int:
        """Mentions of the ten authors who wrote most, at least."""
        return sum(sorted(self.writers.values(), reverse=True)[:LOUDEST])

    def _hear(self, author: int) -> None:
        self.named += 1
        writers = self.writers
        writers[author] = writers.get(author, 0) + 1
        if len(writers) > MOST_WRITERS:
            self._shorten(MOST_WRITERS // 2)

    def _date(self, age: float) -> None:
        if age > -SKEW_SECONDS:
            self.dated += 1
            self.young += age < YOUNG_SECONDS

    def _shorten(self, kept: int) -> None:
        """Take as much off every author that few enough remain.

        Misra and Gries (1982), many at once: who wrote n of N mentions keeps at least n - N / kept.
        """
        less = sorted(self.writers.values(), reverse=True)[kept]
        self.missed += less
        self.writers = {author: count - less for author, count in self.writers.items() if count > less}


def in_bursts(slots: Mapping[int, int]) -> int:
    """Mentions of a bucket that came in bursts."""
    least = max(LEAST_BURST, BURST_FOLD * sum(slots.values()) / _SLOTS)
    return sum([count for count in slots.values() if count >= least])
