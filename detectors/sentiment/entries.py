"""The entries of a word list that stand in a text without blanks: the longest at each place, from the left."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

_CODES: Final = 1 << 16
_HALF_CODE: Final = np.dtype("<u2")


Found: TypeAlias = tuple[int, int, float]
"""An entry in a text: start, end and weight."""


class EntryFinder:
    """A finder of the entries of one word list."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        """Make the tables.

        Args:
            weights: of the entries; none is empty.
        """
        self._singles = {entry: weight for entry, weight in weights.items() if len(entry) == 1}
        longer: dict[str, list[tuple[str, float]]] = {}
        for entry in sorted(weights, key=len, reverse=True):
            if len(entry) > 2:
                longer.setdefault(entry[:3], []).append((entry, weights[entry]))
        self._longer = {first: tuple(entries) for first, entries in longer.items()}
        """Entries of three characters and more by their first three, the longest first."""
        extended = {first[:2] for first in longer}
        self._pairs = {
            pair: (pair in extended, *((2, weights[pair]) if pair in weights else (1, weights.get(pair[0]))))
            for pair in {entry[:2] for entry in weights if len(entry) > 1}
        }
        """First two characters of entries: whether a longer one may stand there, and length and weight of the entry
        where none does (the two, or else the first of them; weight None if that is none)."""
        self._places = _Places(weights)

    def find(self, text: str) -> list[Found]:
        """The entries from the left, the longest at each place; none overlaps another.

        Entries of weight 0 are left out: they only keep others from being found within them.
        """
        return self._find(text, self._places.of(text))

    def find_in_each(self, texts: Sequence[str]) -> Iterator[list[Found]]:
        """`find` in every one of the texts; none contains a blank."""
        places = self._places.of(" ".join(texts))
        first = begin = 0
        for text in texts:
            end = begin + len(text)
            last = bisect_left(places, end, first)
            yield self._find(text, [place - begin for place in places[first:last]])
            first, begin = last, end + 1

    def _find(self, text: str, places: Iterable[int]) -> list[Found]:
        pairs, longer, singles = self._pairs, self._longer, self._singles
        found = []
        end = 0
        for start in places:
            if start < end:
                continue
            pair = pairs.get(text[start : start + 2])
            if pair is None:
                end = start + 1
                weight = singles.get(text[start])
            else:
                is_extended, length, weight = pair
                end = start + length
                if is_extended:
                    for entry, entry_weight in longer.get(text[start : start + 3], ()):
                        if text.startswith(entry, start):
                            end = start + len(entry)
                            weight = entry_weight
                            break
            if weight:
                found.append((start, end, weight))
        return found

    def places(self, text: str) -> list[int]:
        """The places at which an entry of the list may begin, ascending: all of them, and hardly any other."""
        return self._places.of(text)


class _Places:
    """The places of a text at which an entry of a word list may begin: all of them, and hardly any other.

    A table says of every character that begins an entry and every character that stands second in one whether one
    begins with the two. Characters are looked up by 16 bits and entries are not read to their ends, so the caller must
    check a place. What costs is the number of calls of numpy: 3 µs for a short text, 4 µs for a full one.
    """

    def __init__(self, entries: Iterable[str]) -> None:
        codes = [_codes(entry[:2]).tolist() for entry in entries]
        firsts = sorted({code[0] for code in codes})
        seconds = sorted({code[1] for code in codes if len(code) > 1})
        width = 1 + len(seconds)
        self._rows = np.zeros(_CODES, np.intp)
        self._rows[firsts] = np.arange(1, 1 + len(firsts)) * width
        self._columns = np.zeros(_CODES, np.intp)
        self._columns[seconds] = np.arange(1, width)
        self._begins = np.zeros((1 + len(firsts)) * width, np.bool_)
        for code in codes:
            row = self._rows[code[0]]
            if len(code) > 1:
                self._begins[row + self._columns[code[1]]] = True
            else:
                self._begins[row : row + width] = True

    def of(self, text: str) -> list[int]:
        """The places in ascending order."""
        codes = _codes(text + " ")  # so that the last character is the first of two, as all others are
        found: list[int] = self._begins[self._rows[codes[:-1]] + self._columns[codes[1:]]].nonzero()[0].tolist()
        return found


def _codes(text: str) -> NDArray[np.intp]:
    """The lower 16 bits of each character."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), _HALF_CODE)[::2].astype(np.intp)
