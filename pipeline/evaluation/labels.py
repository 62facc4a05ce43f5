"""Labelled events, what really happened: labels of the simulator (JSON), or a table brand,onset,kind,end (CSV)."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from pipeline.errors import TocsinError
from pipeline.files.tables import Table
from pipeline.simulation.stream.labels import Labels, decode_labels

HOUR: Final = 3600.0
UNKNOWN_LENGTH: Final = 48 * HOUR
"""Seconds from onset to end of a labelled event whose end is not given: two days."""
CRISIS_KINDS: Final = frozenset({"crisis", "sudden", "slow", "weak", "weak-slow"})
EXCUSED_KINDS: Final = frozenset({"outage", "unclear"})
"""Kinds of trouble that may fire an alarm and need not: an alarm in one is not false, its absence no miss."""
HORIZON_HOURS: Final = {"sudden": 12.0, "weak": 12.0}
OTHER_HORIZON_HOURS: Final = 24.0


class LabelledEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One event of one brand that is known to have happened; times are Unix seconds.

    Attributes:
        brand: slug.
        kind: one of CRISIS_KINDS or EXCUSED_KINDS, or what else it was.
        begin: first sign of anything unusual; an alarm from here on is about the event.
        onset: start of the rise, from which delay is counted.
        end: end of the event; an alarm after it is about something else.
    """

    brand: str
    kind: str
    begin: float
    onset: float
    end: float

    @property
    def is_crisis(self) -> bool:
        """True for an event that should fire a crisis alarm."""
        return self.kind in CRISIS_KINDS

    @property
    def is_excused(self) -> bool:
        """True for an event that may fire a crisis alarm and need not."""
        return self.kind in EXCUSED_KINDS

    @property
    def horizon_hours(self) -> float:
        """Hours from the onset within which an alarm counts as finding it."""
        return HORIZON_HOURS.get(self.kind, OTHER_HORIZON_HOURS)


def read_labels(path: Path) -> list[LabelledEvent]:
    """The labelled events of a file, by onset and brand.

    Raises:
        TocsinError: names the file, what was expected and what was got.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise TocsinError(f"{path}: expected a file of labels: {error.strerror}") from None
    found = _from_table(path, content) if path.suffix == ".csv" else _from_simulation(path, content)
    return sorted(found, key=lambda event: (event.onset, event.brand))


def _from_simulation(path: Path, content: bytes) -> list[LabelledEvent]:
    try:
        labels: Labels = decode_labels(content)
    except msgspec.DecodeError as error:
        raise TocsinError(f"{path}: expected labels as `tocsin simulate` writes them, or a .csv: {error}") from None
    return [
        LabelledEvent(
            brand=label.brand,
            kind=(label.shape or label.kind) if label.kind == "crisis" else label.kind,
            begin=label.trigger_time.timestamp(),
            onset=(label.onset_time or label.trigger_time).timestamp(),
            end=label.end_time.timestamp(),
        )
        for label in labels.labels
    ]


def _from_table(path: Path, content: bytes) -> list[LabelledEvent]:
    try:
        reader = Table(io.StringIO(content.decode("utf-8-sig"), newline=""), path)
        if not {"brand", "onset"} <= set(reader.columns()):
            raise TocsinError(f"{path}:1: expected the columns brand,onset[,kind,end], got {reader.fieldnames}")
        return [_row(row) for row in reader]
    except (UnicodeDecodeError, ValueError, TypeError) as error:
        raise TocsinError(f"{path}: expected rows of brand,onset,kind,end with RFC 3339 times: {error}") from None


def _row(row: dict[str, str]) -> LabelledEvent:
    onset = _seconds(row["onset"])
    end = _seconds(row["end"]) if row.get("end") else onset + UNKNOWN_LENGTH
    return LabelledEvent(brand=row["brand"], kind=row.get("kind") or "crisis", begin=onset, onset=onset, end=end)


def _seconds(text: str) -> float:
    if text.isdigit():
        return float(text)
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
