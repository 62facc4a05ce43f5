"""The time of which a recording knows what happened: the coverage of each brand, and the gaps of the whole feed.

Spans are half-open pairs of buckets [begin, end), sorted and apart from each other.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pipeline.errors import TocsinError
from pipeline.files.tables import Table
from schemas.observation import BUCKET_SECONDS, BUCKETS_PER_DAY

Spans = list[tuple[int, int]]

_LENGTH_OF_COLUMN: Final = {"hour": 3600.0, "day": 86_400.0}
MAX_RETURN: Final = BUCKETS_PER_DAY
"""Buckets that the return from a gap lasts at most; it lasts as long as the gap did."""


def read_coverage(path: Path) -> dict[str, Spans]:
    """The coverage of each brand, in buckets since 1970, from a CSV brand,from,to; several rows of a brand add up.

    Raises:
        TocsinError: names the file and the line, what was expected and what was got.
    """
    found: defaultdict[str, Spans] = defaultdict(list)
    for where, row in _rows(path, ("brand", "from", "to")):
        begin, end = _seconds(row["from"], where), _seconds(row["to"], where)
        found[row["brand"]].append(_span(begin, end, where))
    return {brand: merged(spans) for brand, spans in found.items()}


def read_gaps(path: Path) -> Spans:
    """The gaps in the feed, in buckets since 1970, from a CSV.

    Its columns are start,end, or hour or day: the beginning of an hour or a day of which nothing is known. Other
    columns are ignored.

    Raises:
        TocsinError: names the file and the line, what was expected and what was got.
    """
    found = []
    for where, row in _rows(path, ("start", "end"), ("hour",), ("day",)):
        column = next((name for name in _LENGTH_OF_COLUMN if name in row and "start" not in row), None)
        begin = _seconds(row[column or "start"], where)
        end = begin + _LENGTH_OF_COLUMN[column] if column else _seconds(row["end"], where)
        found.append(_span(begin, end, where))
    return merged(found)


def merged(spans: Iterable[tuple[int, int]]) -> Spans:
    """The same time as spans that are sorted and apart; empty ones are left out."""
    out: Spans = []
    for begin, end in sorted(spans):
        if begin >= end:
            continue
        if out and begin <= out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], end))
        else:
            out.append((begin, end))
    return out


def moved(spans: Spans, by: int, end: int) -> Spans:
    """Spans counted from bucket `by` instead of 0, clipped to [0, end)."""
    return merged((max(first - by, 0), min(last - by, end)) for first, last in spans)


def without(spans: Spans, gaps: Spans) -> Spans:
    """The parts of `spans` that lie in no gap."""
    out = []
    for first, last in spans:
        begin = first
        for gap_begin, gap_end in gaps:
            if gap_end <= begin or gap_begin >= last:
                continue
            out.append((begin, gap_begin))
            begin = gap_end
        out.append((begin, last))
    return merged(out)


def length(spans: Spans) -> int:
    """Number of buckets in all spans together."""
    return sum(end - begin for begin, end in spans)


def within(spans: Spans, bucket: int) -> bool:
    """True when the bucket lies in one of the spans."""
    return any(begin <= bucket < end for begin, end in spans)


def returns(gaps: Spans) -> Spans:
    """The return from each gap: the time after it, as long as the gap, MAX_RETURN at most, without other gaps."""
    return without(merged((end, end + min(end - begin, MAX_RETURN)) for begin, end in gaps), gaps)


def _rows(path: Path, *columns: tuple[str, ...]) -> Iterator[tuple[str, dict[str, str]]]:
    expected = " or ".join(",".join(names) for names in columns)
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = Table(stream, path)
            given = set(reader.columns())
            if not any(given >= set(names) for names in columns):
                raise TocsinError(f"{path}:1: expected the columns {expected}, got {reader.fieldnames}")
            for row in reader:
                yield f"{path}:{reader.line_num}", row
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TocsinError(f"{path}: expected a CSV table of {expected}: {error}") from None


def _seconds(text: str, where: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise TocsinError(f"{where}: expected an RFC 3339 time, got {text!r}") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _span(begin: float, end: float, where: str) -> tuple[int, int]:
    if begin >= end:
        raise TocsinError(f"{where}: expected an end after the beginning, got one {begin - end:g} seconds before it")
    return int(begin // BUCKET_SECONDS), int(-(-end // BUCKET_SECONDS))
