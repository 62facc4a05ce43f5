"""The audit trail as a table."""

from __future__ import annotations

from datetime import UTC, datetime

from pipeline.report.outline import Block, Cell, row, text
from pipeline.report.review import Record, Review
from pipeline.report.words import Words


def trail(found: Review, words: Words) -> tuple[Block, ...]:
    """Every record with its place and digest."""
    if not found.trail.records:
        return (text(words("trail.empty")),)
    header = ("time", "record", "record.written", "record.place", "digest")
    rows = tuple(_record(record, words) for record in found.trail.records)
    return (
        text(words("trail.about", found.trail.sha256)),
        Block(part="table", header=tuple(map(words, header)), rows=rows),
    )


def place_of(record: Record) -> str:
    """Where a record lies: topic[partition]@offset, file:line, or a source that counts no lines."""
    if record.partition is not None:
        return f"{record.source}[{record.partition}]@{record.offset}"
    return record.source if record.line is None else f"{record.source}:{record.line}"


def second(time: datetime) -> str:
    """A moment in UTC, to the second."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def _record(record: Record, words: Words) -> tuple[Cell, ...]:
    if record.kind == "alert":
        what = words("record.alert", record.what)
    elif record.kind == "delivery":
        what = words(f"record.{record.outcome}", record.target, record.what)
    else:
        what = words("record.feedback", words(f"entry.{record.what}"), record.author)
    return row(
        second(record.time),
        Cell(what),
        "" if record.written is None else second(record.written),
        Cell(place_of(record), is_code=True),
        Cell(record.sha256, is_code=True),
    )
