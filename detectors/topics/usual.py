"""What a brand's posts usually say: how many of its recent texts carry each of their most frequent words."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from functools import lru_cache
from itertools import pairwise
from struct import pack, unpack
from typing import TYPE_CHECKING, Final
from zlib import crc32

from detectors.topics.units import distinct_words
from schemas.text import normalised

if TYPE_CHECKING:
    from collections.abc import Collection

MOST_WORDS: Final = 336
"""Words that are remembered: with 3 bytes each and the header 1,012 bytes."""
MOST_BYTES: Final = 4 + 3 * MOST_WORDS

_MOST_TEXTS: Final = 720
"""Texts at which every count is halved: a month of one an hour, so that two months and more fade."""
_FULL: Final = 255
_WORDS_LEARNED: Final = 48
"""Words of one text that are learned."""
_HALVED: Final = bytes(max((count + 1) // 2, 1) for count in range(_FULL)) + bytes([_FULL - 1])
"""A count after halving. One that was full may have been any larger, so it is as good as full."""


class Usual:
    """The brand's own background: in how many of its last texts a word stood.

    A table of 16-bit hashes with 8-bit counts. When it is full, a new word takes the place of one that was met once,
    in the order of the hashes, as a clock does (CLOCK with counts): what stands in one text of fifty or more stays.
    Counts are exact for what never lost its place, and never too high but where two words share a hash (one pair of
    words in 65,536).
    """

    __slots__ = ("_counts", "_hand", "_hashes", "texts")

    def __init__(self) -> None:
        self._hashes = array("H")  # ascending
        self._counts = bytearray()
        self._hand = 0  # place from which the next word to lose its place is looked for
        self.texts = 0
        """Texts learned; halved with the counts."""

    def __len__(self) -> int:
        """Words remembered."""
        return len(self._hashes)

    def learn(self, text: str, language: str) -> None:
        """Count the words of one text, each once.

        Args:
            text: as it came.
            language: that reads it, one of `detectors.sentiment.LANGUAGES`.
        """
        if self.texts >= _MOST_TEXTS:
            self.texts //= 2
            self._counts = self._counts.translate(_HALVED)
        self.texts += 1
        hashes, counts = self._hashes, self._counts
        for word in distinct_words(normalised(text), language)[:_WORDS_LEARNED]:
            hashed = _hashed(word)
            place = bisect_left(hashes, hashed)
            if place < len(hashes) and hashes[place] == hashed:
                if counts[place] < _FULL:
                    counts[place] += 1
                continue
            if len(hashes) >= MOST_WORDS and self._forget_one() < place:
                place -= 1
            hashes.insert(place, hashed)
            counts.insert(place, 1)

    def _forget_one(self) -> int:
        """The place that has become free: of the first of the least counts from the hand on."""
        counts = self._counts
        place = -1
        count = 0
        while place < 0:
            count += 1
            place = counts.find(count, self._hand)
            if place < 0:
                place = counts.find(count)
        del self._hashes[place]
        del counts[place]
        self._hand = place
        return place

    def count(self, word: str) -> float:
        """Texts that carried a word, of `texts`; 0 of one that is not remembered. A full count means all of them."""
        hashed = _hashed(word)
        place = bisect_left(self._hashes, hashed)
        if place == len(self._hashes) or self._hashes[place] != hashed:
            return 0.0
        count = self._counts[place]
        return float(self.texts if count == _FULL else min(count, self.texts))

    def to_bytes(self) -> bytes:
        """At most `MOST_BYTES`: texts, hand and hashes (16 bits, little-endian), counts (8 bits); b"" of none."""
        if not self.texts:
            return b""
        numbers = (self.texts, self._hand, *self._hashes)
        return pack(f"<{len(numbers)}H", *numbers) + bytes(self._counts)

    @classmethod
    def from_bytes(cls, packed: bytes) -> Usual:
        """What `to_bytes` gave.

        Raises:
            ValueError: these bytes are not what it gives.
        """
        usual = cls()
        if not packed:
            return usual
        size, rest = divmod(len(packed) - 4, 3)
        if rest or not 0 <= size <= MOST_WORDS:
            raise ValueError(f"usual words of a brand: expected 4 + 3 n bytes, at most {MOST_BYTES}, got {len(packed)}")
        texts, hand, *ordered = unpack(f"<{2 + size}H", packed[: 4 + 2 * size])
        hashes = array("H", ordered)
        counts = bytearray(packed[4 + 2 * size :])
        if not 0 < texts <= _MOST_TEXTS or hand > MOST_WORDS or 0 in counts or not _ascend(hashes):
            raise ValueError("usual words of a brand: expected ascending hashes with counts from 1 and texts up to 720")
        usual._hashes, usual._counts, usual._hand, usual.texts = hashes, counts, hand, texts
        return usual


@lru_cache(maxsize=1 << 13)
def _hashed(word: str) -> int:
    return crc32(word.encode("utf-8", "surrogatepass")) & 0xFFFF


def _ascend(hashes: Collection[int]) -> bool:
    return all(first < second for first, second in pairwise(hashes))
