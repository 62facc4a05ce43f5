"""An explanation as text: what came of each kind, tables of scores and windows, and a picture of the day."""

from __future__ import annotations

import sys

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.engine.alerts.brand_alert import start_of
from pipeline.inspection.explanation import Explained, KindExplanation
from pipeline.inspection.picture import BLOCKS, PLAIN_BLOCKS, terminal_lines
from pipeline.inspection.words import (
    budget_words,
    cool_down_words,
    neighbour_lines,
    outcome_line,
    shown_threshold,
    standing_line,
)
from schemas.alert import Kind
from schemas.observation import BUCKET_SECONDS

_FACTS = ("score", "threshold", "critical", "window", "mentions", "expected", "parts", "budget", "cool-down")
_WINDOWS = ("window", "mentions", "expected", "negative", "volume", "negativity", "crisis", "shift")


def print_explanation(found: Explained, kind: Kind, console: Console) -> None:
    """Print all of it to stdout; `kind` is the one of the picture."""
    click.echo(standing_line(found))
    warm = "not yet warm" if found.warm_after is None else f"warm since {found.warm_after:%Y-%m-%d %H:%M}"
    since = "" if found.seen_from is None else f"known here since {found.seen_from:%Y-%m-%d %H:%M}, "
    click.echo(f"{since}{warm}; {found.detector}, configuration {found.config_hash}")
    if found.shown is None:
        click.echo("no bucket of the brand was closed before it")
        return
    if found.standing != "scored":
        click.echo(f"shown is the last bucket that was scored: {start_of(found.shown.bucket):%Y-%m-%d %H:%M}")
    click.echo(_counts(found))
    click.echo()
    for one in found.kinds:
        click.echo(f"{one.kind.replace('_', ' ')}: {outcome_line(one)}")
        for line in neighbour_lines(one):
            click.echo(f"  {line}")
    click.echo()
    console.print(_kinds_table(found.kinds))
    if found.windows:
        click.echo()
        console.print(_windows_table(found))
        click.echo(
            "sums are recency-weighted; volume and negativity are in nats; crisis and shift are scores of one window"
        )
    click.echo()
    blocks = BLOCKS if _can_show(BLOCKS) else PLAIN_BLOCKS
    click.echo("\n".join(terminal_lines(found, kind, width=console.width, blocks=blocks)))


def _counts(found: Explained) -> str:
    counts, shown = found.counts, found.shown
    assert counts is not None
    assert shown is not None
    stories = "" if counts.counted >= counts.mentions else f" ({counts.counted:,.1f} with copies as stories)"
    usual = found.kinds[0].explanation.base_rate
    return (
        f"{counts.mentions:,} mentions{stories}, {counts.negatives:,.1f} of them negative; "
        f"{shown.expected:,.1f} expected, usually {usual:.0%} negative"
    )


def _kinds_table(kinds: tuple[KindExplanation, ...]) -> Table:
    """A column for each kind: there are three of them, and more facts than 80 columns hold side by side."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("", no_wrap=True)
    cells = []
    for one in kinds:
        table.add_column(one.kind.replace("_", " "))
        cells.append(_facts(one))
    for name, *row in zip(_FACTS, *cells, strict=True):
        table.add_row(name, *map(Text, row))
    return table


def _facts(one: KindExplanation) -> tuple[str, ...]:
    verdict, explanation = one.verdict, one.explanation
    return (
        f"{verdict.score:.2f}",
        shown_threshold(verdict),
        f"{verdict.rule.critical:.2f}" if verdict.rule.base_severity == "warning" else "-",
        _minutes(explanation.window_buckets),
        f"{explanation.mentions:,.1f}",
        f"{explanation.expected:,.1f} ({explanation.lower:,.1f} to {explanation.upper:,.1f})",
        ", ".join(f"{name} {part:.2f}" for name, part in explanation.parts.items()),
        budget_words(verdict),
        cool_down_words(verdict),
    )


def _windows_table(found: Explained) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in _WINDOWS:
        table.add_column(column, justify="right")
    for window in found.windows:
        scores = (window.volume, window.negativity, window.crisis, window.shift)
        table.add_row(
            _minutes(window.buckets),
            f"{window.mentions:,.1f}",
            f"{window.expected:,.1f}",
            f"{window.negatives:,.1f}",
            *(f"{value:.2f}" if value > 0.0 else "-" for value in scores),
        )
    return table


def _minutes(buckets: int) -> str:
    return f"{buckets * BUCKET_SECONDS // 60} min"


def _can_show(text: str) -> bool:
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except UnicodeEncodeError:
        return False
    return True
