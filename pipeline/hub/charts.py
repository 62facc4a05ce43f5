"""The charts of a page as numbers and words, which the script of the page draws with uPlot (static/charts.js)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal

import msgspec

from pipeline.hub.series import Point

_DIGITS: Final = 4
"""Decimals of a value: a screen shows fewer."""

Name = Literal["volume", "share", "score"]
Column = Literal["mentions", "negatives", "expected", "lower", "upper", "share", "usual_share", "score"]
COLUMNS: Final[Mapping[Name, tuple[Column, ...]]] = {
    "volume": ("mentions", "negatives", "expected", "lower", "upper"),
    "share": ("share", "usual_share"),
    "score": ("score",),
}
"""What a chart draws of each point."""


class Mark(msgspec.Struct, frozen=True):
    """A moment worth a line: its number in the list beside the chart, its kind (a class of the style sheet), words."""

    time: float
    number: int
    kind: str
    words: str


class Shade(msgspec.Struct, frozen=True):
    """A stretch of time that stands out, [since, until) in Unix seconds: how grave it is, and words."""

    since: float
    until: float
    severity: str
    words: str


class Chart(msgspec.Struct, frozen=True):
    """One chart: what stands above it, what a screen reader says of it, and the words of what it draws, by name."""

    name: Name
    caption: str
    label: str
    legend: Mapping[str, str]


class Charts(msgspec.Struct, frozen=True):
    """Charts of the same stretch of time, one below the other, under one cursor.

    Attributes:
        charts: from the top down.
        points: what they draw, each for `step` seconds.
        since, until: the stretch, Unix seconds.
        threshold: the score at which an episode opens.
        texts: what is said of a point, with places for its values.
    """

    charts: Sequence[Chart]
    points: Sequence[Point]
    step: int
    since: float
    until: float
    texts: Mapping[str, str]
    marks: Sequence[Mark] = ()
    shades: Sequence[Shade] = ()
    threshold: float | None = None

    @property
    def data(self) -> str:
        """What the script draws, as JSON. It is untrusted text: a template has to escape it."""
        columns = [column for chart in self.charts for column in COLUMNS[chart.name]]
        found = {
            "start": [point.start for point in self.points],
            "columns": {column: [_short(getattr(point, column)) for point in self.points] for column in columns},
            "legend": {name: words for chart in self.charts for name, words in chart.legend.items()},
            "step": self.step,
            "since": self.since,
            "until": self.until,
            "texts": self.texts,
            "marks": self.marks,
            "shades": self.shades,
            "threshold": self.threshold,
        }
        return msgspec.json.encode(found).decode()


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)
