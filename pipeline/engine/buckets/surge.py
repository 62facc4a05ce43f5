"""What is said while a brand is unusual, and by whom: what the evidence of its alerts is made of.

Gathered from the first unusual bucket on, before anything opens, and let go when the brand is ordinary again: a quiet
brand has none. Everything in it is bounded: texts are a sample that does not depend on their order, the most told
first.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from zlib import crc32

import msgspec

from pipeline.engine.buckets.authorship import Authorship, in_bursts
from pipeline.engine.buckets.closed_counts import BucketCounts
from pipeline.engine.buckets.copies import letters_of
from pipeline.engine.buckets.names import NAMES
from pipeline.engine.buckets.open_bucket import OpenBucket
from pipeline.engine.buckets.origin import NAME_CHARACTERS
from pipeline.engine.buckets.posts import PostRecord, by_audience, by_time, earlier
from pipeline.engine.buckets.stories import BucketStories
from pipeline.engine.buckets.story import Story, cut, without_mark
from pipeline.engine.buckets.told import UPDATE_BUCKETS, LastTold
from schemas.observation import BUCKETS_PER_HOUR

MOST_TEXTS: Final = 64
TEXT_BYTES: Final = 240
MOST_VOICES: Final = 6
MOST_SPEAKERS: Final = 16
MOST_OWN: Final = 3
MOST_HOURS: Final = 7 * 24


class Heard(msgspec.Struct, array_like=True, gc=False):
    """A text of the surge: mentions that tell it, those of them that are negative."""

    mentions: int = 0
    negatives: int = 0


class Speaker(msgspec.Struct, array_like=True, gc=False):
    """An author, by posts among those of the greatest audience: their number, the greatest audience of one, the sum.

    `kind` and `followers` are those of the post of the greatest audience.
    """

    platform: str
    audience: int
    posts: int = 0
    added: int = 0
    kind: str = "unknown"
    followers: int | None = None


class Surge(msgspec.Struct, array_like=True, gc=False):
    """What was gathered of one surge.

    Attributes:
        first: the bucket that it begins with.
        since: bucket of the onset that the counts begin with; -1 while nothing is open.
        mentions, negatives, reach: since then.
        copies: mentions that copy another one without a repost's mark.
        hours: mentions and negatives of every hour of the clock from the onset's on, MOST_HOURS at most.
        texts: a sample of what is said.
        voices: negative posts of the greatest audience, those of the brand itself left out.
        speakers: authors of the posts of the greatest audience, but for the brand itself.
        platforms, languages: mentions by name.
        arrivals: by platform the first bucket with a mention from there.
        news: the first negative item in the news, since the onset where the counts begin with one; None before it.
        news_before: negative ones of the day before the onset, the earlier first.
        own_posts: what the brand itself wrote, of a bucket the first: the first ones and the last.
        told: what the last alert said; None before the first.
        looked: the bucket at whose close it was last asked whether that has changed.
        authorship: who wrote, since `first`.
        bursts: mentions since `first` that came within seconds of many others.
        timed: mentions since `first` whose time is known to the second.
    """

    first: int
    since: int = -1
    mentions: int = 0
    negatives: float = 0.0
    reach: int = 0
    copies: int = 0
    hours: list[tuple[int, float]] = msgspec.field(default_factory=list)
    texts: dict[str, Heard] = msgspec.field(default_factory=dict)
    voices: list[PostRecord] = msgspec.field(default_factory=list)
    speakers: dict[str, Speaker] = msgspec.field(default_factory=dict)
    platforms: dict[str, int] = msgspec.field(default_factory=dict)
    languages: dict[str, int] = msgspec.field(default_factory=dict)
    arrivals: dict[str, int] = msgspec.field(default_factory=dict)
    news: PostRecord | None = None
    told: LastTold | None = None
    looked: int = -1
    authorship: Authorship = msgspec.field(default_factory=Authorship)
    bursts: int = 0
    timed: int = 0
    news_before: list[PostRecord] = []
    own_posts: list[PostRecord] = []

    def begin(self, since: int, past: Iterable[BucketCounts], reach: int, news: Iterable[PostRecord]) -> None:
        """Count from an onset on.

        Args:
            since: bucket of the onset.
            past: counts of the buckets from the onset to now, oldest first.
            reach: stated in them.
            news: the last negative news items, from before the surge was gathered too.
        """
        self.since, self.reach = since, reach
        self.news, self.news_before = (None if self.news is None or self.news.bucket < since else self.news), []
        for item in news:
            if item.bucket < since:
                self.news_before.append(item)
            else:
                self.news = earlier(self.news, item)
        self.news_before.sort(key=by_time)
        self.own_posts = [post for post in self.own_posts if post.bucket >= since]
        self.mentions, self.negatives, self.hours = 0, 0.0, []
        for counts in past:
            self._count(counts.bucket, counts.mentions, counts.negatives)

    def add(self, bucket: OpenBucket, index: int) -> None:
        """Gather what a closed bucket holds.

        Args:
            bucket: with mentions, its stories told into the brand's memory.
            index: of the bucket.
        """
        if self.since >= 0:
            self._count(index, bucket.mentions, bucket.counts()[0])
            self.reach += bucket.reach
        for table, fresh in ((self.platforms, bucket.platforms), (self.languages, bucket.languages)):
            for name, count in fresh.items():
                if name in table or len(table) < NAMES:
                    table[name] = table.get(name, 0) + count
        for name in bucket.platforms:
            if name in self.platforms:
                self.arrivals.setdefault(name, index)
        if bucket.news is not None and bucket.news.bucket >= self.since:
            self.news = earlier(self.news, bucket.news)
        if bucket.own_post is not None:
            self.own_posts = [*self.own_posts[: MOST_OWN - 1], bucket.own_post]
        self._hear(bucket.stories)
        others = [post for post in bucket.negative_posts if not post.is_own]
        self.voices = _apart(sorted([*self.voices, *others], key=by_audience))[:MOST_VOICES]
        self._meet(bucket.top_posts)
        self.authorship.gather(bucket.authorship)
        self.bursts += in_bursts(bucket.authorship.slots)
        self.timed += sum(bucket.authorship.slots.values())

    def due(self, index: int) -> LastTold | None:
        """What the last alert said, where it is time to ask whether that has changed; else None."""
        told = self.told
        return told if told is not None and index - max(told.bucket, self.looked) >= UPDATE_BUCKETS else None

    @property
    def first_hour(self) -> int:
        """The hour of the clock of the onset, since the epoch."""
        return self.since // BUCKETS_PER_HOUR

    @property
    def peak(self) -> tuple[int, int]:
        """The place in `hours` with the most mentions, the first of several, and how many; (0, 0) without any."""
        mentions = [hour[0] for hour in self.hours]
        most = max(mentions, default=0)
        return (mentions.index(most), most) if mentions else (0, 0)

    def _count(self, index: int, mentions: int, negatives: float) -> None:
        self.mentions += mentions
        self.negatives += negatives
        place = index // BUCKETS_PER_HOUR - self.first_hour
        if place < MOST_HOURS:
            self.hours += [(0, 0.0)] * (place + 1 - len(self.hours))
            before = self.hours[place]
            self.hours[place] = (before[0] + mentions, before[1] + negatives)

    def _hear(self, stories: BucketStories) -> None:
        texts = self.texts
        for story in stories.stories:
            if story.into or not story.mentions:
                continue
            self.copies += max(story.copied - 1, 0)
            text = told_text(story)
            if text:
                heard = texts.get(text)
                if heard is None:
                    heard = texts[text] = Heard()
                heard.mentions += story.mentions
                heard.negatives += story.negatives
        if len(texts) > MOST_TEXTS:
            self.texts = dict(sorted(texts.items(), key=_rank)[:MOST_TEXTS])

    def _meet(self, posts: Iterable[PostRecord]) -> None:
        speakers = self.speakers
        for post in posts:
            if post.author is None or not post.weight or post.is_own:
                continue
            name = post.author[:NAME_CHARACTERS]
            speaker = speakers.get(name)
            if speaker is None:
                speaker = speakers[name] = Speaker(post.platform, 0)
            if post.weight > speaker.audience:
                speaker.audience, speaker.kind, speaker.followers = post.weight, post.kind, post.followers
            speaker.posts += 1
            speaker.added += post.weight
        if len(speakers) > MOST_SPEAKERS:
            order = sorted(speakers.items(), key=lambda item: (-item[1].audience, item[0]))
            self.speakers = dict(order[:MOST_SPEAKERS])


def told_text(story: Story) -> str:
    """The beginning of what a story says, "" where that is not known."""
    return cut(without_mark(story.text), TEXT_BYTES)


def _rank(item: tuple[str, Heard]) -> tuple[int, int, str]:
    """The most told first; of those told as often a sample drawn by a hash, negative ones twice as likely."""
    text, heard = item
    # By its letters: how a text is dressed, in HTML or full width, must not decide.
    return -heard.mentions.bit_length(), crc32(letters_of(text)) >> bool(heard.negatives), text


def _apart(posts: list[PostRecord]) -> list[PostRecord]:
    """The first post of every text."""
    found: dict[str, PostRecord] = {}
    for post in posts:
        found.setdefault(post.text or f"\0{post.id}", post)
    return list(found.values())
