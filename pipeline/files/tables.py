"""CSV tables with a header: what could be read in two ways is refused with its line."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import TocsinError
from schemas.text import printable

if TYPE_CHECKING:
    _DictReader = csv.DictReader[str]
else:  # the class itself knows no type of its rows
    _DictReader = csv.DictReader


class Table(_DictReader):
    """The rows of a table as `csv.DictReader` gives them.

    A missing cell is "". A header that names a column twice and a row with more cells than columns are refused, for
    nobody could tell what counts; columns without a name are passed over.
    """

    def __init__(self, lines: Iterable[str], path: str | Path) -> None:
        """Read nothing yet.

        Args:
            lines: of the table.
            path: of its file, for messages.
        """
        super().__init__(lines, restval="")
        self._path = path

    def columns(self) -> list[str]:
        """The names in the header; none where there is no header.

        Raises:
            TocsinError: a column is named twice.
        """
        columns = list(self.fieldnames or ())
        twice = [column for column, count in Counter(columns).items() if count > 1 and column.strip()]
        if twice:
            raise TocsinError(
                f"{self._path}:1: expected every column once, got {printable(','.join(twice), 200)} more than once"
            )
        return columns

    def __next__(self) -> dict[str, str]:
        row = super().__next__()
        surplus = row.pop(None, None)
        if surplus is not None:
            raise TocsinError(
                f"{self._path}:{self.line_num}: expected as many cells as columns, got more: "
                f"{printable(','.join(surplus), 200)}"
            )
        return row
