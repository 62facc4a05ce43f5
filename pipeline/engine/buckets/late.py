"""Late mentions: those of a bucket that was due when they came. People read of them, for a day.

They wait in the brand's first bucket that is not due, which the log alone decides, and are looked at when that bucket
closes: so neither batches nor restarts change what becomes of them. Those that the configuration awaits are counted
there. The others are kept under the bucket in which they were written, apart from what the detector counted.

A mention that comes again is known by two bytes of a digest of its id among those of its bucket: of n mentions of one
bucket n in 65,536 others are taken for one of them. Ids of at most KNOWN_BYTES / 2 mentions of a brand are known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final
from zlib import crc32

import msgspec

from pipeline.engine.buckets.closed_counts import number_at, varint
from pipeline.engine.buckets.ids import author_cell
from pipeline.engine.buckets.names import numbered
from pipeline.engine.buckets.posts import PostRecord
from schemas.observation import BUCKETS_PER_DAY

MOST_LATE: Final = 256
"""Late mentions of one brand that wait in one bucket; more are counted as lost."""
KNOWN_BYTES: Final = 4_096
"""Two for every mention whose id is remembered; a quarter more until the oldest are forgotten."""
MOST_AUTHORS: Final = 64
"""Cells of the authors' bitmap kept for the late mentions of one bucket."""

_DIGEST_BYTES: Final = 2
_HEADER_BYTES: Final = 8
"""At most: of a bucket among `LateCounts.known`."""


