"""The scoring of the Numenta Anomaly Benchmark (NAB) as published, and a simpler one of alarm starts.

Lavin & Ahmad, "Evaluating Real-time Anomaly Detection Algorithms - the Numenta Anomaly Benchmark" (2015). The first
min(15 % of rows, 750) rows never count. In a labelled window only the best alarm counts, the earlier the better; every
alarm outside costs, less shortly after a window; a window without an alarm costs. Without any alarm the score is 0,
with one at the first row of every window it is 100.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]


class Profile(NamedTuple):
    """Weights of a hit, a miss and a false row."""

    hit: float
    miss: float
    false: float


PROFILES: Final = {
    "standard": Profile(1.0, 1.0, 0.11),
    "low_fp": Profile(1.0, 1.0, 0.22),
    "low_fn": Profile(1.0, 2.0, 0.11),
}


class Labelled(msgspec.Struct, frozen=True):
    """The labels of one series: its length and its windows as (first row, last row), in order and apart."""

    rows: int
    windows: tuple[tuple[int, int], ...]

    @property
    def probation(self) -> int:
        """Rows that never count."""
        return min(int(0.15 * self.rows), 750)


class Result(msgspec.Struct, frozen=True):
    """NAB's score and what it rests on."""

    score: float
    windows: int
    hit: int
    false_rows: int


def score(alarms: Sequence[NDArray[np.bool_]], series: Sequence[Labelled], profile: Profile) -> Result:
    """NAB's normalised score of alarm rows over several series."""
    total, hit, false_rows, windows = 0.0, 0, 0, 0
    for fired, labelled in zip(alarms, series, strict=True):
        if len(fired) != labelled.rows:
            raise ValueError(f"expected {labelled.rows} rows, got {len(fired)}")
        rows = np.flatnonzero(fired)
        rows = rows[rows >= labelled.probation]
        inside = np.zeros(len(rows), bool)
        for first, last in labelled.windows:
            windows += 1
            within = (rows >= first) & (rows <= last)
            inside |= within
            if within.any():
                hit += 1
                width = last - first + 1
                # Earlier is better, so the first alarm of a window is its best.
                total += profile.hit * _sigmoid((int(rows[within][0]) - first) / width - 1.0) / _sigmoid(-1.0)
            elif last >= labelled.probation:
                total -= profile.miss
        for row in rows[~inside]:
            false_rows += 1
            total += profile.false * _worth_outside(int(row), labelled.windows)
    best = (profile.hit + profile.miss) * windows
    return Result(
        100.0 * (total + profile.miss * windows) / best if windows else float("nan"), windows, hit, false_rows
    )


def best_threshold(
    alarms_at: Sequence[Sequence[NDArray[np.bool_]]], series: Sequence[Labelled], profile: Profile
) -> tuple[int, Result]:
    """Which of several settings scores best, given each one's alarm rows; an upper bound, chosen on the test itself."""
    results = [score(alarms, series, profile) for alarms in alarms_at]
    best = max(range(len(results)), key=lambda place: (results[place].score, place))
    return best, results[best]


def leave_one_out(
    alarms_at: Sequence[Sequence[NDArray[np.bool_]]], series: Sequence[Labelled], profile: Profile
) -> Result:
    """The score with each series' setting chosen on all the others."""
    chosen = []
    for place in range(len(series)):
        others = [other for other in range(len(series)) if other != place]
        rest = [[alarms[other] for other in others] for alarms in alarms_at]
        setting, _ = best_threshold(rest, [series[other] for other in others], profile)
        chosen.append(alarms_at[setting][place])
    return score(chosen, series, profile)


class AlarmStarts(msgspec.Struct, frozen=True):
    """An operator's view of alarms: windows hit once, everything else false.

    `strict` asks for an alarm from 15 minutes before to 60 minutes after the onset itself.
    """

    windows: int
    hit: int
    false: int
    f1: float
    strict_hit: int
    strict_f1: float
    false_per_week: float


def alarm_starts(
    alarms: Sequence[NDArray[np.bool_]],
    series: Sequence[Labelled],
    onsets: Sequence[Sequence[int]],
    *,
    rows_per_hour: int = 12,
    refractory_hours: int = 24,
) -> AlarmStarts:
    """Precision and recall of alarm starts, with a refractory time after each.

    Args:
        alarms: alarm rows of each series.
        series: labels of each series.
        onsets: rows of the labelled onsets of each series.
        rows_per_hour: how fine the series are.
        refractory_hours: alarms so soon after another are part of it.
    """
    windows = hit = true = false = strict_hit = strict_true = 0
    weeks, count = 0.0, 0
    for fired, labelled, moments in zip(alarms, series, onsets, strict=True):
        starts: list[int] = []
        for row in np.flatnonzero(fired):
            if row >= labelled.probation and (not starts or row - starts[-1] >= refractory_hours * rows_per_hour):
                starts.append(int(row))
        weeks += (labelled.rows - labelled.probation) / (rows_per_hour * 24 * 7)
        live = [window for window in labelled.windows if window[1] >= labelled.probation]
        windows += len(live)
        hit += sum(any(first <= start <= last for start in starts) for first, last in live)
        outside = sum(not any(first <= start <= last for first, last in labelled.windows) for start in starts)
        false += outside
        true += len(starts) - outside
        near = rows_per_hour // 4, rows_per_hour
        strict_hit += sum(any(-near[0] <= start - moment <= near[1] for start in starts) for moment in moments)
        strict_true += sum(any(-near[0] <= start - moment <= near[1] for moment in moments) for start in starts)
        count += len(starts)
    return AlarmStarts(
        windows,
        hit,
        false,
        _f1(true, count, hit, windows),
        strict_hit,
        _f1(strict_true, count, strict_hit, windows),
        false / weeks if weeks else 0.0,
    )


def _f1(true: int, alarms: int, hit: int, windows: int) -> float:
    precision = true / alarms if alarms else 0.0
    recall = hit / windows if windows else 0.0
    return 2.0 * precision * recall / (precision + recall) if precision + recall else 0.0


def _worth_outside(row: int, windows: Sequence[tuple[int, int]]) -> float:
    """-1 far from a window, nearly 0 just after one."""
    before = [window for window in windows if window[1] < row]
    if not before:
        return -1.0
    first, last = before[-1]
    y = (row - last) / max(last - first, 1e-9)
    return -1.0 if y > 3.0 else _sigmoid(y)


def _sigmoid(y: float) -> float:
    return float(2.0 / (1.0 + np.exp(5.0 * y)) - 1.0)
