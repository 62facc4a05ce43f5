"""The picture of an explanation as an SVG document, written here so that nothing needs to be installed for it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final
from xml.sax.saxutils import escape

import msgspec

from pipeline.engine.alerts.brand_alert import start_of
from pipeline.inspection.explanation import Explained
from pipeline.inspection.picture import BLUE, GREY, ORANGE, VERMILION, Series, greatest, series, title
from schemas.alert import Kind
from schemas.observation import BUCKETS_PER_HOUR

WIDTH: Final = 960
HEIGHT: Final = 460
LEFT: Final = 64
RIGHT: Final = WIDTH - 24
LEGEND: Final = (
    ("mentions", BLUE),
    ("negative", VERMILION),
    ("expected", ORANGE),
    ("score", BLUE),
    ("threshold", VERMILION),
)
FONT: Final = 'font-family="sans-serif" font-size="13"'
_HOURS_BETWEEN_MARKS: Final = 4


class _Panel(msgspec.Struct, frozen=True):
    """An area of the picture with a scale of its own: `full` is the value at its top."""

    caption: str
    top: float
    tall: float
    full: float
    form: str

    @property
    def bottom(self) -> float:
        return self.top + self.tall

    def y(self, value: float) -> float:
        return self.top + self.tall * (1.0 - max(min(value / self.full, 1.0), 0.0))

    def frame(self) -> list[str]:
        marks = [
            _text(LEFT - 6, self.y(self.full * share) + 4, self.form.format(self.full * share), "end")
            for share in (0.5, 1.0)
        ]
        axes = f'<path d="M{LEFT} {self.top}V{self.bottom}H{RIGHT}" fill="none" stroke="{GREY}"/>'
        return [_text(LEFT, self.top - 8, self.caption, "start"), axes, *marks]


def svg(explained: Explained, kind: Kind) -> str:
    """The picture, the same for the same explanation."""
    drawn = series(explained, kind)
    most = max(greatest(drawn.mentions), greatest(drawn.expected), 1.0)
    top = max(greatest(drawn.score), greatest(drawn.threshold), 1.0) * 1.1
    counts = _Panel("mentions in 5 minutes", 56, 170, most, "{:,.0f}")
    scores = _Panel("score", 272, 140, top, "{:.1f}")
    heading = escape(title(explained, kind))
    asked = _x(drawn, drawn.asked + 1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" {FONT}>',
        f"<title>{heading}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="28" font-size="17">{heading}</text>',
        *counts.frame(),
        *scores.frame(),
        *_bars(drawn, drawn.mentions, counts, BLUE),
        *_bars(drawn, drawn.negatives, counts, VERMILION),
        _line(drawn, drawn.expected, counts, ORANGE),
        _line(drawn, drawn.score, scores, BLUE),
        _line(drawn, drawn.threshold, scores, VERMILION),
        f'<path d="M{asked:.1f} {counts.top}V{scores.bottom}" stroke="{GREY}" stroke-dasharray="4 3" fill="none"/>',
    ]
    parts += [
        _text(_x(drawn, place), scores.bottom + 18, f"{start_of(drawn.first + place):%H:%M}", "middle")
        for place in range(0, len(drawn.mentions) + 1, _HOURS_BETWEEN_MARKS * BUCKETS_PER_HOUR)
    ]
    for place, (name, colour) in enumerate(LEGEND):
        across = LEFT + place * 130
        parts.append(f'<rect x="{across}" y="{scores.bottom + 30}" width="12" height="12" fill="{colour}"/>')
        parts.append(_text(across + 18, scores.bottom + 41, name, "start"))
    return "\n".join([*filter(None, parts), "</svg>", ""])


def _x(drawn: Series, place: float) -> float:
    return LEFT + place * (RIGHT - LEFT) / len(drawn.mentions)


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{GREY}">{escape(text)}</text>'


def _bars(drawn: Series, values: Sequence[float], panel: _Panel, colour: str) -> list[str]:
    wide = (RIGHT - LEFT) / len(values)
    return [
        f'<rect x="{_x(drawn, place):.1f}" y="{panel.y(value):.1f}" width="{wide:.2f}" '
        f'height="{panel.bottom - panel.y(value):.1f}" fill="{colour}"/>'
        for place, value in enumerate(values)
        if value > 0.0
    ]


def _line(drawn: Series, values: Sequence[float | None], panel: _Panel, colour: str) -> str:
    """A line through the values that there are, broken where there was none for an hour."""
    steps: list[str] = []
    last = -math.inf
    for place, value in enumerate(values):
        if value is not None:
            verb = "L" if place - last <= BUCKETS_PER_HOUR else "M"
            steps.append(f"{verb}{_x(drawn, place + 0.5):.1f} {panel.y(value):.1f}")
            last = place
    return f'<path d="{"".join(steps)}" fill="none" stroke="{colour}" stroke-width="1.5"/>' if steps else ""
