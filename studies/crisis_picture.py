"""The picture of a detected crisis in README.md: python -m studies.crisis_picture [--out FILE].

The stream that `make run` publishes goes through the real engine. Drawn are the counts, the expectation and the score
that the engine itself had at the close of each bucket, and the alerts that it gave. The same code draws the same file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import click
import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import DateFormatter, HourLocator
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pipeline.cli.demo import HISTORY_HOURS
from pipeline.config.load import load_config
from pipeline.config.model import Config
from pipeline.engine.engine import Engine
from pipeline.engine.records import TICK_HEADER, Record
from pipeline.kafka.partitioning import partition_of_brand
from pipeline.simulation import Label, Simulation, demo_stream
from schemas.alert import Alert
from schemas.catalogue import topics
from schemas.mention import record_key
from schemas.observation import BUCKET_SECONDS

Array = NDArray[np.float64]

PICTURE: Final = Path(__file__).parents[1] / "docs" / "images" / "detected-crisis.svg"
BEFORE: Final = timedelta(hours=7)
"""Drawn before the onset."""
AFTER: Final = timedelta(hours=2)
"""Drawn after the end of the episode."""

# Okabe and Ito's palette: told apart by readers of every kind of colour vision.
BLUE: Final = "#0072B2"
SKY: Final = "#56B4E9"
VERMILION: Final = "#D55E00"
PURPLE: Final = "#882255"
GREY: Final = "#595959"
EPISODE: Final = "episode open"
STYLE: Final[dict[Any, Any]] = {
    "svg.hashsalt": "tocsin",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.labelcolor": "black",
    "xtick.color": GREY,
    "ytick.color": GREY,
}


@dataclass(frozen=True)
class Course:
    """One brand's course in event time, one value per closed bucket, and its crisis alerts."""

    label: Label
    begin: datetime
    """Start of the first bucket."""
    mentions: Array
    negatives: Array
    expected: Array
    score: Array
    alerts: Sequence[Alert]


def course_of(simulation: Simulation, label: Label, config: Config) -> Course:
    """The course of a labelled brand as the engine of its partition sees it.

    Args:
        simulation: the stream of all brands.
        label: whose brand is followed.
        config: detection and behaviour.
    """
    partitions = topics()["mentions"].partitions
    partition = partition_of_brand(config, label.brand.encode(), partitions)
    engine = Engine(partition, config)
    lateness = config.engine.allowed_lateness_seconds
    timestamp = int(simulation.labels.end.timestamp() + lateness) * 1000
    rows: list[tuple[float, float, float, float]] = []
    alerts: list[Alert] = []
    for batch in simulation.batches():
        keyed = [(record_key(line), line) for line in batch.lines]
        own = [(key, line) for key, line in keyed if partition_of_brand(config, key, partitions) == partition]
        tick = str((batch.end + lateness) * 1000).encode()  # closes the bucket of this batch
        parts = [*((key, line, ()) for key, line in own), (None, None, ((TICK_HEADER, tick),))]
        outputs = engine.process([Record(at, timestamp, *part) for at, part in enumerate(parts, engine.next_offset)])
        engine.discard_changes()
        alerts += outputs.alerts
        view = engine.brand_view(label.brand)
        if view is None:
            rows.append((0.0, 0.0, 0.0, 0.0))
        elif any(count.brand == label.brand for count in batch.counts):
            rows.append((view.mentions, view.negatives, view.expected, view.score))
        else:  # not visited: what is known is of an earlier bucket
            rows.append((0.0, 0.0, view.expected, view.score))
    crises = [alert for alert in alerts if (alert.brand, alert.kind) == (label.brand, "crisis")]
    mentions, negatives, expected, score = np.array(rows, np.float64).T
    return Course(label, simulation.labels.start, mentions, negatives, expected, score, crises)


def sums(values: Array, window: int) -> Array:
    """The sum of each value and the `window` - 1 before it; of fewer at the beginning."""
    return np.convolve(values, np.ones(window))[: len(values)]


def band(expected: Array, opened: Alert) -> tuple[Array, Array]:
    """The 95 % interval around expected mentions, of the dispersion that the opening alert shows.

    The variance of a window's sum is its dispersion times its mean (pipeline.engine.alerts.brand_alert), so the
    interval widens with the root of the mean.
    """
    of_alert = opened.expected
    spread = (of_alert.upper - of_alert.value) * np.sqrt(expected / of_alert.value)
    return np.maximum(expected - spread, 0.0), expected + spread


