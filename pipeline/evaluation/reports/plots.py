"""Plots as SVG text, without scripts and without anything loaded from elsewhere."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]

WIDTH: Final = 1000
PANEL: Final = 110
_LEFT: Final = 64
_COLUMNS: Final = 900
"""Longer series are drawn by the lowest and highest value of each pixel column."""


@dataclass(frozen=True)
class Panel:
    """One curve over time: its name, one value per bucket, and a level to draw across."""

    name: str
    values: Array
    colour: str
    level: float | None = None


@dataclass(frozen=True)
class Timeline:
    """Panels over one axis of time, with labelled events (spans) and alarms (marks), in buckets.

    `spans` are (first, last, text, is_crisis).
    """

    title: str
    start: str
    end: str
    panels: Sequence[Panel]
    spans: Sequence[tuple[int, int, str, bool]] = ()
    marks: Sequence[int] = field(default=())


def draw(timeline: Timeline) -> str:
    """The timeline as an SVG element."""
    length = max(len(panel.values) for panel in timeline.panels)
    height = 26 + len(timeline.panels) * (PANEL + 16) + 18
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {height}" width="100%" role="img" xmlns="http://www.w3.org/2000/svg">',
        f"<title>{escape(timeline.title)}</title>",
        f'<text x="{_LEFT}" y="14" class="head">{escape(timeline.title)}</text>',
    ]
    bottom = 22 + len(timeline.panels) * (PANEL + 16)
    for first, last, text, is_crisis in timeline.spans:
        x, wide = _x(first, length), max(_x(last, length) - _x(first, length), 1.5)
        kind = "crisis" if is_crisis else "other"
        parts.append(
            f'<rect x="{x:.1f}" y="22" width="{wide:.1f}" height="{bottom - 22}" class="{kind}">'
            f"<title>{escape(text)}</title></rect>"
        )
    for place, panel in enumerate(timeline.panels):
        parts.extend(_panel(panel, 22 + place * (PANEL + 16), length))
    for mark in timeline.marks:
        x = _x(mark, length)
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="22" y2="{bottom}" class="alarm"/>')
    parts.append(f'<text x="{_LEFT}" y="{height - 6}" class="tick">{escape(timeline.start)}</text>')
    end = escape(timeline.end)
    parts.append(f'<text x="{WIDTH - 8}" y="{height - 6}" class="tick" text-anchor="end">{end}</text></svg>')
    return "".join(parts)


def _x(bucket: float, length: int) -> float:
    return _LEFT + (WIDTH - 8 - _LEFT) * bucket / max(length - 1, 1)


def _panel(panel: Panel, top: int, length: int) -> list[str]:
    values = np.nan_to_num(np.asarray(panel.values, np.float64), posinf=0.0, neginf=0.0)
    low = min(float(values.min(initial=0.0)), 0.0)
    high = max(float(values.max(initial=0.0)), panel.level or 0.0, low + 1e-9)

    def y(value: float) -> float:
        return top + PANEL - PANEL * (value - low) / (high - low)

    points = []
    for first, last, bottom_value, top_value in _columns(values):
        points.append(f"{_x(first, length):.1f},{y(bottom_value):.1f}")
        if top_value != bottom_value:
            points.append(f"{_x(last, length):.1f},{y(top_value):.1f}")
    parts = [
        f'<polyline points="{" ".join(points)}" fill="none" stroke="{escape(panel.colour)}" stroke-width="1"/>',
        f'<line x1="{_LEFT}" x2="{_LEFT}" y1="{top}" y2="{top + PANEL}" class="axis"/>',
        f'<text x="{_LEFT - 5}" y="{top + 9}" class="tick" text-anchor="end">{_short(high)}</text>',
        f'<text x="{_LEFT - 5}" y="{top + PANEL}" class="tick" text-anchor="end">{_short(low)}</text>',
        f'<text x="{_LEFT + 5}" y="{top + 9}" class="tick">{escape(panel.name)}</text>',
    ]
    if panel.level is not None:
        at = y(panel.level)
        parts.append(f'<line x1="{_LEFT}" x2="{WIDTH - 8}" y1="{at:.1f}" y2="{at:.1f}" class="level"/>')
    return parts


def _columns(values: Array) -> list[tuple[int, int, float, float]]:
    """(first bucket, last bucket, lowest, highest) of each pixel column."""
    step = max(math.ceil(len(values) / _COLUMNS), 1)
    return [
        (
            low,
            min(low + step, len(values)) - 1,
            float(values[low : low + step].min()),
            float(values[low : low + step].max()),
        )
        for low in range(0, len(values), step)
    ]


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100.0 else f"{value:.3g}"
