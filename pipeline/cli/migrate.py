"""`tocsin migrate partitions`: more partitions, and what was learned at the place where the keys now go."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.options import config_option

if TYPE_CHECKING:
    from pipeline.migration.run import Report


@click.group()
def command() -> None:
    """Move what was learned, when topics get more partitions."""


@command.command()
@config_option
@click.option(
    "--to",
    type=click.IntRange(2, 1000),
    help="Number of partitions to have afterwards. [default: the most that one of the topics has now]",
)
@click.option(
    "--from",
    "before",
    type=click.IntRange(1, 999),
    help="Number of partitions that the state was made for. [default: as the state or its topic says]",
)
@click.option("--apply", is_flag=True, help="Do it. Without this it is only said what would be done.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
def partitions(config_path: Path | None, to: int | None, before: int | None, apply: bool, as_json: bool) -> None:
    """Give the topics more partitions without losing what was learned, or go on after somebody has done so.

    Stop all workers first, and use their configuration. Mentions that no checkpoint holds yet are counted with the
    old partitions; then the state of every brand is written to the partition that its key has now, in a new state
    topic of the next generation. The old one stays as it is, but for a mark that keeps workers from it. Killed
    anywhere, the command can be run again and goes on. Producers need not be stopped.
    """
    import msgspec
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from pipeline.config.load import load_config
    from pipeline.config.settings import load_settings
    from pipeline.migration.run import migrate

    settings = load_settings()
    config = load_config(config_path or settings.config)
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("reading the topics", total=None)
        report = migrate(
            settings,
            config,
            to=to,
            before=before,
            apply=apply,
            progress=lambda what, done, total: bar.update(task, description=what, completed=done, total=total),
        )
    if as_json:
        click.echo(msgspec.json.encode(report).decode())
    else:
        _print(report)
    _say_what_next(report)


def _print(report: Report) -> None:
    from pipeline.wording import counted

    plan = report.plan
    if plan is None:
        return
    click.echo(f"partitions  {plan.before} -> {plan.after}")
    click.echo(f"state       {counted(report.names, 'brand')}, {report.moved:,} to another partition; {report.topic}")
    if report.mentions is None:
        click.echo(f"unread      at most {counted(plan.unread, 'record')}, to be counted before")
    else:
        outcome = f"{counted(report.alerts or 0, 'alert')}, {counted(report.dead_letters or 0, 'dead letter')}"
        click.echo(f"unread      {counted(report.mentions, 'mention')} counted before; {outcome}")


def _say_what_next(report: Report) -> None:
    if report.plan is None:
        click.echo("migrate: the state is for as many partitions as there are: nothing to do", err=True)
    elif not report.applied:
        if report.active:
            click.echo(f"migrate: workers are active and must be stopped first: {', '.join(report.active)}", err=True)
        click.echo("migrate: nothing was changed; --apply does it", err=True)
    else:
        setting = f"TOCSIN_STATE_GENERATION={report.plan.generation}"
        click.echo(f"migrate: done; set {setting} for every worker and start them", err=True)
