"""One open bucket of one brand: what its mentions add up to before the watermark closes it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import msgspec

from pipeline.engine.buckets.authorship import Authorship
from pipeline.engine.buckets.columns import Columns
from pipeline.engine.buckets.ids import AUTHOR_BITS, author_cell, author_hash, speaker, spread
from pipeline.engine.buckets.late import LateMention, WaitingRoom
from pipeline.engine.buckets.names import count_name
from pipeline.engine.buckets.posts import KEPT_POSTS, PostRecord, is_before, is_news, is_own, keep_post, post_of
from pipeline.engine.buckets.stories import BucketStories
from schemas.mention import Mention

MOST_CRITICS: Final = 16
"""Different authors of negative mentions that are told apart: more are many."""


class Judgement(msgspec.Struct, frozen=True, gc=False):
    """How a mention was judged.

    Attributes:
        negative: whether it is known to be negative.
        read: whether its text was read for its tone or need not be.
        sampled: whether it was read for others that were not.
    """

    negative: bool
    read: bool = True
    sampled: bool = False


READ: Final = (Judgement(negative=False), Judgement(negative=True))
"""Judgements of mentions whose tone is known and whose text may be compared with others: not negative, negative."""
SAMPLED: Final = (Judgement(negative=False, sampled=True), Judgement(negative=True, sampled=True))
"""The same of mentions that were read for others that were not."""
UNREAD: Final = (Judgement(negative=False, read=False), Judgement(negative=True, read=False))
"""The same of mentions whose text is not read."""

STORY_TEXTS: Final = 32
"""So many texts per brand and bucket are compared one and all; past that a sample is, and stands for the others."""
STORY_SAMPLE: Final = 8
"""The sample: one text in so many."""


class OpenBucket(msgspec.Struct, array_like=True, kw_only=True, gc=False):
    """Counts of one brand's bucket.

    `negatives` and `positives` count mentions that carry a trusted sentiment or were scored in full; past the first
    texts only a sample is scored, and `sampled_*` of `sampled` stand for the `unscored` ones: whole numbers,
    or fractions of aggregated history. Both are told apart, so that a record read and written again stays as it is.
    `critics` are hashes of the first different authors of negative mentions. In `late` wait mentions of earlier buckets
    until this one closes; nothing else counts them. `news` is the first negative news item, `own_post` the
    first post of the brand itself; `authorship` tells who wrote.
    """

    first_offset: int
    mentions: int = 0
    negatives: int = 0
    positives: int = 0
    scored: int = 0
    sampled: int = 0
    sampled_negatives: int | float = 0
    sampled_positives: int | float = 0
    unscored: int = 0
    reposts: int = 0
    reach: int = 0
    author_bits: bytearray = msgspec.field(default_factory=bytearray)
    platforms: dict[str, int] = msgspec.field(default_factory=dict)
    languages: dict[str, int] = msgspec.field(default_factory=dict)
    negative_posts: list[PostRecord] = msgspec.field(default_factory=list)
    top_posts: list[PostRecord] = msgspec.field(default_factory=list)
    ids: dict[str, int] = msgspec.field(default_factory=dict)
    stories: BucketStories = msgspec.field(default_factory=BucketStories)
    critics: list[int] = msgspec.field(default_factory=list)
    late: WaitingRoom | None = None
    news: PostRecord | None = None
    authorship: Authorship = msgspec.field(default_factory=Authorship)
    own_post: PostRecord | None = None

    @property
    def only_waits(self) -> bool:
        """Whether nothing but late mentions waits in it; a row of history without mentions is more (`scored`)."""
        return self.late is not None and not self.mentions and not self.scored

    def counts(self) -> tuple[float, float]:
        """(negatives, positives): counted ones plus the sample's share of the unscored ones."""
        if not self.sampled:
            # Before the sample has its first text, the texts read so far stand for the few that were not.
            weight = self.mentions / max(self.mentions - self.unscored, 1)
            return self.negatives * weight, self.positives * weight
        weight = 1.0 + self.unscored / self.sampled
        negatives = self.negatives + self.sampled_negatives * weight
        return min(negatives, float(self.mentions)), self.positives + self.sampled_positives * weight

    def authors(self) -> int:
        """Distinct authors, estimated by linear counting (Whang et al. 1990): within 5 % up to some thousands."""
        if not self.author_bits:
            return 0
        empty = AUTHOR_BITS - int.from_bytes(self.author_bits, "big").bit_count()
        return round(AUTHOR_BITS * math.log(AUTHOR_BITS / max(empty, 1)))

    def add_given(self, *, negative: bool, positive: bool) -> Judgement:
        """Count the tone of a mention that carries a trusted sentiment."""
        self.negatives += negative
        self.positives += positive
        return READ[negative]

    def add_unread(self) -> Judgement:
        """Count a mention whose text is not read."""
        self.unscored += 1
        return UNREAD[False]

    def add_read(self, *, negative: bool, positive: bool, sampled: bool) -> Judgement:
        """Count the tone of a mention as its text was read.

        Args:
            negative: as the language's model reads it.
            positive: likewise.
            sampled: whether it was read for others that were not.
        """
        if sampled:
            self.sampled += 1
            self.sampled_negatives += negative
            self.sampled_positives += positive
        else:
            self.scored += 1
            self.negatives += negative
            self.positives += positive
        return SAMPLED[negative] if sampled else READ[negative]

    def add(
        self,
        mention: Mention,
        own: str,
        judgement: Judgement,
        *,
        language: str,
        event_time: float,
        bucket: int,
    ) -> int:
        """Count a mention whose tone has been counted, join it to its story, and keep it if its audience is great.

        Args:
            mention: the mention.
            own: its identity (buckets.ids), not yet among `ids`.
            judgement: how it was judged, and whether its text is compared (`compared`).
            language: one of detectors.sentiment.LANGUAGES.
            event_time: of the mention, Unix seconds.
            bucket: this bucket.

        Returns:
            The number of its story, 0 where it belongs to none: to be remembered in `ids`.
        """
        self.mentions += 1
        table = self.platforms
        name = mention.platform
        if name in table:
            table[name] += 1
        else:
            count_name(table, name)
        table = self.languages
        if language in table:
            table[language] += 1
        else:
            count_name(table, language)
        self.reposts += mention.repost_of is not None
        weight = mention.reach
        if weight is None:
            weight = 0
        else:
            self.reach += weight
        author = mention.author
        if author is not None:
            bits = self.author_bits
            if not bits:
                bits = self.author_bits = bytearray(AUTHOR_BITS // 8)
            bit = author_cell(author_hash(author.id))
            bits[bit >> 3] |= 1 << (bit & 7)
            followers = author.followers
            if followers is not None and followers > weight:
                weight = followers
            if is_own(mention):
                self._see_own(mention, event_time, bucket)
        self.authorship.see(mention, event_time, weight)
        posts = self.top_posts
        if len(posts) < KEPT_POSTS or weight > posts[-1].weight:
            keep_post(posts, mention, event_time, bucket, weight)
        if judgement.negative:
            self._add_negative(mention, event_time, bucket, weight)
        return self.stories.join(
            mention,
            own,
            self.ids,
            event_time,
            negative=judgement.negative,
            read=judgement.read,
            sampled=judgement.sampled,
        )

    def add_many(self, columns: Columns, rows: Sequence[int], bucket: int) -> None:
        """`add` for some mentions of a run, but for their stories.

        Args:
            columns: the run.
            rows: the mentions, in order.
            bucket: this bucket.
        """
        self.mentions += len(rows)
        platforms, by_platform = columns.platforms, self.platforms
        languages, by_language = columns.languages, self.languages
        authors, bits = columns.authors, self.author_bits
        for row in rows:
            name = platforms[row]
            if name in by_platform:
                by_platform[name] += 1
            else:
                count_name(by_platform, name)
            name = languages[row]
            if name in by_language:
                by_language[name] += 1
            else:
                count_name(by_language, name)
            author = authors[row]
            if author >= 0:
                if not bits:
                    bits = self.author_bits = bytearray(AUTHOR_BITS // 8)
                bits[author >> 24] |= 1 << (author >> 21 & 7)
        if columns.reposts:
            self.reposts += len(columns.reposts.intersection(rows))
        if columns.reaches is not None:
            reaches = columns.reaches
            self.reach += sum([reaches[row] for row in rows])
        if columns.own:
            for row in columns.own.intersection(rows):
                self._see_own(columns.mentions[row], columns.times[row], bucket)
        self.authorship.see_many(columns, rows)
        _keep_posts(self.top_posts, columns, rows, bucket)
        negatives = columns.negatives
        self._add_negatives(columns, [row for row in rows if negatives[row]], bucket)

    def _add_negative(self, mention: Mention, event_time: float, bucket: int, weight: int) -> None:
        """Keep what a negative mention may be shown for: its audience, its author, the first news."""
        posts = self.negative_posts
        if len(posts) < KEPT_POSTS or weight > posts[-1].weight:
            keep_post(posts, mention, event_time, bucket, weight)
        if len(self.critics) < MOST_CRITICS:
            self._hear(mention)
        self._see_news(mention, event_time, bucket)

    def _add_negatives(self, columns: Columns, rows: Sequence[int], bucket: int) -> None:
        """`_add_negative` for some mentions of a run."""
        _keep_posts(self.negative_posts, columns, rows, bucket)
        mentions, times = columns.mentions, columns.times
        for row in rows:
            if len(self.critics) == MOST_CRITICS:
                break
            self._hear(mentions[row])
        for row in rows:
            if mentions[row].channel == "news":
                self._see_news(mentions[row], times[row], bucket)

    def _see_news(self, mention: Mention, event_time: float, bucket: int) -> None:
        """Keep the first news item."""
        if mention.channel == "news" and is_news(mention) and is_before(mention, event_time, self.news):
            self.news = post_of(mention, event_time, bucket)

    def add_awaited(self, mention: LateMention, platform: str, language: str) -> None:
        """Count a mention of an earlier bucket that was waited for; it has no part in the stories."""
        self.mentions += 1
        self.negatives += mention.negative
        self.reposts += mention.repost
        self.reach += mention.reach
        count_name(self.platforms, platform)
        count_name(self.languages, language)
        self.authorship.see_late(mention.author if mention.named else None, mention.reach)
        if mention.named:
            if not self.author_bits:
                self.author_bits = bytearray(AUTHOR_BITS // 8)
            cell = author_cell(mention.author)
            self.author_bits[cell >> 3] |= 1 << (cell & 7)
        if mention.negative and len(self.critics) < MOST_CRITICS and mention.author not in self.critics:
            self.critics.append(mention.author)

    def _see_own(self, mention: Mention, event_time: float, bucket: int) -> None:
        """Keep the first post of the brand itself."""
        if mention.repost_of is None and is_before(mention, event_time, self.own_post):
            self.own_post = post_of(mention, event_time, bucket)

    def _hear(self, mention: Mention) -> None:
        """Remember who wrote a negative mention."""
        who = speaker(mention)
        if who not in self.critics:
            self.critics.append(who)

    def join_each(self, columns: Columns, rows: Sequence[int], judgements: Sequence[Judgement]) -> None:
        """Join mentions to their stories one by one, and remember which; they are among `ids` as far as there is room.

        Args:
            columns: the run.
            rows: the mentions, in order.
            judgements: one for each of them.
        """
        stories, ids = self.stories, self.ids
        for row, judgement in zip(rows, judgements, strict=True):
            own = columns.ids[row]
            number = stories.join(
                columns.mentions[row],
                own,
                ids,
                columns.times[row],
                negative=judgement.negative,
                read=judgement.read,
                sampled=judgement.sampled,
            )
            if number and own in ids:
                ids[own] = number


def compared(judgement: Judgement, bucket: int, position: int) -> Judgement:
    """The judgement for stories: which texts are compared does not depend on which are read for tone.

    Args:
        judgement: as the tone gave it.
        bucket: of the mention.
        position: of the mention in the bucket.
    """
    if position < STORY_TEXTS:
        return READ[judgement.negative]
    return (SAMPLED if is_in_sample(bucket, position, STORY_SAMPLE) else UNREAD)[judgement.negative]


def is_in_sample(bucket: int, position: int, one_in: int) -> bool:
    """Whether a text is read, by its position in the bucket: an author who chooses ids cannot avoid it."""
    return spread(bucket, position) * one_in < 1 << 32


def sampled_rows(bucket: int, position: int, rows: Sequence[int], one_in: int) -> list[int]:
    """Those of some mentions in a row that `is_in_sample` chooses.

    Args:
        bucket: of the mentions.
        position: of the first in the bucket.
        rows: the mentions, in order.
        one_in: the sample is one in so many.
    """
    begin, step, below = spread(bucket, position), spread(0, 1), -(-(1 << 32) // one_in)
    places = range(begin, begin + step * len(rows), step)
    return [row for row, place in zip(rows, places, strict=True) if place & 0xFFFFFFFF < below]


def _keep_posts(kept: list[PostRecord], columns: Columns, rows: Sequence[int], bucket: int) -> None:
    audiences = columns.audiences
    least = kept[-1].weight if len(kept) == KEPT_POSTS else -1
    for row in rows:
        weight = audiences[row]
        if weight > least:
            keep_post(kept, columns.mentions[row], columns.times[row], bucket, weight)
            least = kept[-1].weight if len(kept) == KEPT_POSTS else -1
