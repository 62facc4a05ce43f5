"""`tocsin episodes`: what is open now, by the alerts topic."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import click

from pipeline.cli.options import brands_option, kinds_option, severities_option
from pipeline.wording import counted

if TYPE_CHECKING:
    from pipeline.inspection.lives import Life
    from schemas.alert import Alert


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line instead of the table.")
@kinds_option
@brands_option
@severities_option
def command(*, as_json: bool, kinds: tuple[str, ...], brands: tuple[str, ...], severities: tuple[str, ...]) -> int:
    """List what is open now, by the alerts topic: of each episode the latest transition, if it is not "resolved".

    The gravest come first, then the oldest. An episode that nobody closes any more (its state was deleted) is listed
    until its alerts are. The exit code is 1 when a record could not be read as an alert.
    """
    import msgspec

    from pipeline.config.settings import load_settings
    from pipeline.inspection.lives import open_lives
    from pipeline.kafka.alerts import read_alerts

    settings = load_settings()
    records = read_alerts(settings)
    found = [
        (life, last)
        for life, last in open_lives(record.alert for record in records if record.alert is not None)
        if (not kinds or life.kind in kinds)
        and (not brands or life.brand in brands)
        and (not severities or life.severity in severities)
    ]
    if as_json:
        for life, last in found:
            click.echo(msgspec.json.encode(_document(life, last)))
    elif found:
        _print(found, by_events=settings.event_time)
    unreadable = sum(record.alert is None for record in records)
    if unreadable:
        print(f"tocsin: {counted(unreadable, 'record')} could not be read as alerts", file=sys.stderr)
    elif not found:
        print("no open episodes", file=sys.stderr)
    return 1 if unreadable else 0


def _document(life: Life, last: Alert) -> dict[str, Any]:
    """What is open, as one object: the episode, its last transition, and who acts."""
    return {
        "episode_id": life.episode_id,
        "parent_episode_id": last.parent_episode_id,
        "scope": life.scope,
        "brand": life.brand,
        "kind": life.kind,
        "severity": life.severity,
        "onset_time": life.onset_time,
        "opened": life.opened,
        "transition": last.transition,
        "detected_time": last.detected_time,
        "score": last.score,
        "observed": last.observed,
        "expected": last.expected,
        "playbook": last.playbook,
    }


def _print(found: list[tuple[Life, Alert]], *, by_events: bool) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from pipeline.cli.alert_text import SEVERITY_STYLES

    now = max(last.detected_time.timestamp() for _, last in found) if by_events else time.time()
    console = Console()
    if not console.is_terminal:
        console = Console(width=160)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("severity", "kind", "brand", "open since", "for", "first signs", "last alert", "score", "episode"):
        table.add_column(column, no_wrap=True, justify="right" if column in {"for", "score"} else "left")
    for life, last in found:
        table.add_row(
            Text(life.severity, SEVERITY_STYLES[life.severity]),
            life.kind.replace("_", " "),
            f"category {life.brand}" if life.scope == "category" else life.brand,
            f"{life.opened:%Y-%m-%d %H:%M}",
            _age(now - life.opened.timestamp()),
            f"{life.onset_time:%Y-%m-%d %H:%M}",
            f"{last.transition} {last.detected_time:%m-%d %H:%M}",
            f"{last.score.value:.1f}",
            life.episode_id,
        )
    console.print(table)


def _age(seconds: float) -> str:
    hours, minutes = divmod(max(int(seconds // 60), 0), 60)
    if hours >= 48:
        return f"{hours // 24} d"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
