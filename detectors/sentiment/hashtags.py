"""Hashtags are words without blanks: #worstserviceever is read as "worst service ever", #brandfail by its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_LONGEST: Final = 32
"""Letters of a hashtag that is split; so splitting costs at most some hundred look-ups."""
_LONGEST_WORD: Final = 14


class HashtagReader:
    """A reader of the words in a hashtag of one language."""

    def __init__(self, words: Iterable[str], parts: Mapping[str, float]) -> None:
        """Make the tables.

        Args:
            words: that hashtags are made of.
            parts: weight of what a hashtag of unknown words begins with (`boycott*`) or ends in (`*fail`).
        """
        self._words = frozenset(word for word in words if word.isalpha() and len(word) <= _LONGEST_WORD)
        self._heads = {part[:-1]: weight for part, weight in parts.items() if part.endswith("*")}
        self._tails = {part[1:]: weight for part, weight in parts.items() if part.startswith("*")}

    def split(self, tag: str) -> list[str]:
        """The fewest listed words that make up the whole tag, at equal number the longest first; empty if none do."""
        if len(tag) > _LONGEST or not self._words:
            return []
        best: list[list[str] | None] = [None] * len(tag) + [[]]  # of what begins at each place, from the end
        for start in range(len(tag) - 1, -1, -1):
            for end in range(min(len(tag), start + _LONGEST_WORD), start, -1):
                rest = best[end]
                shortest = best[start]
                if rest is None or (shortest is not None and len(shortest) <= 1 + len(rest)):
                    continue
                if tag[start:end] in self._words:
                    best[start] = [tag[start:end], *rest]
        return best[0] or []

    def weight_of_part(self, tag: str) -> float:
        """The weight of the longest part that a tag begins with or ends in; 0 where none is listed."""
        for length in range(len(tag), 1, -1):
            weight = self._heads.get(tag[:length], self._tails.get(tag[-length:]))
            if weight is not None:
                return weight
        return 0.0
