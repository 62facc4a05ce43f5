"""Stories: a post with its reposts and near-copies is one story, however often it is told.

A mention joins the story of the post it names in `repost_of`, or else a story whose text begins or ends as its own
does. What is compared is the text without links, handles, digits, punctuation, white space, case and the mark of a
repost, so a word changed, added or cut off makes no new story.

Two tables. `BucketStories` grows while a bucket is open and sees only its own bucket, so that batches do not matter.
`StoryMemory` takes it over when the bucket closes and carries a few stories, and the posts most likely to become one,
on for some hours. Texts are compared by 64-bit BLAKE2b digests: nobody can choose a text that collides with another's,
so the hash needs no secret.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from pipeline.engine.buckets.columns import Columns
from pipeline.engine.buckets.ids import author_hash, identity
from schemas.mention import Mention

READ_CHARACTERS: Final = 280
SHORTEST: Final = 32
"""Bytes of letters (some seven words, eleven Han characters): shorter texts are alike by chance and no copies."""
ENDS: Final = 40
"""Bytes at either end of a longer text that tell it from others."""
MOST_STORIES: Final = 256
"""Stories told apart in one open bucket; a post past that is nobody's copy."""
MOST_TOLD: Final = 32
"""Of these, stories with copies whose authors and text are kept, and stories whose first id is long."""
LONG_ID: Final = 64
REGISTERS: Final = 64
"""Of a story's sketch of its authors, one byte each: standard error 13 %."""
EXCERPT_KEPT: Final = 140

KEPT_STORIES: Final = 8
KEPT_POSTS: Final = 8
KEPT_KEYS: Final = 4
MEMORY_BUCKETS: Final = 72
"""A story is forgotten six hours after it was last told, a post that nobody repeats six hours after it was written."""

_TOLERANCE: Final = 1.25
"""Two standard errors of the estimate of authors: reposts by as many people are not weighed down by its noise."""

_LINK: Final = re.compile(r"https?://\S+")
_HANDLE: Final = re.compile(r"@[\w-]+")
_REPOST_MARKS: Final = ("RT @", "//@")
_LOWER: Final = bytes(range(256)).lower()
_NO_LETTERS: Final = bytes(code for code in range(128) if not chr(code).isalpha())
_DIGEST: Final = hashlib.blake2b(digest_size=8)
_POWERS: Final = tuple(2.0**-rank for rank in range(64))
_SEPARATOR: Final = b"\xff"
"""Between texts: no byte of UTF-8."""
_ID_MARK: Final = b"#"
"""Begins the keys that are ids, which a digest of a text must not be taken for."""


class Story(msgspec.Struct, array_like=True, kw_only=True, gc=False):
    """One story, as one bucket saw it or as the hours since it was first told did.

    Attributes:
        id: of the first post; "" while the bucket's table of ids tells it.
        first_seen: event time of its first mention seen, Unix seconds.
        mentions: the post, its reposts and its copies.
        reposts: mentions that name the post they repeat.
        negatives: mentions known to be negative.
        sampled: mentions whose text was read for others that were not.
        reach: sum of the reach that the mentions state.
        audience: greatest reach or number of followers of one mention.
        author: hash of the first author.
        authors: HyperLogLog registers; empty while there is one mention, and where the bucket has too many stories.
        text: its beginning; empty where `authors` is.
        last_seen: bucket of its last mention; set when the bucket closes.
        keys: by which its next mention is known; filled when the bucket closes.
    """

    id: str = ""
    first_seen: float = 0.0
    mentions: int = 0
    reposts: int = 0
    negatives: int = 0
    sampled: int = 0
    reach: int = 0
    audience: int = 0
    author: int = 0
    authors: bytearray = msgspec.field(default_factory=bytearray)
    text: str = ""
    last_seen: int = 0
    keys: tuple[bytes, ...] = ()

    def people(self) -> float:
        """Distinct authors, estimated (Flajolet et al. 2007; linear counting while few), at most the mentions."""
        if not self.authors:
            return float(self.mentions)
        empty = self.authors.count(0)
        estimate = 0.709 * REGISTERS * REGISTERS / sum(map(_POWERS.__getitem__, self.authors))
        if empty and estimate <= 2.5 * REGISTERS:
            estimate = REGISTERS * math.log(REGISTERS / empty)
        return min(max(estimate, 1.0), float(self.mentions))

    def weight(self) -> float:
        """How many mentions the detector counts for the story.

        Reposts count as the people who made them. Copies without a repost's mark are what robots write: doubling them
        adds one.
        """
        reposts, copies = self.reposts, self.mentions - self.reposts
        share = min(_TOLERANCE * self.people() / self.mentions, 1.0) if reposts else 1.0
        return reposts * share + (1.0 + math.log2(copies) if copies else 0.0)


