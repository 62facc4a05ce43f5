"""How many people: distinct authors in bounded memory, exact while few, estimated beyond, scaled where mentions are.

Up to SAMPLE authors are remembered one by one, with how often each wrote. Beyond that the number is a HyperLogLog
estimate (Flajolet et al. 2007) of standard error 6.5 %, and the sample is the authors with the smallest hashes (the
KMV sketch, Bar-Yossef et al. 2002): one drawn from the authors, not from what they wrote.
"""

from __future__ import annotations

import math
from typing import Final

import msgspec

SAMPLE: Final = 64
REGISTERS: Final = 256
"""One byte each: standard error 1.04 / 16."""

_POWERS: Final = tuple(2.0**-rank for rank in range(64))
_BITS: Final = 32
_EVERYBODY: Final = (1 << _BITS) - 1


class People(msgspec.Struct, array_like=True, gc=False):
    """Authors of some mentions.

    Attributes:
        sample: hash (buckets.ids.author_hash) of authors to the number of their mentions.
        registers: of the HyperLogLog sketch; empty while the sample holds every author.
        below: hashes up to this one may enter the sample.
    """

    sample: dict[int, int] = msgspec.field(default_factory=dict)
    registers: bytearray = msgspec.field(default_factory=bytearray)
    below: int = _EVERYBODY

    def see(self, author: int) -> None:
        """Count a mention by this author (a hash of 32 bits)."""
        sample, registers = self.sample, self.registers
        if registers:
            _register(registers, author)
        if author in sample:
            sample[author] += 1
        elif author <= self.below:
            sample[author] = 1
            if len(sample) > SAMPLE:
                self._shorten()

    def add(self, other: People) -> None:
        """Add the authors of other mentions."""
        if self.registers or other.registers:
            self._sketch(len(other.registers) or REGISTERS)
            theirs = other.registers or _sketched(other.sample, len(self.registers))
            self.registers = _merged(self.registers, theirs)
        self.below = min(self.below, other.below)
        sample = self.sample
        for author, count in other.sample.items():
            sample[author] = sample.get(author, 0) + count
        if len(sample) > SAMPLE or self.registers:
            self._shorten()

    def count(self) -> float:
        """Distinct authors seen."""
        if not self.registers:
            return float(len(self.sample))
        size = len(self.registers)
        empty = self.registers.count(0)
        alpha = 0.7213 / (1.0 + 1.079 / size)
        estimate = alpha * size * size / sum(map(_POWERS.__getitem__, self.registers))
        if empty and estimate <= 2.5 * size:
            estimate = size * math.log(size / empty)
        return max(estimate, float(len(self.sample)))

    def estimate(self, mentions: int, unread: int) -> float:
        """Distinct authors of mentions of which a sample was read.

        The first-order jackknife (Haas et al. 1995): those seen who wrote once stand for more of their kind.

        Args:
            mentions: in all.
            unread: how many of these were not seen here; the others were drawn evenly.
        """
        seen = self.count()
        counts = self.sample.values()
        if not unread or not counts:
            return min(seen, float(mentions))
        once = sum([count == 1 for count in counts]) / sum(counts)
        found = seen / (1.0 - unread / mentions * once)
        return min(found, seen + unread, float(mentions))

    def _sketch(self, size: int) -> None:
        if not self.registers:
            self.registers = _sketched(self.sample, size)

    def _shorten(self) -> None:
        """Keep the smallest hashes, and only those that were counted from the first."""
        self._sketch(REGISTERS)
        kept = sorted(author for author in self.sample if author <= self.below)[:SAMPLE]
        if len(kept) == SAMPLE:
            self.below = kept[-1]
        sample = self.sample
        self.sample = {author: sample[author] for author in kept}


def _sketched(authors: dict[int, int], size: int) -> bytearray:
    registers = bytearray(size)
    for author in authors:
        _register(registers, author)
    return registers


def _register(registers: bytearray, author: int) -> None:
    rest = _BITS + 1 - len(registers).bit_length()
    place = author >> rest
    rank = rest + 1 - (author & ((1 << rest) - 1)).bit_length()
    if rank > registers[place]:
        registers[place] = rank


def _merged(one: bytearray, other: bytearray) -> bytearray:
    """The sketch of both; one of fewer registers sets the size."""
    size = min(len(one), len(other))
    return bytearray(map(max, _folded(one, size), _folded(other, size)))


def _folded(registers: bytearray, size: int) -> bytearray:
    """The sketch as one of fewer registers would be: the bits that told the registers apart go before the rest."""
    while len(registers) > size:
        pairs = zip(registers[::2], registers[1::2], strict=True)
        registers = bytearray(max(low + 1 if low else 0, 1 if high else 0) for low, high in pairs)
    return registers
