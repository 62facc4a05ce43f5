"""Files of aggregated history: CSV or activity with one row per brand and bucket, checked, in order of time."""

from __future__ import annotations

import csv
import io
import math
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Final

import msgspec

from pipeline.errors import TocsinError
from pipeline.files.mentions import MAX_LINE_BYTES, lines, open_text
from pipeline.files.tables import Table
from schemas.activity import decode_activity
from schemas.mention import EARLIEST_EVENT_TIME, LATEST_EVENT_TIME
from schemas.observation import BUCKET_SECONDS, Observation
from schemas.text import printable

COLUMNS: Final = ("brand", "start", "mentions", "negatives")
_ACTIVITY: Final = b'{"version":1,"brand":'
"""How a record of brand-activity begins; no mention and no recording does."""


def holds_observations(path: str) -> bool:
    """Whether a file is one of observations: a table by its name, or activity by its first record."""
    if path.removesuffix(".gz").endswith(".csv"):
        return True
    return Path(path).is_file() and _begins(path, _ACTIVITY)


def _begins(path: str, what: bytes) -> bool:
    try:
        with open_text(path) as stream:
            return stream.read(len(what)) == what
    except (TocsinError, OSError, EOFError, zlib.error):  # whoever reads the file says so
        return False


def read_observations(paths: Sequence[str]) -> list[Observation]:
    """The rows of files, by start and brand.

    A file is CSV (brand,start,mentions,negatives; start as RFC 3339 or Unix seconds) or records of brand-activity, one
    on each line.

    Raises:
        TocsinError: names the file, the line, the column, what was expected and what was got.
    """
    rows = [row for path in paths for row in (_read_activity if _begins(path, _ACTIVITY) else _read_rows)(path)]
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


def _read_activity(path: str) -> list[_Row]:
    return [_Row(path, number, _observed(line, f"{path}:{number}")) for number, line in enumerate(lines(path), 1)]


def _observed(line: bytes, where: str) -> Observation:
    """What of an activity is counts: those before copies were weighed down."""
    try:
        found = decode_activity(line)
        _check_start(found.start, str(found.start))
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        got = printable(line.decode("utf-8", "replace"), 200)
        raise TocsinError(f"{where}: expected an activity, got {got}: {printable(str(error), 300)}") from None
    return Observation(
        brand=found.brand,
        start=found.start,
        mentions=found.mentions,
        negatives=min(found.negatives, float(found.mentions)),
        positives=found.positives,
        reach=found.reach,
        authors=found.authors,
    )


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
    _check_start(seconds, text)
    return seconds


def _check_start(seconds: int, text: str) -> None:
    if seconds % BUCKET_SECONDS:
        raise ValueError(f"start must be a multiple of {BUCKET_SECONDS} s, got {text}")
    if not EARLIEST_EVENT_TIME <= seconds < LATEST_EVENT_TIME:
        raise ValueError(f"start must lie in the years 2000 to 2199, got {text}")