class Surplus(msgspec.Struct, gc=False):
    """What a bucket's mentions are more than its stories weigh.

    Attributes:
        mentions, negatives: to be taken off what the detector counts.
        repeats: mentions that tell a story already told.
    """

    mentions: float = 0.0
    negatives: float = 0.0
    repeats: int = 0

    def add(self, seen: Story, weight: float, *, repeats: int) -> None:
        """Add a story that the bucket saw, and what its mentions weigh together."""
        taken = max(seen.mentions - weight, 0.0)
        self.mentions += taken
        self.negatives += taken * seen.negatives / seen.mentions
        self.repeats += repeats


class BucketStories(msgspec.Struct, array_like=True, gc=False):
    """The stories of one open bucket, numbered from 1 in order of their first mention.

    Attributes:
        stories: story n at place n - 1.
        keys: digest of a text's end, or marked id of a post repeated but not seen, to the story's number.
        read: posts (no reposts) whose text was read; the story of the others is not known.
        sampled: posts that were read for those.
        told: stories with copies whose authors and text are kept.
        awaited: posts repeated but not seen.
    """

    stories: list[Story] = msgspec.field(default_factory=list)
    keys: dict[bytes, int] = msgspec.field(default_factory=dict)
    read: int = 0
    sampled: int = 0
    told: int = 0
    awaited: int = 0

    def join(
        self,
        mention: Mention,
        own: str,
        ids: Mapping[str, int],
        event_time: float,
        *,
        negative: bool,
        read: bool,
        sampled: bool,
    ) -> int:
        """Add the mention to its story, which may begin with it.

        Args:
            mention: the mention.
            own: its identity.
            ids: identity of each mention of the bucket to the number of its story.
            event_time: of the mention, Unix seconds.
            negative: whether it is known to be negative.
            read: whether its text was read; an unread text is nobody's copy.
            sampled: whether it was read for others that were not.

        Returns:
            The story's number; 0 where the mention belongs to none.
        """
        number = 0
        keys = self.keys
        prints: tuple[bytes, ...] = ()
        root = None if mention.repost_of is None else identity(mention.repost_of)
        if root is not None:
            number = ids.get(root, 0) or keys.get(_ID_MARK + root.encode(), 0)
            sampled = False  # A repost says whose it is, so every one is counted and none stands for others.
        else:
            self.read += read
            self.sampled += sampled
        if not number and read:
            prints = fingerprints(mention.text)
            for key in prints:
                number = keys.get(key, 0)
                if number:
                    break
        if not number and self.awaited:
            number = keys.get(_ID_MARK + own.encode(), 0)
        if number:
            self._tell(self.stories[number - 1], mention, event_time, negative=negative, sampled=sampled)
            return number
        first_id = mention.repost_of or mention.id
        limit = MOST_STORIES if len(first_id) <= LONG_ID else MOST_TOLD
        if (root is None and not read) or len(self.stories) >= limit:
            return 0
        number = len(self.stories) + 1
        # Only a story's first mention names its keys: else a chain of half-copies would join strangers.
        for key in prints:
            keys.setdefault(key, number)
        if root is not None:
            self.awaited += 1
            keys[_ID_MARK + root.encode()] = number
        self.stories.append(
            Story(
                id=first_id if root is not None or first_id != own else "",
                first_seen=event_time,
                mentions=1,
                reposts=int(root is not None),
                negatives=int(negative),
                sampled=int(sampled),
                reach=mention.reach or 0,
                audience=_audience(mention),
                author=_author(mention),
            )
        )
        return number

    def join_posts(
        self,
        columns: Columns,
        rows: Sequence[int],
        prints: Mapping[int, tuple[bytes, ...]],
        ids: dict[str, int],
        *,
        sampled: bool,
    ) -> None:
        """`join` for many posts that repeat none and whose texts are read, while none is awaited."""
        self.read += len(rows)
        if sampled:
            self.sampled += len(rows)
        keys, stories, owns = self.keys, self.stories, columns.ids
        for row in rows:
            own = owns[row]
            number = 0
            for key in prints[row]:
                if key in keys:
                    number = keys[key]
                    break
            mention = columns.mentions[row]
            if number:
                self._tell(
                    stories[number - 1], mention, columns.times[row], negative=columns.negatives[row], sampled=sampled
                )
            else:
                number = len(stories) + 1
                first_id = mention.id
                if number > (MOST_STORIES if len(first_id) <= LONG_ID else MOST_TOLD):
                    continue
                for key in prints[row]:
                    keys[key] = number
                author = columns.authors[row]
                stories.append(
                    Story(
                        id="" if first_id == own else first_id,
                        first_seen=columns.times[row],
                        mentions=1,
                        negatives=int(columns.negatives[row]),
                        sampled=int(sampled),
                        reach=mention.reach or 0,
                        audience=columns.audiences[row],
                        author=author if author >= 0 else author_hash(first_id),
                    )
                )
            if own in ids:
                ids[own] = number

    def join_unread(self, mention: Mention, own: str, event_time: float, *, negative: bool) -> int:
        """`join` of a post that repeats none and whose text is not read: it can only be what others have repeated.

        Need not be called while none is awaited.
        """
        number = self.keys.get(_ID_MARK + own.encode(), 0)
        if number:
            self._tell(self.stories[number - 1], mention, event_time, negative=negative, sampled=False)
        return number

    def _tell(self, story: Story, mention: Mention, event_time: float, *, negative: bool, sampled: bool) -> None:
        if story.mentions == 1 and self.told < MOST_TOLD:
            self.told += 1
            story.authors = bytearray(REGISTERS)
            story.text = mention.text[:EXCERPT_KEPT]
            _see(story.authors, story.author)
        if story.authors:
            _see(story.authors, _author(mention))
        story.first_seen = min(story.first_seen, event_time)
        story.mentions += 1
        story.reposts += mention.repost_of is not None
        story.negatives += negative
        story.sampled += sampled
        story.reach += mention.reach or 0
        story.audience = max(story.audience, _audience(mention))

    def weigh_sample(self, originals: int) -> None:
        """Let the texts read in a sample stand for those that were not read; call once, when the bucket closes.

        Args:
            originals: mentions of the bucket that are no reposts.
        """
        if self.sampled:
            scale = (originals - self.read) / self.sampled
            for story in self.stories:
                if story.sampled:
                    told = story.mentions + round(story.sampled * scale)
                    story.negatives = round(story.negatives * told / story.mentions)
                    story.mentions = told


