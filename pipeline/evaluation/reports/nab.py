"""The report of count series in NAB format."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.evaluation.counts import CountSeries, NabRow, alarm_rows
from pipeline.evaluation.reports.plots import Panel, Timeline
from pipeline.evaluation.reports.report import Report, Table
from pipeline.evaluation.scoring.alarms import AlarmRule
from pipeline.evaluation.scoring.nab import Result

NOTE = (
    "Scores are standard / low FP / low FN. As shipped: at the configured threshold. Best: threshold chosen on these "
    "very files, an upper bound. Left out: each file at the threshold best on the others. Starts: alarms at least 24 h "
    "apart, a window is hit once; strict asks for an alarm from 15 minutes before to 60 after the onset; "
    "peers are shown at their best threshold there. Random is the median of 20 runs."
)


def nab_report(
    series: Sequence[CountSeries], scores: Sequence[NDArray[np.float64]], rule: AlarmRule, rows: Sequence[NabRow]
) -> Report:
    """Tables, plots and data of one run of the volume channel."""
    report = Report(
        "nab", "Volume alarms on labelled counts", {"files": len(series), "volume_surge threshold": rule.threshold}
    )
    alarms = [np.flatnonzero(alarm_rows(one, own, rule)) for one, own in zip(series, scores, strict=True)]
    report.tables.append(
        Table(
            "Alarms by file",
            ("file", "rows", "from", "to", "alarms", "highest score"),
            [
                (one.name, f"{len(own):,}", one.timestamps[0], one.timestamps[-1], str(len(fired)), f"{own.max():.1f}")
                for one, own, fired in zip(series, scores, alarms, strict=True)
            ],
        )
    )
    if rows:
        columns = ("detector", "as shipped", "best", "left out", "windows", "false rows")
        starts = ("starts F1", "strict F1", "false / week")
        report.tables.append(
            Table("Scores of the Numenta Anomaly Benchmark", columns + starts, [_cells(row) for row in rows], NOTE)
        )
    for one, own, fired in zip(series, scores, alarms, strict=True):
        windows = one.labels.windows if one.labels else ()
        report.plots.append(
            Timeline(
                one.name,
                one.timestamps[0],
                one.timestamps[-1],
                (
                    Panel("mentions in 5 minutes (square root)", np.sqrt(one.values), "#3a6ea5"),
                    Panel("volume score", np.maximum(own, 0.0), "#1d2430", rule.threshold),
                ),
                tuple((first, last, "labelled window", True) for first, last in windows),
                tuple(int(row) for row in fired),
            )
        )
    report.data = {
        "alarms": {one.name: [one.timestamps[row] for row in fired] for one, fired in zip(series, alarms, strict=True)},
        "detectors": rows,
    }
    return report


def _cells(row: NabRow) -> tuple[str, ...]:
    shown = row.at_threshold or row.best or {}
    best = f"{_scores(row.best)} at {row.best_threshold:.3g}" if row.best and row.best_threshold is not None else "-"
    starts = row.starts
    return (
        row.name,
        _scores(row.at_threshold),
        best,
        _scores(row.left_out),
        f"{shown['standard'].hit}/{shown['standard'].windows}" if shown else "-",
        str(shown["standard"].false_rows) if shown else "-",
        f"{starts.f1:.2f}" if starts else "-",
        f"{starts.strict_f1:.2f}" if starts else "-",
        f"{starts.false_per_week:.2f}" if starts else "-",
    )


def _scores(results: dict[str, Result] | None) -> str:
    return " / ".join(f"{result.score:.1f}" for result in results.values()) if results else "-"
