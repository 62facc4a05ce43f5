"""The charts of a report as one SVG picture, drawn by matplotlib: the same bytes for the same review.

Text stays text, so that every reader's own fonts show Chinese and Japanese; colours are Okabe and Ito's, and no line
is told from another by its colour alone.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from io import StringIO
from typing import TYPE_CHECKING, Any, Final

from pipeline.errors import TocsinError
from pipeline.inspection.picture import BLUE, GREY, ORANGE, VERMILION
from pipeline.report.review import Review
from pipeline.report.sections.glance import instant
from pipeline.report.spread_course import PLACE_KINDS, Course, courses_of, is_course
from pipeline.report.words import Words
from pipeline.wording import percent
from schemas.moments import moment

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SKY: Final = "#56B4E9"
WIDTH, HEIGHT = 9.6, 8.0
"""Inches."""
HEADROOM: Final = 0.25
"""Above what is drawn, for the legend."""
_RULES: Final[dict[Any, Any]] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "tocsin",
    "font.size": 10.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#DDDDDD",
    "axes.axisbelow": True,
    "timezone": "UTC",
}
_OWN_ID: Final = re.compile(r'(\bid="|url\(#|href="#)')


def charts(found: Review, words: Words, prefix: str) -> str:
    """An `<svg>` element: mentions against the expected band, negative share, score against its threshold if known.

    Args:
        found: a review with points.
        words: of the language.
        prefix: letters before every id in the picture, so that several fit into one page.

    Raises:
        TocsinError: matplotlib is not installed.
    """
    first, last = moment(found.points[0].start), moment(found.points[-1].start + found.step_seconds)
    told = words("chart.alt", instant(first), instant(last))
    with _figure(HEIGHT) as (figure, picture):
        drawn = [_mentions, _share, *([_score] if any(one.score is not None for one in found.points) else [])]
        panels = figure.subplots(len(drawn), 1, sharex=True, height_ratios=(3, 2, 2)[: len(drawn)])
        for draw, axes in zip(drawn, panels, strict=True):
            draw(axes, found, words)
        _marks(panels, found, words)
        _time_axis(panels[-1], words)
    return _inline(picture.getvalue(), told, prefix)


def spread_chart(found: Review, words: Words, prefix: str) -> str:
    """An `<svg>` element: the share of each platform and language as steps, told by the alerts; "" without two alerts.

    Arguments and errors as of `charts`.
    """
    columns = [courses for kind in PLACE_KINDS if (courses := courses_of(found.spread_told, kind))]
    if not is_course(found.spread_told) or not columns:
        return ""
    with _figure(0.9 + 0.8 * max(map(len, columns))) as (figure, picture):
        for part, courses in zip(figure.subfigures(1, len(columns), squeeze=False)[0], columns, strict=True):
            panels = part.subplots(len(courses), 1, sharex=True, squeeze=False)[:, 0]
            for axes, course in zip(panels, courses, strict=True):
                _course(axes, course, words)
            _time_axis(panels[-1], words)
    return _inline(picture.getvalue(), words("spread.alt"), prefix)


@contextmanager
def _figure(height: float) -> Iterator[tuple[Figure, StringIO]]:
    """A figure of so many inches to draw in, and the file that it is written to at the end of the block."""
    try:
        import matplotlib as mpl  # noqa: PLC0415 - half a second, and only who draws needs it
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError:
        raise TocsinError("expected matplotlib, which draws the charts; install the extra `hub`") from None
    out = StringIO()
    with mpl.rc_context(), warnings.catch_warnings():
        mpl.rcdefaults()  # whoever has a matplotlibrc gets the same picture
        mpl.rcParams.update(_RULES)
        # Letters are measured with matplotlib's own font, which has no Chinese; they are drawn by the reader's.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        yield figure, out
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})


def _course(axes: Axes, course: Course, words: Words) -> None:
    """One place: the share told last holds until the next alert; a dot is an alert."""
    times: list[Any] = [time.astimezone(UTC) for time, _ in course.shares]
    shares = [math.nan if share is None else 100.0 * share for _, share in course.shares]
    axes.fill_between(times, shares, step="post", color=SKY, alpha=0.5, linewidth=0)
    axes.plot(times, shares, color=BLUE, linewidth=1.5, drawstyle="steps-post", marker=".", markersize=6)
    if course.usual is not None:
        axes.axhline(100.0 * course.usual, color="black", linestyle="--", linewidth=1)
    axes.set_ylim(0, 105)
    axes.set_yticks((0, 50, 100), ("0", "50", "100 %"))
    told = course.name if course.last is None else words("colon", course.name, percent(course.last))
    axes.set_title(told, loc="left", fontsize=10, parse_math=False)  # a stranger's name is no formula


def _times(found: Review, place: float = 0.0) -> list[Any]:
    """A moment in every step: its start, or so much of it later."""
    return [moment(point.start + place * found.step_seconds) for point in found.points]


def _mentions(axes: Axes, found: Review, words: Words) -> None:
    times, points, days = _times(found), found.points, found.step_seconds / 86_400.0
    mentions = [one.mentions for one in points]
    axes.bar(times, mentions, width=days, align="edge", color=SKY, label=words("chart.mentions"))
    axes.bar(
        times,
        [one.negatives for one in points],
        width=days,
        align="edge",
        color=VERMILION,
        label=words("chart.negative"),
        hatch="///",
        edgecolor="white",
        linewidth=0,
    )
    edges, held = [*times, moment(points[-1].start + found.step_seconds)], [*points, points[-1]]
    low, high = [one.lower for one in held], [one.upper for one in held]
    axes.fill_between(edges, low, high, step="post", color=GREY, alpha=0.35, linewidth=0, label=words("chart.expected"))
    axes.plot(edges, [one.expected for one in held], color="black", linewidth=1, drawstyle="steps-post")
    axes.margins(y=HEADROOM)
    axes.set_ylabel(words("chart.per", words.duration(found.step_seconds / 60)))
    axes.legend(loc="upper right", frameon=False, ncols=3)


def _share(axes: Axes, found: Review, words: Words) -> None:
    points = found.points
    shares = [100.0 * min(one.negatives / one.mentions, 1.0) if one.mentions else math.nan for one in points]
    axes.plot(
        _times(found, 0.5), shares, color=VERMILION, marker=".", markersize=3, linewidth=1, label=words("chart.share")
    )
    usual = [100.0 * one.usual_share for one in points]
    axes.plot(_times(found, 0.5), usual, color="black", linestyle="--", linewidth=1, label=words("chart.usual"))
    axes.set_ylim(0, 100 * (1 + HEADROOM))
    axes.set_yticks(range(0, 101, 20))
    axes.set_ylabel("%")
    axes.legend(loc="upper right", frameon=False, ncols=2)


def _score(axes: Axes, found: Review, words: Words) -> None:
    scores = [math.nan if one.score is None else one.score for one in found.points]
    bars = [math.nan if one.threshold is None else one.threshold for one in found.points]
    axes.plot(_times(found, 0.5), scores, color=BLUE, linewidth=1.5, label=words("chart.score"))
    axes.plot(_times(found, 0.5), bars, color=ORANGE, linestyle="--", linewidth=1.5, label=words("chart.threshold"))
    axes.set_ylabel(words("chart.score"))
    axes.margins(y=HEADROOM)
    axes.legend(loc="upper right", frameon=False, ncols=2)


def _marks(panels: Any, found: Review, words: Words) -> None:
    """Lines through all panels at what happened, each with its name above the first."""
    marks: list[tuple[datetime, str, str]] = [
        (found.onset, "onset", ":"),
        (found.opened, "opened", "-"),
        *((one.time, "chart.answer", "-.") for one in found.answers),
    ]
    if found.resolved is not None:
        marks.append((found.resolved, "resolved", "--"))
    first = moment(found.points[0].start)
    last = moment(found.points[-1].start + found.step_seconds)
    for place, (time, name, style) in enumerate(one for one in marks if first <= one[0] <= last):
        for axes in panels:
            axes.axvline(time.astimezone(UTC), color="black", linestyle=style, linewidth=1)
        panels[0].annotate(
            words(name),
            (time.astimezone(UTC), 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(2, 2 + 11 * (place % 3)),  # of neighbours none covers the other
            textcoords="offset points",
            fontsize=9,
            annotation_clip=False,
        )


def _time_axis(axes: Axes, words: Words) -> None:
    from matplotlib.dates import AutoDateLocator, DateFormatter  # noqa: PLC0415 - as matplotlib above

    axes.xaxis.set_major_locator(AutoDateLocator(tz=UTC, minticks=4, maxticks=9))  # type: ignore[no-untyped-call]
    form = DateFormatter("%m-%d\n%H:%M", tz=UTC)  # type: ignore[no-untyped-call]  # numbers: alike in every locale
    axes.xaxis.set_major_formatter(form)
    axes.set_xlabel(words("chart.time"))


def _inline(document: str, told: str, prefix: str) -> str:
    """The picture as an element of a page: no prolog, ids of its own, a description for who does not see it."""
    element = document[document.index("<svg") :].strip()
    element = re.sub(r"\s*<metadata>.*?</metadata>", "", element, flags=re.DOTALL)
    element = _OWN_ID.sub(rf"\g<1>{prefix}-", element)
    return element.replace("<svg ", f'<svg role="img" aria-label="{told}" ', 1)
