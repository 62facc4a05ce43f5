"""`tocsin replay`."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from pipeline.errors import TocsinError
from pipeline.records import OutRecord


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--alerts", "alerts_path", metavar="OUT.jsonl", default="-", help="Where alerts go; - is stdout.")
@click.option("--dead-letters", "dlq_path", metavar="OUT.jsonl", help="Where refused lines go, with their reasons.")
@click.option("--config", "config_path", type=click.Path(path_type=Path), help="TOML file of detection and behaviour.")
@click.option("--partitions", type=click.IntRange(1, 1000), help="Partitions to stand for [default: the catalogue's].")
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

    FILE is mentions (.jsonl, .jsonl.gz, - for stdin; one mention a line, in order of arrival) or observations (.csv,
    .csv.gz with the columns brand,start,mentions,negatives; missing rows mean zero). Alerts come out as JSON lines in
    order of event time; the same input and configuration give the same bytes.
    """
    from pipeline.config import load_config
    from pipeline.mention_files import lines
    from pipeline.replay import read_observations, replay_mentions, replay_observations
    from pipeline.settings import load_settings
    from schemas.catalogue import topics

    config = load_config(config_path or load_settings().config)
    tabular = [file.removesuffix(".gz").endswith(".csv") for file in files]
    if any(tabular) and not all(tabular):
        raise click.UsageError("expected either mentions (.jsonl) or observations (.csv), got both")
    started = time.perf_counter()
    console = Console(stderr=True)
    columns = (TextColumn("replay"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        if all(tabular):
            rows = sorted((row for file in files for row in read_observations(file)), key=lambda row: row.start)
            task = progress.add_task("rows", total=len(rows))
            report = replay_observations(
                rows, config, flush=flush, on_progress=lambda count: progress.advance(task, count)
            )
        else:
            task = progress.add_task("mentions", total=None)
            report = replay_mentions(
                (line for file in files for line in lines(file)),
                config,
                partitions=partitions or topics()["mentions"].partitions,
                now=datetime.now(UTC),
                flush=flush,
                on_progress=lambda count: progress.advance(task, count),
            )
    _write(alerts_path, [record.value or b"" for record in report.alerts])
    if dlq_path:
        _write(dlq_path, [_dead_letter_line(record) for record in report.dead_letters])
    kinds = Counter(dict(record.headers)["ce_type"].decode().removeprefix("tocsin.alert.") for record in report.alerts)
    seconds = time.perf_counter() - started
    click.echo(
        f"{report.mentions} mentions of {report.brands} brands, {report.late} late, {report.duplicates} duplicate, "
        f"{len(report.dead_letters)} refused; {report.buckets_closed} brand-buckets closed; "
        f"{len(report.alerts)} alerts in {seconds:.1f} s",
        err=True,
    )
    for name, count in sorted(kinds.items()):
        click.echo(f"  {count:6} {name.removesuffix('.v1').replace('.', ' ')}", err=True)
    if report.dead_letters and not dlq_path:
        reasons = Counter(dict(record.headers)["tocsin-reason"].decode() for record in report.dead_letters)
        listed = ", ".join(f"{reason} {count}" for reason, count in reasons.most_common())
        click.echo(f"refused: {listed}; see them with --dead-letters OUT.jsonl", err=True)


def _write(path: str, lines: list[bytes]) -> None:
    try:
        with click.open_file(path, "wb") as stream:
            for line in lines:
                stream.write(line + b"\n")
    except OSError as error:
        raise TocsinError(f"{path}: expected a file that can be written: {error.strerror}") from None


def _dead_letter_line(record: OutRecord) -> bytes:
    import msgspec

    facts = {name.removeprefix("tocsin-"): value.decode() for name, value in record.headers}
    original = None if record.value is None else record.value.decode("utf-8", "backslashreplace")
    return msgspec.json.encode({**facts, "value": original})
