"""Ablation of the crisis detector: python -m studies.ablation [--brands N] [--days D] [--worlds ...].

The simulated fleets of `tocsin evaluate simulated`, with one part of the detector switched off or set otherwise at a
time. Every variant sees the same counts. Variants have different scales, so they are compared at the threshold at
which each fires as often as tolerated: see `threshold_at`.
"""

from __future__ import annotations

import importlib
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final
from unittest import mock

import click
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from detectors.brand.params import Prior
from detectors.brand.pooled_tail import PooledTail
from detectors.brand.threshold import crisis_threshold
from pipeline.evaluation import simulated
from pipeline.evaluation.scoring.alarms import AlarmRule
from pipeline.evaluation.simulated import (
    WARM_UP_DAYS,
    Scores,
    WorldRun,
    benign_bursts_that_fired,
    found_by,
    run_world,
    starts_of,
)
from pipeline.evaluation.vectorised.model import BLOCK_BRANDS, GROUP_ROWS, TRUST, FleetBlock, FleetModel, FleetScores
from pipeline.simulation.worlds.ordinary import SIZES, FleetStream
from pipeline.simulation.worlds.worlds import open_stream
from schemas.observation import BUCKETS_PER_DAY, BUCKETS_PER_HOUR

Array = NDArray[np.float64]

KINDS: Final = ("sudden", "slow", "weak", "weak-slow")
TINY: Final = "tiny"
"""Name of the ordinary world with brands of 0.02 to 0.6 mentions per hour."""
TINY_SIZE: Final = {"T": (0.02, 0.6)}
WORLDS: Final = ("ordinary", "shifted", TINY, "rough", "threaded")
TOLERATED: Final = 1.0
_HUGE: Final = 1e9


class _Instead(FleetModel):
    """A model with another of its three scores in the place of the crisis score."""

    kind = "crisis"

    def step(self, index: int, mentions: Array, negatives: Array) -> FleetScores:
        scores = super().step(index, mentions, negatives)
        return scores._replace(crisis=getattr(scores, self.kind))


class VolumeOnly(_Instead):
    kind = "surge"


class NegativityOnly(_Instead):
    kind = "shift"


