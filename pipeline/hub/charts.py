"""Charts as inline SVG: drawn here, styled by the style sheet, without script.

The outer picture has no view box, so that text keeps its size on a phone; what is stretched lies in a nested one.
Horizontal places are percentages.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec
from markupsafe import Markup

from pipeline.hub.series import Point
from schemas.moments import moment

_WIDTH: Final = 1000.0
"""Units of a nested picture's width."""
_TOP: Final = 16
_BOTTOM: Final = 20
_STRIP: Final = 30
_LABEL: Final = 22
"""Pixels of a strip and of the words above it."""
_MAX_HITS: Final = 400
_NUMBER_PERCENT: Final = 1.8
"""Width that the number of a mark takes."""
_TIME_STEPS: Final = (900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800, 2_592_000)

Placed = tuple[float, float]


class Mark(msgspec.Struct, frozen=True):
    """A moment worth a line: its number in the list beside the chart, its kind (a class of the style sheet), words."""

    time: float
    number: int
    kind: str
    words: str


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


def volume_chart(
    points: Sequence[Point], span: Span, marks: Sequence[Mark], *, step: int, title: str, tips: Callable[[Point], str]
) -> Markup:
    """Mentions and the negative ones among them, against the expected band.

    Args:
        points: evenly spaced.
        span: what is shown.
        marks: lines across.
        step: seconds of a point.
        title: what a screen reader says of it.
        tips: words for a point, shown where the pointer rests.
    """
    top = _nice(max((max(point.mentions, point.upper) for point in points), default=1.0))
    plot = _Plot(span, top, 180)
    parts = [
        plot.area([(p.start + step / 2, p.upper, p.lower) for p in points], "band"),
        plot.line([(p.start + step / 2, p.expected) for p in points], "expected"),
        plot.area([(p.start + step / 2, p.negatives, 0.0) for p in points], "negatives"),
        plot.line([(p.start + step / 2, p.mentions) for p in points], "mentions"),
    ]
    hits = _hits(points, span, step, plot.height, tips) if len(points) <= _MAX_HITS else Markup()
    return plot.picture(title, parts, _grid(plot, [0.5 * top, top], _number), _lines(marks, span, plot.height), hits)


def share_chart(points: Sequence[Point], span: Span, marks: Sequence[Mark], *, step: int, title: str) -> Markup:
    """Negative share against the usual one. Arguments as of `volume_chart`."""
    plot = _Plot(span, 1.0, 90)
    parts = [
        plot.line([(p.start + step / 2, p.usual_share) for p in points], "expected"),
        *(plot.line(run, "share") for run in _runs([(p.start + step / 2, p.share) for p in points])),
    ]
    return plot.picture(title, parts, _grid(plot, [0.5, 1.0], _percent), _lines(marks, span, plot.height))


def score_chart(
    points: Sequence[Point], span: Span, marks: Sequence[Mark], *, step: int, title: str, threshold: float | None
) -> Markup:
    """Score against the threshold at which an episode opens. Arguments as of `volume_chart`."""
    scores = [p.score for p in points if p.score is not None]
    top = _nice(max([*scores, (threshold or 0.0) * 1.2, 1.0]))
    plot = _Plot(span, top, 90)
    runs = _runs([(p.start + step / 2, None if p.score is None else max(p.score, 0.0)) for p in points])
    parts = [plot.line(run, "score") for run in runs]
    if threshold is not None:
        parts.append(plot.line([(span.since, threshold), (span.until, threshold)], "threshold"))
    return plot.picture(title, parts, _grid(plot, [0.5 * top, top], _number), _lines(marks, span, plot.height))


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

    def picture(self, title: str, parts: Sequence[Markup], *around: Markup) -> Markup:
        """The whole picture with its time axis."""
        return Markup('<svg class="chart" role="img" aria-label="{}" height="{}">{}{}{}</svg>').format(
            title,
            _TOP + self.height + _BOTTOM,
            self.nested(parts, _TOP),
            Markup().join(around),
            _time_axis(self.span, _TOP + self.height),
        )

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


def _grid(plot: _Plot, values: Sequence[float], words: Callable[[float], str]) -> Markup:
    rows = [
        Markup(
            '<line class="grid" x1="0" x2="100%" y1="{0:.1f}" y2="{0:.1f}"/>'
            '<text class="tick" x="2" y="{1:.1f}">{2}</text>'
        ).format(_TOP + plot.y(value), _TOP + plot.y(value) - 3, words(value))
        for value in values
    ]
    return Markup().join(rows)


def _lines(marks: Sequence[Mark], span: Span, height: int) -> Markup:
    rows = []
    numbered = -_NUMBER_PERCENT
    for mark in sorted(marks, key=lambda mark: mark.time):
        place = span.percent(mark.time)
        if not 0.0 <= place <= 100.0:
            continue
        number = Markup()
        if place - numbered >= _NUMBER_PERCENT:  # else it would stand on the one before
            number = Markup('<text x="{:.2f}%" y="{}">{}</text>').format(place, _TOP - 4, mark.number)
            numbered = place
        line = Markup('<line x1="{0:.2f}%" x2="{0:.2f}%" y1="{1}" y2="{2}"/>').format(place, _TOP, _TOP + height)
        rows.append(Markup('<g class="mark {}"><title>{}</title>{}{}</g>').format(mark.kind, mark.words, line, number))
    return Markup().join(rows)


def _hits(points: Sequence[Point], span: Span, step: int, height: int, tips: Callable[[Point], str]) -> Markup:
    width = 100.0 * step / max(span.until - span.since, 1.0)
    return Markup().join(
        Markup('<rect class="hit" x="{:.2f}%" y="{}" width="{:.3f}%" height="{}"><title>{}</title></rect>').format(
            span.percent(point.start), _TOP, width, height, tips(point)
        )
        for point in points
    )


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


def _nice(value: float) -> float:
    """The next of 1, 2, 4, 5, 10, 20 … above."""
    scale = 1.0
    while scale * 10 < value:
        scale *= 10
    return next((scale * factor for factor in (1, 2, 4, 5, 10) if scale * factor >= value), scale * 10)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:.1f}"


def _percent(value: float) -> str:
    return f"{100 * value:.0f} %"
