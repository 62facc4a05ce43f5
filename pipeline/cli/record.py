"""`tocsin record`: a range of the mentions topic to a file that `replay` reads."""

from __future__ import annotations

import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.options import MOMENT_HELP, brands_option, config_option, unix_seconds

if TYPE_CHECKING:
    from pipeline.kafka.recording import Clock, Recorded


@click.command()
@click.option("--since", metavar="TIME", help=f"Begin here: {MOMENT_HELP}. [default: the oldest record kept]")
@click.option("--until", metavar="TIME", help="End before this, written as --since. [default: what is there now]")
@click.option(
    "--out",
    "path",
    required=True,
    metavar="FILE.jsonl[.gz]",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file, which gets this name when it is whole; until then it is FILE.part.",
)
@brands_option
@click.option(
    "--time",
    "clock",
    type=click.Choice(["event", "arrival"]),
    default="event",
    show_default=True,
    help="What --since and --until mean: the event_time of a mention, or the time at which the broker got it.",
)
@click.option("--plain", is_flag=True, help="Only the mentions as they stand on the topic, one a line, without places.")
@click.option("--restart", is_flag=True, help="Begin anew, and drop what an interrupted recording has left.")
@config_option
def command(
    *,
    since: str | None,
    until: str | None,
    path: Path,
    brands: tuple[str, ...],
    clock: Clock,
    plain: bool,
    restart: bool,
    config_path: Path | None,
) -> None:
    """Write a range of the mentions topic to a file that replay, compare and explain read.

    Committed records only, each once, in order of arrival, with partition, offset and timestamp; ticks, feedback and
    records that the worker refuses are kept too. `tocsin replay FILE --no-flush` then gives the worker's alerts, byte
    for byte, if the range begins where the worker began, without --brand, and with its configuration.

    The same command continues an interrupted recording where it stopped, with the range of the first attempt.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from pipeline.config.load import load_config
    from pipeline.config.settings import load_settings
    from pipeline.kafka.recording import Request, record_mentions

    if not path.name.removesuffix(".gz").endswith(".jsonl"):
        raise click.UsageError(f"--out: expected a name that ends in .jsonl or .jsonl.gz, got {path.name}")
    now = time.time()
    begin, end = _seconds("--since", since, now), _seconds("--until", until, now)
    if begin is not None and end is not None and begin >= end:
        raise click.UsageError(f"expected --since before --until, got {since} and {until}")
    settings = load_settings()
    config = load_config(config_path or settings.config)
    asked = ["--since", since or "-", "--until", until or "-", "--time", clock, *(["--plain"] if plain else [])]
    for brand in sorted(set(brands)):
        asked += ["--brand", brand]
    request = Request(
        since=begin, until=end, asked=shlex.join(asked), time=clock, brands=tuple(sorted(set(brands))), plain=plain
    )
    console = Console(stderr=True)
    columns = (TextColumn("record"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("", total=None)
        recorded = record_mentions(
            settings,
            path,
            request,
            tolerance_seconds=config.engine.future_tolerance_seconds,
            restart=restart,
            on_progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
    for line in _summary(recorded, path):
        click.echo(line, err=True)


def _seconds(option: str, text: str | None, now: float) -> float | None:
    try:
        return None if text is None else unix_seconds(text, now)
    except ValueError as error:
        raise click.UsageError(f"{option}: {error}") from None


def _summary(recorded: Recorded, path: Path) -> list[str]:
    from pipeline.wording import counted
    from schemas.moments import moment

    refused = sum(recorded.refused.values())
    what = f"{counted(recorded.mentions, 'mention')}, {counted(recorded.ticks, 'tick')}, "
    what += f"{counted(recorded.feedback, 'piece')} of feedback, {refused:,} refused"
    lines = [f"recorded {what} into {path}" + (", going on where it had stopped" if recorded.resumed else "")]
    if recorded.first is not None and recorded.last is not None:
        first, last = (f"{moment(at):%Y-%m-%d %H:%M:%S}" for at in (recorded.first, recorded.last))
        lines.append(f"  from {first} to {last} UTC; {counted(recorded.read, 'record')} read")
    else:
        lines.append(f"  nothing in this range; {counted(recorded.read, 'record')} read")
    if recorded.refused:
        listed = ", ".join(f"{count:,} {reason}" for reason, count in sorted(recorded.refused.items()))
        lines.append(f"  refused: {listed}")
    if recorded.left_out:
        lines.append(f"  left out: {counted(recorded.left_out, 'refused record')}")
    if recorded.trimmed:
        lines.append("  the topic no longer holds what came before its oldest record: the range may have begun earlier")
    return lines
