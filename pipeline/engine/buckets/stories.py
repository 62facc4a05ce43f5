"""Stories: a post with its reposts and near-copies is one story, however often it is told.

A mention joins the story of the post it names in `repost_of`, or else the one whose letters are its own
(`buckets.copies`). Texts that differ a little are compared when the bucket closes, or when it holds many texts: then
stories become one. So what a text costs on its way in does not depend on what it looks like.

`BucketStories` grows while a bucket is open and sees only its own bucket, so that batches do not matter;
`buckets.story_memory` takes it over when the bucket closes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

import msgspec

from pipeline.engine.buckets.columns import Columns
from pipeline.engine.buckets.copies import ID_MARK, SHORTEST, SHORTEST_ALIKE, copies, fingerprint, letters_of
from pipeline.engine.buckets.ids import identity, speaker
from pipeline.engine.buckets.origin import origin_of
from pipeline.engine.buckets.posts import audience_size
from pipeline.engine.buckets.story import (
    OWN,
    QUOTED,
    REPOST_MARKS,
    TEXT_CHARACTERS,
    TOLD,
    UNHEARD,
    Story,
    as_written,
    kept,
)
from schemas.mention import Mention
from schemas.observation import BUCKET_SECONDS

MOST_STORIES: Final = 512
"""Stories told apart in one open bucket, those included that became one; a post past that is nobody's copy."""
MOST_TEXT: Final = 24_576
"""Bytes of the texts of a bucket's stories; a story past that is known by equal letters alone. All the buckets of a
brand that may be open at once share twice as much."""
LEAST_TEXT: Final = 128
"""Bytes from which on a text with hardly any letters is not kept: no text is a copy of its signs."""
ORIGINS_SHARE: Final = 6
"""Where posts came from may take a sixth of what their texts may."""
MOST_TOLD: Final = 32
"""Of these, stories with copies whose authors are kept, and stories whose first id is long."""
LONG_ID: Final = 64