class LateMention(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What is counted of a late mention.

    Attributes:
        bucket: in which it was written.
        platform, language: of it, by their numbers in the room.
        negative: 1 where it is known to be negative.
        repost: 1 where it names the post that it repeats.
        reach: that it states.
        author: hash of the author (buckets.ids.author_hash), or of the id where none is named.
        named: 1 where an author is named.
        awaited: 1 where the configuration has its channel or platform waited for.
    """

    bucket: int
    platform: int
    language: int
    negative: int
    repost: int
    reach: int
    author: int
    named: int
    awaited: int


class WaitingRoom(msgspec.Struct, array_like=True, gc=False):
    """The late mentions that wait in an open bucket.

    Attributes:
        mentions: by identity (buckets.ids).
        negative_posts, top_posts: those of the greatest audience that may still be shown.
        platforms, languages: names by number.
        news: the first negative news item that may still be read of.
    """

    mentions: dict[str, LateMention] = msgspec.field(default_factory=dict)
    negative_posts: list[PostRecord] = msgspec.field(default_factory=list)
    top_posts: list[PostRecord] = msgspec.field(default_factory=list)
    platforms: list[str] = msgspec.field(default_factory=list)
    languages: list[str] = msgspec.field(default_factory=list)
    news: PostRecord | None = None

    @property
    def is_full(self) -> bool:
        """Whether no more may wait."""
        return len(self.mentions) >= MOST_LATE


class LateBucket(msgspec.Struct, array_like=True, gc=False):
    """The late mentions of one bucket, counted after it was closed.

    Attributes:
        mentions, negatives, reposts, reach: sums.
        platforms, languages: mentions by the number of the name in LateCounts.
        authors: cells of the authors' bitmap.
        known: of the ids.
    """

    mentions: int = 0
    negatives: int = 0
    reposts: int = 0
    reach: int = 0
    platforms: dict[int, int] = msgspec.field(default_factory=dict)
    languages: dict[int, int] = msgspec.field(default_factory=dict)
    authors: list[int] = msgspec.field(default_factory=list)
    known: bytes = b""

    def add(self, mention: LateMention, platform: int, language: int) -> None:
        """Count a mention that is not to be judged."""
        self.mentions += 1
        self.negatives += mention.negative
        self.reposts += mention.repost
        self.reach += mention.reach
        self.platforms[platform] = self.platforms.get(platform, 0) + 1
        self.languages[language] = self.languages.get(language, 0) + 1
        cell = author_cell(mention.author)
        if mention.named and cell not in self.authors and len(self.authors) < MOST_AUTHORS:
            self.authors.append(cell)


class LateTotal(msgspec.Struct, gc=False):
    """The sum over some buckets; names by mentions, authors as cells of the bitmap."""

    mentions: int = 0
    negatives: int = 0
    reposts: int = 0
    reach: int = 0
    platforms: dict[str, int] = msgspec.field(default_factory=dict)
    languages: dict[str, int] = msgspec.field(default_factory=dict)
    authors: list[int] = msgspec.field(default_factory=list)


class LateCounts(msgspec.Struct, array_like=True, gc=False):
    """A brand's late mentions of the last day, and the ids by which one is known that comes again.

    Attributes:
        buckets: with late mentions, by index.
        first, last: the first and the last bucket among `known`; -1 before.
        known: for every bucket with mentions the distance to the one before, the number of ids, and digests of these.
        platforms, languages: names by number.
    """

    buckets: dict[int, LateBucket] = msgspec.field(default_factory=dict)
    first: int = -1
    last: int = -1
    known: bytes = b""
    platforms: list[str] = msgspec.field(default_factory=list)
    languages: list[str] = msgspec.field(default_factory=list)

    def remember(self, index: int, ids: Iterable[str]) -> None:
        """Remember the ids of a bucket that was closed; later than all before."""
        self._drop_before(index - BUCKETS_PER_DAY)
        digests = b"".join(map(_digest, ids))[_HEADER_BYTES - KNOWN_BYTES :]
        if not self.known or index - self.last > BUCKETS_PER_DAY:
            self.first = self.last = index
            self.known = b""
        self.known += varint(index - self.last) + varint(len(digests) // _DIGEST_BYTES) + digests
        self.last = index
        if (
            len(self.known) > KNOWN_BYTES + KNOWN_BYTES // 4
            or index - self.first > BUCKETS_PER_DAY + BUCKETS_PER_DAY // 4
        ):
            self._forget(index - BUCKETS_PER_DAY)

    def take(self, waiting: WaitingRoom, index: int, *, judged: bool = True) -> list[LateMention]:
        """Take the mentions that wait in a closing bucket; awaited ones are left for the caller to count, if judged.

        Args:
            waiting: in the bucket.
            index: the bucket.
            judged: whether the detector is to count awaited ones.

        Returns:
            Those that did not come before.
        """
        self._drop_before(index - BUCKETS_PER_DAY)
        known = dict(self._read())
        fresh: list[LateMention] = []
        for own, mention in waiting.mentions.items():
            digest, bucket = _digest(own), mention.bucket
            late = self.buckets.get(bucket)
            if _holds(known.get(bucket, b""), digest) or (late is not None and _holds(late.known, digest)):
                continue
            if late is None:
                late = self.buckets[bucket] = LateBucket()
            late.known += digest
            if not (judged and mention.awaited):
                platform = numbered(waiting.platforms[mention.platform], self.platforms)
                language = numbered(waiting.languages[mention.language], self.languages)
                late.add(mention, platform, language)
            fresh.append(mention)
        return fresh

    def total(self, first: int, end: int) -> LateTotal:
        """The sum over the buckets [first, end)."""
        total = LateTotal()
        for bucket, late in self.buckets.items():
            if not first <= bucket < end:
                continue
            total.mentions += late.mentions
            total.negatives += late.negatives
            total.reposts += late.reposts
            total.reach += late.reach
            total.authors += late.authors
            for table, names, counts in (
                (total.platforms, self.platforms, late.platforms),
                (total.languages, self.languages, late.languages),
            ):
                for number, count in counts.items():
                    table[names[number]] = table.get(names[number], 0) + count
        return total

    def _drop_before(self, oldest: int) -> None:
        if not self.buckets:
            return
        self.buckets = {bucket: late for bucket, late in self.buckets.items() if bucket >= oldest}
        if not self.buckets:
            self.platforms, self.languages = [], []

    def _read(self) -> Iterator[tuple[int, bytes]]:
        """Each bucket whose ids are known, and digests of these."""
        for bucket, begin, end in self._places():
            yield bucket, self.known[begin:end]

    def _places(self) -> Iterator[tuple[int, int, int]]:
        bucket, place, data = -1, 0, self.known
        while place < len(data):
            distance, place = number_at(data, place)
            count, place = number_at(data, place)
            bucket = self.first if bucket < 0 else bucket + distance
            end = place + count * _DIGEST_BYTES
            yield bucket, place, end
            place = end

    def _forget(self, oldest: int) -> None:
        """Forget ids before a bucket, and those of the oldest buckets where there are too many."""
        cut = 0
        for bucket, _, end in self._places():
            if bucket >= oldest and len(self.known) - cut <= KNOWN_BYTES:
                # The distance of the new first bucket goes on to be stored and is not read.
                self.first = bucket
                break
            cut = end
        self.known = self.known[cut:]


def _digest(own: str) -> bytes:
    return (crc32(own.encode("utf-8", "replace")) & 0xFFFF).to_bytes(_DIGEST_BYTES, "little")


def _holds(digests: bytes, digest: bytes) -> bool:
    place = digests.find(digest)
    while place % _DIGEST_BYTES:  # between two of them; -1 is odd, too
        if place < 0:
            return False
        place = digests.find(digest, place + 1)
    return True
