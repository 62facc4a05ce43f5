"""Who was told, target by target."""

from __future__ import annotations

from datetime import datetime

from pipeline.report.outline import Block, Cell, row, text
from pipeline.report.review import Review
from pipeline.report.sections.trail import second
from pipeline.report.told import Told
from pipeline.report.words import Words


def told(found: Review, words: Words) -> tuple[Block, ...]:
    """A row for every target; nothing where no delivery is recorded."""
    if not found.told:
        return ()
    header = ("target", "told.by", "told.first", "told.last", "told.alerts", "told.remarks")
    rows = tuple(
        row(
            one.target,
            one.target_type,
            _when(one.first, one.first_alert, words),
            _when(one.last, one.last_alert, words),
            str(one.alerts),
            Cell(remarks(one, words)),
        )
        for one in found.told
    )
    return (text(words("told.about")), Block(part="table", header=tuple(map(words, header)), rows=rows))


def remarks(one: Told, words: Words) -> str:
    """What was not as usual: alerts that came later, and those that the target refused."""
    parts = []
    if one.waited:
        parts.append(words("waited", words("joined").join(words.name("waited", reason) for reason in one.waited)))
    if one.refused:
        parts.append(words("told.refused", one.refused, one.why))
    return "; ".join(parts)


def _when(time: datetime | None, transition: str, words: Words) -> str:
    return "" if time is None else words("told.when", second(time), words(f"entry.{transition}"))
