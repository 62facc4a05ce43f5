"""`tocsin notify`: alerts to pagers, chats, phones and mail."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.options import Commands
from schemas.alert import SEVERITIES, Severity

if TYPE_CHECKING:
    from pipeline.config.settings import Settings
    from pipeline.notify.config import NotifyFile


targets_option = click.option(
    "--config",
    "path",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="TOML file of the targets; deploy/notify.toml is a commented one. [default: TOCSIN_NOTIFY_CONFIG]",
)


@click.group(cls=Commands, invoke_without_command=True)
@targets_option
@click.option(
    "--state",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Folder of what each target has been told; must outlive the process. [default: TOCSIN_HOME/notify]",
)
@click.option("--metrics-port", type=click.IntRange(0, 65535), help="Serve /metrics there; 0 takes a free port.")
@click.option(
    "--from-beginning/--new",
    default=False,
    show_default=True,
    help="A target that is new starts with the oldest alert kept, or with new ones.",
)
@click.option("--dry-run", is_flag=True, help="Print what the alerts now on the topic would have caused, and end.")
@click.pass_context
def command(
    context: click.Context,
    *,
    path: Path | None,
    state: Path | None,
    metrics_port: int | None,
    from_beginning: bool,
    dry_run: bool,
) -> int:
    """Tell alerts to the people who must act (runs until stopped).

    Each target has a consumer group of its own, which moves on when the target has the alert: one that is down holds
    only itself. docs/notify.md explains targets, messages and what happens to alerts that have to wait.
    """
    context.obj = path
    if context.invoked_subcommand is not None:
        return 0
    from pipeline.config.settings import load_settings

    settings = load_settings()
    path, file = _targets(settings, path)
    if dry_run:
        return _rehearse(settings, file)
    from pipeline.errors import TocsinError
    from pipeline.notify.service import profiles_of, run, targets_of
    from pipeline.telemetry.logs import configure_logging, say_fatal
    from schemas.text import printable

    configure_logging(settings)
    profiles = profiles_of(file)
    try:
        run(
            settings,
            profiles,
            targets_of(profiles, path.parent),
            state=state or settings.home / "notify",
            metrics_port=metrics_port,
            from_beginning=from_beginning,
        )
    except TocsinError as error:  # from here on in the form of the log, which a program may be reading
        say_fatal(printable(str(error), 4000))
        return 1
    return 0


@command.command("test")
@click.argument("target")
@targets_option
@click.option("--severity", type=click.Choice(SEVERITIES), default="info", show_default=True, help="Of the test.")
@click.option("--resolve", is_flag=True, help="End the test before, for a target that keeps it open.")
@click.pass_obj
def test_command(given: Path | None, *, target: str, path: Path | None, severity: Severity, resolve: bool) -> int:
    """Send to TARGET, one of the configuration, a message that says that it is a test."""
    from datetime import UTC, datetime

    from pipeline.config.errors import nearest
    from pipeline.config.settings import load_settings
    from pipeline.notify.rehearsal import try_out
    from pipeline.notify.service import profiles_of, targets_of
    from pipeline.notify.targets.contract import Delivered
    from schemas.text import printable

    path, file = _targets(load_settings(), path or given)
    chosen = [one for one in profiles_of(file) if one.name == target]
    if not chosen:
        raise click.UsageError(
            f"expected a target of {path}, got {printable(target, 100)!r}{nearest(target, file.targets)}"
        )
    (profile,) = chosen
    carrier = targets_of(chosen, path.parent)[target]
    outcome = try_out(profile, carrier, datetime.now(UTC), severity=severity, resolved=resolve)
    if not isinstance(outcome, Delivered):
        print(f"tocsin: {target}: not delivered: {printable(outcome.why, 1000)}", file=sys.stderr)
        return 1
    print(f"{target}: delivered")
    if profile.section.closes and not resolve:
        print("it stays open until the same command with --resolve ends it", file=sys.stderr)
    return 0


def _targets(settings: Settings, path: Path | None) -> tuple[Path, NotifyFile]:
    from pipeline.config.settings import PREFIX
    from pipeline.notify.config import load_targets

    path = path or settings.notify_config
    if path is None:
        raise click.UsageError(f"expected the targets: give --config FILE or set {PREFIX}NOTIFY_CONFIG")
    return path, load_targets(path)


def _rehearse(settings: Settings, file: NotifyFile) -> int:
    from pipeline.notify.rehearsal import kept_alerts, rehearse
    from pipeline.notify.service import profiles_of
    from pipeline.telemetry.logs import configure_logging
    from pipeline.wording import counted

    configure_logging(settings)
    records = kept_alerts(settings)
    for profile in profiles_of(file):
        count, waiting = rehearse(profile, records, click.echo)
        reasons = ", ".join(f"{reason} {number}" for reason, number in sorted(count.reasons.items()))
        print(
            f"{profile.name}: {count.told} of {counted(len(records), 'alert')} would be delivered, "
            f"{waiting} still waiting" + (f"; {reasons}" if reasons else ""),
            file=sys.stderr,
        )
    return 0
