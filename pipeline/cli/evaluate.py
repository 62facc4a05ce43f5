"""`tocsin evaluate`: how good the alarms are, on public counts, on recordings and in simulated worlds."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from pipeline.cli.options import Commands, config_option, partitions_option
from pipeline.wording import unjudged

if TYPE_CHECKING:
    from pipeline.config.model import Config, DetectionConfig
    from pipeline.evaluation.peers.baselines import Signal
    from pipeline.evaluation.recorded import Recording
    from pipeline.evaluation.reports.report import Report
    from pipeline.replay import ReplayReport
    from schemas.alert import Alert

_out = click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Folder for the JSON and the HTML report."
)


class _RecordedOptions(TypedDict):
    """Values of the options of every recording: what is known about it, and what is made of it."""

    labels: Path | None
    coverage: Path | None
    gaps: Path | None
    out: Path | None
    peers: bool


def _recorded_options(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options that `_RecordedOptions` holds."""
    options = (
        click.option(
            "--labels",
            type=click.Path(path_type=Path, dir_okay=False),
            help="What happened: JSON of `tocsin simulate`, or CSV brand,onset[,kind,end] [default: none].",
        ),
        click.option(
            "--coverage",
            type=click.Path(path_type=Path, dir_okay=False),
            help="CSV brand,from,to: times of which it is known what happened to a brand "
            "[default: from its first mention to the end].",
        ),
        click.option(
            "--gaps",
            "--holes",
            "gaps",
            type=click.Path(path_type=Path, dir_okay=False),
            help="CSV start,end, or hour, or day: gaps in the feed, in which no brand's mentions arrived.",
        ),
        _out,
        click.option(
            "--peers", is_flag=True, help="Run the other detectors too (slow: River's detectors are plain Python)."
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


@click.group(cls=Commands)
def command() -> None:
    """Measure what is shipped: recall, delay and false alarms, beside other detectors and controls.

    Thresholds are the configured ones; nothing is tuned on the data it is measured on. See docs/evaluation.md.
    """


@command.command(short_help="The volume channel over count series in NAB format.")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@_out
@click.option("--labels", type=click.Path(path_type=Path, dir_okay=False), help="Labels [default: DIR/labels.json].")
@click.option("--soft", is_flag=True, help="Write graded scores instead of 1.0 at alarms.")
@click.option("--peers/--no-peers", default=True, show_default=True, help="Run the other detectors too.")
@config_option
def nab(
    *, folder: Path, out: Path | None, labels: Path | None, soft: bool, peers: bool, config_path: Path | None
) -> None:
    """Run the volume channel over count series in NAB format.

    DIR holds CSV files of timestamp,value with rows 5 minutes apart. With --out, NAB result files
    (timestamp,value,anomaly_score) are written to OUT/results beside the report: 1.0 on rows where a volume_surge
    episode opens, 0.0 elsewhere.
    """
    import numpy as np

    from pipeline.evaluation import counts
    from pipeline.evaluation.reports.nab import nab_report
    from pipeline.evaluation.simulated import alarm_rule

    rule = alarm_rule(_load(config_path).brand("nab").detection, "volume_surge")
    series = counts.read_folder(folder, labels)
    with _progress("nab", len(series)) as step:
        scores = []
        for one in series:
            scores.append(counts.surge_scores(one))
            step(one.name)
        rows = counts.rate_detectors(series, scores, rule, peers=peers, on_peer=lambda name: step(name, 0))
    if out:
        graded = [
            counts.soft_scores(own) if soft else counts.alarm_rows(one, own, rule).astype(np.float64)
            for one, own in zip(series, scores, strict=True)
        ]
        counts.write_results(series, graded, out / "results")
    _finish(nab_report(series, scores, rule, rows), out)


@command.command(short_help="Aggregated history through the engine.")
@click.argument("file", metavar="FILE")
@_recorded_options
@config_option
def observations(*, file: str, config_path: Path | None, **options: Unpack[_RecordedOptions]) -> None:
    """Run aggregated history through the engine and measure its alarms.

    FILE is CSV brand,start,mentions,negatives, plain or .gz; a missing row means zero. Brands are of size S (below 30
    mentions an hour), M (below 600) or L.
    """
    from pipeline.evaluation.recorded import observation_counts
    from pipeline.files.observations import read_observations
    from pipeline.replay import replay_observations

    config = _load(config_path)
    measure = _recorded_measure("observations", "negatives", config, options)
    rows = read_observations([file])
    with _progress("replay", len(rows)) as step:
        report = replay_observations(rows, config, on_progress=lambda count: step("replay", count))
    _tell_unjudged(report)
    measure(observation_counts(rows), report.alerts)


@command.command(short_help="Recorded mentions through the engine, sentiment included.")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@_recorded_options
@partitions_option
@config_option
def mentions(
    *,
    files: tuple[str, ...],
    partitions: int | None,
    config_path: Path | None,
    **options: Unpack[_RecordedOptions],
) -> None:
    """Run recorded mentions through the engine, sentiment included, and measure its alarms.

    FILE is JSON lines, plain or .gz, in order of arrival. Brands are of size S (below 30 mentions an hour), M (below
    600) or L.
    """
    import time

    from pipeline.evaluation.recorded import MentionCounter
    from pipeline.files.mentions import lines
    from pipeline.replay import replay_mentions
    from schemas.catalogue import topics
    from schemas.moments import moment

    config = _load(config_path)
    measure = _recorded_measure("mentions", "mentions", config, options)
    counter = MentionCounter()
    with _progress("replay", None) as step:
        report = replay_mentions(
            (counter.see(line) for file in files for line in lines(file)),
            config,
            partitions=partitions or topics()["mentions"].partitions,
            now=moment(time.time()),
            on_progress=lambda count: step("replay", count),
        )
    _tell_unjudged(report)
    measure(counter.recording(), report.alerts)


@command.command(short_help="The sentiment models on labelled texts, before and after they learn.")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@_out
def sentiment(*, files: tuple[str, ...], out: Path | None) -> None:
    """Teach the sentiment models from one half of labelled texts and measure them on the other.

    FILE is CSV lang,text,label (neg, neu or pos), or mentions as JSON lines, of which those with `sentiment` are used;
    plain or .gz.
    """
    from pipeline.evaluation.reports.sentiment import sentiment_report
    from pipeline.evaluation.sentiment import measure, read_labelled

    texts = read_labelled(files)
    with _progress("sentiment", None) as step:
        found = measure(texts, on_step=step)
    _finish(sentiment_report(found, len(texts)), out)


@command.command(short_help="Fleets of brands in worlds of known truth.")
@click.option(
    "--brands", type=click.IntRange(2, 5000), help="Number of brands of each size [default: 100; 12 with --detector]."
)
@click.option(
    "--days", type=click.IntRange(14, 365), default=56, show_default=True, help="Days that count, after the warm-up."
)
@click.option(
    "--worlds",
    help="Names with commas; all: every world of the first family, held-out: of the second. See docs/evaluation.md "
    "[default: all; ordinary with --detector].",
)
@click.option("--sizes", default="S,M,L", show_default=True, help="Sizes of brands with commas.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Same seed, same result.")
@click.option(
    "--peer-brands", type=click.IntRange(0, 5000), default=0, show_default=True,
    help="Brands of each size on which peers and controls run too (slow: River's detectors are plain Python).",
)  # fmt: skip
@click.option(
    "--episode-brands", type=click.IntRange(0, 5000), default=6, show_default=True,
    help="Brands of each size that live through crises in the engine itself: onset errors, alarms after the end.",
)  # fmt: skip
@click.option(
    "--detector", "detectors", multiple=True, metavar="NAME",
    help="Compare detectors by their names in the configuration, all for every one of the registry; repeatable. All "
    "but daily-maxima take minutes for the default 12 brands of each size.",
)  # fmt: skip
@_out
@config_option
def simulated(
    *,
    brands: int | None,
    days: int,
    worlds: str | None,
    sizes: str,
    seed: int,
    peer_brands: int,
    episode_brands: int,
    detectors: tuple[str, ...],
    out: Path | None,
    config_path: Path | None,
) -> None:
    """Score fleets of brands in worlds of known truth: false alarms, recall and delay by size.

    Nothing counts in the first 28 days, in which every brand is learned.
    """
    from pipeline.evaluation import aftermath, crowded, second_crises
    from pipeline.evaluation import simulated as worlds_of
    from pipeline.evaluation.aftermath import STAGED_KINDS, STAGES
    from pipeline.evaluation.comparison import compare
    from pipeline.evaluation.reports.simulated import plots_of, simulated_report
    from pipeline.simulation.worlds.ordinary import SIZES
    from pipeline.simulation.worlds.worlds import GROUP_ALIASES, GROUPS, WORLDS

    brands = brands or (12 if detectors else 100)
    wished = _chosen("--worlds", worlds or ("ordinary" if detectors else "all"), {**GROUPS, **WORLDS}, GROUP_ALIASES)
    names = list(dict.fromkeys(name for wish in wished for name in GROUPS.get(wish, (wish,))))
    wanted = tuple(_chosen("--sizes", sizes, SIZES))
    if peer_brands == 1:
        raise click.UsageError(
            "--peer-brands: expected 0 or at least 2, for thresholds are chosen on the other half, got 1"
        )
    detection = _load(config_path).brand("simulated").detection
    facts = {"brands of each size": brands, "days": days, "seed": seed}
    if detectors:
        if peer_brands:
            raise click.UsageError("--detector and --peer-brands: expected one of them, got both")
        _finish(_compared(_detectors(detectors), names, wanted, facts, detection), out)
        return
    cells, peers, plots, rows, second, crowd = [], [], [], [], [], []
    facts["brands of each size with episodes"] = episode_brands
    steps = days + worlds_of.WARM_UP_DAYS + crowded.days_of()
    if episode_brands:
        steps += aftermath.days_of(STAGED_KINDS, STAGES) + second_crises.days_of()
    with _progress("simulated", len(names) * steps) as step:
        for name in names:
            run = worlds_of.run_world(
                name, sizes=wanted, brands=brands, days=days, seed=seed, on_day=partial(step, name)
            )
            cells += [worlds_of.measure(run, size, detection) for size in wanted]
            plots += plots_of(run, wanted, detection)
            if peer_brands and run.staged:
                for size in wanted:
                    peers += compare(run, size, rate=1.0, brands=peer_brands, on_peer=lambda peer: step(peer, 0))
            lived = partial(step, name)
            if run.staged:
                crowd += crowded.run_crowded(
                    name, sizes=wanted, brands=brands, seed=seed, detection=detection, on_day=lived
                )
            if episode_brands and run.staged:
                second += second_crises.run_second_crises(
                    name, sizes=wanted, brands=episode_brands, seed=seed, detection=detection, on_day=lived
                )
                rows += aftermath.run_aftermath(
                    name,
                    sizes=wanted,
                    brands=episode_brands,
                    stages=STAGES,
                    seed=seed,
                    detection=detection,
                    on_day=lived,
                )
    _finish(simulated_report(cells, peers, plots, facts, rows, second, crowd), out)


def _detectors(wished: tuple[str, ...]) -> list[str]:
    """Names of detectors, in the form that tables show."""
    from detectors.registry import DETECTORS, RIVER_EXAMPLES, UnknownDetectorError, entry

    names = [name for wish in wished for name in ([*DETECTORS, *RIVER_EXAMPLES] if wish == "all" else [wish])]
    try:
        return list(dict.fromkeys(entry(name).name for name in names))
    except UnknownDetectorError as error:
        raise click.UsageError(f"--detector: {error}") from None


def _compared(
    detectors: list[str],
    worlds: list[str],
    sizes: tuple[str, ...],
    facts: dict[str, int],
    detection: DetectionConfig,
) -> Report:
    """Every detector in every world, on the same counts."""
    from detectors.registry import DEFAULT, entry
    from pipeline.evaluation import simulated as worlds_of
    from pipeline.evaluation.brand_by_brand import BrandByBrand
    from pipeline.evaluation.reports.simulated import detectors_report

    entries = [entry(name) for name in detectors]
    labels = [one.label for one in entries]
    shown = {one.name: one.key if labels.count(one.label) > 1 else one.label for one in entries}
    days = facts["days"]
    cells = []
    with _progress("detectors", len(detectors) * len(worlds) * (days + worlds_of.WARM_UP_DAYS)) as step:
        for world in worlds:
            runs = {
                name: worlds_of.run_world(
                    world,
                    sizes=sizes,
                    brands=facts["brands of each size"],
                    days=days,
                    seed=facts["seed"],
                    on_day=partial(step, label),
                    fleet=None if name == DEFAULT else partial(BrandByBrand, name),
                )
                for name, label in shown.items()
            }
            for size in sizes:
                cells += [(shown[name], worlds_of.measure(run, size, detection)) for name, run in runs.items()]
    return detectors_report(cells, {**facts, "detector": ", ".join(shown.values())})


def _tell_unjudged(report: ReplayReport) -> None:
    if report.brands_warming_up:
        click.echo(unjudged(report.brands_warming_up, report.brands_known), err=True)


def _recorded_measure(
    name: str, signal: Signal, config: Config, options: _RecordedOptions
) -> Callable[[Recording, Sequence[Alert]], None]:
    """Read what is known about a recording, before the long replay; returns what reports its counts and alerts."""
    from dataclasses import replace

    from pipeline.evaluation.coverage import read_coverage, read_gaps
    from pipeline.evaluation.labels import read_labels
    from pipeline.evaluation.reports.recorded import recorded_report

    events = read_labels(options["labels"]) if options["labels"] else []
    coverage = read_coverage(options["coverage"]) if options["coverage"] else None
    gaps = read_gaps(options["gaps"]) if options["gaps"] else []

    def measure(recording: Recording, alerts: Sequence[Alert]) -> None:
        with _progress("peers", None) as step:
            report = recorded_report(
                name,
                replace(recording, coverage=coverage, gaps=gaps),
                events,
                alerts,
                config.brand(name).detection,
                signal=signal,
                peers=options["peers"],
                on_peer=lambda peer: step(peer, 0),
            )
        _finish(report, options["out"])

    return measure


def _chosen(
    option: str, text: str, known: Mapping[str, object], aliases: Mapping[str, str] = MappingProxyType({})
) -> list[str]:
    """The known names in an option's text.

    Raises:
        click.UsageError: an unknown name, or none.
    """
    names = [aliases.get(name.strip(), name.strip()) for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise click.UsageError(f"{option}: expected some of {', '.join(known)}, got {', '.join(unknown) or 'none'}")
    return names


def _load(config_path: Path | None) -> Config:
    from pipeline.config.load import load_config
    from pipeline.config.settings import load_settings

    return load_config(config_path or load_settings().config)


def _finish(report: Report, out: Path | None) -> None:
    report.print(Console(width=None if sys.stdout.isatty() else 200))
    if out:
        for path in report.write(out):
            click.echo(f"written: {path}", err=True)


@contextmanager
def _progress(title: str, total: int | None) -> Iterator[Any]:
    console = Console(stderr=True)
    columns = (TextColumn(title), BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("", total=total)

        def step(what: str, count: int = 1) -> None:
            progress.update(task, advance=count, description=what)

        yield step