def draw(course: Course, config: Config) -> Figure:
    """The figure of a course: volume with its band, negative share, score; and over all of it what was alerted."""
    opened = next(alert for alert in course.alerts if alert.transition == "opened")
    resolved = next(alert for alert in course.alerts if alert.transition == "resolved")
    window = round((opened.window.end - opened.window.start).total_seconds() / BUCKET_SECONDS)
    step = timedelta(seconds=BUCKET_SECONDS)
    ends = np.array([course.begin + step * (number + 1) for number in range(len(course.mentions))])
    onset = course.label.onset_time or course.label.trigger_time
    drawn = (ends >= onset - BEFORE) & (ends <= resolved.detected_time + AFTER)
    time = ends[drawn]
    mentions, negatives, expected = (
        sums(values, window)[drawn] for values in (course.mentions, course.negatives, course.expected)
    )
    hours = "hour" if window * BUCKET_SECONDS == 3600 else f"{window * BUCKET_SECONDS // 60} minutes"
    minutes = round((opened.detected_time - onset).total_seconds() / 60)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(10, 7), layout="constrained")
        figure.suptitle(
            f"A crisis of the simulated brand {course.label.brand}, detected {minutes} minutes after its onset",
            fontweight="bold",
            fontsize=13,
        )
        volume, share, score = figure.subplots(3, 1, sharex=True, height_ratios=(3, 2, 2))

        low, high = band(expected, opened)
        volume.fill_between(time, low, high, color=SKY, alpha=0.4, linewidth=0, label="expected, 95 % interval")
        volume.plot(time, expected, color=GREY, linestyle="--", linewidth=1.2, label="expected")
        volume.plot(time, mentions, color=BLUE, linewidth=1.8, label="observed")
        volume.set_ylabel(f"mentions\nin the last {hours}")
        volume.set_ylim(0, mentions.max() * 1.3)

        usual = 100.0 * opened.expected.negative_share
        share.axhline(usual, color=GREY, linestyle="--", linewidth=1.2, label=f"usual for this brand: {usual:.0f} %")
        share.plot(time, 100.0 * negatives / np.maximum(mentions, 1.0), color=PURPLE, linewidth=1.8, label="observed")
        share.set_ylabel(f"negative, %\nin the last {hours}")
        share.set_ylim(0, 100)

        threshold = opened.score.threshold
        release = threshold * config.brand(course.label.brand).detection.release_ratio
        score.axhline(threshold, color=VERMILION, linewidth=1.2, label=f"opens at {threshold:.2f}")
        score.axhline(release, color=GREY, linestyle=":", linewidth=1.4, label=f"quiet below {release:.2f}")
        score.plot(time, course.score[drawn], color="black", linewidth=1.4, label="score")
        score.set_ylabel("crisis score,\ndeviations")
        score.set_ylim(0, max(float(course.score[drawn].max()), threshold) * 1.25)
        score.set_xlabel(f"event time (UTC), {time[0]:%-d} to {time[-1]:%-d %B %Y}")
        score.xaxis.set_major_locator(HourLocator(byhour=range(0, 24, 3), tz=UTC))  # type: ignore[no-untyped-call]
        score.xaxis.set_major_formatter(DateFormatter("%H:%M", tz=UTC))  # type: ignore[no-untyped-call]
        score.set_xlim(time[0], time[-1])

        for axes in (volume, share, score):
            axes.axvline(onset, color="black", linestyle=":", linewidth=1.4)
            open_time = (opened.detected_time, resolved.detected_time)
            axes.axvspan(*open_time, color=VERMILION, alpha=0.07, linewidth=0, label=EPISODE)
            axes.grid(axis="y", color="#dddddd", linewidth=0.6)
            axes.set_axisbelow(True)
            shown = [one for one in axes.get_legend_handles_labels()[0] if axes is share or one.get_label() != EPISODE]
            axes.legend(handles=shown, loc="upper right", frameon=False, fontsize=10, ncols=3)
        volume.annotate(
            f"onset {onset:%H:%M}", (onset, mentions.max() * 1.2), (-6, 0), textcoords="offset points", ha="right"
        )
        _mark(volume, course.alerts, time, mentions)
    return figure


def _mark(axes: Axes, alerts: Sequence[Alert], time: NDArray[np.object_], mentions: Array) -> None:
    """A marker and a word on the line of mentions for each alert."""
    places = {"opened": ("^", 10, -4), "escalated": ("D", 10, 26), "resolved": ("o", -6, 16)}
    for alert in alerts:
        if alert.transition not in places:
            continue
        marker, right, up = places[alert.transition]
        here = time == alert.detected_time
        axes.plot(time[here], mentions[here], marker, color=VERMILION, ms=9, markeredgecolor="white", zorder=5)
        axes.annotate(
            f"{alert.transition} {alert.detected_time:%H:%M}",
            (alert.detected_time, float(mentions[here][0])),
            (right, up),
            textcoords="offset points",
            ha="left" if right > 0 else "center",
            color=VERMILION,
            fontweight="bold",
        )


@click.command()
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), default=PICTURE, show_default=PICTURE.name)
def main(out: Path) -> None:
    """Draw the sudden crisis of the stream that `make run` publishes."""
    simulation = demo_stream(history_hours=HISTORY_HOURS)
    label = next(label for label in simulation.labels.labels if label.shape == "sudden")
    config = load_config(None)
    figure = draw(course_of(simulation, label, config), config)
    out.parent.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(STYLE):
        figure.savefig(out, metadata={"Date": None, "Creator": None} if out.suffix == ".svg" else None, dpi=110)


if __name__ == "__main__":
    main()