class OracleBlock(FleetBlock):
    """A block that knows each brand's true level, season and base share instead of learning them."""

    def __init__(self, brands: int, tail: PooledTail, stream: FleetStream) -> None:
        super().__init__(brands, tail)
        self._week = [stream.season(day) for day in range(7)]
        self._rate, self._share = stream.rate / BUCKETS_PER_HOUR, stream.base_share

    def season(self, bucket: int) -> Array:
        row = bucket - simulated.FIRST_BUCKET
        season: Array = self._week[row // BUCKETS_PER_DAY % 7][row % BUCKETS_PER_DAY]
        return season

    def _learn_level(self, *args: Any, **kwargs: Any) -> None:
        super()._learn_level(*args, **kwargs)
        self.level = self._rate.copy()

    def _learn_base_rate(self, *_: Any) -> None:
        self.negative, self.other = 1e4 * self._share, 1e4 * (1.0 - self._share)


@dataclass(frozen=True)
class Variant:
    """The detector with something changed.

    Attributes:
        name: of the row.
        constants: module constants that are set otherwise, by (module, name).
        model: what scores.
        is_oracle: brands' true normals are known instead of learned.
    """

    name: str
    constants: Mapping[tuple[str, str], Any] = field(default_factory=dict)
    model: type[FleetModel] = FleetModel
    is_oracle: bool = False


def _fleet(name: str, /, **constants: Any) -> Variant:
    return Variant(
        name, {("pipeline.evaluation.vectorised.model", constant): value for constant, value in constants.items()}
    )


_RAW: Final = Prior((0.0,) * 3, (1.0,) * 3, 1e12, 1e12, 60.0, 4.0, 1.0)
_NO_TAIL: Final = {("detectors.brand.pooled_tail", "PRIOR_PEAKS"): _HUGE}
_NO_CAP: Final = {("pipeline.evaluation.vectorised.model", "NEGATIVITY_CAP"): (_HUGE,) * 3}

VARIANTS: Final = (
    Variant("as shipped"),
    Variant("pooled tail off", _NO_TAIL),
    Variant("cap relative to negativity off", _NO_CAP),
    Variant("pooled tail and cap off", {**_NO_TAIL, **_NO_CAP}),
    _fleet("cap 2.0 for all sizes", NEGATIVITY_CAP=(2.0,) * 3),
    _fleet("cap 3.5 for all sizes", NEGATIVITY_CAP=(3.5,) * 3),
    Variant(
        "own calibration off (raw nats)",
        {**_NO_TAIL, **_NO_CAP, ("pipeline.evaluation.vectorised.maxima", "PRIORS"): (_RAW,) * 5},
    ),
    _fleet("weaker evidence counts twofold", BOTH_FACTOR=2.0),
    _fleet("weaker evidence counts threefold", BOTH_FACTOR=3.0),
    _fleet("volume capped at 6 nats", VOLUME_CAP=6.0),
    _fleet("volume capped at 12 nats", VOLUME_CAP=12.0),
    _fleet("one negative is enough", MIN_NEGATIVES=0.9, MIN_NEGATIVES_OF_TINY=0.9),
    _fleet("two negatives, tiny brands too", MIN_NEGATIVES_OF_TINY=1.5),
    _fleet("three negatives for all", MIN_NEGATIVES=2.2),
    _fleet("windows to 1 h only", GROUP_OFFSET=(0.0, _HUGE, _HUGE)),
    _fleet("windows from 3 h only", GROUP_OFFSET=(_HUGE, 0.0, 0.5)),
    _fleet("one window: 1 h", GROUP_OFFSET=(0.0, _HUGE, _HUGE), GROUP_ROWS=(slice(3, 4), *GROUP_ROWS[1:])),
    _fleet("release of the level off", SHIFT_RATIO=_HUGE),
    _fleet("crises teach: quarantine off", STRANGE_SCORE=_HUGE, EXTREME_SCORE=_HUGE),
    _fleet("dispersion of the share off", PRIOR_CORRELATION=0.003, TRUST=np.full_like(TRUST, 1e12)),
    Variant(
        "season off", {("detectors.brand.baseline", "HOUR_RATE"): 0.0, ("detectors.brand.baseline", "DAY_RATE"): 0.0}
    ),
    Variant("volume only", model=VolumeOnly),
    Variant("negativity only", model=NegativityOnly),
    Variant("oracle: true level, season, share", is_oracle=True),
)


@contextmanager
def applied(variant: Variant) -> Iterator[None]:
    """Let simulated fleets be scored by the variant; all is as before afterwards."""
    constants = dict(variant.constants)
    model: Callable[[int], FleetModel] = variant.model
    opened: list[FleetStream] = []

    def opening(*args: Any, **kwargs: Any) -> Any:
        stream = open_stream(*args, **kwargs)
        if variant.is_oracle:
            if not isinstance(stream, FleetStream):
                raise TypeError(f"the oracle knows the first family of worlds only, not {args[0]}")
            opened[:] = [stream]
        return stream

    def knowing(brands: int) -> FleetModel:
        if brands > BLOCK_BRANDS:
            raise ValueError(f"expected at most {BLOCK_BRANDS} brands for the oracle, got {brands}")
        return FleetModel(brands, block=partial(OracleBlock, stream=opened[0]))

    if variant.is_oracle:
        model = knowing
    constants["pipeline.evaluation.simulated", "FleetModel"] = model
    constants["pipeline.evaluation.simulated", "open_stream"] = opening
    constants["pipeline.simulation.worlds.ordinary", "SIZES"] = {**SIZES, **TINY_SIZE}
    patches = [
        mock.patch.object(importlib.import_module(module), name, value) for (module, name), value in constants.items()
    ]
    started = []
    try:
        for patch in patches:
            patch.start()
            started.append(patch)
        yield
    finally:
        for patch in reversed(started):
            patch.stop()


def episodes_per_year(run: WorldRun, places: NDArray[np.int64], rule: AlarmRule) -> float:
    """Crisis episodes per brand-year of some brands, on the days that count."""
    starts = starts_of(run.crisis[:, places], rule, WARM_UP_DAYS * BUCKETS_PER_DAY)
    return sum(map(len, starts)) / (len(places) * run.days / 365.0)


def threshold_at(run: WorldRun, places: NDArray[np.int64], tolerated: float) -> float:
    """The threshold at which this run fires as often as tolerated, whatever the scale of its scores.

    A line through log rate over threshold, from a third of the rate to eight times it, is steadier than the one
    threshold at which a handful of episodes happens to be counted. NaN where scores never reach such thresholds.
    """
    days = run.crisis[WARM_UP_DAYS * BUCKETS_PER_DAY :, places].reshape(run.days, BUCKETS_PER_DAY, -1).max(axis=1)
    wanted = tolerated * np.geomspace(1 / 3, 8, 16) / 365.0
    thresholds = np.unique(np.quantile(days, 1.0 - np.minimum(wanted, 0.9)))
    thresholds = thresholds[thresholds > 0.0]
    rule = simulated.crisis_rule(tolerated)
    rates = np.array([episodes_per_year(run, places, rule.at(float(t))) for t in thresholds])
    usable = (rates > tolerated / 3.0) & (rates < tolerated * 8.0)
    if usable.sum() < 3:
        return math.nan
    slope, start = np.polyfit(thresholds[usable], np.log(rates[usable]), 1)
    return float((math.log(tolerated) - start) / slope) if slope < 0.0 else math.nan


@dataclass
class Cell:
    """One variant, world and size; shares are 0..1, NaN where nothing was to be measured.

    Attributes:
        threshold: threshold at which this size fires once per brand-year here.
        realised: false alarms per brand-year at the variant's threshold of the ordinary world.
        recall: recall by kind of crisis, at `threshold`.
        benign: share of benign bursts in which an alarm fired, at `threshold`.
        fortnight: episodes per brand in the first 14 days that count, at the threshold of `realised`.
    """

    threshold: float
    realised: float
    recall: dict[str, float]
    benign: float
    fortnight: float


def measured(run: WorldRun, size: str, common: float) -> Cell:
    """The figures of one size of brands in a run.

    Args:
        run: run of the variant in the world.
        size: size of the brands.
        common: threshold at which all sizes together fire once per brand-year in the ordinary world.
    """
    places = np.flatnonzero(run.sizes == size)
    first = WARM_UP_DAYS * BUCKETS_PER_DAY
    base = simulated.crisis_rule(TOLERATED)
    threshold = threshold_at(run, places, TOLERATED)
    recall = dict.fromkeys(dict.fromkeys(stage.kind for stage in run.staged), math.nan)
    benign = math.nan
    if not math.isnan(threshold):
        rule = base.at(threshold)
        for kind in recall:
            recall[kind] = found_by([s for s in run.staged if s.kind == kind], _scores, rule, places).recall.value
        fired = benign_bursts_that_fired(run, places, starts_of(run.crisis[:, places], rule, first), first)
        benign = math.nan if fired is None else fired.value
    fortnight = 0
    for starts in starts_of(run.crisis[:, places], base.at(common), first):
        fortnight += int((starts < simulated.FORTNIGHT_DAYS * BUCKETS_PER_DAY).sum())
    return Cell(
        threshold=threshold,
        realised=episodes_per_year(run, places, base.at(common)),
        recall=recall,
        benign=benign,
        fortnight=fortnight / len(places),
    )


def _scores(stage: simulated.Staged) -> Scores:
    return stage.scores


class Ablation:
    """Variants by world, at the thresholds that each needs in the ordinary world."""

    def __init__(self, brands: int, days: int, seed: int) -> None:
        self.brands, self.days, self.seed = brands, days, seed
        self._thresholds: dict[str, float] = {}

    def cells(self, variant: Variant, world: str, on_day: Callable[[], None] = lambda: None) -> dict[str, Cell]:
        """Cells by size; worlds other than the ordinary one need the ordinary one first."""
        run = self._run(variant, world, on_day)
        sizes = tuple(dict.fromkeys(run.sizes.tolist()))
        if world == "ordinary":
            self._thresholds[variant.name] = threshold_at(run, np.arange(len(run.sizes)), TOLERATED)
        return {size: measured(run, size, self.common(variant)) for size in sizes}

    def common(self, variant: Variant) -> float:
        """The threshold at which the variant fires once per brand-year in the ordinary world, all sizes together."""
        return self._thresholds[variant.name]

    def days_of(self, world: str) -> int:
        """Days that a run of this world takes, warm-up included."""
        return WARM_UP_DAYS + (simulated.FORTNIGHT_DAYS + 1 if world == "shifted" else self.days)

    def _run(self, variant: Variant, world: str, on_day: Callable[[], None]) -> WorldRun:
        with applied(variant):
            return run_world(
                "ordinary" if world == TINY else world,
                sizes=("T",) if world == TINY else ("S", "M", "L"),
                brands=self.brands,
                days=self.days_of(world) - WARM_UP_DAYS,
                seed=self.seed,
                kinds=KINDS,
                on_day=on_day,
            )


def row(variant: Variant, world: str, cells: Mapping[str, Cell], common: float) -> str:
    """A row of the world's Markdown table."""
    realised = " / ".join(f"{cell.realised:.1f}" for cell in cells.values())
    parts = [variant.name, f"{common:.2f}", realised]
    if world == "shifted":
        parts.append(" / ".join(f"{cell.fortnight:.2f}" for cell in cells.values()))
    else:
        groups = [("T",)] if world == TINY else [("S",), ("M", "L")]
        for group in groups:
            parts += [_share([cells[size].recall.get(kind, math.nan) for size in group]) for kind in KINDS]
        parts.append(_percent([cell.benign for cell in cells.values()]))
    return "| " + " | ".join(parts) + " |"


def head(world: str) -> str:
    """Title row and ruler of the world's Markdown table."""
    parts = ["variant", "threshold"]
    if world == "shifted":
        parts += ["alarms per year S / M / L", "episodes per brand in 14 days S / M / L"]
    else:
        groups = ["tiny"] if world == TINY else ["S", "M, L"]
        parts.append("alarms per year " + ("tiny" if world == TINY else "S / M / L"))
        parts += [f"{group} {kind}" for group in groups for kind in KINDS]
        parts.append("benign")
    return "| " + " | ".join(parts) + " |\n" + "| --- " * len(parts) + "|"


def _share(values: Sequence[float]) -> str:
    return "-" if any(map(math.isnan, values)) else f"{sum(values) / len(values):.3f}"


def _percent(values: Sequence[float]) -> str:
    known = [value for value in values if not math.isnan(value)]
    return f"{100.0 * sum(known) / len(known):.1f} %" if known else "-"


@click.command()
@click.option("--brands", type=click.IntRange(min=2), default=100, show_default=True, help="Of each size.")
@click.option("--days", type=click.IntRange(min=15), default=42, show_default=True, help="That count.")
@click.option("--seed", type=int, default=21, show_default=True)
@click.option("--worlds", multiple=True, type=click.Choice(WORLDS), default=WORLDS, help="Default: all.")
@click.option("--only", multiple=True, help="Variants whose name holds this text; as shipped always.")
def main(brands: int, days: int, seed: int, worlds: Sequence[str], only: Sequence[str]) -> None:
    """Print a Markdown table for each world; the ordinary one always, because it sets the thresholds."""
    chosen = [v for v in VARIANTS if not only or v is VARIANTS[0] or any(text in v.name for text in only)]
    ablation = Ablation(brands, days, seed)
    console = Console(stderr=True)
    order = ["ordinary", *(world for world in WORLDS if world in worlds and world != "ordinary")]
    shipped = crisis_threshold(TOLERATED)
    click.echo(f"{brands} brands of each size, {days} days that count, seed {seed}; shipped threshold {shipped:.2f}")
    began = time.monotonic()
    with Progress(console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("days", total=len(chosen) * sum(map(ablation.days_of, order)))
        for world in order:
            click.echo(f"\n{world}\n\n{head(world)}")
            for variant in chosen:
                progress.update(task, description=f"{world}: {variant.name}")
                cells = ablation.cells(variant, world, lambda: progress.advance(task))
                click.echo(row(variant, world, cells, ablation.common(variant)))
    click.echo(f"\n{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
