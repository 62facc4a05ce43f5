"""Count series in the format of the Numenta Anomaly Benchmark through the volume channel."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.brand.model import BrandModel
from pipeline.errors import TocsinError
from pipeline.evaluation.peers.baselines import PEERS
from pipeline.evaluation.scoring import nab
from pipeline.evaluation.scoring.alarms import AlarmRule, episodes
from pipeline.evaluation.scoring.controls import always_on, random_at
from pipeline.files.tables import Table
from schemas.observation import BUCKET_SECONDS, BUCKETS_PER_DAY

RANDOM_RUNS: Final = 20
_MEMORY_ROWS: Final = BUCKETS_PER_DAY

Rows = NDArray[np.bool_]


@dataclass(frozen=True)
class CountSeries:
    """One file: raw rows, the 5-minute bucket of each, and its labels if it has any."""

    name: str
    timestamps: list[str]
    raw_values: list[str]
    buckets: NDArray[np.int64]
    values: NDArray[np.float64]
    labels: nab.Labelled | None
    onsets: tuple[int, ...]


class Entry(msgspec.Struct, frozen=True):
    """The labels of one file as it is written: windows as (first, last) and onsets, all as time stamps of rows."""

    windows: list[tuple[str, str]]
    labels: list[str] = []


class NabRow(msgspec.Struct, frozen=True):
    """A detector on all labelled series: NAB scores at the threshold it has, at the best one, and left out."""

    name: str
    threshold: float | None
    at_threshold: dict[str, nab.Result] | None
    best_threshold: float | None
    best: dict[str, nab.Result] | None
    left_out: dict[str, nab.Result] | None
    starts: nab.AlarmStarts | None


def read_folder(folder: Path, labels: Path | None = None) -> list[CountSeries]:
    """Every CSV file of a folder, by name; labels from `labels`, else from labels.json in the folder if it is there.

    Raises:
        TocsinError: names the file and the line, what was expected and what was got.
    """
    paths = sorted(folder.rglob("*.csv")) if folder.is_dir() else []
    if not paths:
        raise TocsinError(f"{folder}: expected a folder with .csv files of timestamp,value, found none")
    names = [path.name for path in paths]
    if len(set(names)) < len(names):
        raise TocsinError(f"{folder}: expected files of different names, got one name twice")
    source = labels or (folder / "labels.json" if (folder / "labels.json").is_file() else None)
    known = read_labels(source) if source else {}
    return [_read(path, known.get(path.name)) for path in paths]


def read_labels(path: Path) -> dict[str, Entry]:
    """Windows and labels by file name, from our form or NAB's combined_windows.json.

    Raises:
        TocsinError: it cannot be read.
    """
    try:
        entries = msgspec.json.decode(path.read_bytes(), type=dict[str, Entry | list[tuple[str, str]]])
    except (OSError, msgspec.DecodeError) as error:
        raise TocsinError(f"{path}: expected a JSON object of windows by file name: {error}") from None
    return {
        key.rsplit("/", 1)[-1]: Entry(entry) if isinstance(entry, list) else entry for key, entry in entries.items()
    }


def _read(path: Path, entry: Entry | None) -> CountSeries:
    stamps, raw, seconds, values = [], [], [], []
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            reader = Table(stream, path)
            if not {"timestamp", "value"} <= set(reader.columns()):
                raise TocsinError(f"{path}:1: expected the columns timestamp,value, got {reader.fieldnames}")
            for row in reader:
                value = float(row["value"])
                if not 0.0 <= value < math.inf:
                    raise TocsinError(f"{path}:{reader.line_num}: expected a count >= 0, got {row['value']!r}")
                stamps.append(row["timestamp"])
                raw.append(row["value"])
                seconds.append(_seconds(row["timestamp"]))
                values.append(value)
    except (OSError, ValueError, TypeError) as error:
        raise TocsinError(f"{path}: expected rows of timestamp,value: {error}") from None
    buckets = np.array(seconds, np.int64) // BUCKET_SECONDS
    if len(buckets) < 2 or (np.diff(buckets) < 1).any():
        raise TocsinError(
            f"{path}: expected rows 5 minutes apart in order of time, got {len(buckets)} rows that are not"
        )
    labelled: nab.Labelled | None = None
    onsets: tuple[int, ...] = ()
    if entry is not None:
        row_of = {second: place for place, second in reversed(list(enumerate(seconds)))}
        try:
            windows = sorted((row_of[_seconds(first)], row_of[_seconds(last)]) for first, last in entry.windows)
            onsets = tuple(row_of[_seconds(moment)] for moment in entry.labels)
        except (KeyError, ValueError) as error:
            raise TocsinError(f"{path}: expected a row at each label's time, found none: {error}") from None
        labelled = nab.Labelled(len(stamps), tuple(windows))
    return CountSeries(path.name, stamps, raw, buckets, np.array(values), labelled, onsets)


def _seconds(text: str) -> int:
    moment = datetime.fromisoformat(text.strip()[:19])
    return int(moment.replace(tzinfo=UTC).timestamp())


def surge_scores(series: CountSeries) -> NDArray[np.float64]:
    """The volume channel's score of every row, each scored before it is learned; missing rows are gaps in the feed."""
    model = BrandModel()
    scores = np.empty(len(series.values))
    for row, (index, value) in enumerate(zip(series.buckets.tolist(), series.values.tolist(), strict=True)):
        missing = index - model.last_bucket - 1 if model.last_bucket >= 0 else 0
        scores[row] = model.close(index, value, 0.0, missing).surge
    return scores


