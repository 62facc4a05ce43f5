"""One story: what is known of a post with its reposts and copies, and in whose words it is told."""

from __future__ import annotations

import math
from typing import Final

import msgspec

from pipeline.engine.buckets.copies import letters_of
from pipeline.engine.buckets.origin import Origin
from pipeline.engine.buckets.people import People
from schemas.text import readable

TEXT_CHARACTERS: Final = 280
"""Of a story's text that are kept ..."""
TEXT_BYTES: Final = 560
"""... as far as they take no more."""

UNHEARD: Final = 0
QUOTED: Final = 1
TOLD: Final = 2
OWN: Final = 3
"""Whose words the text of a story is. Nobody's: its reposts have none, or there is no room. Perhaps those of one who
reposted it. Those that its reposts have in common, or mark as the first post's. The first post's own."""

_TOLERANCE: Final = 1.25
"""Two standard errors of the estimate of authors: reposts by as many people are not weighed down by its noise."""
REPOST_MARKS: Final = ("RT @", "//@")


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
        authors: registers of states written before `told_by`.
        text: its beginning; empty where it has none, or where the bucket has too much text.
        last_seen: bucket of its last mention; set when the bucket closes.
        keys: by which its next mention is known; filled when the bucket closes.
        told_by: its authors; None while there is one mention, and where the bucket has too many stories.
        words: whose words the text is.
        sampled_reach: sum of the reach that the sampled mentions state.
        unread: mentions among `mentions` that nobody read: an estimate from the sampled ones.
        into: in a bucket, number of the story that it has become one with.
        unnamed: mentions of stories that became part of it whose authors nobody kept.
        origin: where the first post came from; None where it was not seen, or where the bucket has too many.
        marked: mentions whose text says that they repeat a post they do not name ("RT @name: ").
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
    told_by: People | None = None
    words: int = TOLD
    sampled_reach: int = 0
    unread: int = 0
    into: int = 0
    unnamed: int = 0
    origin: Origin | None = None
    marked: int = 0

    @property
    def copied(self) -> int:
        """Mentions that do not say that they repeat: the post and its copies."""
        return self.mentions - self.reposts - self.marked

    def people(self) -> float:
        """Distinct authors, at most the mentions: exact up to 64, else an estimate (buckets.people)."""
        if self.told_by is None and not self.authors:
            return float(self.mentions)
        return self.crowd().estimate(self.mentions, self.unread + self.unnamed)

    def crowd(self) -> People:
        """Its authors, to be added to."""
        if self.told_by is None:
            if self.authors:
                self.told_by = People(registers=bytearray(self.authors), below=-1)
                self.authors = bytearray()
            else:
                self.told_by = People()
                self.told_by.see(self.author)
        return self.told_by

    def weight(self) -> float:
        """How many mentions the detector counts for the story.

        Reposts count as the people who made them. Copies without a repost's mark are what a campaign or a faulty
        collector writes: ten times as many add one. (Doubling added one until November 2026; nine copies of a text were
        four mentions, enough for a crisis of a brand with forty a day.)
        """
        copied = self.copied
        return self._reposters() + (1.0 + math.log10(copied) if copied > 0 else 0.0)

    def voices(self) -> float:
        """How many speak for themselves: those who reposted it, and one hand that wrote the post and all copies."""
        return self._reposters() + (1.0 if self.copied > 0 else 0.0)

    def _reposters(self) -> float:
        reposts = self.reposts + self.marked
        return reposts * min(_TOLERANCE * self.people() / self.mentions, 1.0) if reposts else 0.0

    def say(self, text: str, words: int) -> None:
        """Have another text."""
        self.text, self.words = text, words

    def letters(self) -> bytes:
        """The letters of its text."""
        return letters_of(self.text)

    def unite(self, other: Story, *, keeps_authors: bool = True) -> None:
        """Add what another story holds: it is the same one, told later or elsewhere."""
        if keeps_authors:
            crowd = self.crowd()
            if other.told_by is None and not other.authors:
                crowd.see(other.author)
                self.unnamed += other.mentions - other.unread - 1
            else:
                crowd.add(other.crowd())
        if self.origin is None:
            self.origin = other.origin
        if other.words > self.words:
            self.say(other.text, other.words)
        self.first_seen = min(self.first_seen, other.first_seen)
        self.mentions += other.mentions
        self.reposts += other.reposts
        self.marked += other.marked
        self.negatives += other.negatives
        self.sampled += other.sampled
        self.reach += other.reach
        self.sampled_reach += other.sampled_reach
        self.unread += other.unread
        self.unnamed += other.unnamed
        self.audience = max(self.audience, other.audience)


def as_written(text: str) -> str:
    """A text without an address at its end, for robots put another one under every copy; "" for one that is cut."""
    if len(text) >= TEXT_CHARACTERS:
        return ""
    if "://" in text:
        words, _, last = text.rpartition(" ")
        if "://" in last and len(words) > TEXT_CHARACTERS // 8:
            return words
    return text


def kept(text: str) -> str:
    """What a story keeps of a text: the beginning, in the author's words."""
    beginning = readable(text)[:TEXT_CHARACTERS] if "<" in text or "&" in text else text[:TEXT_CHARACTERS]
    return cut(beginning, TEXT_BYTES)


def cut(text: str, size: int) -> str:
    """The beginning of a text that takes so many bytes of UTF-8 at most."""
    if text.isascii():
        return text[:size]
    return text.encode("utf-8", "replace")[:size].decode("utf-8", "ignore")


def without_mark(text: str) -> str:
    """The text without the mark of a repost before it ("RT @name: ", "//@name: ")."""
    return text.partition(":")[2].lstrip() or text if text.startswith(REPOST_MARKS) else text
