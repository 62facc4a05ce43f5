"""`tocsin episodes`: what is open now, by the alerts topic, and who acts on it."""

from __future__ import annotations

import sys
import time
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

import click

from pipeline.cli.options import brands_option, kinds_option, severities_option
from pipeline.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from pipeline.config.settings import Settings
    from pipeline.inspection.lives import Life
    from pipeline.report.duty import Duty
    from schemas.alert import Alert
    from schemas.feedback import Feedback

    Row = tuple[Life, Alert, Duty]

TABLE_WIDTH: Final = 170
"""Columns that the table takes; on a narrower terminal every episode has lines of its own."""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line instead of the table.")
@kinds_option
@brands_option
@severities_option
def command(*, as_json: bool, kinds: tuple[str, ...], brands: tuple[str, ...], severities: tuple[str, ...]) -> int:
    """List what is open now, by the alerts topic: of each episode the latest transition, if it is not "resolved".

    With it stand who must act by when, by the playbook, and who has acknowledged or answered, by the feedback topic.
    The gravest come first, then the oldest. An episode that nobody closes any more (its state was deleted) is listed
    until its alerts are. The exit code is 1 when a record could not be read as an alert.
    """
    import msgspec

    from pipeline.config.settings import load_settings
    from pipeline.inspection.lives import open_lives
    from pipeline.kafka.alerts import read_alerts
    from pipeline.report.duty import duty_of
    from schemas.moments import moment

    settings = load_settings()
    records = read_alerts(settings)
    alerts = [record.alert for record in records if record.alert is not None]
    chosen = [
        (life, last)
        for life, last in open_lives(alerts)
        if (not kinds or life.kind in kinds)
        and (not brands or life.brand in brands)
        and (not severities or life.severity in severities)
    ]
    said = _said(settings) if chosen else []
    now = max(one.detected_time for one in alerts) if alerts and settings.event_time else moment(time.time())
    told = _by_episode(alerts)
    found = [(life, last, duty_of(told[life.episode_id], said or (), now)) for life, last in chosen]
    if as_json:
        for row in found:
            click.echo(msgspec.json.encode(_document(*row, is_known=said is not None)))
    elif found:
        _print(found, now, is_known=said is not None)
    unreadable = len(records) - len(alerts)
    if unreadable:
        print(f"tocsin: {counted(unreadable, 'record')} could not be read as alerts", file=sys.stderr)
    elif not found:
        print("no open episodes", file=sys.stderr)
    return 1 if unreadable else 0


def _said(settings: Settings) -> list[Feedback] | None:
    """What people have said; None where it cannot be read, which is said and keeps nobody from what is open."""
    from pipeline.errors import BrokerError
    from pipeline.kafka.feedback import read_feedback

    try:
        said, unreadable = read_feedback(settings)
    except BrokerError as error:
        print(f"tocsin: who has acknowledged is not known: {error}", file=sys.stderr)
        return None
    if unreadable:
        print(f"tocsin: {counted(unreadable, 'record')} could not be read as feedback", file=sys.stderr)
    return said


def _by_episode(alerts: Iterable[Alert]) -> dict[str, list[Alert]]:
    found: dict[str, list[Alert]] = {}
    for alert in alerts:
        found.setdefault(alert.episode_id, []).append(alert)
    return found


def _document(life: Life, last: Alert, duty: Duty, *, is_known: bool) -> dict[str, Any]:
    """What is open, as one object: the episode, its last transition, who must act and who does."""
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
        "owner": duty.owner,
        "respond_by": duty.respond_by,
        "feedback_known": is_known,
        "overdue": duty.overdue if is_known else None,
        "late_minutes": duty.late_minutes,
        "acknowledged": duty.acknowledged,
        "answered": duty.answered,
    }


def _print(found: list[Row], now: datetime, *, is_known: bool) -> None:
    from rich.console import Console
    from rich.text import Text

    from pipeline.cli.alert_text import SEVERITY_STYLES

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(width=240, highlight=False)
    if console.width >= TABLE_WIDTH:
        console.print(_table(found, now, is_known=is_known))
        return
    for life, last, duty in found:
        age = _age((now - life.opened).total_seconds())
        first = f" {_subject(life)}, {_kind(life)}, score {last.score.value:.1f}, open for {age}"
        console.print(Text.assemble((life.severity, SEVERITY_STYLES[life.severity]), first), soft_wrap=True)
        owner = duty.owner or "nobody is named"
        console.print(Text(f"  owner {owner}, act by {_deadline(duty, now, is_known=is_known)}"), soft_wrap=True)
        console.print(Text(f"  {_acted(duty, now, is_known=is_known)}"), soft_wrap=True)
        console.print(Text(f"  last alert {_transition(last)}, episode {life.episode_id}"), soft_wrap=True)


def _table(found: list[Row], now: datetime, *, is_known: bool) -> Any:
    from rich.table import Table
    from rich.text import Text

    from pipeline.cli.alert_text import SEVERITY_STYLES

    table = Table(box=None, header_style="bold", pad_edge=False)
    columns = ("severity", "kind", "brand", "open since", "for", "last alert", "score")
    for column in (*columns, "owner", "act by", "acknowledged", "episode"):
        table.add_column(column, no_wrap=True, justify="right" if column in {"for", "score"} else "left")
    for life, last, duty in found:
        table.add_row(
            Text(life.severity, SEVERITY_STYLES[life.severity]),
            _kind(life),
            Text(_subject(life)),
            f"{life.opened:%Y-%m-%d %H:%M}",
            _age((now - life.opened).total_seconds()),
            _transition(last),
            f"{last.score.value:.1f}",
            Text(duty.owner or "-"),
            _deadline(duty, now, is_known=is_known),
            Text(_acted(duty, now, is_known=is_known)),
            life.episode_id,
        )
    return table


def _kind(life: Life) -> str:
    return life.kind.replace("_", " ")


def _subject(life: Life) -> str:
    return f"category {life.brand}" if life.scope == "category" else life.brand


def _transition(last: Alert) -> str:
    return f"{last.transition} {last.detected_time:%m-%d %H:%M}"


def _deadline(duty: Duty, now: datetime, *, is_known: bool) -> str:
    if duty.respond_by is None:
        return "-"
    late = f", overdue {_age((now - duty.respond_by).total_seconds())}" if duty.overdue and is_known else ""
    if duty.late_minutes is not None:
        late = f", missed by {_age(60.0 * duty.late_minutes)}"
    return f"{duty.respond_by:%m-%d %H:%M}{late}"


def _acted(duty: Duty, now: datetime, *, is_known: bool) -> str:
    """Who has acknowledged, or who has answered without."""
    if not is_known:
        return "acknowledged: not known"
    for verb, deed in (("acknowledged", duty.acknowledged), ("answered", duty.answered)):
        if deed is not None:
            at = deed.time.astimezone(UTC)
            shape = "%H:%M" if at.date() == now.date() else "%m-%d %H:%M"
            return f"{verb} by {deed.author} {at.strftime(shape)}"
    return "not acknowledged"


def _age(seconds: float) -> str:
    hours, minutes = divmod(max(int(seconds // 60), 0), 60)
    if hours >= 48:
        return f"{hours // 24} d"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
