"""The exact counts of a brand's last day, bucket by bucket: what an alert says was counted, and since when.

The detector keeps decayed sums only. Here a bucket with mentions takes three bytes as a rule (five more where copies
were weighed down), a bucket without takes none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from schemas.observation import BUCKETS_PER_DAY

_SLACK: Final = 36
"""Buckets that may be kept too long, so that not every bucket moves the bytes."""
_TENTHS: Final = 10.0
"""Fractions are kept to a tenth: negatives of a sample and weights of copies are estimates."""


class BucketCounts(msgspec.Struct, gc=False):
    """One bucket, or the sum of several.

    Attributes:
        bucket: its index (of a sum: that of the last bucket in it).
        mentions: exact.
        negatives: among them; estimated where only a sample was read.
        counted, counted_negatives: what of these the detector counted, copies weighed down.
        repeats: mentions of a story that was known before.
    """

    bucket: int
    mentions: int = 0
    negatives: float = 0.0
    counted: float = 0.0
    counted_negatives: float = 0.0
    repeats: int = 0


class RecentCounts(msgspec.Struct, array_like=True, gc=False):
    """Buckets with mentions of the last 24 hours (up to 27), oldest first, as variable-length integers.

    Each is the distance to the one before (twice, plus one where the last three follow), mentions, tenths of negatives,
    and where copies were weighed down: tenths of mentions and of negatives not counted, and repeats. `last_negative` is
    the last bucket with a negative mention; -1 before the first.
    """

    first: int = -1
    last: int = -1
    entries: bytes = b""
    last_negative: int = -1

    def add(self, counts: BucketCounts) -> None:
        """Append a bucket, later than all before."""
        bucket = counts.bucket
        if counts.negatives > 0.0:
            self.last_negative = bucket
        if not self.entries or bucket - self.last > BUCKETS_PER_DAY:
            self.first = self.last = bucket
            self.entries = b""
        surplus = round((counts.mentions - counts.counted) * _TENTHS)
        negative_surplus = round((counts.negatives - counts.counted_negatives) * _TENTHS)
        weighed = bool(surplus or negative_surplus or counts.repeats)
        numbers = [2 * (bucket - self.last) + weighed, counts.mentions, round(counts.negatives * _TENTHS)]
        if weighed:
            numbers += (surplus, negative_surplus, counts.repeats)
        self.entries += bytes(numbers) if max(numbers) < 128 else b"".join(map(varint, numbers))
        self.last = bucket
        if bucket - self.first > BUCKETS_PER_DAY + _SLACK:
            self._forget(bucket - BUCKETS_PER_DAY)

    def since(self, bucket: int) -> list[BucketCounts]:
        """Buckets with mentions from this one on, oldest first."""
        # Read for every bucket of a brand with an open episode: a loop over numbers, and objects for those asked for.
        found: list[BucketCounts] = []
        numbers = numbers_of(self.entries)
        place, size = 0, len(numbers)
        at = self.first - (numbers[0] >> 1) if size else 0  # `first` says where the first one is
        while place < size:
            head = numbers[place]
            at += head >> 1
            begin, place = place, place + (6 if head & 1 else 3)
            if at < bucket:
                continue
            surplus, negative_surplus, repeats = numbers[begin + 3 : place] if head & 1 else (0, 0, 0)
            mentions, negatives = numbers[begin + 1], numbers[begin + 2]
            found.append(
                BucketCounts(
                    at,
                    mentions,
                    negatives / _TENTHS,
                    mentions - surplus / _TENTHS,
                    (negatives - negative_surplus) / _TENTHS,
                    repeats,
                )
            )
        return found

    def total(self, first: int, end: int) -> BucketCounts:
        """The sum over the buckets [first, end)."""
        total = BucketCounts(end - 1)
        for counts in self.since(first):
            if counts.bucket < end:
                total.mentions += counts.mentions
                total.negatives += counts.negatives
                total.counted += counts.counted
                total.counted_negatives += counts.counted_negatives
                total.repeats += counts.repeats
        return total

    def _forget(self, oldest: int) -> None:
        """Drop buckets before `oldest`."""
        data, at, place = self.entries, self.first, 0
        while place < len(data):
            begin = place
            head, place = number_at(data, place)
            at += head >> 1 if begin else 0
            if at >= oldest:
                # The distance of the new first bucket goes on to be stored and is not read: `first` says where it is.
                self.first, self.entries = at, data[begin:]
                return
            for _ in range(5 if head & 1 else 2):
                _, place = number_at(data, place)


def numbers_of(data: bytes) -> Sequence[int]:
    """The variable-length integers of which these bytes are made."""
    if data.isascii():
        return data  # each is one byte
    found: list[int] = []
    value = shift = 0
    for byte in data:
        if byte < 128:
            found.append(value | byte << shift)
            value = shift = 0
        else:
            value |= (byte & 0x7F) << shift
            shift += 7
    return found


def number_at(data: bytes, place: int) -> tuple[int, int]:
    """The variable-length integer at this place (seven bits a byte, low ones first), and where it ends."""
    value = shift = 0
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 128:
            return value, place
        shift += 7


def varint(value: int) -> bytes:
    """A variable-length integer, as `number_at` reads it."""
    if value < 128:
        return bytes((value,))
    out = bytearray()
    while value >= 128:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
