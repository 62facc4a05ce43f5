"""`tocsin replay`: recorded mentions or observations through the engine, without Kafka."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import ExitStack
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


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(allow_dash=True))
@click.option("--alerts", "alerts_path", metavar="OUT.jsonl", default="-", help="File for the alerts; - is stdout.")
@click.option("--dead-letters", "dlq_path", metavar="OUT.jsonl", help="File for the refused lines, with their reasons.")
@config_option
@partitions_option
@click.option(
    "--flush/--no-flush", default=True, show_default=True, help="Close the buckets that are still open at the end."
)
def command(
    files: tuple[str, ...],
    alerts_path: str,
    dlq_path: str | None,
    config_path: Path | None,
    partitions: int | None,
    flush: bool,
) -> None:
    """Run recorded mentions or observations through the engine, without Kafka.

    FILE is mentions (.jsonl, .jsonl.gz, - for stdin; one mention per line, in order of arrival), a recording of
    `tocsin record` (its partitions, ticks and timestamps count, unless --partitions deals its mentions anew) or
    observations (.csv, .csv.gz with the columns brand,start,mentions,negatives; a missing row means zero). Alerts are
    written as JSON lines in order of event time; the same input and configuration give the same bytes.
    """
    from pipeline.config.load import load_config
    from pipeline.config.settings import load_settings
    from pipeline.files.mentions import check_sources
    from pipeline.files.output import is_same_file, new_file_or_stdout, write_lines
    from schemas.alert import encode_alert

    config = load_config(config_path or load_settings().config)
    check_sources(files)
    tabular = {file.removesuffix(".gz").endswith(".csv") for file in files}
    if len(tabular) > 1:
        raise click.UsageError("expected either mentions (.jsonl) or observations (.csv), got both")
    outputs = [path for path in (alerts_path, dlq_path) if path is not None]
    for path in outputs:
        if any(is_same_file(path, file) for file in files):
            raise click.UsageError(f"expected an output that is none of the inputs, got {path}")
    if dlq_path is not None and (alerts_path == dlq_path or is_same_file(alerts_path, dlq_path)):
        raise click.UsageError(f"--alerts and --dead-letters: expected different files, got {dlq_path} twice")
    started = time.perf_counter()
    with ExitStack() as stack:
        # Opened before the replay, which may be long, so that a path that cannot be written fails at once.
        streams = [stack.enter_context(new_file_or_stdout(path)) for path in outputs]
        report = _replay(files, config, partitions, flush=flush)
        _require_mentions(files, report)
        write_lines(streams[0], alerts_path, map(encode_alert, report.alerts))
        if dlq_path is not None:
            write_lines(streams[1], dlq_path, map(_dead_letter_line, report.dead_letters))
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


def _replay(files: tuple[str, ...], config: Config, partitions: int | None, *, flush: bool) -> ReplayReport:
    from pipeline.cli.inputs import inputs_with_progress
    from pipeline.replay import Replay

    with inputs_with_progress("replay", files, partitions) as (inputs, advance):
        replay = Replay(config, partitions=inputs.partitions, now=moment(time.time()))
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
    names = ", ".join(files)
    if all(file.removesuffix(".gz").endswith(".csv") for file in files):
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
