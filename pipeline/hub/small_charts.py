"""Small charts as inline SVG, of which a page has many: drawn here, styled by the style sheet, without script.

The outer picture has no view box, so that text keeps its size on a phone; what is stretched lies in a nested one.
Horizontal places are percentages.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from markupsafe import Markup

from pipeline.hub.series import Point
from schemas.moments import moment

_WIDTH: Final = 1000.0
"""Units of a nested picture's width."""
_BOTTOM: Final = 20
_STRIP: Final = 30
_LABEL: Final = 22
"""Pixels of a strip and of the words above it."""
_TIME_STEPS: Final = (900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800, 2_592_000)

Placed = tuple[float, float]


class Strip(msgspec.Struct, frozen=True):
    """A row of a chart of shares: words above it, shares by time (None: not known), the usual share if known."""

    label: str
    shares: Sequence[tuple[float, float | None]]
    usual: float | None


class Span(msgspec.Struct, frozen=True):
    """The stretch of time that a chart shows, [since, until) in Unix seconds."""

    since: float
    until: float

    def percent(self, time: float) -> float:
        """Where a moment is, from 0 to 100."""
        return 100.0 * (time - self.since) / max(self.until - self.since, 1.0)


def strips_chart(strips: Sequence[Strip], span: Span, *, title: str) -> Markup:
    """Shares as steps, one strip from 0 to 100 % for each place: what was told last holds until the next is told.

    No strip is told from another by its colour. A dot is a moment at which the share was told.

    Args:
        strips: from the top down.
        span: what is shown.
        title: what a screen reader says of it.
    """
    plot = _Plot(span, 1.0, _STRIP)
    rows = [_strip(plot, strip, place * (_STRIP + _LABEL)) for place, strip in enumerate(strips)]
    height = len(strips) * (_STRIP + _LABEL)
    most = Markup('<text class="tick end" x="100%" y="{}">{}</text>').format(_LABEL - 5, _percent(1.0))
    return Markup('<svg class="chart" role="img" aria-label="{}" height="{}">{}{}{}</svg>').format(
        title, height + _BOTTOM, Markup().join(rows), most, _time_axis(span, height)
    )


def _strip(plot: _Plot, strip: Strip, top: int) -> Markup:
    base = top + _LABEL
    held = _held(strip.shares, plot.span.until)
    parts = [plot.area([(time, share, 0.0) for time, share in run], "told") for run in held]
    parts += [plot.line(run, "telling") for run in held]
    if strip.usual is not None:
        parts.append(plot.line([(plot.span.since, strip.usual), (plot.span.until, strip.usual)], "expected"))
    dots = [
        Markup('<circle class="told" cx="{:.2f}%" cy="{:.1f}" r="2.5"/>').format(
            plot.span.percent(time), base + plot.y(share)
        )
        for time, share in strip.shares
        if share is not None
    ]
    return Markup(
        '<text class="label" x="0" y="{}">{}</text><line class="grid" x1="0" x2="100%" y1="{}" y2="{}"/>{}{}'
    ).format(base - 5, strip.label, base, base, plot.nested(parts, base), Markup().join(dots))


def _held(shares: Sequence[tuple[float, float | None]], until: float) -> list[list[Placed]]:
    """The corners of the steps: each share holds until the next time, the last one until the end."""
    corners: list[tuple[float, float | None]] = []
    ends = [*(time for time, _ in shares[1:]), until]
    for (time, share), end in zip(shares, ends, strict=False):
        corners += [(time, share), (end, share)]
    return _runs(corners)


def sparkline(points: Sequence[Point], span: Span, *, step: int, title: str, height: int = 56) -> Markup:
    """Mentions against the expected band, small and without axes; `height` in pixels."""
    top = max((max(point.mentions, point.upper) for point in points), default=1.0) or 1.0
    plot = _Plot(span, top, height, margin=2)
    parts = [
        plot.area([(p.start + step / 2, p.upper, p.lower) for p in points], "band"),
        plot.area([(p.start + step / 2, p.negatives, 0.0) for p in points], "negatives"),
        plot.line([(p.start + step / 2, p.mentions) for p in points], "mentions"),
    ]
    return Markup('<svg class="spark" role="img" aria-label="{}" height="{}">{}</svg>').format(
        title, height, plot.nested(parts)
    )


class _Plot:
    """Places values of one chart."""

    def __init__(self, span: Span, top: float, height: int, *, margin: int = 0) -> None:
        self.span = span
        self.top = top
        self.height = height
        self._margin = margin

    def y(self, value: float) -> float:
        """Height of a value from the top, within the plot."""
        room = self.height - 2 * self._margin
        return self._margin + room * (1.0 - min(max(value / self.top, 0.0), 1.0))

    def line(self, values: Sequence[Placed], kind: str) -> Markup:
        """Values at times, joined."""
        path = " ".join(
            f"{'L' if index else 'M'}{self._x(time)} {self.y(value):.1f}" for index, (time, value) in enumerate(values)
        )
        return Markup('<path class="{}" d="{}"/>').format(kind, path) if values else Markup()

    def area(self, values: Sequence[tuple[float, float, float]], kind: str) -> Markup:
        """The area between two values at times."""
        if not values:
            return Markup()
        there = [f"{self._x(time)} {self.y(above):.1f}" for time, above, _ in values]
        back = [f"{self._x(time)} {self.y(below):.1f}" for time, _, below in reversed(values)]
        return Markup('<path class="{}" d="M{} Z"/>').format(kind, " L".join([*there, *back]))

    def nested(self, parts: Sequence[Markup], top: int = 0) -> Markup:
        """The stretched part of the picture."""
        return Markup(
            '<svg x="0" y="{}" width="100%" height="{}" viewBox="0 0 {:.0f} {}" preserveAspectRatio="none">{}</svg>'
        ).format(top, self.height, _WIDTH, self.height, Markup().join(parts))

    def _x(self, time: float) -> str:
        return f"{self.span.percent(time) / 100 * _WIDTH:.1f}"


def _runs(values: Sequence[tuple[float, float | None]]) -> list[list[Placed]]:
    """The stretches without a gap."""
    found: list[list[Placed]] = [[]]
    for time, value in values:
        if value is not None:
            found[-1].append((time, value))
        elif found[-1]:
            found.append([])
    return [run for run in found if run]


def _time_axis(span: Span, y: int) -> Markup:
    length = span.until - span.since
    step = next((step for step in _TIME_STEPS if length / step <= 6), _TIME_STEPS[-1])
    rows = [Markup('<line class="axis" x1="0" x2="100%" y1="{0}" y2="{0}"/>').format(y)]
    first = int(span.since - span.since % step + step)
    for time in range(first, int(span.until), step):
        place = span.percent(time)
        if 4.0 <= place <= 96.0:
            shape = "{:%m-%d}" if step >= 86_400 else "{:%m-%d %H:%M}" if length > 2 * 86_400 else "{:%H:%M}"
            words = shape.format(moment(time))
            rows.append(
                Markup('<text class="time" x="{:.2f}%" y="{}" data-time="{}">{}</text>').format(
                    place, y + 14, time, words
                )
            )
    return Markup().join(rows)


def _percent(value: float) -> str:
    return f"{100 * value:.0f} %"
