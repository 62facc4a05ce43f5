"""Where words end in Chinese and Japanese: BudouX's linear model of the characters around a place, in whole numbers.

BudouX (Google, Apache-2.0; https://github.com/google/budoux) adds a weight for each of the six characters, three pairs
and four triples around a place; a word ends there where the sum is above half of all weights. Its weights are kept in
`lexicons` (zh: its `zh-hans`, ja: its `ja_word`). This reader gives the same places for many texts at once, in about a
quarter of the package's own time, and the package need not be installed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Final

import numpy as np
from numpy.typing import NDArray

_Numbers = NDArray[np.int64]

_REACH: Final = 3
"""Characters on either side of a place that the model looks at."""
_CODES: Final = 1 << 16
_ASIDE: Final = "\0" * _REACH
"""Stands between texts, so that none sees its neighbour: no weight is this character's."""


class Boundaries:
    """The model of one language."""

    def __init__(self, features: Mapping[str, Mapping[str, int]]) -> None:
        characters = sorted({character for weights in features.values() for key in weights for character in key})
        codes = {character: code for code, character in enumerate(characters, start=1)}
        self._width = len(characters) + 1
        self._codes = np.zeros(_CODES, np.int64)
        for character, code in codes.items():
            if ord(character) < _CODES:
                self._codes[ord(character)] = code
        self._half = sum(sum(weights.values()) for weights in features.values())
        self._singles = np.zeros((6, self._width), np.int64)
        for n in range(6):
            for key, weight in features.get(f"UW{n + 1}", {}).items():
                if key in codes:
                    self._singles[n, codes[key]] = weight
        self._pairs, self._of_pairs = self._table([features.get(f"BW{n}", {}) for n in (1, 2, 3)], codes)
        self._triples, self._of_triples = self._table([features.get(f"TW{n}", {}) for n in (1, 2, 3, 4)], codes)

    def _table(self, columns: Sequence[Mapping[str, int]], codes: Mapping[str, int]) -> tuple[_Numbers, _Numbers]:
        """The numbers of the keys, ascending, and their weights by column; the last weights, of no key, are 0."""
        numbers: dict[int, str] = {}
        for key in sorted({key for weights in columns for key in weights}):
            if all(character in codes for character in key):
                number = 0
                for character in key:
                    number = number * self._width + codes[character]
                numbers[number] = key
        ordered = sorted(numbers)
        weights = np.zeros((len(columns), len(ordered) + 1), np.int64)
        for place, number in enumerate(ordered):
            for n, column in enumerate(columns):
                weights[n, place] = column.get(numbers[number], 0)
        return np.array([*ordered, -1], np.int64), weights

    @staticmethod
    def _places(keys: _Numbers, numbers: _Numbers) -> _Numbers:
        """The places of numbers among the keys; the last place where a number is none."""
        places = np.searchsorted(keys[:-1], numbers)
        return np.where(keys[places] == numbers, places, len(keys) - 1)

    def scores(self, texts: Sequence[str]) -> list[_Numbers]:
        """Of each text, for each of its characters: above 0 where a word begins there."""
        joined = _ASIDE + _ASIDE.join(texts) + _ASIDE
        points = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), "<u4")
        codes = self._codes[np.where(points < _CODES, points, 0)]
        pairs = self._places(self._pairs, codes[:-1] * self._width + codes[1:])
        triples = self._places(self._triples, (codes[:-2] * self._width + codes[1:-1]) * self._width + codes[2:])
        size = len(codes) - 2 * _REACH
        total = np.full(size, -self._half, np.int64)
        for n in range(6):
            total += 2 * self._singles[n][codes[n : n + size]]
        for n in range(3):
            total += 2 * self._of_pairs[n][pairs[n + 1 : n + 1 + size]]
        for n in range(4):
            total += 2 * self._of_triples[n][triples[n : n + size]]
        found = []
        start = 0
        for text in texts:
            found.append(total[start : start + len(text)])
            start += len(text) + _REACH
        return found


@cache
def boundaries(language: str) -> Boundaries:
    """The model of a language, read once.

    Raises:
        FileNotFoundError: the language has none.
    """
    text = files("detectors.topics").joinpath(f"lexicons/{language}/boundaries.txt").read_text("utf-8")
    features = {}
    for line in text.split("\n"):
        if line and not line.startswith("# "):
            name, *weights = line.split("\t")
            features[name] = {key: int(weight) for key, _, weight in (entry.rpartition(" ") for entry in weights)}
    return Boundaries(features)
