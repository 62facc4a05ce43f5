"""Counts by name: of platforms and languages, bounded whatever a source calls itself."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from schemas.text import printable

KEPT_NAMES: Final = 8
"""Platforms and languages counted by name in one bucket; the rest is `other`."""
NAMES: Final = 15
"""Platforms, and languages, told apart in a day by name; the rest is `other`."""
OTHER: Final = "other"


@lru_cache(maxsize=1024)
def shown_name(name: str) -> str:
    """A platform's name as it may be shown; remembered, for every bucket of every brand begins with the same few."""
    return printable(name, 64)


def count_name(table: dict[str, int], name: str) -> None:
    """Count one mention by its platform, language or the like."""
    if name not in table:
        name = shown_name(name)
        if name not in table and len(table) >= KEPT_NAMES:
            name = OTHER
    table[name] = table.get(name, 0) + 1


def numbered(name: str, names: list[str]) -> int:
    """The number of a name in a list, to which it is added; past NAMES of them that of `other`."""
    if name in names:
        return names.index(name)
    if len(names) >= NAMES:
        name = OTHER
        if name in names:
            return names.index(name)
    names.append(name)
    return len(names) - 1


def sum_by_name(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    """The sum of two tables, the greatest number first: NAMES of them, and the rest as `other`."""
    if not other:
        return one
    sums = sorted(((one.get(name, 0) + other.get(name, 0), name) for name in one | other), key=_greatest_first)
    table = dict.fromkeys([name for _, name in sums if name != OTHER][:NAMES], 0)
    for count, name in sums:
        place = name if name in table else OTHER
        table[place] = table.get(place, 0) + count
    return dict(sorted(table.items(), key=lambda item: _greatest_first((item[1], item[0]))))


def _greatest_first(item: tuple[int, str]) -> tuple[int, str]:
    return -item[0], item[1]