class StoryMemory(msgspec.Struct, array_like=True, gc=False):
    """What a brand remembers of closed buckets.

    Attributes:
        stories: told more than once, the least recently told first.
        posts: told once, those most likely to be repeated: of the greatest audience, hour by hour less.
    """

    stories: list[Story] = msgspec.field(default_factory=list)
    posts: list[Story] = msgspec.field(default_factory=list)

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
        bucket.weigh_sample(originals)
        surplus = Surplus()
        oldest = index - MEMORY_BUCKETS
        known: set[int] = set()
        stories: list[Story] = []
        posts: list[Story] = []
        for story in (*self.stories, *self.posts):
            if story.last_seen < oldest:
                continue
            for key in story.keys:
                number = bucket.keys.get(key, 0)
                if number and number not in known:
                    known.add(number)
                    seen = bucket.stories[number - 1]
                    before = story.weight()
                    _merge(story, seen, index)
                    surplus.add(seen, max(story.weight() - before, 0.0), repeats=seen.mentions)
            (stories if story.mentions > 1 else posts).append(story)
        fresh = [(number, story) for number, story in enumerate(bucket.stories, 1) if number not in known]
        if fresh:
            for _, story in fresh:
                if story.mentions > 1:
                    surplus.add(story, story.weight(), repeats=story.mentions - 1)
            self._enter(fresh, bucket, ids, index, stories, posts)
        stories.sort(key=lambda story: (story.last_seen, story.mentions))
        posts.sort(key=lambda story: (story.last_seen // 12 + story.audience.bit_length(), story.last_seen))
        self.stories = stories[-KEPT_STORIES:]
        self.posts = posts[-KEPT_POSTS:]
        return surplus

    @staticmethod
    def _enter(
        fresh: list[tuple[int, Story]],
        bucket: BucketStories,
        ids: Mapping[str, int],
        index: int,
        stories: list[Story],
        posts: list[Story],
    ) -> None:
        """Choose what to remember of the stories that are new, and give it id and keys."""
        told = sorted((item for item in fresh if item[1].mentions > 1), key=lambda item: -item[1].mentions)
        once = sorted((item for item in fresh if item[1].mentions == 1), key=lambda item: -item[1].audience)
        chosen = dict(told[:KEPT_STORIES] + once[:KEPT_POSTS])
        keys: dict[int, list[bytes]] = {number: [] for number in chosen}
        for key, number in bucket.keys.items():
            if number in keys:
                keys[number].append(key)
        for own, number in ids.items():
            if number in chosen and len(keys[number]) < KEPT_KEYS:
                chosen[number].id = chosen[number].id or own
                keys[number].append(_ID_MARK + own.encode())
        for number, story in chosen.items():
            story.last_seen = index
            story.keys = tuple(keys[number])
            (stories if story.mentions > 1 else posts).append(story)


def fingerprints(text: str) -> tuple[bytes, ...]:
    """Digests by which copies of the text are known; none where it is too short to tell a copy from chance."""
    text = _plain(text[:READ_CHARACTERS])
    letters = text.encode().translate(_LOWER, _NO_LETTERS)
    if len(letters) < SHORTEST:
        return ()
    if len(letters) <= ENDS:
        return (_digest(letters),)
    return _digest(letters[:ENDS]), _digest(letters[-ENDS:])


def fingerprints_of_many(texts: Iterable[str]) -> list[tuple[bytes, ...]]:
    """`fingerprints` of each of the texts."""
    texts = [text[:READ_CHARACTERS] for text in texts]
    whole = "".join(texts)
    if "@" in whole or "://" in whole:
        texts = list(map(_plain, texts))
    found: list[tuple[bytes, ...]] = []
    if not texts:
        return found
    fresh = _DIGEST.copy
    for letters in _SEPARATOR.join(map(str.encode, texts)).translate(_LOWER, _NO_LETTERS).split(_SEPARATOR):
        if len(letters) < SHORTEST:
            found.append(())
            continue
        digest = fresh()
        digest.update(letters[:ENDS])
        if len(letters) <= ENDS:
            found.append((digest.digest(),))
        else:
            last = fresh()
            last.update(letters[-ENDS:])
            found.append((digest.digest(), last.digest()))
    return found


def _plain(text: str) -> str:
    text = without_mark(text)
    if "://" in text:
        text = _LINK.sub("", text)
    if "@" in text:
        text = _HANDLE.sub("", text)
    return text


def without_mark(text: str) -> str:
    """The text without the mark of a repost before it ("RT @name: ", "//@name: ")."""
    return text.partition(":")[2].lstrip() or text if text.startswith(_REPOST_MARKS) else text


def _digest(letters: bytes) -> bytes:
    digest = _DIGEST.copy()  # half the time of a new one, which reads its parameters first
    digest.update(letters)
    return digest.digest()


def _author(mention: Mention) -> int:
    # Nobody can tell strangers without a name apart, so each is one of their own.
    return author_hash(mention.id if mention.author is None else mention.author.id)


def _audience(mention: Mention) -> int:
    followers = mention.author.followers if mention.author is not None else None
    return max(mention.reach or 0, followers or 0)


def _see(registers: bytearray, author: int) -> None:
    place = author >> 26
    rank = 27 - (author & 0x3FFFFFF).bit_length()
    registers[place] = max(registers[place], rank)


def _merge(story: Story, seen: Story, index: int) -> None:
    """Add what a bucket saw to what is remembered."""
    if not story.authors:
        story.authors = bytearray(REGISTERS)
        _see(story.authors, story.author)
    if seen.authors:
        story.authors = bytearray(map(max, story.authors, seen.authors))
    else:
        _see(story.authors, seen.author)
    story.first_seen = min(story.first_seen, seen.first_seen)
    story.mentions += seen.mentions
    story.reposts += seen.reposts
    story.negatives += seen.negatives
    story.reach += seen.reach
    story.audience = max(story.audience, seen.audience)
    story.text = story.text or seen.text
    story.last_seen = index