class BucketStories(msgspec.Struct, array_like=True, dict=True):
    """The stories of one open bucket, numbered from 1 in order of their first mention.

    Attributes:
        stories: story n at place n - 1.
        keys: digest of a text's letters, or marked id of a post repeated but not seen, to the story's number.
        read: posts (no reposts) whose story is known; that of the others is not.
        sampled: posts that were read for those.
        told: stories with copies whose authors are kept.
        awaited: posts repeated but not seen.
        text: bytes of the texts kept.
        crowded: 1 once the texts were compared with each other and few of them alike.
        room: bytes that the texts may take.
        origins: bytes that is kept of where posts came from.
    """

    stories: list[Story] = msgspec.field(default_factory=list)
    keys: dict[bytes, int] = msgspec.field(default_factory=dict)
    read: int = 0
    sampled: int = 0
    told: int = 0
    awaited: int = 0
    text: int = 0
    crowded: int = 0
    room: int = MOST_TEXT
    origins: int = 0

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
            read: whether its text is read; an unread one is a copy only where it is written as one that was read.
            sampled: whether it is read for others that are not.

        Returns:
            The story's number; 0 where the mention belongs to none.
        """
        number, key = 0, b""
        root = None if mention.repost_of is None else identity(mention.repost_of)
        if root is not None:
            number = ids.get(root, 0) or self.keys.get(ID_MARK + root.encode(), 0)
            sampled = False  # A repost says whose it is, so every one is counted and none stands for others.
        elif self.awaited and (number := self.keys.get(ID_MARK + own.encode(), 0)):
            self._arrive(number, mention)
            self.read += 1
            sampled = False
        elif (sampled or not read) and (number := self._written().get(as_written(mention.text), 0)):
            self.read += 1
            sampled = False
        else:
            self.read += read
            self.sampled += sampled
        if not number and read:
            key = fingerprint(letters_of(mention.text))
            number = self.keys.get(key, 0)
        if number:
            number = self._tell(number, mention, event_time, negative=negative, sampled=sampled)
        elif root is not None or read:
            number = self._begin(mention, own, root, event_time, key, negative=negative, sampled=sampled)
        return number

    def join_posts(
        self, columns: Columns, rows: Iterable[int], keys: Mapping[int, bytes], ids: dict[str, int], *, beyond: bool
    ) -> None:
        """`join` for many posts that repeat none, while none is awaited.

        Args:
            columns: the run.
            rows: the posts in order.
            keys: digests of the texts that are read (of all, short of `beyond`).
            ids: of the bucket; those of the rows are told their stories as far as they are among them.
            beyond: whether these are past the texts that are read one and all, so that they are read for others.
        """
        owns, mentions = columns.ids, columns.mentions
        written = self._written() if beyond else {}
        for row in rows:
            mention = mentions[row]
            number = written.get(as_written(mention.text), 0) if beyond else 0
            sampled = beyond and not number
            if number:
                self.read += 1
            elif row in keys:
                self.read += 1
                self.sampled += sampled
                number = self.keys.get(keys[row], 0)
            else:
                continue
            if number:
                number = self._tell(
                    number, mention, columns.times[row], negative=columns.negatives[row], sampled=sampled
                )
            else:
                number = self._begin(
                    mention,
                    owns[row],
                    None,
                    columns.times[row],
                    keys[row],
                    negative=columns.negatives[row],
                    sampled=sampled,
                )
                written = self._written() if beyond else written
            if number and owns[row] in ids:
                ids[owns[row]] = number

    def _begin(
        self,
        mention: Mention,
        own: str,
        root: str | None,
        event_time: float,
        key: bytes,
        *,
        negative: bool,
        sampled: bool,
    ) -> int:
        """Begin a story with a mention; 0 where there are too many."""
        first_id = mention.repost_of or mention.id
        if len(self.stories) >= (MOST_STORIES if len(first_id) <= LONG_ID else MOST_TOLD):
            return 0
        # Only a story's first mention names its keys: else a chain of half-copies would join strangers.
        number = len(self.stories) + 1
        reach = mention.reach or 0
        story = Story(
            id=first_id if root is not None or first_id != own else "",
            first_seen=event_time,
            mentions=1,
            reposts=int(root is not None),
            marked=int(root is None and mention.text.startswith(REPOST_MARKS)),
            negatives=int(negative),
            sampled=int(sampled),
            reach=reach,
            audience=audience_size(mention),
            author=speaker(mention),
            sampled_reach=reach if sampled else 0,
            words=UNHEARD,
        )
        if key:
            self.keys.setdefault(key, number)
        if root is not None:
            self.awaited += 1
            self.keys[ID_MARK + root.encode()] = number
        self.stories.append(story)
        if root is None:
            self._come_from(number, mention)
            self._put(number, mention.text, OWN)
        else:
            self._hear(number, mention.text)
        return number

    def _tell(self, number: int, mention: Mention, event_time: float, *, negative: bool, sampled: bool) -> int:
        """Add a mention to a story; the number of the one that the story has become."""
        story = self.stories[number - 1]
        if story.into:
            number = self.resolve(number)
            story = self.stories[number - 1]
        author = speaker(mention)
        if story.told_by is not None:
            story.told_by.see(author)
        elif story.mentions == 1 and self.told < MOST_TOLD:
            self.told += 1
            story.crowd().see(author)
        reach = mention.reach or 0
        if event_time < story.first_seen:
            story.first_seen = event_time
        story.mentions += 1
        story.negatives += negative
        story.reach += reach
        audience = audience_size(mention)
        if audience > story.audience:
            story.audience = audience
        if sampled:
            story.sampled += 1
            story.sampled_reach += reach
        if mention.repost_of is not None:
            story.reposts += 1
        elif mention.text.startswith(REPOST_MARKS):
            story.marked += 1
        if story.words < TOLD:
            self._hear(number, mention.text)
        return number

    def _arrive(self, number: int, mention: Mention) -> None:
        """The first post of a story comes, after posts that repeat it: the words are its own."""
        number, text = self.resolve(number), mention.text
        self._come_from(number, mention)
        key = fingerprint(letters_of(text))
        if key:
            self.keys.setdefault(key, number)
        self._put(number, text, OWN)

    def _come_from(self, number: int, mention: Mention) -> None:
        """Keep where the first post of a story came from, as long as there is room."""
        if ORIGINS_SHARE * self.origins < self.room:
            origin = self.stories[number - 1].origin = origin_of(mention)
            self.origins += origin.size

    def _hear(self, number: int, text: str) -> None:
        """Take the words of a repost as the first post's where they are marked so, or where two say the same."""
        story = self.stories[number - 1]
        if not text:
            return
        if text.startswith(REPOST_MARKS) or (story.text and kept(text) == story.text):
            self._put(number, text, TOLD)
        elif not story.text:
            self._put(number, text, QUOTED)

    def _put(self, number: int, text: str, words: int) -> None:
        """Let a story that had no words, or less sure ones, have these."""
        story = self.stories[number - 1]
        self.text -= _size(story.text)
        if story.text or number < len(self.stories):
            self.__dict__.pop("written", None)  # Which story is told first by its writing may be another now.
        story.say("", UNHEARD if text else words)
        beginning = kept(text)
        size = _size(beginning)
        if size > LEAST_TEXT and len(letters_of(beginning)) < SHORTEST:
            return
        if self.text + size > self.room and not self.crowded:
            self.unite_copies()
            self.crowded = int(self.text > 3 * self.room // 4)
        if text and self.text + size <= self.room:
            self.text += size
            story.say(beginning, words)
            written: dict[str, int] | None = self.__dict__.get("written")
            if written is not None:
                self._write(written, number)

    def _written(self) -> dict[str, int]:
        """Stories by the very writing of their texts: what is asked of every text past those that are read.

        It follows from the other fields and is no part of the state.
        """
        written: dict[str, int] | None = self.__dict__.get("written")
        if written is None:
            written = self.__dict__["written"] = {}
            for number in range(1, len(self.stories) + 1):
                self._write(written, number)
        return written

    def _write(self, written: dict[str, int], number: int) -> None:
        story = self.stories[number - 1]
        text = story.text
        if text and len(text) < TEXT_CHARACTERS and story.words >= TOLD and len(letters_of(text)) >= SHORTEST:
            written.setdefault(as_written(text), number)

    def number(self, key: bytes, ids: Mapping[str, int]) -> int:
        """The story with this key, a digest or a marked id; 0 where there is none."""
        number = self.keys.get(key, 0)
        if not number and key[:1] == ID_MARK:
            number = ids.get(key[1:].decode("utf-8", "replace"), 0)
        return self.resolve(number) if number else 0

    def resolve(self, number: int) -> int:
        """The number of the story that a story has become."""
        while into := self.stories[number - 1].into:
            number = into
        return number

    def unite_copies(self, earlier: Sequence[Story] = (), told: Collection[int] = ()) -> dict[int, int]:
        """Make stories one whose texts are copies.

        Args:
            earlier: stories that were told before; they are not changed.
            told: numbers of stories that are known to be told before, by equal letters or ids.

        Returns:
            Numbers of stories that are copies of earlier ones, to the places of these.
        """
        fresh = {
            number: letters
            for number, story in enumerate(self.stories, 1)
            if number not in told and (letters := _compared(story))
        }
        if len(fresh) + bool(earlier) < 2:
            return {}
        # Earlier ones go by their places, counted down from -1.
        before = {-1 - place: letters for place, story in enumerate(earlier) if (letters := _compared(story))}
        origins = [*before, *fresh]
        alike = copies([*before.values(), *fresh.values()], len(before))
        found = [(origins[place], origins[first]) for place, first in alike.items() if origins[place] > 0]
        for number, first in found:
            if first > 0:
                self.unite(first, number)
        if found:
            for key, number in self.keys.items():
                self.keys[key] = self.resolve(number)
        return {number: -1 - first for number, first in found if first < 0}

    def unite(self, number: int, other: int) -> None:
        """Make the second story a part of the first; what its keys are the first one's from now on."""
        story, copied = self.stories[number - 1], self.stories[other - 1]
        if story.told_by is None and story.mentions == 1 and self.told < MOST_TOLD:
            self.told += 1
            story.crowd()
        self.told -= copied.told_by is not None
        self.text -= _size(story.text) + _size(copied.text)
        story.unite(copied, keeps_authors=story.told_by is not None)
        self.text += _size(story.text)
        self.stories[other - 1] = Story(into=number)
        self.__dict__.pop("written", None)

    def weigh_sample(self, originals: int) -> None:
        """Let the texts read in a sample stand for those that were not read; call once, when the bucket closes.

        A text that the sample saw once stands for itself alone: nothing says that there are others.

        Args:
            originals: mentions of the bucket that are no reposts.
        """
        if not self.sampled:
            return
        scale = max(originals - self.read, 0) / self.sampled
        for story in self.stories:
            unread = round(story.sampled * scale) if story.sampled > 1 else 0
            if unread:
                mentions = story.mentions + unread
                story.negatives = round(story.negatives * mentions / story.mentions)
                others = story.mentions - story.reposts - 1
                story.marked += round(unread * min(story.marked / max(others, 1), 1.0))
                story.reach += round(story.sampled_reach * scale)
                story.unread += unread
                story.mentions = mentions


def _compared(story: Story) -> bytes:
    """The letters by which copies are looked for; empty unless they are the first post's, and not too few for that."""
    if story.words < TOLD or not story.text:
        return b""
    letters = letters_of(story.text)
    return letters if len(letters) >= SHORTEST_ALIKE else b""


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


def room_for_texts(lateness_seconds: int) -> int:
    """Bytes that the texts of one bucket may take where mentions may be so late, and so many buckets be open."""
    return 2 * MOST_TEXT // (2 + lateness_seconds // BUCKET_SECONDS)
