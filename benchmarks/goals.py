"""Goals beside measured figures: the one table at the end of `make bench`."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec


class Goal(msgspec.Struct, frozen=True):
    """One goal and the figure that was measured for it.

    Attributes:
        what: the figure in words.
        reached: the figure of this run.
        asked: the goal.
        unit: unit of both.
        more: whether a larger figure is better.
    """

    what: str
    reached: float
    asked: float
    unit: str
    more: bool = False

    @property
    def is_met(self) -> bool:
        """Whether the goal was reached."""
        return self.reached >= self.asked if self.more else self.reached <= self.asked


def table(goals: Iterable[Goal]) -> str:
    """The goals as a Markdown table, in the order given."""
    rows = ["| what | measured | goal | |", "| --- | ---: | ---: | --- |"]
    for goal in goals:
        bound = ">=" if goal.more else "<="
        result = "reached" if goal.is_met else "not reached"
        measured, asked = (f"{_number(value)} {goal.unit}" for value in (goal.reached, goal.asked))
        rows.append(f"| {goal.what} | {measured} | {bound} {asked} | {result} |")
    return "\n".join(rows)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
