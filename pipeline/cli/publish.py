"""`tocsin publish`: recorded mentions onto the mentions topic."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click

from pipeline.config.settings import load_settings
from pipeline.errors import TocsinError
from pipeline.files.mentions import check_sources, lines
from pipeline.wording import counted


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--rate", type=click.FloatRange(0, min_open=True), help="Mentions per second.")
@click.option(
    "--speed",
    type=click.FloatRange(0, min_open=True),
    help="Seconds of event time per second: 1 is real time, 3600 is an hour per second.",
)
@click.option(
    "--final-tick/--no-final-tick",
    default=False,
    show_default=True,
    help="Afterwards advance event time on every partition, so that open buckets that are over by now close.",
)
@click.option(
    "--key-check",
    is_flag=True,
    help="Stop at the first line without a brand. By default it is sent without a key, and becomes a dead letter.",
)
def command(files: tuple[str, ...], rate: float | None, speed: float | None, final_tick: bool, key_check: bool) -> None:
    """Write recorded mentions to the mentions topic, keyed by brand.

    FILE is JSON lines in event-time order, plain or gzipped (.gz); - is standard input. Without --rate and --speed
    mentions are sent as fast as the broker accepts them.
    """
    if rate and speed:
        raise click.UsageError("--rate and --speed exclude each other")
    check_sources(files)
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn

    from pipeline.kafka.publishing import LineError, publish

    tables = [file for file in files if file.removesuffix(".gz").endswith((".csv", ".parquet"))]
    if tables:
        raise click.UsageError(
            f"{tables[0]}: expected mentions as JSON lines (.jsonl, .jsonl.gz), got a table; counts go through `replay`"
        )
    settings = load_settings()
    source = _Source(files)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.completed:,.0f} mentions"),
        TaskProgressColumn(show_speed=True),
        TimeElapsedColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=None)
        try:
            report = publish(
                settings,
                source,
                rate=rate,
                speed=speed,
                final_tick=final_tick,
                require_brand=key_check,
                on_progress=lambda sent: progress.update(task, completed=sent),
            )
        except LineError as error:
            raise TocsinError(f"{source.file}: line {source.number}: {error.problem}") from None
    per_second = report.mentions / max(report.seconds, 1e-9)
    summary = (
        f"published {counted(report.mentions, 'mention')} in {report.seconds:.1f} s ({per_second:,.0f} per second)"
    )
    if report.without_brand:
        summary += f"; {report.without_brand:,} of them without a brand: see `tocsin dead-letters`"
    if report.ticks:
        summary += f"; {counted(report.ticks, 'tick')}"
    print(summary, file=sys.stderr)


class _Source:
    """The lines of all files, one after the other, with the file and number of the current one."""

    def __init__(self, files: tuple[str, ...]) -> None:
        self._files = files
        self.file = files[0]
        self.number = 0

    def __iter__(self) -> Iterator[bytes]:
        for file in self._files:
            self.file, self.number = file, 0
            for line in lines(file):
                self.number += 1
                yield line
