"""Files of aggregated history: CSV with one row per brand and bucket, checked, in order of time."""

from __future__ import annotations

import csv
import io
import math
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from typing import Final

import msgspec

from pipeline.errors import TocsinError
from pipeline.files.mentions import MAX_LINE_BYTES, open_text
from pipeline.files.tables import Table
from schemas.mention import EARLIEST_EVENT_TIME, LATEST_EVENT_TIME
from schemas.observation import Observation
from schemas.text import printable

COLUMNS: Final = ("brand", "start", "mentions", "negatives")


def read_observations(paths: Sequence[str]) -> list[Observation]:
    """The rows of CSV files (brand,start,mentions,negatives; start as RFC 3339 or Unix seconds), by start and brand.

    Raises:
        TocsinError: names the file, the line, the column, what was expected and what was got.
    """
    rows = [row for path in paths for row in _read_rows(path)]
    rows.sort(key=_place)
    for a, b in pairwise(rows):
        if _place(a) == _place(b):
            raise TocsinError(
                f"{b.file}:{b.line}: expected one row per brand and start, got a second one of {b.observation.brand} "
                f"at {b.observation.start}; the first is {a.file}:{a.line}"
            )
    return [row.observation for row in rows]


class _Row(msgspec.Struct, frozen=True):
    file: str
    line: int
    observation: Observation


def _place(row: _Row) -> tuple[int, str]:
    return (row.observation.start, row.observation.brand)


def _read_rows(path: str) -> list[_Row]:
    with open_text(path) as raw:
        # Spreadsheets put a byte order mark before the first column.
        text = io.TextIOWrapper(raw, encoding="utf-8-sig", newline="")
        # A longer line ends in one field that is longer than csv allows.
        reader = Table(iter(partial(text.readline, MAX_LINE_BYTES), ""), path)
        try:
            columns = reader.columns()
            missing = [column for column in COLUMNS if column not in columns]
            if missing:
                got = printable(",".join(columns or ["nothing"]), 200)
                raise TocsinError(f"{path}:1: expected the columns {','.join(COLUMNS)}, got {got}")
            return [_Row(path, reader.line_num, _observation(row, f"{path}:{reader.line_num}")) for row in reader]
        except UnicodeDecodeError as error:
            raise TocsinError(f"{path}: expected UTF-8 after line {reader.line_num}: {error}") from None
        except csv.Error as error:
            raise TocsinError(f"{path}: expected CSV after line {reader.line_num}: {error}") from None
        except (OSError, EOFError, zlib.error) as error:
            raise TocsinError(f"{path}: expected data that can be read to its end: {error}") from None


def _observation(row: dict[str, str], where: str) -> Observation:
    try:
        found = msgspec.convert(
            {
                "brand": row["brand"],
                "start": _start(row["start"]),
                "mentions": _count("mentions", row["mentions"]),
                "negatives": _count("negatives", row["negatives"]),
            },
            Observation,
            strict=False,
        )
    except (msgspec.ValidationError, ValueError, TypeError, OverflowError) as error:
        raise _unfit(where, row, str(error)) from None
    if found.negatives > found.mentions:
        raise _unfit(where, row, "negatives must not be more than mentions")
    return found


def _unfit(where: str, row: dict[str, str], rule: str) -> TocsinError:
    got = printable(",".join(str(row.get(column)) for column in COLUMNS), 200)
    return TocsinError(f"{where}: expected an observation, got {got}: {printable(rule, 300)}")


def _count(column: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number >= 0):
        raise ValueError(f"{column} must be a number of at least 0, got {text or 'nothing'}")
    return number


def _start(text: str) -> int:
    if text.isascii() and text.isdecimal():
        seconds = int(text)
    else:
        moment = datetime.fromisoformat(text)
        # A time without an offset is UTC, as the documentation of the format says.
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        seconds = int(moment.timestamp())
    if seconds % 300:
        raise ValueError(f"start must be a multiple of 300 s, got {text}")
    if not EARLIEST_EVENT_TIME <= seconds < LATEST_EVENT_TIME:
        raise ValueError(f"start must lie in the years 2000 to 2199, got {text}")
    return seconds
