"""What was asked for beside what was measured: the one table at the end of `make bench`."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec


class Goal(msgspec.Struct, frozen=True):
    """One figure.

    Attributes:
        what: the figure in words.
        reached: as measured in this run.
        asked: the goal.
        unit: of both.
        more: whether more is better.
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
    """All of them as a Markdown table, in the order given."""
    rows = ["| what | measured | goal | |", "| --- | ---: | ---: | --- |"]
    for goal in goals:
        bound = ">=" if goal.more else "<="
        verdict = "reached" if goal.is_met else "not reached"
        measured, asked = (f"{_number(value)} {goal.unit}" for value in (goal.reached, goal.asked))
        rows.append(f"| {goal.what} | {measured} | {bound} {asked} | {verdict} |")
    return "\n".join(rows)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
