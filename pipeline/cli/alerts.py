"""`tocsin alerts`: the alerts topic, for people or as JSON."""

from __future__ import annotations

import sys
from collections.abc import Collection
from typing import TYPE_CHECKING

import click

from pipeline.cli.options import MOMENT, MOMENT_HELP, brands_option, kinds_option, severities_option
from pipeline.engine.alerts.headline import LANGUAGES
from pipeline.wording import counted
from schemas.alert import Alert

if TYPE_CHECKING:
    from rich.console import Console


@click.command()
@click.option("--follow", "-f", is_flag=True, help="Keep reading, and print each alert as it arrives, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line, as it stands on the topic.")
@click.option(
    "--from-beginning/--new",
    default=True,
    show_default=True,
    help="Start with the oldest alert kept, or with new ones.",
)
@kinds_option
@brands_option
@severities_option
@click.option("--lang", type=click.Choice(LANGUAGES), help="Language of headline and evidence.")
@click.option("--since", type=MOMENT, metavar="TIME", help=f"Only what was detected then or later: {MOMENT_HELP}.")
@click.option("--limit", type=click.IntRange(1), help="Number of alerts after which to stop.")
def command(
    *,
    follow: bool,
    as_json: bool,
    from_beginning: bool,
    kinds: tuple[str, ...],
    brands: tuple[str, ...],
    severities: tuple[str, ...],
    lang: str | None,
    since: float | None,
    limit: int | None,
) -> int:
    """Read the alerts topic: committed records only, each alert once.

    Without --follow, the alerts on the topic are printed in order of detection. The exit code is 1 when a record could
    not be read as an alert.
    """
    from rich.console import Console

    from pipeline.config.settings import load_settings
    from pipeline.kafka.alerts import follow_records, read_alerts

    settings = load_settings()
    if not (follow or from_beginning):
        raise click.UsageError("--new needs --follow")
    records = (
        follow_records(settings, lambda: False, from_beginning=from_beginning) if follow else read_alerts(settings)
    )
    console = Console()
    shown = unreadable = 0
    for record in records:
        alert = record.alert
        if alert is None:
            unreadable += 1
            print(f"tocsin: {record.place}: expected an alert of version 1: {record.problem}", file=sys.stderr)
            continue
        if not asked_for(alert, kinds, brands, severities, since):
            continue
        if as_json:
            _print_json(record.value)
        else:
            _print_text(alert, console, lang or "")
        shown += 1
        if shown == limit:
            break
    if unreadable:
        print(f"tocsin: {counted(unreadable, 'record')} could not be read as alerts", file=sys.stderr)
    elif not shown:
        print("no alerts", file=sys.stderr)
    return 1 if unreadable else 0


def asked_for(
    alert: Alert, kinds: Collection[str], brands: Collection[str], severities: Collection[str], since: float | None
) -> bool:
    """Whether an alert passes the filters; an empty one lets everything through."""
    return (
        (not kinds or alert.kind in kinds)
        and (not brands or alert.brand in brands)
        and (not severities or alert.severity in severities)
        and (since is None or alert.detected_time.timestamp() >= since)
    )


def _print_json(value: bytes) -> None:
    """The alert on one line, with the fields that the topic has, unknown ones included."""
    import msgspec

    click.echo(msgspec.json.format(value, indent=-1))  # UTF-8 whatever the locale


def _print_text(alert: Alert, console: Console, language: str) -> None:
    """The alert as lines for people, coloured on a terminal."""
    from pipeline.cli.alert_text import alert_lines, alert_renderable

    if console.is_terminal:
        console.print(alert_renderable(alert, language), soft_wrap=True)
    else:
        print("\n".join(alert_lines(alert, language)), flush=True)
