"""The parts that a report has in every form: sections of facts, paragraphs, tables and quotations, not yet escaped."""

from __future__ import annotations

import re
from typing import Final, Literal

import msgspec

Part = Literal["facts", "table", "text", "quotes", "charts"]


class Cell(msgspec.Struct, frozen=True):
    """A text, which may be a stranger's, and the web address that it leads to; `is_code` for ids and digests."""

    text: str
    url: str = ""
    is_code: bool = False


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a section.

    Attributes:
        part: facts are rows of two cells, a name and a value; text is one cell; quotes are rows of a post and its
            source; charts have a place only, the section's picture.
        caption: of a table or quotes; "" without one.
        header: of a table.
        rows: of the part.
    """

    part: Part
    caption: str = ""
    header: tuple[str, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A section of a report; `name` is the same in every language."""

    name: str
    title: str
    blocks: tuple[Block, ...]


class Outline(msgspec.Struct, frozen=True, kw_only=True):
    """One review in the words of one language."""

    title: str
    subtitle: str
    language: str
    sections: tuple[Section, ...]


_NUMBER: Final = re.compile(r"[+-]?[\d.,]+(?: \S{1,8})*")


def no_formula(text: str) -> str:
    """The text of a table's cell: tables are pasted into spreadsheets, where it must not begin as a formula does."""
    line = text.strip()
    return "'" + line if line.startswith(("=", "+", "-", "@")) and not _NUMBER.fullmatch(line) else line


def row(*cells: str | Cell) -> tuple[Cell, ...]:
    """A row of cells."""
    return tuple(cell if isinstance(cell, Cell) else Cell(cell) for cell in cells)


def text(words: str) -> Block:
    """A paragraph."""
    return Block(part="text", rows=(row(words),))