def alarm_rows(series: CountSeries, scores: NDArray[np.float64], rule: AlarmRule) -> Rows:
    """A mask of the rows in which an episode opens."""
    place = series.buckets - series.buckets[0]
    dense = np.full(int(place[-1]) + 1, np.nan)
    dense[place] = scores
    opened = np.zeros(len(dense), bool)
    opened[[span.start for span in episodes(dense, rule)]] = True
    rows: Rows = opened[place]
    return rows


def soft_scores(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """The score where it is the highest of the last day, else 0: graded for scoring without a cool-down."""
    padded = np.concatenate([np.zeros(_MEMORY_ROWS), np.maximum(scores, 0.0)])
    before = np.lib.stride_tricks.sliding_window_view(padded, _MEMORY_ROWS)[: len(scores)].max(axis=1)
    graded: NDArray[np.float64] = np.where(scores > before, scores, 0.0)
    return graded


def write_results(series: Sequence[CountSeries], scores: Sequence[NDArray[np.float64]], folder: Path) -> None:
    """NAB result files: timestamp,value,anomaly_score, named as the data files.

    Raises:
        TocsinError: they cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for one, own in zip(series, scores, strict=True):
            with (folder / one.name).open("w", newline="", encoding="utf-8") as stream:
                writer = csv.writer(stream, lineterminator="\n")
                writer.writerow(("timestamp", "value", "anomaly_score"))
                rows = zip(one.timestamps, one.raw_values, own.tolist(), strict=True)
                writer.writerows((stamp, value, repr(score)) for stamp, value, score in rows)
    except OSError as error:
        raise TocsinError(f"{folder}: expected a folder that can be written: {error.strerror}") from None


def rate_detectors(
    series: Sequence[CountSeries],
    scores: Sequence[NDArray[np.float64]],
    rule: AlarmRule,
    *,
    peers: bool = True,
    on_peer: Callable[[str], None] = lambda _: None,
) -> list[NabRow]:
    """The shipped volume channel, its peers and the controls on the labelled series; [] where nothing is labelled."""
    labelled = [(one, own) for one, own in zip(series, scores, strict=True) if one.labels is not None]
    if not labelled:
        return []
    known = [one for one, _ in labelled]
    rows = [_row("Tocsin, as shipped", known, [own for _, own in labelled], rule, has_threshold=True)]
    shipped = [alarm_rows(one, own, rule) for one, own in labelled]
    if peers:
        for name, make in PEERS.items():
            on_peer(name)
            found = [
                make(1, "mentions").run(one.values[:, None], np.zeros((len(one.values), 1)))[:, 0] for one in known
            ]
            rows.append(_row(name, known, found, rule, has_threshold=False))
    spacing = rule.quiet_buckets + rule.cool_down_buckets
    rows.append(_control("always on", known, [[_rows(always_on(1, len(o.values), spacing)[0], o) for o in known]]))
    rate = sum(int(alarms.sum()) for alarms in shipped) / sum(len(one.values) for one in known)
    runs = [
        [_rows(random_at(rate, 1, len(o.values), spacing, seed * 1000 + at)[0], o) for at, o in enumerate(known)]
        for seed in range(RANDOM_RUNS)
    ]
    rows.append(_control("random, as often as Tocsin", known, runs))
    rows.append(_control("never on", known, [[np.zeros(len(one.values), bool) for one in known]]))
    return rows


def _row(
    name: str, series: list[CountSeries], scores: list[NDArray[np.float64]], rule: AlarmRule, *, has_threshold: bool
) -> NabRow:
    labels = [one.labels for one in series if one.labels is not None]
    grid = _thresholds(scores)
    alarms_at = [[alarm_rows(one, own, rule.at(h)) for one, own in zip(series, scores, strict=True)] for h in grid]
    best = {name: nab.best_threshold(alarms_at, labels, profile) for name, profile in nab.PROFILES.items()}
    left = {name: nab.leave_one_out(alarms_at, labels, profile) for name, profile in nab.PROFILES.items()}
    own = [alarm_rows(one, s, rule) for one, s in zip(series, scores, strict=True)]
    standard = best["standard"][0]
    return NabRow(
        name,
        rule.threshold if has_threshold else None,
        {name: nab.score(own, labels, profile) for name, profile in nab.PROFILES.items()} if has_threshold else None,
        grid[standard],
        {name: result for name, (_, result) in best.items()},
        left if len(series) > 1 else None,
        _starts(series, own if has_threshold else alarms_at[standard]),
    )


def _control(name: str, series: list[CountSeries], runs: list[list[Rows]]) -> NabRow:
    """The row of a control: the run whose standard score is the median stands for all."""
    labels = [one.labels for one in series if one.labels is not None]
    runs = sorted(runs, key=lambda run: nab.score(run, labels, nab.PROFILES["standard"]).score)
    run = runs[len(runs) // 2]
    results = {name: nab.score(run, labels, profile) for name, profile in nab.PROFILES.items()}
    return NabRow(name, None, results, None, None, None, _starts(series, run))


def _starts(series: list[CountSeries], alarms: list[Rows]) -> nab.AlarmStarts | None:
    if not all(one.onsets for one in series if one.labels and one.labels.windows):
        return None
    labels = [one.labels for one in series if one.labels is not None]
    return nab.alarm_starts(alarms, labels, [one.onsets for one in series])


def _rows(starts: NDArray[np.int64], series: CountSeries) -> Rows:
    rows = np.zeros(len(series.values), bool)
    rows[starts] = True
    return rows


def _thresholds(scores: list[NDArray[np.float64]], count: int = 150) -> list[float]:
    """The highest distinct daily maxima, from high to low, as thresholds to try."""
    maxima = np.concatenate(
        [
            own[: len(own) // BUCKETS_PER_DAY * BUCKETS_PER_DAY].reshape(-1, BUCKETS_PER_DAY).max(axis=1)
            for own in scores
        ]
    )
    levels = np.unique(maxima[maxima > 0.0])[::-1]
    return [float(level) for level in levels[:count]] or [1.0]
