"""The report of the sentiment models on labelled texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from pipeline.evaluation.reports.plots import Panel, Timeline
from pipeline.evaluation.reports.report import Report, Table
from pipeline.evaluation.sentiment import BUCKET_TEXTS, BUCKETS, Interval, Measured, Row

NOTE: Final = (
    "On held-out texts. AUC of P(negative): against positive texts, against all others. Brier: mean squared error of "
    "P(negative); bias: its mean less the true share. Share: correlation of the share of texts taken for negative "
    f"(P > 0.5) with the true one over {BUCKETS} buckets of {BUCKET_TEXTS[0]} to {BUCKET_TEXTS[1]} texts drawn with "
    "shares from 0 to 0.8, and over buckets of event time where the texts have one. Intervals are 95 %, by bootstrap "
    "over texts or buckets. Time is CPU time, best of three. A dash: fewer than 10 texts or buckets."
)
ABOUT: Final = (
    "One half of the texts is learned from, the figures are of the other half. The controls read no text; a figure "
    "that a control reaches is worth nothing. Buckets are drawn from the same held-out texts, so their intervals "
    "reflect the number of buckets, not how few texts there are."
)
ABOUT_PLOTS: Final = (
    "Each panel is the negative share of the same drawn buckets, put in the order of the true share: an estimate that "
    "follows it rises from left to right."
)
_COLUMNS: Final = (
    "model", "scorer", "labels", "held out", "AUC neg/pos", "AUC neg/rest", "Brier", "bias", "share, drawn",
    "share, in time", "us per text", "us per label",
)  # fmt: skip
_COLOURS: Final = ("#b4541a", "#3a6ea5", "#2c7a4b")


def sentiment_report(found: Mapping[str, Measured], texts: int) -> Report:
    """Tables, plots and data of one run."""
    report = Report(
        "sentiment", "Sentiment models on labelled texts", {"texts": texts}, about=ABOUT, about_plots=ABOUT_PLOTS
    )
    rows = [row for measured in found.values() for row in measured.rows]
    report.tables.append(Table("Sentiment of held-out texts", _COLUMNS, [_cells(row) for row in rows], NOTE))
    for language, measured in found.items():
        if not measured.true_shares:
            continue
        panels = [Panel("true negative share", np.array(measured.true_shares), "#1d2430")]
        panels += [
            Panel(f"estimated, {name}", np.array(shares), _COLOURS[place % len(_COLOURS)])
            for place, (name, shares) in enumerate(measured.estimated_shares.items())
        ]
        title = f"{language}: negative share of drawn buckets, by the true one"
        report.plots.append(Timeline(title, "lowest share", "highest share", panels))
    report.data = {"rows": rows, "buckets": found}
    return report


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.language,
        row.scorer,
        f"{row.labels:,}",
        f"{row.held_out:,} ({row.negatives:,} neg)",
        _show(row.positive_negative),
        _show(row.negative_rest),
        _show(row.brier),
        f"{row.bias:+.3f}",
        _show(row.share_drawn),
        ", ".join(f"{hours} {_show(own)}" for hours, own in row.share_in_time.items()) or "-",
        "-" if row.microseconds is None else f"{row.microseconds:.0f}",
        "-" if row.learn_microseconds is None else f"{row.learn_microseconds:.0f}",
    )


def _show(found: Interval | None) -> str:
    return "-" if found is None else f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]"
