"""What a brand remembers of the stories of closed buckets: a few for some hours, and what comes hour after hour.

`StoryMemory` takes over the stories of a bucket when it closes, and carries the most told ones, and the posts most
likely to become one, on. A text that comes hour after hour for a day, as a newsletter or a robot writes, is a known
template of the brand: no story, however long it goes on, until it is told as nobody told it before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from pipeline.engine.buckets.copies import ID_MARK
from pipeline.engine.buckets.stories import BucketStories
from pipeline.engine.buckets.story import Story

KEPT_STORIES: Final = 8
KEPT_POSTS: Final = 8
KEPT_KEYS: Final = 4
MEMORY_BUCKETS: Final = 72
"""A story is forgotten six hours after it was last told, a post that nobody repeats six hours after it was written."""

KEPT_TEMPLATES: Final = 8
TEMPLATE_HOURS: Final = 24
"""A template is told over so many hours and in half of them ..."""
TEMPLATE_RATE: Final = 3
"""... so many times an hour at most."""
SEEN_TEXTS: Final = 128
"""Texts remembered by a part of their digest, so that one that comes again is known."""

_HOUR: Final = 12
_SEEN_BYTES: Final = 4


class Surplus(msgspec.Struct, gc=False):
    """What a bucket's mentions are more than its stories weigh.

    Attributes:
        mentions, negatives: to be taken off what the detector counts.
        repeats: mentions that tell a story already told.
        silent: negatives beside those who speak for themselves: a text and its copies are one hand's.
        echoed: negatives by people who had told the same story before.
    """

    mentions: float = 0.0
    negatives: float = 0.0
    repeats: int = 0
    silent: float = 0.0
    echoed: float = 0.0

    def add(self, seen: Story, weight: float, voices: float, people: float, *, repeats: int) -> None:
        """Add a story that the bucket saw.

        Args:
            seen: the story.
            weight: what its mentions weigh together.
            voices: how many speak for themselves and had not.
            people: how many tell it for the first time.
            repeats: mentions that tell what was told before.
        """
        negative = seen.negatives / seen.mentions
        taken = max(seen.mentions - weight, 0.0)
        self.mentions += taken
        self.negatives += taken * negative
        self.silent += max(seen.mentions - voices, 0.0) * negative
        self.echoed += max(seen.mentions - people, 0.0) * negative
        self.repeats += repeats


class Recurring(msgspec.Struct, array_like=True, gc=False):
    """A text that came again in another hour.

    Attributes:
        key: digest of its letters.
        first, last: hours since the epoch in which it came.
        hours: different ones among them.
        mentions: of the text.
    """

    key: bytes
    first: int
    last: int
    hours: int = 1
    mentions: int = 1

    @property
    def is_template(self) -> bool:
        return (
            self.last - self.first >= TEMPLATE_HOURS - 1
            and 2 * self.hours > self.last - self.first
            and self.mentions <= TEMPLATE_RATE * self.hours
        )


class StoryMemory(msgspec.Struct, array_like=True, gc=False):
    """What a brand remembers of closed buckets.

    Attributes:
        stories: told more than once, the least recently told first.
        posts: told once, those most likely to be repeated: of the greatest audience, hour by hour less.
        recurring: texts that came in more than one hour.
        seen: beginnings of the digests of the last texts, the oldest first.
    """

    stories: list[Story] = msgspec.field(default_factory=list)
    posts: list[Story] = msgspec.field(default_factory=list)
    recurring: list[Recurring] = msgspec.field(default_factory=list)
    seen: bytes = b""

    def templates(self) -> frozenset[bytes]:
        """Digests of the letters of the brand's known templates."""
        return frozenset(text.key for text in self.recurring if text.is_template)

    def absorb(self, bucket: BucketStories, ids: Mapping[str, int], index: int, originals: int) -> Surplus:
        """Take over the stories of a closed bucket; they become part of the memory.

        Args:
            bucket: the bucket's stories.
            ids: identity of each mention of the bucket to the number of its story.
            index: the bucket.
            originals: mentions of the bucket that are no reposts.

        Returns:
            What the bucket's mentions are more than its stories weigh.
        """
        oldest = index - MEMORY_BUCKETS
        self.stories = [story for story in self.stories if story.last_seen >= oldest]
        self.posts = [story for story in self.posts if story.last_seen >= oldest]
        surplus = Surplus()
        if not bucket.stories:
            return surplus
        told = self._told_before(bucket, ids)
        bucket.weigh_sample(originals)
        templates = self._recur(bucket, index // _HOUR)
        for number, story in told.items():
            seen = bucket.stories[number - 1]
            if number in templates:
                continue
            before = _told_by(story)
            story.unite(seen)
            story.last_seen = index
            more = (max(now - then, 0.0) for now, then in zip(_told_by(story), before, strict=True))
            surplus.add(seen, *more, repeats=seen.mentions)
        fresh: list[tuple[int, Story]] = []
        for number, seen in enumerate(bucket.stories, 1):
            if number in templates:
                surplus.add(seen, 0.0, 0.0, 0.0, repeats=seen.mentions)
            elif number not in told and not seen.into:
                fresh.append((number, seen))
                if seen.mentions > 1:
                    surplus.add(seen, *_told_by(seen), repeats=seen.mentions - 1)
        if fresh or told:
            known = [*self.stories, *self.posts, *_chosen(fresh, bucket, ids, index)]
            stories = [story for story in known if story.mentions > 1]
            stories.sort(key=lambda story: (story.last_seen, story.mentions))
            self.stories = stories[-KEPT_STORIES:]
            posts = [story for story in known if story.mentions == 1]
            posts.sort(key=lambda story: (story.last_seen // _HOUR + story.audience.bit_length(), story.last_seen))
            self.posts = posts[-KEPT_POSTS:]
        return surplus

    def _told_before(self, bucket: BucketStories, ids: Mapping[str, int]) -> dict[int, Story]:
        """The remembered stories that go on in the bucket, by the numbers of the bucket's; copies there become one."""
        told: dict[int, Story] = {}
        keys = bucket.keys.keys() | {ID_MARK + own.encode() for own in ids}
        for story in (*self.stories, *self.posts):
            if keys.isdisjoint(story.keys):
                continue
            numbers = {bucket.number(key, ids): None for key in story.keys}
            found = [number for number in numbers if number and number not in told]
            if found:
                told[found[0]] = story
                for other in found[1:]:
                    bucket.unite(found[0], other)
        earlier = self.stories + [story for story in told.values() if story.mentions == 1]
        numbers_of = {id(story): number for number, story in told.items()}
        for number, place in bucket.unite_copies(earlier, told).items():
            first = numbers_of.setdefault(id(earlier[place]), number)
            if first == number:
                told[number] = earlier[place]
            else:
                bucket.unite(first, number)
        return told

    def _recur(self, bucket: BucketStories, hour: int) -> set[int]:
        """Remember which texts came; the numbers of the stories that are known templates."""
        recurring = {text.key: text for text in self.recurring if hour - text.last <= TEMPLATE_HOURS}
        seen, fresh = self.seen, []
        templates: set[int] = set()
        for key, number in bucket.keys.items():
            if key[:1] == ID_MARK:
                continue
            first = bucket.resolve(number)
            text = recurring.get(key)
            mentions = bucket.stories[first - 1].mentions
            if text is not None:
                text.hours += hour > text.last
                text.last = hour
                text.mentions += mentions
                if text.is_template:
                    templates.add(first)
            elif key[:_SEEN_BYTES] in seen:
                recurring[key] = Recurring(key, hour, hour, 1, mentions)
            else:
                fresh.append(key[:_SEEN_BYTES])
        if fresh:
            self.seen = b"".join((seen, *fresh))[-SEEN_TEXTS * _SEEN_BYTES :]
        kept = sorted(recurring.values(), key=lambda text: (text.hours, text.last, text.key))
        self.recurring = kept[-KEPT_TEMPLATES:]
        return templates


def _told_by(story: Story) -> tuple[float, float, float]:
    """What a story weighs, how many speak for themselves in it, and how many people told it."""
    return story.weight(), story.voices(), story.people()


def _chosen(fresh: list[tuple[int, Story]], bucket: BucketStories, ids: Mapping[str, int], index: int) -> list[Story]:
    """What to remember of the stories that are new, with id and keys."""
    if not fresh:
        return []
    told = sorted((item for item in fresh if item[1].mentions > 1), key=lambda item: -item[1].mentions)
    once = sorted((item for item in fresh if item[1].mentions == 1), key=lambda item: -item[1].audience)
    chosen = dict(told[:KEPT_STORIES] + once[:KEPT_POSTS])
    keys: dict[int, list[bytes]] = {number: [] for number in chosen}
    for key, number in bucket.keys.items():
        if number in keys:
            keys[number].append(key)
    became = {number: bucket.resolve(number) for number, story in enumerate(bucket.stories, 1) if story.into}
    for own, number in ids.items():
        first = became.get(number, number)
        if first in chosen and len(keys[first]) < KEPT_KEYS:
            if first == number:
                chosen[first].id = chosen[first].id or own
            keys[first].append(ID_MARK + own.encode())
    for number, story in chosen.items():
        story.last_seen = index
        story.keys = tuple(keys[number])
    return list(chosen.values())
