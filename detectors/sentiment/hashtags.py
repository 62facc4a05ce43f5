"""Hashtags are words without blanks: #worstserviceever is read as "worst service ever", #brandfail by its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_LONGEST: Final = 26
"""Letters of a hashtag that is split: enough for five words, and a bound on the look-ups, a few hundred."""
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
        self._longest_part = max(map(len, parts), default=1) - 1

    def split(self, tag: str) -> list[str]:
        """The fewest listed words that make up the whole tag, at equal number the longest first; empty if none do."""
        words = self._words
        if len(tag) > _LONGEST or not words:
            return []
        # Of what begins at each place from which listed words reach the end; in an unknown name hardly any.
        best: dict[int, list[str]] = {len(tag): []}
        nearest = len(tag)
        for start in range(len(tag) - 1, -1, -1):
            if nearest - start > _LONGEST_WORD:
                return []
            for end, rest in list(best.items()):
                if tag[start:end] in words and (start not in best or len(rest) + 1 < len(best[start])):
                    best[start] = [tag[start:end], *rest]
                    nearest = start
        return best.get(0, [])

    def weight_of_part(self, tag: str) -> float:
        """The weight of the longest part that a tag begins with or ends in; 0 where none is listed."""
        for length in range(min(len(tag), self._longest_part), 1, -1):
            weight = self._heads.get(tag[:length], self._tails.get(tag[-length:]))
            if weight is not None:
                return weight
        return 0.0
