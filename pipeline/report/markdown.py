"""A report as Markdown to paste into a post-mortem: strangers' texts stay text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from types import MappingProxyType
from typing import Final

from pipeline.report.outline import Block, Cell, Outline, no_formula

_SPECIAL: Final = re.compile(r"[\\`*_{}\[\]#|~$^]")
_LINKING: Final = re.compile(r"(?i)(https?|ftp|mailto|xmpp|www)([:.])")
"""Where GitHub would make a link by itself."""
_ENTITIES: Final = MappingProxyType({":": "&#58;", ".": "&#46;"})
_CODE: Final = re.compile(r"[\w.:@\[\] =/-]+")


def markdown(outlines: Iterable[Outline]) -> str:
    """Reports, one after the other, as GitHub-flavoured Markdown."""
    return "\n".join(line for outline in outlines for line in (*_report(outline), ""))


def escape(text: str) -> str:
    """A text on one line in which nothing is markup, a link or a mention of an account."""
    line = " ".join(text.split())
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    line = _SPECIAL.sub(r"\\\g<0>", line).replace("@", "&#64;")
    return _at_beginning(_LINKING.sub(lambda match: match[1] + _ENTITIES[match[2]], line))


def _at_beginning(line: str) -> str:
    """What would begin a list, a rule or a heading at the start of a line does not."""
    if re.match(r"[-+=](?:\s|$|[-+=])", line):
        return "\\" + line
    return re.sub(r"^(\d{1,9})([.)])(?=\s|$)", r"\1\\\2", line)


def _report(outline: Outline) -> list[str]:
    lines = [f"# {escape(outline.title)}", "", escape(outline.subtitle)]
    for section in outline.sections:
        if section.blocks[0].part == "charts":
            continue  # pictures are the page's: Markdown has no place for them that every reader shows
        blocks = [line for block in section.blocks if block.part != "charts" for line in _BLOCKS[block.part](block)]
        lines += ["", f"## {escape(section.title)}", *blocks]
    return lines


def _caption(block: Block) -> list[str]:
    return ["", f"**{escape(block.caption)}**"] if block.caption else []


def _facts(block: Block) -> list[str]:
    lines = [*_caption(block), ""]
    for name, *values in block.rows:
        told = " ".join(map(_cell, values))
        lines.append(f"- {escape(name.text)}: {told}" if name.text else f"- {told}")
    return lines


def _table(block: Block) -> list[str]:
    header = [escape(name) for name in block.header]
    return [
        *_caption(block),
        "",
        f"| {' | '.join(header)} |",
        f"|{' --- |' * len(header)}",
        *(f"| {' | '.join(_cell(cell, in_table=True) for cell in cells)} |" for cells in block.rows),
    ]


def _text(block: Block) -> list[str]:
    return [line for cells in block.rows for line in ("", *map(_cell, cells))]


def _quotes(block: Block) -> list[str]:
    lines = _caption(block)
    for said, source in block.rows:
        lines += ["", f"> {_cell(said)}", f"> ({_cell(source)})"]
    return lines


def _cell(cell: Cell, *, in_table: bool = False) -> str:
    """A cell; an address is one that pipeline.report.shown has let through, so that it ends neither link nor cell."""
    if cell.is_code and _CODE.fullmatch(cell.text):
        return f"`{cell.text}`"
    shown = escape(no_formula(cell.text) if in_table else cell.text)
    if not cell.url:
        return shown
    return f"<{cell.url}>" if cell.text == cell.url else f"{shown} <{cell.url}>"


_BLOCKS: Final = MappingProxyType({"facts": _facts, "table": _table, "text": _text, "quotes": _quotes})
