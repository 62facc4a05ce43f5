"""What topics are read from: the distinct texts of a surge."""

from __future__ import annotations

from typing import NamedTuple


class Told(NamedTuple):
    """A distinct text and how often it is told.

    Attributes:
        text: as it came.
        language: of the text, as `detectors.sentiment.language_of` names it.
        mentions: how many mentions tell it, copies and reposts included.
        negatives: negative mentions among them; an estimate.
    """

    text: str
    language: str
    mentions: float
    negatives: float
