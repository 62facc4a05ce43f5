"""`tocsin simulate`: a simulated stream of mentions, its labels and its true counts, as files."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from pipeline.files.output import new_file
from pipeline.simulation import SCENARIO_ALIASES, SCENARIOS, Batch, PolledChannel, Simulation, encode_labels
from pipeline.wording import counted
from schemas.mention import CHANNELS
from schemas.moments import moment


class _Scenario(click.Choice[str]):
    """The name of a scenario, also a former one."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return super().convert(SCENARIO_ALIASES.get(value, value), param, ctx)


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="File for the mentions, one JSON object per line (compressed if .gz).",
)
@click.option(
    "--labels",
    type=click.Path(path_type=Path),
    required=True,
    help="File for the labels, JSON: which events happen to which brands.",
)
@click.option(
    "--observations",
    type=click.Path(path_type=Path),
    help="File for the counts of the same stream per brand and 5 minutes, CSV brand,start,mentions,negatives "
    "(compressed if .gz); with or without --out.",
)
@click.option(
    "--scenario",
    type=_Scenario(sorted(SCENARIOS)),
    metavar="NAME",
    default="demo",
    show_default=True,
    help="; ".join(f"{name}: {SCENARIOS[name].description}" for name in sorted(SCENARIOS)) + ".",
)
@click.option("--brands", type=int, default=200, show_default=True, help="Number of brands, at least 3.")
@click.option("--hours", type=float, default=24.0, show_default=True, help="Hours of the part with the events.")
@click.option(
    "--history-hours", type=float, default=72.0, show_default=True, help="Quiet hours before the part with the events."
)
@click.option(
    "--seed", type=int, default=1, show_default=True, help="Seed; the same seed and options give the same bytes."
)
@click.option(
    "--labelled-share", type=float, default=0.2, show_default=True, help="Share of mentions with a trusted sentiment."
)
@click.option("--mean-rate", type=float, default=15.0, show_default=True, help="Mean mentions per hour and brand.")
@click.option(
    "--rates",
    type=(float, float),
    metavar="LOW HIGH",
    help="Mentions per hour of the smallest and the largest brand, the others evenly between them on a logarithmic "
    "scale [default: a rank law with --mean-rate].",
)
@click.option(
    "--polled",
    type=(click.Choice(CHANNELS), click.IntRange(min=5, max=1440)),
    metavar="CHANNEL MINUTES",
    help="Let the mentions of a channel arrive together every so many minutes (5 to 1440), as from a source that is "
    f"polled. Channels: {', '.join(CHANNELS)}.",
)
def command(
    *,
    out: Path | None,
    labels: Path,
    observations: Path | None,
    scenario: str,
    brands: int,
    hours: float,
    history_hours: float,
    seed: int,
    labelled_share: float,
    mean_rate: float,
    rates: tuple[float, float] | None,
    polled: tuple[str, int] | None,
) -> None:
    """Write a simulated stream of mentions and its labels.

    Mentions are invented texts in English, Chinese and Japanese about invented brands.
    """
    if out is None and observations is None:
        raise click.UsageError("expected --out, --observations or both, got neither")
    try:
        simulation = Simulation(
            scenario,
            brands=brands,
            hours=hours,
            history_hours=history_hours,
            seed=seed,
            labelled_share=labelled_share,
            mean_rate=mean_rate,
            rates=rates,
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    targets = [path for path in (out, labels, observations) if path is not None]
    if len(set(targets)) < len(targets):
        raise click.UsageError("--out, --labels and --observations: expected different files, got the same one twice")
    began = time.monotonic()
    with ExitStack() as stack:
        label_file = stack.enter_context(new_file(labels))
        mention_file = stack.enter_context(new_file(out)) if out else None
        count_file = stack.enter_context(new_file(observations)) if observations else None
        label_file.write(encode_labels(simulation.labels))
        mentions = _write(simulation, mention_file, count_file, PolledChannel(*polled) if polled else None)
    seconds = time.monotonic() - began
    click.echo(
        f"{counted(mentions, 'mention')} of {counted(brands, 'brand')}, "
        f"{simulation.labels.start:%Y-%m-%d %H:%M} to {simulation.labels.end:%Y-%m-%d %H:%M} UTC, "
        f"{counted(len(simulation.labels.labels), 'label')}, in {seconds:.1f} s",
        err=True,
    )


def _write(
    simulation: Simulation, mention_file: IO[bytes] | None, count_file: IO[bytes] | None, polled: PolledChannel | None
) -> int:
    """Write every batch; returns the number of mentions."""
    written = 0
    if count_file:
        count_file.write(b"brand,start,mentions,negatives\n")
    for batch in _with_progress(simulation):
        if mention_file:
            mention_file.writelines(polled.arriving(batch.start, batch.lines) if polled else batch.lines)
        if count_file:
            start = moment(batch.start).strftime("%Y-%m-%dT%H:%M:%SZ")
            rows = (f"{count.brand},{start},{count.mentions},{count.negatives}\n" for count in batch.counts)
            count_file.write("".join(rows).encode())
        written += len(batch.lines)
    if mention_file and polled:
        mention_file.writelines(polled.rest())
    return written


def _with_progress(simulation: Simulation) -> Iterator[Batch]:
    console = Console(stderr=True)
    columns = (TextColumn("simulating"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as progress:
        yield from progress.track(simulation.batches(), total=simulation.steps)
