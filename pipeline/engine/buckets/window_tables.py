"""What an alert says of its window beside its counts: platforms, languages, authors, reach, and how many people speak.

Windows are as long as a day, so a brand keeps a day: some eight bytes for a bucket with mentions, and the bucket in
which each cell of the authors' bitmap was last set (a linear counter over a sliding window), at most four kilobytes.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from pipeline.engine.buckets.closed_counts import numbers_of, varint
from pipeline.engine.buckets.ids import AUTHOR_BITS
from pipeline.engine.buckets.names import NAMES, OTHER
from pipeline.engine.buckets.open_bucket import MOST_CRITICS, OpenBucket
from pipeline.engine.buckets.story_memory import Surplus
from schemas.observation import BUCKETS_PER_DAY

_HOUR: Final = 12
_MARK: Final = struct.Struct("<II")
_TENTHS: Final = 10.0
_NAME_BITS: Final = 4
_NUMBER: Final = (1 << _NAME_BITS) - 1
_SPARSE: Final = 512
"""Cells up to which a cell and its bucket are kept in order of time; more are kept as a bucket per cell."""
_FEW: Final = 8
_PERIOD: Final = 65_535
"""Buckets are kept by their remainder, plus one: 0 is a cell that was never set."""

_Cells = NDArray[np.uint16]


class WindowTotal(msgspec.Struct, gc=False):
    """The sum over some buckets.

    Attributes:
        platforms, languages: mentions by name.
        reposts: mentions that name the post they repeat.
        reach: sum of the reach that mentions state.
        silent: negatives beside those who speak for themselves: a text and its copies are one hand's.
        echoed: negatives by people who had told the same story before.
    """

    platforms: dict[str, int] = msgspec.field(default_factory=dict)
    languages: dict[str, int] = msgspec.field(default_factory=dict)
    reposts: int = 0
    reach: int = 0
    silent: float = 0.0
    echoed: float = 0.0


class _Entry(msgspec.Struct, gc=False):
    """A bucket: how far it is from the one before, mentions and number of each name in one, four other counts."""

    distance: int
    platforms: list[int]
    languages: list[int]
    rest: tuple[int, ...]

    def encoded(self) -> bytes:
        numbers = (
            self.distance,
            len(self.platforms),
            *self.platforms,
            len(self.languages),
            *self.languages,
            *self.rest,
        )
        return bytes(numbers) if max(numbers) < 128 else b"".join(map(varint, numbers))


class WindowTables(msgspec.Struct, array_like=True, gc=False):
    """The last 24 hours (up to 25) of a brand.

    Attributes:
        platforms, languages: names by number.
        last: bucket of the last entry.
        entries: of the buckets with mentions, as variable-length integers.
        hours: the first bucket of every hour, and the bytes of all entries before it since the beginning.
        dropped: bytes of entries that were forgotten.
        cells: the authors' bitmap: pairs of cell and bucket in order of time, or the bucket of every cell.
        critics: hashes of the last authors of negative mentions, the latest last, and their buckets.
    """

    platforms: list[str] = msgspec.field(default_factory=list)
    languages: list[str] = msgspec.field(default_factory=list)
    last: int = -1
    entries: bytes = b""
    hours: bytes = b""
    dropped: int = 0
    cells: bytes = b""
    critics: dict[int, int] = msgspec.field(default_factory=dict)

    def add(self, index: int, bucket: OpenBucket, surplus: Surplus) -> None:
        """Append a bucket, later than all before."""
        if not self.entries or index - self.last > BUCKETS_PER_DAY:
            self.last, self.dropped = index, 0
            self.entries = self.cells = self.hours = b""
            self.platforms, self.languages = [], []
        if not self.hours or index // _HOUR > self.last // _HOUR:
            self._forget(index - BUCKETS_PER_DAY)
            self.hours += _MARK.pack(index, self.dropped + len(self.entries))
        entry = _Entry(
            index - self.last,
            _numbered(bucket.platforms, self.platforms),
            _numbered(bucket.languages, self.languages),
            (bucket.reposts, bucket.reach, round(surplus.silent * _TENTHS), round(surplus.echoed * _TENTHS)),
        )
        self.entries += entry.encoded()
        self.last = index
        if bucket.author_bits:
            self._set(_cells_of(bucket), index)
        if bucket.critics:
            critics = self.critics
            for critic in bucket.critics:
                critics.pop(critic, None)
                critics[critic] = index
            while len(critics) > MOST_CRITICS:
                del critics[next(iter(critics))]

    def total(self, first: int, end: int) -> WindowTotal:
        """The sum over the buckets [first, end); names by number of mentions."""
        total = WindowTotal()
        platforms, languages = [0] * len(self.platforms), [0] * len(self.languages)
        for bucket, entry in self._read(first):
            if bucket >= end:
                break
            for table, packed in ((platforms, entry.platforms), (languages, entry.languages)):
                for number in packed:
                    table[number & _NUMBER] += number >> _NAME_BITS
            reposts, reach, silent, echoed = entry.rest
            total.reposts += reposts
            total.reach += reach
            total.silent += silent / _TENTHS
            total.echoed += echoed / _TENTHS
        total.platforms = _named(self.platforms, platforms)
        total.languages = _named(self.languages, languages)
        return total

    def authors(self, first: int, end: int, others: Sequence[int] = ()) -> int:
        """Distinct authors in the buckets [first, end), estimated by linear counting (Whang et al. 1990).

        Args:
            first: bucket.
            end: bucket.
            others: cells of authors who are to be counted with them.
        """
        if not self.cells and not others:
            return 0
        found = _last_set(self.cells).astype(np.int64)
        ages = (end - 1 - (found - 1)) % _PERIOD
        is_full = (found > 0) & (ages < end - first)
        is_full[list(others)] = True
        full = int(np.count_nonzero(is_full))
        return round(AUTHOR_BITS * math.log(AUTHOR_BITS / max(AUTHOR_BITS - full, 1)))

    def people(self, first: int) -> int:
        """Different authors of negative mentions since a bucket; MOST_CRITICS is that many and more."""
        return sum([bucket >= first for bucket in self.critics.values()])

    def _read(self, first: int = -1) -> Iterator[tuple[int, _Entry]]:
        """Each bucket from this one on with its entry."""
        begin, bucket = self.dropped, -1
        for mark, place in _MARK.iter_unpack(self.hours):  # the hours before are not read
            if bucket >= 0 and mark > first:
                break
            bucket, begin = mark, place
        numbers = numbers_of(self.entries[begin - self.dropped :])
        place, size = 0, len(numbers)
        # The distance of the first bucket is to one that is not read.
        bucket -= numbers[0] if size else 0
        while place < size:
            bucket += numbers[place]
            languages = place + 2 + numbers[place + 1]
            rest = languages + 1 + numbers[languages]
            if bucket >= first:
                yield (
                    bucket,
                    _Entry(
                        numbers[place],
                        list(numbers[place + 2 : languages]),
                        list(numbers[languages + 1 : rest]),
                        tuple(numbers[rest : rest + 4]),
                    ),
                )
            place = rest + 4

    def _forget(self, oldest: int) -> None:
        """Drop the hours that end before a bucket, and names that no other has where there are too many."""
        begin = self.dropped
        while len(self.hours) > _MARK.size:
            first, place = _MARK.unpack_from(self.hours, _MARK.size)
            if first > oldest:
                break
            self.hours, begin = self.hours[_MARK.size :], place
        if begin > self.dropped:
            self.entries = self.entries[begin - self.dropped :]
            self.dropped = begin
            if max(len(self.platforms), len(self.languages)) > NAMES:
                self._name_anew()

    def _name_anew(self) -> None:
        entries = list(self._read())
        platforms, languages = self.platforms, self.languages
        self.platforms, self.languages = [], []
        marks = dict(_MARK.iter_unpack(self.hours))
        self.dropped, self.entries, self.hours = 0, b"", b""
        for bucket, entry in entries:
            if bucket in marks:
                self.hours += _MARK.pack(bucket, len(self.entries))
            entry.platforms = _renumbered(entry.platforms, platforms, self.platforms)
            entry.languages = _renumbered(entry.languages, languages, self.languages)
            self.entries += entry.encoded()

    def _set(self, cells: list[int], index: int) -> None:
        """Set cells of the authors' bitmap."""
        stamp = index % _PERIOD + 1
        if len(self.cells) == 2 * AUTHOR_BITS:
            found = np.frombuffer(self.cells, "<u2").copy()
            found[cells] = stamp
            self.cells = found.tobytes()
            return
        behind = stamp.to_bytes(2, "little")
        self.cells += b"".join([cell.to_bytes(2, "little") + behind for cell in cells])
        if len(self.cells) > 4 * _SPARSE:
            found = _last_set(self.cells)
            ages = (index - (found.astype(np.int64) - 1)) % _PERIOD
            found[ages > BUCKETS_PER_DAY] = 0
            kept = np.flatnonzero(found)
            if 2 * len(kept) > _SPARSE:
                self.cells = found.tobytes()
            else:
                kept = kept[np.argsort(-ages[kept], kind="stable")]
                self.cells = np.stack((kept.astype("<u2"), found[kept]), axis=1).tobytes()


