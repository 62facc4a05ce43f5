"""The picture of an explanation: mentions beside what was expected, and the score beside its threshold.

As lines for a terminal, or as a PNG file where matplotlib is installed; pipeline.inspection.svg draws it as SVG.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import msgspec

from pipeline.engine.alerts.brand_alert import start_of
from pipeline.errors import TocsinError
from pipeline.inspection.explanation import AFTER, Explained
from schemas.alert import Kind
from schemas.observation import BUCKETS_PER_DAY

# Okabe and Ito's palette: told apart by readers of every kind of colour vision.
BLUE: Final = "#0072B2"
ORANGE: Final = "#E69F00"
VERMILION: Final = "#D55E00"
GREY: Final = "#595959"
BLOCKS: Final = " ▁▂▃▄▅▆▇█"
PLAIN_BLOCKS: Final = " .:-=+*#@"


class Series(msgspec.Struct, frozen=True):
    """What is drawn: one value for each bucket from `first` on; None where the brand had no closed bucket.

    Attributes:
        first: index of the first bucket.
        asked: place of the bucket in question.
        mentions, negatives, expected, score, threshold: by bucket.
    """

    first: int
    asked: int
    mentions: list[float]
    negatives: list[float]
    expected: list[float | None]
    score: list[float | None]
    threshold: list[float | None]


def title(explained: Explained, kind: Kind) -> str:
    """The title of the picture."""
    return f"{explained.brand}: {kind.replace('_', ' ')} at {start_of(explained.bucket + 1):%Y-%m-%d %H:%M} UTC"


def series(explained: Explained, kind: Kind) -> Series:
    """The day before the bucket in question and two hours after it, for one kind of episode."""
    first, end = explained.bucket + 1 - BUCKETS_PER_DAY, explained.bucket + 1 + AFTER
    count = end - first
    found = Series(
        first, explained.bucket - first, [0.0] * count, [0.0] * count, [None] * count, [None] * count, [None] * count
    )
    for point in explained.points:
        place = point.bucket - first
        if 0 <= place < count:
            verdict = point.sight.verdict(kind)
            found.mentions[place], found.negatives[place] = float(point.mentions), point.negatives
            found.expected[place], found.score[place] = point.expected, verdict.score
            found.threshold[place] = verdict.threshold if math.isfinite(verdict.threshold) else None
    return found


def terminal_lines(explained: Explained, kind: Kind, *, width: int, blocks: str = BLOCKS) -> list[str]:
    """The picture as lines of text; of the values that share a column the greatest is shown.

    Args:
        explained: what is drawn.
        kind: of the episode.
        width: columns.
        blocks: nine characters from empty to full.
    """
    drawn = series(explained, kind)
    label, beside = 12, 16
    columns = max(min(width - label - beside, 104), 20)
    edges = [round(column * len(drawn.mentions) / columns) for column in range(columns + 1)]
    spans = [slice(a, max(b, a + 1)) for a, b in pairwise(edges)]
    lines = []
    scores = [None if value is None else max(value, 0.0) for value in drawn.score]
    threshold = next((value for value in reversed(drawn.threshold[: drawn.asked + 1]) if value is not None), None)
    rows: list[tuple[str, Sequence[float | None]]] = [
        ("mentions", drawn.mentions),
        ("expected", drawn.expected),
        ("negative", drawn.negatives),
    ]
    most = max((value for _, values in rows for value in values if value is not None), default=0.0)
    for name, values in rows:
        lines.append(f"{name:<{label}}{_bars(values, spans, most, blocks)} {greatest(values):,.0f} at most")
    top = max(greatest(scores), threshold or 0.0)
    lines.append(f"{'score':<{label}}{_bars(scores, spans, top, blocks)} {greatest(scores):.1f} at most")
    over = [
        any(
            score is not None and bar is not None and score >= bar
            for score, bar in zip(drawn.score[span], drawn.threshold[span], strict=True)
        )
        for span in spans
    ]
    if threshold is not None:
        marks = "".join("^" if is_over else " " for is_over in over)
        lines.append(f"{'':<{label}}{marks.rstrip()}")
    asked = next(place for place, span in enumerate(spans) if span.start <= drawn.asked < span.stop)
    begin, last = start_of(drawn.first), start_of(drawn.first + len(drawn.mentions))
    lines.append(f"{'':<{label}}{' ' * asked}|")
    lines.append(f"{'':<{label}}{' ' * max(asked - 5, 0)}{start_of(explained.bucket + 1):%H:%M} asked for")
    lines.append(f"{'':<{label}}{begin:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC")
    if threshold is not None:
        lines.append(f"{'':<{label}}^ at or above the threshold {threshold:.1f}")
    return lines


def greatest(values: Sequence[float | None]) -> float:
    """The greatest value that there is; 0 where there is none."""
    return max((value for value in values if value is not None), default=0.0)


def _bars(values: Sequence[float | None], spans: Sequence[slice], most: float, blocks: str) -> str:
    """One character a column: empty only where there is nothing."""
    shown = ""
    for span in spans:
        value = greatest(values[span])
        shown += blocks[0 if value <= 0.0 or most <= 0.0 else max(round(value / most * (len(blocks) - 1)), 1)]
    return shown


def png(explained: Explained, kind: Kind, path: str) -> None:
    """The picture as a PNG file.

    Raises:
        TocsinError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - a development dependency, wanted by nobody else
    except ImportError:
        raise TocsinError(f"{path}: expected matplotlib, which draws .png; install it, or ask for .svg") from None
    drawn = series(explained, kind)
    times = [start_of(drawn.first + place) for place in range(len(drawn.mentions))]
    figure = Figure(figsize=(9.6, 4.8), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    above.bar(times, drawn.mentions, width=1 / BUCKETS_PER_DAY, align="edge", color=BLUE, label="mentions")
    above.bar(times, drawn.negatives, width=1 / BUCKETS_PER_DAY, align="edge", color=VERMILION, label="negative")
    for axes, values, colour, name in (
        (above, drawn.expected, ORANGE, "expected"),
        (below, drawn.score, BLUE, "score"),
        (below, drawn.threshold, VERMILION, "threshold"),
    ):
        there = [(moment, value) for moment, value in zip(times, values, strict=True) if value is not None]
        axes.plot([moment for moment, _ in there], [value for _, value in there], color=colour, label=name)
    for axes in (above, below):
        axes.axvline(start_of(explained.bucket + 1), color=GREY, linestyle="--")
        axes.legend(loc="upper left")
    above.set_title(
        f"{explained.brand}: {kind.replace('_', ' ')} at {start_of(explained.bucket + 1):%Y-%m-%d %H:%M} UTC"
    )
    figure.savefig(path, format="png", metadata={"Software": None})
