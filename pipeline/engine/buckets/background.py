"""What is usual about a brand's mentions in ordinary hours: words, platforms, languages.

One bucket an hour is learned from, and of it one text; every fourth hour once some weeks are known. So a quiet brand
pays next to nothing. Nothing is learned while the brand is unusual.
"""

from __future__ import annotations

from typing import Final

import msgspec

from detectors.topics.usual import Usual
from pipeline.engine.buckets.names import NAMES, OTHER
from pipeline.engine.buckets.open_bucket import OpenBucket
from schemas.observation import BUCKETS_PER_HOUR

ENOUGH_HOURS: Final = 200
"""Hours that were learned from: past them ..."""
HOURS_BETWEEN: Final = 4
"""... only one in so many is."""
MOST_COUNTED: Final = 2000
"""Mentions of platforms that are remembered; past them every count is halved, so that what was usual fades."""


class Background(msgspec.Struct, array_like=True, gc=False):
    """The usual of one brand.

    Attributes:
        words: what its posts usually say (detectors.topics.usual).
        platforms, languages: mentions by name, in the buckets that were learned from.
        hour: the last that was learned from, since the epoch.
        hours: how many were.
    """

    words: bytes = b""
    platforms: dict[str, int] = msgspec.field(default_factory=dict)
    languages: dict[str, int] = msgspec.field(default_factory=dict)
    hour: int = -1
    hours: int = 0

    def is_due(self, index: int) -> bool:
        """Whether a bucket is the first of its hour to be learned from."""
        between = 1 if self.hours < ENOUGH_HOURS else HOURS_BETWEEN
        return index // BUCKETS_PER_HOUR >= self.hour + between

    def learn(self, bucket: OpenBucket, index: int, text: str, language: str) -> None:
        """Learn from a bucket of an ordinary hour.

        Args:
            bucket: with mentions.
            index: of the bucket.
            text: of one of its posts, "" where none is kept.
            language: of the text.
        """
        self.hour = index // BUCKETS_PER_HOUR
        self.hours += 1
        _count(self.platforms, bucket.platforms)
        _count(self.languages, bucket.languages)
        if text:
            usual = Usual.from_bytes(self.words)
            usual.learn(text, language)
            self.words = usual.to_bytes()


def _count(table: dict[str, int], fresh: dict[str, int]) -> None:
    for name, count in fresh.items():
        place = name if name in table or len(table) < NAMES else OTHER
        table[place] = table.get(place, 0) + count
    while sum(table.values()) > MOST_COUNTED:
        for name, count in list(table.items()):
            if count < 2:
                del table[name]
            else:
                table[name] = count // 2
