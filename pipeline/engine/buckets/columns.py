"""The mentions of a run of records, field by field: lists are taken apart and counted faster than objects."""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

from detectors.sentiment import language_at_a_glance, language_of
from pipeline.engine.buckets.ids import HASH_FACTOR, LONG_ID, identity
from schemas.mention import Mention
from schemas.text import normalised


class Columns:
    """Mentions in the order of their records: row n of every column is the n-th mention.

    Attributes:
        mentions: the mentions.
        times: event times, Unix seconds.
        ids: identities of the mentions (buckets.ids).
        platforms: platforms as the source names them.
        languages: one of detectors.sentiment.LANGUAGES each.
        authors: hash of the author (buckets.ids), -1 where none is named.
        created: by row, when the author's account was created, Unix seconds, where that is stated.
        audiences: reach of the mention or followers of its author, whichever is more.
        reaches: reach, 0 where it is not stated; None if no mention states any.
        reposts: rows of the mentions that repeat another.
        own: rows of the mentions that the brand itself wrote.
        sentiments: trusted sentiment, None where there is none.
        negatives: whether the mention is known to be negative; empty until the tone of all is known.
    """

    __slots__ = (
        "_texts",
        "audiences",
        "authors",
        "created",
        "ids",
        "languages",
        "mentions",
        "negatives",
        "own",
        "platforms",
        "reaches",
        "reposts",
        "sentiments",
        "times",
    )

    def __init__(self, mentions: Sequence[Mention], times: Sequence[float]) -> None:
        """Take the mentions apart.

        Args:
            mentions: one or more.
            times: their event times, Unix seconds.
        """
        self.mentions = mentions
        self.times = times
        ids = [mention.id for mention in mentions]
        if max(map(len, ids)) > LONG_ID or not "".join(ids).isascii():
            ids = list(map(identity, ids))
        self.ids = ids
        self.platforms = [mention.platform for mention in mentions]
        self._texts: list[str | None] = [None] * len(mentions)
        self.languages = [
            told_language(mention) or language_of(self.read(row), mention.lang) for row, mention in enumerate(mentions)
        ]
        named = [mention.author for mention in mentions]
        # ids.author_hash, written out.
        self.authors = [
            -1 if author is None else crc32(author.id.encode()) * HASH_FACTOR & 0xFFFFFFFF for author in named
        ]
        self.created = {
            row: author.created_time.timestamp()
            for row, author in enumerate(named)
            if author is not None and author.created_time is not None
        }
        # posts.is_own, written out.
        self.own = {row for row, author in enumerate(named) if author is not None and author.kind == "brand"}
        audiences = [0 if author is None else author.followers or 0 for author in named]
        reaches = [mention.reach for mention in mentions]
        self.reaches: list[int] | None = None
        if reaches.count(None) < len(reaches):
            self.reaches = [reach or 0 for reach in reaches]
            audiences = list(map(max, audiences, self.reaches))
        self.audiences = audiences
        roots = [mention.repost_of for mention in mentions]
        self.reposts: set[int] = set()
        if roots.count(None) < len(roots):
            self.reposts = {row for row, root in enumerate(roots) if root is not None}
        self.sentiments = [mention.sentiment for mention in mentions]
        self.negatives: list[bool] = []

    def read(self, row: int) -> str:
        """The normalised text of a mention: made once, for all that read it."""
        text = self._texts[row]
        if text is None:
            text = self._texts[row] = normalised(self.mentions[row].text)
        return text


def told_language(mention: Mention) -> str | None:
    """The language of a mention, where that is plain without normalising its text; None where it is not."""
    # With a sentiment no text is read, so none is looked into that plainly may be English.
    if mention.lang == "en" and mention.sentiment is not None and mention.text.isascii():
        return "en"
    return language_at_a_glance(mention.text, mention.lang)
