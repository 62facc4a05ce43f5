"""A report as tables on a terminal, as JSON and as one HTML file that needs nothing beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.table import Table as RichTable

from detectors.brand.threshold import CALIBRATION_VERSION
from detectors.registry import DETECTOR_VERSION
from pipeline.errors import TocsinError
from pipeline.evaluation.reports.plots import Timeline, draw
from pipeline.evaluation.scoring.onsets import OnsetErrors
from pipeline.evaluation.scoring.outcomes import Delays, Estimate, Found

NULL_HYPOTHESIS: Final = (
    "False alarms are counted against streams in which rate and negative share vary as the labels or the world say, "
    "without a crisis in them. Intervals are 95 %, by bootstrap over brands; where nothing (or everything) was "
    "counted, the exact one-sided bound."
)
SCORE_PLOTS: Final = (
    "Score against time. Red lines are alarms, red bands labelled crises, blue bands what else is labelled; the dashed "
    "line is the threshold."
)
_STYLE: Final = (
    "body{font:14px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:1080px;color:#1d2430;background:#fff}"
    "h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}.scroll{overflow-x:auto}"
    "table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:13px}"
    "th,td{padding:3px 10px;border-bottom:1px solid #dde1e8;text-align:left;white-space:nowrap}"
    ".head{font-weight:600;font-size:13px}.tick{font-size:10px;fill:#59606c}.axis{stroke:#9aa1ad}"
    ".level{stroke:#b4541a;stroke-dasharray:4 3}.alarm{stroke:#c21f2f;stroke-width:1.5}"
    ".crisis{fill:#c21f2f;opacity:.13}.other{fill:#3a6ea5;opacity:.13}"
)


@dataclass(frozen=True)
class Table:
    """Rows of text under a title, with a note that says what the figures mean."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


@dataclass
class Report:
    """The results of one evaluation; `data` is what the JSON holds."""

    name: str
    title: str
    facts: dict[str, Any]
    tables: list[Table] = field(default_factory=list)
    plots: list[Timeline] = field(default_factory=list)
    data: Any = None
    about: str = NULL_HYPOTHESIS
    about_plots: str = SCORE_PLOTS

    def print(self, console: Console) -> None:
        """Print every table with its note."""
        for table in self.tables:
            shown = RichTable(title=table.title, title_justify="left", caption=table.note, caption_justify="left")
            for column in table.columns:
                shown.add_column(column, overflow="fold")
            for row in table.rows:
                shown.add_row(*(cell.replace("[", r"\[") for cell in row))
            console.print(shown)

    def write(self, folder: Path) -> tuple[Path, Path]:
        """Write NAME.json and NAME.html; returns their paths.

        Raises:
            TocsinError: they cannot be written.
        """
        facts = {"detector": DETECTOR_VERSION, "calibration": CALIBRATION_VERSION, **self.facts}
        document = msgspec.json.encode({"evaluation": self.name, **facts, "results": self.data})
        paths = folder / f"{self.name}.json", folder / f"{self.name}.html"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            paths[0].write_bytes(msgspec.json.format(document, indent=1) + b"\n")
            paths[1].write_text(self._html(facts), encoding="utf-8")
        except OSError as error:
            raise TocsinError(f"{folder}: expected a folder that can be written: {error.strerror}") from None
        return paths

    def _html(self, facts: dict[str, Any]) -> str:
        listed = ", ".join(f"{escape(str(key))} {escape(str(value))}" for key, value in facts.items())
        parts = [
            "<!doctype html><html lang=en><meta charset=utf-8>",
            "<meta name=viewport content='width=device-width'>",
            f"<title>{escape(self.title)}</title><style>{_STYLE}</style>",
            f"<h1>{escape(self.title)}</h1><p>{listed}</p><p>{escape(self.about)}</p>",
        ]
        for table in self.tables:
            head = "".join(f"<th>{escape(column)}</th>" for column in table.columns)
            rows = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in table.rows)
            parts.append(f"<h2>{escape(table.title)}</h2><div class=scroll><table><tr>{head}</tr>{rows}</table></div>")
            parts.append(f"<p>{escape(table.note)}</p>")
        if self.plots:
            parts.append(f"<h2>Plots</h2><p>{escape(self.about_plots)}</p>")
        parts.extend(draw(plot) for plot in self.plots)
        return "".join(parts) + "</html>\n"


def show_rate(found: Estimate, digits: int = 2) -> str:
    """A rate with its interval: 0.93 [0.61, 1.30]."""
    high = f"{found.high:.{digits}f}" if math.isfinite(found.high) else "-"
    return f"{found.value:.{digits}f} [{found.low:.{digits}f}, {high}]"


def show_found(found: Found | None) -> str:
    """Recall with its interval, number of crises, quartiles of the delay."""
    if found is None:
        return "-"
    return f"{show_rate(found.recall)} of {found.recall.exposure:.0f}, {show_delay(found.delay)}"


def show_onset(found: OnsetErrors | None) -> tuple[str, str]:
    """Quartiles of the absolute error with its bias in minutes; the share inside the interval and its length."""
    if found is None:
        return "-", "-"
    errors = f"{found.lower:.0f}/{found.median:.0f}/{found.upper:.0f} min ({found.bias:+.0f})"
    if found.inside is None or found.width is None:
        return errors, "-"
    return errors, f"{found.inside:.2f} of {found.width:.0f} min"


def show_delay(delay: Delays) -> str:
    """Quartiles in minutes; a dash where a miss stands there."""
    quartiles = (delay.lower, delay.median, delay.upper)
    return "/".join("-" if value is None else f"{value:.0f}" for value in quartiles) + " min"