def _numbered(counts: dict[str, int], names: list[str]) -> list[int]:
    """Mentions and number of the name in one, by name; a new name is added to the names."""
    found: list[int] = []
    for name, count in counts.items():
        if name in names:
            number = names.index(name)
        elif len(names) < NAMES:
            number = len(names)
            names.append(name)
        else:
            number = NAMES
            if len(names) == NAMES:
                names.append(OTHER)
        found.append(count << _NAME_BITS | number)
    return found


def _renumbered(packed: list[int], old: list[str], names: list[str]) -> list[int]:
    """The same with the numbers that the names have among others."""
    counts: dict[str, int] = {}
    for number in packed:
        name = old[number & _NUMBER]
        counts[name] = counts.get(name, 0) + (number >> _NAME_BITS)
    return _numbered(counts, names)


def _named(names: list[str], counts: list[int]) -> dict[str, int]:
    """Mentions by name, the most first."""
    table: dict[str, int] = {}
    for name, count in zip(names, counts, strict=True):
        if count:
            table[name] = table.get(name, 0) + count
    return dict(sorted(table.items(), key=lambda item: (-item[1], item[0])))


def _cells_of(bucket: OpenBucket) -> list[int]:
    """The cells that a bucket's authors have set."""
    if bucket.mentions > _FEW:
        return np.flatnonzero(np.unpackbits(np.frombuffer(bucket.author_bits, np.uint8), bitorder="little")).tolist()
    bits = int.from_bytes(bucket.author_bits, "little")
    cells: list[int] = []
    while bits:
        lowest = bits & -bits
        cells.append(lowest.bit_length() - 1)
        bits ^= lowest
    return cells


def _last_set(cells: bytes) -> _Cells:
    """When every cell was last set: 0 for never."""
    if len(cells) == 2 * AUTHOR_BITS:
        return np.frombuffer(cells, "<u2").copy()
    pairs = np.frombuffer(cells, "<u2").reshape(-1, 2)
    found = np.zeros(AUTHOR_BITS, "<u2")
    found[pairs[:, 0]] = pairs[:, 1]  # of a cell that was set twice the last pair counts
    return found
