"""`tocsin compare`: two configurations over one file, and how their episodes differ."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.options import partitions_option
from pipeline.wording import unjudged
from schemas.text import printable

if TYPE_CHECKING:
    from pipeline.inspection.comparison import Comparison, Difference
    from pipeline.inspection.lives import Life

_WIDTH = 160
"""Columns of the table where there is no terminal to ask."""
_NARROW = 140
"""Columns below which a table would cut what it is read for."""


@click.command()
@click.argument("a", metavar="A.toml", type=click.Path(dir_okay=False, path_type=Path))
@click.argument("b", metavar="B.toml", type=click.Path(dir_okay=False, path_type=Path))
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(allow_dash=True))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of the table.")
@partitions_option
@click.option(
    "--flush/--no-flush", default=True, show_default=True, help="Close the buckets that are still open at the end."
)
def command(*, a: Path, b: Path, files: tuple[str, ...], as_json: bool, partitions: int | None, flush: bool) -> int:
    """Run two configurations over one file and tell how their episodes differ.

    A.toml is what holds now, B.toml what is tried; FILE is what `tocsin replay` reads, and is read once. Episodes are
    matched by brand, kind and overlap in time. B may have gained or lost one, opened it earlier or later, made it more
    or less severe, or ended it at another time; each row says what decided: score, threshold, part, budget, cool-down.

    Exit codes, as of diff: 0 the episodes are the same, 1 they differ, 2 wrong usage or an error.
    """
    from pipeline.errors import TocsinError

    try:
        comparison = _compare(a, b, files, partitions, flush=flush)
    except TocsinError as error:
        # 1 means that they differ, so an error must be something else.
        click.echo(f"tocsin: error: {printable(str(error), 4_000)}", err=True)
        raise click.exceptions.Exit(2) from None
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode({"a": str(a), "b": str(b), **msgspec.structs.asdict(comparison)}))
    else:
        _print(comparison, str(a), str(b))
    return 1 if comparison.differences else 0


def _compare(a: Path, b: Path, files: tuple[str, ...], partitions: int | None, *, flush: bool) -> Comparison:
    from pipeline.cli.inputs import inputs_with_progress
    from pipeline.config.load import load_config
    from pipeline.files.mentions import check_sources
    from pipeline.inspection.comparison import compare
    from schemas.moments import moment

    check_sources(files)
    configs = load_config(a), load_config(b)
    with inputs_with_progress("compare", files, partitions) as (inputs, advance):
        return compare(inputs, *configs, now=moment(time.time()), flush=flush, on_progress=advance)


def _print(comparison: Comparison, a: str, b: str) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    changes: Counter[str] = Counter(change for difference in comparison.differences for change in difference.changes)
    listed = ", ".join(f"{changes[change]} {_WORDS[change]}" for change in _WORDS if changes[change])
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH)
    if comparison.differences and console.width < _NARROW:
        for difference in comparison.differences:
            change, brand, kind, first, second, reason = _row(difference, ", ")
            click.echo(f"{change}: {brand}, {kind}\n  A {first}\n  B {second}\n  because {reason}")
    elif comparison.differences:
        table = Table(box=None, header_style="bold", pad_edge=False)
        for column in ("change", "brand", "kind", "A", "B"):
            table.add_column(column, no_wrap=column != "change")
        table.add_column("because", ratio=1)
        for difference in comparison.differences:
            table.add_row(*(Text(cell) for cell in _row(difference, "\n")))
        console.print(table)
    click.echo(
        f"A {a}: {comparison.episodes_a} episodes; B {b}: {comparison.episodes_b}; {comparison.same} the same"
        + (f"; in B {listed}" if listed else "")
    )
    cold = (
        ("A", comparison.warming_up_a, comparison.brands_a),
        ("B", comparison.warming_up_b, comparison.brands_b),
    )
    for name, brands, of in cold:
        if brands:
            click.echo(f"{name}: {unjudged(brands, of)}")


_WORDS = {
    "gained": "gained",
    "lost": "lost",
    "earlier": "earlier",
    "later": "later",
    "severity": "of another severity",
    "end": "with another end",
}


def _row(difference: Difference, line_end: str) -> tuple[str, ...]:
    life = difference.a or difference.b
    assert life is not None
    subject = f"category {life.brand}" if life.scope == "category" else life.brand
    return (
        ", ".join(difference.changes),
        subject,
        life.kind.replace("_", " "),
        _shown(difference.a, line_end),
        _shown(difference.b, line_end),
        f"{difference.reason.time:%m-%d %H:%M}: {difference.reason.text}",
    )


def _shown(life: Life | None, line_end: str) -> str:
    """An episode's time and its gravest severity, with the time of that where it opened less grave."""
    if life is None:
        return "-"
    end = f"{life.resolved:%m-%d %H:%M}" if life.resolved else "open"
    period = f"{life.opened:%Y-%m-%d %H:%M} to {end}"
    if life.gravest_since == life.opened:
        return f"{life.severity} {period}"
    return f"{period}{line_end}{life.severity} since {life.gravest_since:%m-%d %H:%M}"
