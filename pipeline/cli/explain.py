"""`tocsin explain`: why a brand's alert fired at a time, or what held it back."""

from __future__ import annotations

import re
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.cli.options import MOMENT, MOMENT_HELP, config_option, partitions_option
from schemas.alert import KINDS, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.config.settings import Settings
    from pipeline.inspection.explanation import Explained
    from pipeline.replay import Inputs


@click.command()
@click.argument("brand")
@click.argument("files", nargs=-1, metavar="FILE...", type=click.Path(allow_dash=True))
@click.option("--at", "at", type=MOMENT, required=True, metavar="TIME", help=f"Event time: {MOMENT_HELP}.")
@click.option(
    "--kind", type=click.Choice(KINDS), default="crisis", show_default=True, help="Whose windows and picture to show."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of the tables.")
@click.option("--plot", "plot", metavar="OUT.svg|OUT.png", help="Draw the picture into this file (.png by matplotlib).")
@config_option
@partitions_option
def command(
    *,
    brand: str,
    files: tuple[str, ...],
    at: float,
    kind: Kind,
    as_json: bool,
    plot: str | None,
    config_path: Path | None,
    partitions: int | None,
) -> None:
    """Show why an alert of BRAND fired at a time, or what held it back.

    The engine runs once more over FILE, as `tocsin replay` reads it, or else over what the mentions topic still holds,
    up to two hours after TIME. Shown are the scores of every kind and window in the five minutes that end at TIME or
    hold it, their parts, what was expected, the threshold with what the alert budget puts on top, the cool-down, and
    what came of it. A worker that knew the brand for longer than the input may have scored otherwise.
    """
    from pipeline.config.load import load_config
    from pipeline.config.settings import load_settings
    from pipeline.files.mentions import check_sources
    from pipeline.inspection.explanation import bucket_at, explain
    from schemas.mention import BRAND_PATTERN
    from schemas.moments import moment

    if not re.match(BRAND_PATTERN, brand):
        raise click.BadParameter(f"expected a brand that matches {BRAND_PATTERN}, got {brand!r}", param_hint="BRAND")
    if plot is not None and not plot.endswith((".svg", ".png")):
        raise click.UsageError(f"--plot: expected a name that ends in .svg or .png, got {plot}")
    check_sources(files)
    settings = load_settings()
    if config_path is not None:
        settings = settings.model_copy(update={"config": config_path})
    config = load_config(settings.config)
    with _inputs(files, partitions, settings, brand) as (inputs, advance):
        found = explain(inputs, config, brand, bucket_at(at), now=moment(time.time()), on_progress=advance)
    if plot is not None:
        _draw(found, kind, plot)
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode(_document(found)))
        return
    from rich.console import Console

    from pipeline.cli.explain_text import print_explanation

    console = Console()
    print_explanation(found, kind, console if console.is_terminal else Console(width=140))


@contextmanager
def _inputs(
    files: tuple[str, ...], partitions: int | None, settings: Settings, brand: str
) -> Iterator[tuple[Inputs, Any]]:
    """The files, or the partition of the brand on the topic; with a progress bar."""
    from pipeline.cli.inputs import inputs_with_progress
    from pipeline.cli.progress import progress_bar
    from pipeline.kafka.recording import topic_records
    from pipeline.replay import inputs_of_records

    if files:
        with inputs_with_progress("explain", files, partitions) as found:
            yield found
        return
    if partitions is not None:
        raise click.UsageError("--partitions is for FILE: the topic has its own")
    with topic_records(settings, brand) as (count, total, records), progress_bar("explain", total) as advance:
        yield inputs_of_records(records, count, total), advance


def _draw(found: Explained, kind: Kind, path: str) -> None:
    from pipeline.files.output import new_file
    from pipeline.inspection.picture import png
    from pipeline.inspection.svg import svg

    if path.endswith(".png"):
        png(found, kind, path)
        return
    with new_file(Path(path)) as stream:
        stream.write(svg(found, kind).encode())


def _document(found: Explained) -> dict[str, Any]:
    """All of it as one object; numbers that are infinite are null."""
    import msgspec

    from pipeline.engine.alerts.brand_alert import start_of
    from pipeline.inspection.words import outcome_line, standing_line

    return {
        "brand": found.brand,
        "bucket": {"start": start_of(found.bucket), "end": start_of(found.bucket + 1)},
        "standing": found.standing,
        "text": standing_line(found),
        "known_since": found.seen_from,
        "warm_since": found.warm_after,
        "input_until": found.seen_until,
        "config_hash": found.config_hash,
        "detector": found.detector,
        "shown": None if found.shown is None else start_of(found.shown.bucket),
        "counts": found.counts,
        "expected": None if found.shown is None else found.shown.expected,
        "kinds": {
            one.kind: {
                "outcome": one.verdict.outcome,
                "text": outcome_line(one),
                "score": one.verdict.score,
                "threshold": one.verdict.threshold,
                "raised_by_budget": one.verdict.raised_by,
                "rule": one.verdict.rule,
                "severity": one.verdict.severity,
                "open_since": start_of(one.verdict.opened + 1) if one.verdict.opened else None,
                "cool_down_until": start_of(one.verdict.cool_down_ends) if one.verdict.ended else None,
                "blocked_by": one.verdict.blocked_by,
                "explanation": one.explanation,
                "before": one.before and msgspec.Raw(msgspec.json.encode(one.before)),
                "after": one.after and msgspec.Raw(msgspec.json.encode(one.after)),
            }
            for one in found.kinds
        },
        "windows": found.windows,
    }
