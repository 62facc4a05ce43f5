"""What really happened: labels of the simulator (JSON), or a table brand,onset,kind,end (CSV)."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from pipeline.errors import TocsinError
from pipeline.simulation.stream.labels import Labels, decode_labels

HOUR: Final = 3600.0
UNKNOWN_LENGTH: Final = 48 * HOUR
"""A labelled event without an end is believed to be over after two days."""
CRISIS_KINDS: Final = frozenset({"crisis", "sudden", "slow", "weak", "weak-slow"})
EXCUSED_KINDS: Final = frozenset({"outage", "unclear"})
"""Trouble that may ring and need not: an alarm in it is not false, its absence no miss."""
HORIZON_HOURS: Final = {"sudden": 12.0, "weak": 12.0}
OTHER_HORIZON_HOURS: Final = 24.0


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """One labelled event; times are Unix seconds.

    Attributes:
        brand: slug.
        kind: one of CRISIS_KINDS or EXCUSED_KINDS, or what else it was.
        begin: of anything unusual; an alarm from here on is about it.
        onset: from which delay is counted.
        end: after which an alarm is about something else.
    """

    brand: str
    kind: str
    begin: float
    onset: float
    end: float

    @property
    def is_crisis(self) -> bool:
        """True for what should ring."""
        return self.kind in CRISIS_KINDS

    @property
    def is_excused(self) -> bool:
        """True for what may ring and need not."""
        return self.kind in EXCUSED_KINDS

    @property
    def horizon_hours(self) -> float:
        """Hours from the onset within which an alarm counts as finding it."""
        return HORIZON_HOURS.get(self.kind, OTHER_HORIZON_HOURS)


def read_labels(path: Path) -> list[Happening]:
    """The happenings of a file, by time.

    Raises:
        TocsinError: names the file, what was expected and what was got.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise TocsinError(f"{path}: expected a file of labels: {error.strerror}") from None
    found = _from_table(path, content) if path.suffix == ".csv" else _from_simulation(path, content)
    return sorted(found, key=lambda happening: (happening.onset, happening.brand))


def _from_simulation(path: Path, content: bytes) -> list[Happening]:
    try:
        labels: Labels = decode_labels(content)
    except msgspec.DecodeError as error:
        raise TocsinError(f"{path}: expected labels as `tocsin simulate` writes them, or a .csv: {error}") from None
    return [
        Happening(
            brand=label.brand,
            kind=(label.shape or label.kind) if label.kind == "crisis" else label.kind,
            begin=label.trigger_time.timestamp(),
            onset=(label.onset_time or label.trigger_time).timestamp(),
            end=label.end_time.timestamp(),
        )
        for label in labels.labels
    ]


def _from_table(path: Path, content: bytes) -> list[Happening]:
    try:
        reader = csv.DictReader(io.StringIO(content.decode("utf-8"), newline=""))
        if not {"brand", "onset"} <= set(reader.fieldnames or ()):
            raise TocsinError(f"{path}:1: expected the columns brand,onset[,kind,end], got {reader.fieldnames}")
        return [_row(row) for row in reader]
    except (UnicodeDecodeError, ValueError, TypeError) as error:
        raise TocsinError(f"{path}: expected rows of brand,onset,kind,end with RFC 3339 times: {error}") from None


def _row(row: dict[str, str]) -> Happening:
    onset = _seconds(row["onset"])
    end = _seconds(row["end"]) if row.get("end") else onset + UNKNOWN_LENGTH
    return Happening(brand=row["brand"], kind=row.get("kind") or "crisis", begin=onset, onset=onset, end=end)


def _seconds(text: str) -> float:
    if text.isdigit():
        return float(text)
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
