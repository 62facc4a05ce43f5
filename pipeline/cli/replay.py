"""`tocsin replay`: recorded mentions or observations through the engine, without Kafka."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.options import config_option, partitions_option
from pipeline.errors import TocsinError
from pipeline.wording import counted, unjudged
from schemas.moments import moment

if TYPE_CHECKING:
    from pipeline.config.model import Config
    from pipeline.engine.records import DeadLetter
    from pipeline.replay import ReplayReport
    from schemas.activity import Activity


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(allow_dash=True))
@click.option("--alerts", "alerts_path", metavar="OUT.jsonl", default="-", help="File for the alerts; - is stdout.")
@click.option("--dead-letters", "dlq_path", metavar="OUT.jsonl", help="File for the refused lines, with their reasons.")
@click.option(
    "--activity", "activity_path", metavar="OUT.jsonl", help="File for the records of brand-activity; .gz packs it."
)
@config_option
@partitions_option
@click.option(
    "--flush/--no-flush", default=True, show_default=True, help="Close the buckets that are still open at the end."
)
def command(
    files: tuple[str, ...],
    alerts_path: str,
    dlq_path: str | None,
    activity_path: str | None,
    config_path: Path | None,
    partitions: int | None,
    flush: bool,
) -> None:
    """Run recorded mentions or observations through the engine, without Kafka.

    FILE is mentions (.jsonl, .jsonl.gz, - for stdin; one mention per line, in order of arrival), a recording of
    `tocsin record` (its partitions, ticks and timestamps count, unless --partitions deals its mentions anew) or
    observations (.csv, .csv.gz with the columns brand,start,mentions,negatives, or activity; a missing row means zero).
    Alerts are written as JSON lines in order of event time, activity brand by brand as buckets close; the same input
    and configuration give the same bytes.
    """
    from pipeline.config.load import load_config
    from pipeline.config.settings import load_settings
    from pipeline.files.mentions import check_sources
    from pipeline.files.observations import holds_observations
    from pipeline.files.output import is_same_file, new_file_or_stdout, write_lines
    from schemas.activity import encode_activity
    from schemas.alert import encode_alert

    config = load_config(config_path or load_settings().config)
    check_sources(files)
    if len(set(map(holds_observations, files))) > 1:
        raise click.UsageError("expected either mentions (.jsonl) or observations (.csv, activity), got both")
    given = {"--alerts": alerts_path, "--dead-letters": dlq_path, "--activity": activity_path}
    outputs = {option: path for option, path in given.items() if path is not None}
    for path in outputs.values():
        if any(is_same_file(path, file) for file in files):
            raise click.UsageError(f"expected an output that is none of the inputs, got {path}")
    for (option, path), (other, same) in combinations(outputs.items(), 2):
        if path == same or is_same_file(path, same):
            raise click.UsageError(f"{option} and {other}: expected different files, got {same} twice")
    started = time.perf_counter()
    with ExitStack() as stack:
        # Opened before the replay, which may be long, so that a path that cannot be written fails at once.
        streams = {option: stack.enter_context(new_file_or_stdout(path)) for option, path in outputs.items()}

        def write_activity(records: list[Activity]) -> None:
            write_lines(streams["--activity"], outputs["--activity"], map(encode_activity, records))

        on_activity = write_activity if activity_path is not None else None
        report = _replay(files, config, partitions, on_activity, flush=flush)
        _require_mentions(files, report)
        write_lines(streams["--alerts"], alerts_path, map(encode_alert, report.alerts))
        if dlq_path is not None:
            write_lines(streams["--dead-letters"], dlq_path, map(_dead_letter_line, report.dead_letters))
    _tell(report, time.perf_counter() - started, shows_refused=dlq_path is not None)


def _tell(report: ReplayReport, seconds: float, *, shows_refused: bool) -> None:
    """Say on stderr what went in and what came out."""
    kinds = Counter(f"{alert.kind} {alert.transition}" for alert in report.alerts)
    awaited = f" ({report.awaited:,} of them awaited)" if report.awaited else ""
    click.echo(
        f"{counted(report.mentions, 'mention')} of {counted(report.brands_seen, 'brand')}, "
        f"{report.brands_known:,} of them known at the end, "
        f"{report.late:,} late{awaited}, {report.duplicates:,} duplicate, {len(report.dead_letters):,} refused; "
        f"{counted(report.buckets_closed, 'brand-bucket')} closed; "
        f"{counted(len(report.alerts), 'alert')} in {seconds:.1f} s",
        err=True,
    )
    if report.brands_warming_up:
        click.echo(unjudged(report.brands_warming_up, report.brands_known), err=True)
    for name, count in sorted(kinds.items()):
        click.echo(f"  {count:6} {name}", err=True)
    for (kind, reason), count in sorted(report.suppressed.items()):
        click.echo(f"  {count:6} {kind} suppressed: {reason.replace('_', '-')}", err=True)
    dropped = [f"{field} {count:,}" for field, count in report.fields_dropped.most_common() if count]
    if dropped:
        click.echo(f"fields cut or dropped for what docs/contracts.md does not allow: {', '.join(dropped)}", err=True)
    if report.dead_letters and not shows_refused:
        reasons = Counter(str(letter.reason) for letter in report.dead_letters)
        listed = ", ".join(f"{reason} {count}" for reason, count in reasons.most_common())
        click.echo(f"refused: {listed}; see them with --dead-letters OUT.jsonl", err=True)


def _replay(
    files: tuple[str, ...],
    config: Config,
    partitions: int | None,
    on_activity: Callable[[list[Activity]], None] | None,
    *,
    flush: bool,
) -> ReplayReport:
    from pipeline.cli.inputs import inputs_with_progress
    from pipeline.replay import Replay

    with inputs_with_progress("replay", files, partitions) as (inputs, advance):
        replay = Replay(config, partitions=inputs.partitions, now=moment(time.time()), on_activity=on_activity)
        for batch in inputs.batches:
            replay.take(batch)
            advance(len(batch))
        return replay.end(flush=flush)


def _require_mentions(files: tuple[str, ...], report: ReplayReport) -> None:
    """A recording of which nothing could be taken is of another kind than was meant, or empty.

    Raises:
        TocsinError: it is.
    """
    if report.mentions or report.brands_seen:
        return
    from pipeline.files.observations import holds_observations

    names = ", ".join(files)
    if all(map(holds_observations, files)):
        raise TocsinError(f"{names}: expected observations, got no row")
    if not report.dead_letters:
        raise TocsinError(f"{names}: expected mentions, one JSON object on each line, got no line")
    reasons = Counter(str(letter.reason) for letter in report.dead_letters)
    listed = ", ".join(f"{reason} {count}" for reason, count in reasons.most_common())
    raise TocsinError(
        f"{names}: expected mentions, one JSON object on each line, got "
        f"{counted(len(report.dead_letters), 'line')} of which none is a mention ({listed}); the first: "
        f"{report.dead_letters[0].error}"
    )


def _dead_letter_line(letter: DeadLetter) -> bytes:
    import msgspec

    from pipeline.engine.encoding import dead_letter_record

    record = dead_letter_record(letter)
    facts = {name.removeprefix("tocsin-"): value.decode() for name, value in record.headers}
    original = None if record.value is None else record.value.decode("utf-8", "backslashreplace")
    return msgspec.json.encode({**facts, "value": original})
