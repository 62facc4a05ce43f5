"""The report of simulated worlds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.config.model import DetectionConfig
from pipeline.evaluation.aftermath import AftermathRow
from pipeline.evaluation.comparison import PeerReport
from pipeline.evaluation.crowded import CrowdedRow
from pipeline.evaluation.reports.plots import Panel, Timeline
from pipeline.evaluation.reports.report import Report, Table, show_found, show_onset, show_rate
from pipeline.evaluation.second_crises import SecondCrisisRow
from pipeline.evaluation.simulated import CRISIS_RATE, CellReport, WorldRun, crisis_rule, starts_of
from pipeline.simulation.worlds.ordinary import CRISES
from pipeline.simulation.worlds.worlds import WORLDS
from schemas.observation import BUCKETS_PER_DAY

FALSE_NOTE = (
    "Crisis episodes per brand-year in days without a crisis, with 95 % intervals; the heading is what was tolerated. "
    "Benign: share of benign bursts in which a crisis alarm fired, at 1 tolerated per year. Fortnight: crisis episodes "
    "per brand in the first 14 days that count; surge h: hours of open volume_surge episodes per brand in them (in the "
    "world 'shifted' these are the days after the shift). Surges: volume_surge episodes per brand-year, in brackets "
    "the configured rate; benign bursts, which are surges, are among them."
)
FOUND_NOTE = (
    "Share of crises detected within 12 h (sudden, weak) or 24 h (slow, weak-slow) at 1 tolerated false alarm per "
    "year, its interval, their number, and quartiles of the delay from the beginning of the rise; a dash is a miss."
)
DETECTOR_NOTE = (
    "Every detector on the same counts, at the same tolerated rate and the shipped threshold for it: what is counted "
    "as false alarms shows whether the rate means the same for all. Found: share, then median delay in minutes."
)
AFTERMATH_NOTE = (
    "By the engine itself, a crisis at a time. Onset: quartiles of the absolute error of the alert's onset_time in "
    "minutes, median error in brackets (below 0: too early), then the share of onset_intervals that hold the true "
    "beginning of the rise, and their median length. After: episodes per crisis that opened within a day after it was "
    "resolved and that no new crisis explains, those that call a person (crisis, sentiment_shift) and volume_surge "
    "apart; in brackets how many open in a day of the same brands without a crisis."
)
SECOND_NOTE = (
    "By the engine itself: two of three brands have a crisis, and another of the same strength so many days later. "
    "Share of the first and of the second crises on which an alert opened in time; a second one that begins while an "
    "episode is open is still open, and updated where that episode told of doubled mentions within the horizon."
)
CROWDED_NOTE = (
    "In the fortnight before, so many of the brands had a crisis of their own. Crises found as above, and false alarms "
    "of that fortnight per brand-year on the brands that had none."
)
PEER_NOTE = (
    "Same brands, same cool-down. Tocsin runs at its shipped threshold for 1 false alarm per brand-year; each peer at "
    "the lowest threshold that gave at most 1 on the other half of the brands. Few brands make wide intervals."
)


def simulated_report(
    cells: Sequence[CellReport],
    peers: Sequence[PeerReport],
    plots: list[Timeline],
    facts: dict[str, Any],
    aftermath: Sequence[AftermathRow] = (),
    second: Sequence[SecondCrisisRow] = (),
    crowded: Sequence[CrowdedRow] = (),
) -> Report:
    """Tables and data of the scored worlds."""
    report = Report("simulated", "Simulated fleets", facts, plots=plots)
    rates = [row.nominal for row in cells[0].false_alarms]
    asked = cells[0].surges.nominal
    report.tables.append(
        Table(
            "False alarms per brand-year",
            (
                *("world", "size", "brand-years"),
                *(f"{rate:g} per year" for rate in rates),
                *("benign", "fortnight", "surge h", f"surges ({asked:g} per year)"),
            ),
            [
                (
                    cell.world,
                    cell.size,
                    f"{cell.brands * cell.days / 365:.1f}",
                    *(show_rate(row.realised) for row in cell.false_alarms),
                    show_rate(cell.benign, 3) if cell.benign else "-",
                    show_rate(cell.fortnight),
                    f"{cell.surge_hours:.1f}",
                    show_rate(cell.surges.realised, 1),
                )
                for cell in cells
            ],
            FALSE_NOTE,
        )
    )
    staged = [cell for cell in cells if cell.crises]
    if staged:
        report.tables.append(
            Table(
                "Crises detected",
                ("world", "size", *CRISES),
                [(cell.world, cell.size, *(show_found(cell.crises.get(kind)) for kind in CRISES)) for cell in staged],
                FOUND_NOTE,
            )
        )
    if aftermath:
        report.tables.append(aftermath_table(aftermath))
    if second:
        report.tables.append(second_table(second))
    if crowded:
        report.tables.append(crowded_table(crowded))
    if peers:
        report.tables.append(
            Table(
                "Beside others",
                ("world", "size", "detector", "brands", "false alarms / year", *CRISES),
                [
                    (
                        row.world,
                        row.size,
                        row.detector,
                        str(row.brands),
                        show_rate(row.false_alarms),
                        *(show_found(row.crises.get(kind)) for kind in CRISES),
                    )
                    for row in peers
                ],
                PEER_NOTE,
            )
        )
    laws = {name: WORLDS[name] for name in dict.fromkeys(cell.world for cell in cells)}
    report.data = {"worlds": laws, "cells": cells, "peers": peers, "aftermath": aftermath}
    report.data |= {"after a crisis": second, "crowded": crowded}
    return report


def aftermath_table(rows: Sequence[AftermathRow]) -> Table:
    """Onsets of the crises that were found, and what opened after them."""
    return Table(
        "Onset and end of crises",
        ("world", "size", "kind", "crises", "found", "onset error", "in interval", "after", "surges after"),
        [
            (
                *(row.world, row.size, row.kind, str(row.crises), str(row.found)),
                *show_onset(row.onset),
                *(
                    "-" if after is None else f"{show_rate(after, 3)} ({usual:.3f})"
                    for after, usual in zip((row.after, row.surges_after), row.ordinary, strict=True)
                ),
            )
            for row in rows
        ],
        AFTERMATH_NOTE,
    )


def second_table(rows: Sequence[SecondCrisisRow]) -> Table:
    """First and second crises of the same brands."""
    return Table(
        "After a crisis",
        ("world", "size", "kind", "days later", "first found", "second found", "still open", "updated"),
        [
            (
                *(row.world, row.size, row.kind, str(row.gap_days)),
                *(show_rate(share) for share in (row.first, row.second, row.still_open, row.updated)),
            )
            for row in rows
        ],
        SECOND_NOTE,
    )


def crowded_table(rows: Sequence[CrowdedRow]) -> Table:
    """Crises in fleets of which a share has burnt."""
    kinds = list(rows[0].crises)
    return Table(
        "Crowded fleets",
        ("world", "size", "in crisis", *kinds, "false alarms"),
        [
            (
                *(row.world, row.size, f"{row.share:.0%}"),
                *(show_found(row.crises.get(kind)) for kind in kinds),
                show_rate(row.false_alarms) if row.false_alarms else "-",
            )
            for row in rows
        ],
        CROWDED_NOTE,
    )


def detectors_report(cells: Sequence[tuple[str, CellReport]], facts: dict[str, Any]) -> Report:
    """One table of every detector that lived through the worlds.

    Args:
        cells: name of the detector, what it did.
        facts: of the run.
    """
    report = Report("detectors", "Detectors of the registry", facts)
    rows = []
    for name, cell in cells:
        at_one = next(row for row in cell.false_alarms if row.nominal == CRISIS_RATE)
        rows.append(
            (
                *(cell.world, cell.size, name, f"{cell.brands * cell.days / 365:.1f}"),
                *(show_rate(at_one.realised), show_rate(cell.benign, 3) if cell.benign else "-"),
                *(show_found(cell.crises.get(kind)) for kind in CRISES),
            )
        )
    head = ("world", "size", "detector", "brand-years", "false alarms / year", "benign", *CRISES)
    title = f"Detectors at {CRISIS_RATE:g} tolerated false alarm per brand-year"
    report.tables.append(Table(title, head, rows, DETECTOR_NOTE))
    report.data = {"cells": [{"detector": name, "cell": cell} for name, cell in cells]}
    return report


def plots_of(run: WorldRun, sizes: Sequence[str], detection: DetectionConfig) -> list[Timeline]:
    """Timelines of one brand of each size: its days, and one staged crisis of each kind."""
    rule = crisis_rule(CRISIS_RATE, detection)
    plots = []
    for size in sizes:
        place = int(np.flatnonzero(run.sizes == size)[0])
        bursts = tuple(
            (burst.start, burst.end, "benign burst", False)
            for burst in run.bursts
            if burst.brand == place and burst.end < len(run.crisis)
        )
        plots.append(
            Timeline(
                f"{run.world}, size {size}: warm-up and scored days of one brand",
                "day 0",
                f"day {len(run.crisis) // BUCKETS_PER_DAY}",
                (
                    Panel("mentions in 5 minutes", run.mentions[:, place], "#3a6ea5"),
                    Panel("crisis score", np.maximum(run.crisis[:, place], 0.0), "#1d2430", rule.threshold),
                ),
                bursts,
                tuple(int(start) for start in starts_of(run.crisis[:, place : place + 1], rule)[0]),
            )
        )
        for kind, stage in {stage.kind: stage for stage in reversed(run.staged)}.items():
            onset = int(stage.onset[place])
            end = min(onset + int(CRISES[kind].horizon * 12), len(stage.scores) - 1)
            plots.append(
                Timeline(
                    f"{run.world}, size {size}: a {kind} crisis",
                    "0 h",
                    "48 h",
                    (
                        Panel("mentions in 5 minutes", stage.mentions[:, place], "#3a6ea5"),
                        Panel("negatives in 5 minutes", stage.negatives[:, place], "#b4541a"),
                        Panel("crisis score", np.maximum(stage.scores[:, place], 0.0), "#1d2430", rule.threshold),
                    ),
                    ((onset, end, f"{kind} crisis, as long as an alarm counts", True),),
                    tuple(int(start) for start in starts_of(stage.scores[:, place : place + 1], rule)[0]),
                )
            )
    return plots
