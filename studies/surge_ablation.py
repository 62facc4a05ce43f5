"""Ablation of the volume channel: python -m studies.surge_ablation NAB_DIR [--brands N] [--days D].

Each variant is compared at the threshold at which it opens as many surges on simulated brands as the shipped setting
promises. What the shipped model sees of a series (the surprise of its mentions in every window) does not depend on what
is then made of it, so it is computed once; evidence, calibration and threshold of every variant rest on the same
surprises. Without season it is another, and computed again.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final
from unittest import mock

import click
import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.brand import baseline
from detectors.brand.calibration import DailyMaxima
from detectors.brand.model import WARM_UP_BUCKETS, BrandModel, surprises
from detectors.brand.params import Prior
from detectors.brand.pooled_tail import PooledTail
from detectors.brand.surge import MIN_MENTIONS, SURGE_PRIOR, SURGE_WINDOWS
from detectors.brand.volume import MIN_OVERDISPERSION
from detectors.brand.window_state import rows_of
from pipeline.config.model import DetectionConfig
from pipeline.evaluation.counts import CountSeries, alarm_rows, read_folder
from pipeline.evaluation.scoring import nab
from pipeline.evaluation.scoring.alarms import AlarmRule, episodes
from pipeline.evaluation.simulated import FIRST_BUCKET, WARM_UP_DAYS, alarm_rule
from pipeline.evaluation.vectorised.model import FleetBlock, FleetModel
from pipeline.evaluation.vectorised.tails import negative_binomial_roots
from pipeline.evaluation.vectorised.tails import surprises as surprises_of
from pipeline.simulation.worlds.ordinary import FleetStream
from schemas.observation import BUCKETS_PER_DAY, BUCKETS_PER_HOUR

Array = NDArray[np.float64]
Small = NDArray[np.float32]

WINDOWS: Final = 5
"""The first windows, 5 minutes to 3 hours: longer ones are in no variant."""
WORLDS: Final = ("ordinary", "rough")
SIZES: Final = ("S", "M", "L")
STEP: Final = 0.05
"""Between the thresholds that are tried on the labelled files."""
STANDARD: Final = nab.PROFILES["standard"]


@dataclass(frozen=True)
class Seen:
    """The input of the evidence for one series or brand, row by row.

    Attributes:
        buckets: of the rows, ascending.
        surprise: of the mentions in each window, nats, (rows, WINDOWS).
        counted: whether each window holds enough mentions to count, (rows, WINDOWS).
        level: normal mentions per bucket before the row.
    """

    buckets: NDArray[np.int64]
    surprise: Small
    counted: NDArray[np.bool_]
    level: Array


@dataclass(frozen=True)
class Variant:
    """The volume channel with something changed.

    Attributes:
        name: of the row.
        evidence: of surprises that were counted, (rows, WINDOWS) to (rows,).
        prior: of the daily maxima; None: as they are in the ordinary world with this evidence.
        cool_down_buckets: None: as shipped.
        counts_all: whether windows count however few mentions they hold.
        has_season: whether hours and weekdays are learned.
    """

    name: str
    evidence: Callable[[Small], Small]
    prior: Prior | None = None
    cool_down_buckets: int | None = None
    counts_all: bool = False
    has_season: bool = True


def _roots(surprise: Small, windows: Sequence[int]) -> Small:
    roots: Small = np.sqrt(2.0 * surprise[:, list(windows)])
    return roots


def mean_surprise(surprise: Small, windows: Sequence[int] = SURGE_WINDOWS) -> Small:
    """The shipped evidence: the surprise, averaged over windows, in nats."""
    evidence: Small = surprise[:, list(windows)].mean(axis=1)
    return evidence


def mean_root(surprise: Small, windows: Sequence[int] = SURGE_WINDOWS) -> Small:
    """Roots of the surprise, averaged over windows: Stouffer's method instead of Fisher's."""
    evidence: Small = _roots(surprise, windows).mean(axis=1)
    return evidence


def max_surprise(surprise: Small, windows: Sequence[int] = SURGE_WINDOWS) -> Small:
    """The maximum of the surprises, in nats."""
    evidence: Small = surprise[:, list(windows)].max(axis=1)
    return evidence


_SIX_HOURS: Final = 6 * BUCKETS_PER_HOUR
_15_MIN_AND_1_H: Final = (1, 3)
_FORMER: Final = (0, 2, 4)
_SHIPPED: Final = Variant("as shipped", mean_surprise, SURGE_PRIOR)
_MIDDLE: Final = msgspec.structs.replace(SURGE_PRIOR, mean=(3.6,) * 3, deviation=(1.9,) * 3)
_NONE: Final = Prior((0.0,) * 3, (1.0,) * 3, 1e12, 1e12, 60.0, 4.0, 1.0)


def _calibrated(name: str, **settings: float) -> Variant:
    return replace(_SHIPPED, name=name, prior=msgspec.structs.replace(SURGE_PRIOR, **settings))


VARIANTS: Final = (
    _SHIPPED,
    replace(_SHIPPED, name="as shipped, prior measured as for those below", prior=None),
    Variant("until November 2026: roots over 5 min, 30 min and 3 h", partial(mean_root, windows=_FORMER)),
    Variant("roots over the same windows", mean_root),
    Variant("15 min alone", partial(mean_surprise, windows=(1,))),
    Variant("1 h alone", partial(mean_surprise, windows=(3,))),
    Variant("3 h alone", partial(mean_surprise, windows=(4,))),
    Variant("15 min and 1 h", partial(mean_surprise, windows=_15_MIN_AND_1_H)),
    Variant("five windows from 5 min to 3 h", partial(mean_surprise, windows=range(5))),
    Variant("the maximum of the three windows", max_surprise),
    replace(_SHIPPED, name="cool-down of 6 h", cool_down_buckets=_SIX_HOURS),
    replace(_SHIPPED, name="one mention is enough", counts_all=True),
    replace(_SHIPPED, name="one prior for all sizes", prior=_MIDDLE),
    _calibrated("clipped at 4 deviations", clip=4.0),
    _calibrated("half-life of maxima 14 days", half_life_days=14.0),
    _calibrated("deviation believed after 5 days", deviation_days=5.0),
    replace(_SHIPPED, name="no calibration", prior=_NONE),
    replace(_SHIPPED, name="no season", has_season=False),
)


@contextmanager
def learning(*, season: bool) -> Iterator[None]:
    """Let models learn hours and weekdays, or not."""
    if season:
        yield
        return
    with mock.patch.object(baseline, "HOUR_RATE", 0.0), mock.patch.object(baseline, "DAY_RATE", 0.0):
        yield


def seen_of(buckets: NDArray[np.int64], values: Array) -> Seen:
    """A series of counts through the model of one brand; missing buckets are gaps in the feed."""
    model = BrandModel()
    surprise = np.zeros((len(values), WINDOWS), np.float32)
    counted = np.zeros((len(values), WINDOWS), bool)
    level = np.zeros(len(values))
    for row, (index, value) in enumerate(zip(buckets.tolist(), values.tolist(), strict=True)):
        missing = index - model.last_bucket - 1 if model.last_bucket >= 0 else 0
        assessment = model.assess(index, value, 0.0, missing)
        level[row] = model.state.baseline.level
        surprise[row] = surprises(assessment)[0][:WINDOWS]
        counted[row] = [sums[0] >= MIN_MENTIONS for sums in itertools.islice(rows_of(assessment.after), WINDOWS)]
        model.close(index, value, 0.0, missing)
    return Seen(buckets, surprise, counted, level)


class RecordingBlock(FleetBlock):
    """A block of a fleet that keeps what it sees of the volume."""

    def __init__(self, brands: int, tail: PooledTail, kept: list[tuple[Small, NDArray[np.bool_], Array]]) -> None:
        super().__init__(brands, tail)
        self._kept = kept

    def _evidence(self, base_rate: Array) -> Array:
        y, mean = self._y[:WINDOWS], self._mu[:WINDOWS]
        found = np.zeros(y.shape, np.float32)
        surprising = (y >= 1.0) & (y - 0.5 > mean)
        extra = np.maximum(self.dispersion[:WINDOWS][surprising] - 1.0, MIN_OVERDISPERSION) * mean[surprising]
        found[surprising] = surprises_of(negative_binomial_roots(y[surprising] - 0.5, mean[surprising], extra))
        self._kept.append((found, self.sums[:WINDOWS] >= MIN_MENTIONS, self.level.copy()))
        return super()._evidence(base_rate)


def seen_of_rows(rows: Iterable[Array], brands: int) -> list[Seen]:
    """So many series of counts through one fleet, given bucket by bucket."""
    kept: list[tuple[Small, NDArray[np.bool_], Array]] = []
    model, none = FleetModel(brands, block=partial(RecordingBlock, kept=kept)), np.zeros(brands)
    for index, mentions in enumerate(rows, FIRST_BUCKET):
        model.step(index, mentions, none)
    buckets = np.arange(FIRST_BUCKET, FIRST_BUCKET + len(kept))
    # By brand, so that what follows reads memory in order.
    surprise, counted, level = (np.ascontiguousarray(np.moveaxis(np.array(v), -1, 0)) for v in zip(*kept, strict=True))
    return [Seen(buckets, *own) for own in zip(surprise, counted, level, strict=True)]


def seen_of_fleet(world: str, *, brands: int, days: int, seed: int) -> tuple[list[Seen], NDArray[np.str_]]:
    """A simulated fleet, warm-up included, and the sizes of its brands."""
    total = WARM_UP_DAYS + days
    stream = FleetStream(world, SIZES, brands, days=total, shift_day=total, seed=seed)
    rng, sampler = np.random.default_rng([seed, 1]), stream.sampler()
    rows = (row for _ in range(total) for row in sampler.draw(stream.next_day(), rng)[0])
    return seen_of_rows(rows, len(stream.sizes)), stream.sizes


def evidence_of(variant: Variant, seen: Seen) -> Array:
    """The variant's evidence, row by row."""
    counted = seen.surprise if variant.counts_all else np.where(seen.counted, seen.surprise, np.float32(0.0))
    return variant.evidence(counted).astype(np.float64)


def scored(evidence: Array, seen: Seen, prior: Prior) -> Array:
    """Evidence in deviations above the ordinary daily maxima, learned day by day; 0 while the model warms up."""
    maxima, priors = DailyMaxima(), (prior,) * 5
    scores = np.zeros(len(evidence))
    days = seen.buckets // BUCKETS_PER_DAY
    first = np.flatnonzero(np.diff(days, prepend=-1))
    for low, high in zip(first.tolist(), [*first[1:].tolist(), len(days)], strict=True):
        log_size = math.log(max(float(seen.level[low]), 1e-3) * BUCKETS_PER_HOUR)
        maxima.enter_day(int(days[low]), priors, log_size)
        if maxima.days:
            scores[low:high] = (evidence[low:high] - maxima.mean[-1]) / maxima.deviation[-1]
        maxima.see((0.0, 0.0, 0.0, 0.0, float(evidence[low:high].max())))
    scores[:WARM_UP_BUCKETS] = 0.0
    return scores


def own_prior(evidence: Sequence[Array], sizes: NDArray[np.str_]) -> Prior:
    """Mean and deviation of the daily maxima after the warm-up by size, clipped as in the shipped calibration."""
    means, deviations = [], []
    for size in SIZES:
        own = np.array([evidence[place] for place in np.flatnonzero(sizes == size).tolist()])
        days = own.reshape(len(own), -1, BUCKETS_PER_DAY)[:, WARM_UP_DAYS:].max(axis=2)
        clipped = days
        for _ in range(10):
            mean, deviation = clipped.mean(axis=1, keepdims=True), clipped.std(axis=1, keepdims=True)
            clipped = np.minimum(days, mean + SURGE_PRIOR.clip * deviation)
        means.append(float(clipped.mean()))
        deviations.append(float(np.sqrt(clipped.var(axis=1).mean())))
    return msgspec.structs.replace(
        SURGE_PRIOR, mean=tuple(means), deviation=tuple(deviations), min_deviation=0.5 * min(deviations)
    )


def threshold_at(scores: Sequence[Array], rule: AlarmRule, per_year: float) -> float:
    """The threshold at which so many episodes open a brand-year after the warm-up."""
    first = WARM_UP_DAYS * BUCKETS_PER_DAY
    years = sum(len(own) - first for own in scores) / (365.0 * BUCKETS_PER_DAY)

    def rate(threshold: float) -> float:
        spans = (episodes(own, rule.at(threshold)) for own in scores)
        return sum(sum(span.start >= first for span in own) for own in spans) / years

    low, high = 0.3, 12.0
    while high - low > 0.005:
        middle = 0.5 * (low + high)
        low, high = (middle, high) if rate(middle) > per_year else (low, middle)
    return 0.5 * (low + high)


def perturbed(series: Sequence[CountSeries], seed: int) -> dict[str, list[CountSeries]]:
    """The labelled files changed in ways that leave their labels true."""
    rng = np.random.default_rng([seed, 2])
    sets: dict[str, list[CountSeries]] = {}
    for hours in (7, 13, 48, 96):
        sets[f"clock {hours} h on"] = [replace(one, buckets=one.buckets + hours * BUCKETS_PER_HOUR) for one in series]
    for share in (0.5, 0.5, 0.25, 0.25):
        sets[f"thinned to {share} ({len(sets)})"] = [_thinned(one, rng, share) for one in series]
    sets["ten times as many"] = [replace(one, values=one.values * 10.0) for one in series]
    for shape in (20.0, 20.0, 10.0, 10.0):
        sets[f"gamma noise of shape {shape:g} ({len(sets)})"] = [_noisy(one, rng, shape) for one in series]
    for _ in range(6):
        sets[f"a random 70 % ({len(sets)})"] = [_part(one, rng, 0.7) for one in series]
    return sets


def _thinned(one: CountSeries, rng: np.random.Generator, share: float) -> CountSeries:
    return replace(one, values=rng.binomial(one.values.astype(np.int64), share).astype(np.float64))


def _noisy(one: CountSeries, rng: np.random.Generator, shape: float) -> CountSeries:
    values: Array = np.rint(one.values * rng.gamma(shape, 1.0 / shape, len(one.values)))
    return replace(one, values=values)


def _part(one: CountSeries, rng: np.random.Generator, share: float) -> CountSeries:
    """A stretch of the series; windows that it cuts short are left out, which costs every detector the same."""
    rows = int(share * len(one.values))
    low = int(rng.integers(0, len(one.values) - rows + 1))
    kept = slice(low, low + rows)
    if one.labels is None:
        raise ValueError(f"expected labels of {one.name}")
    windows = tuple((a - low, b - low) for a, b in one.labels.windows if a >= low and b < low + rows)
    return replace(
        one,
        timestamps=one.timestamps[kept],
        raw_values=one.raw_values[kept],
        buckets=one.buckets[kept],
        values=one.values[kept],
        labels=nab.Labelled(rows, windows),
        onsets=(),
    )


@dataclass(frozen=True)
class OnFiles:
    """NAB's standard score: at one threshold, at the best one, left out, and of each choice of three files for two."""

    at: float
    best: float
    left_out: float
    three_for_two: list[float]


def on_files(series: Sequence[CountSeries], scores: Sequence[Array], rule: AlarmRule) -> OnFiles:
    """The scores of labelled files; `rule` holds the threshold that was fixed before."""
    labels = [one.labels for one in series if one.labels is not None]
    grid = np.arange(10 * STEP, max(float(own.max()) for own in scores) + STEP, STEP)
    alarms_at = [[alarm_rows(one, own, rule.at(h)) for one, own in zip(series, scores, strict=True)] for h in grid]
    at = [alarm_rows(one, own, rule) for one, own in zip(series, scores, strict=True)]
    halves = []
    for three in itertools.combinations(range(len(labels)), 3):
        two = [place for place in range(len(labels)) if place not in three]
        own = [[alarms[place] for place in three] for alarms in alarms_at]
        chosen, _ = nab.best_threshold(own, [labels[place] for place in three], STANDARD)
        test = nab.score([alarms_at[chosen][place] for place in two], [labels[place] for place in two], STANDARD)
        halves.append(test.score)
    return OnFiles(
        nab.score(at, labels, STANDARD).score,
        nab.best_threshold(alarms_at, labels, STANDARD)[1].score,
        nab.leave_one_out(alarms_at, labels, STANDARD).score,
        [value for value in halves if math.isfinite(value)],
    )


class Study:
    """The surprises of simulated fleets, and of labelled files as they are and perturbed."""

    def __init__(self, files: Sequence[CountSeries], *, brands: int, days: int, seed: int) -> None:
        self.sets = {"": list(files), **perturbed(files, seed)}
        self.fleets = {world: seen_of_fleet(world, brands=brands, days=days, seed=seed) for world in WORLDS}
        self.files = {name: [seen_of(one.buckets, one.values) for one in series] for name, series in self.sets.items()}

    def row(self, variant: Variant, shipped: AlarmRule, per_year: float) -> str:
        """A row of the Markdown table."""
        cool_down = variant.cool_down_buckets
        rule = shipped if cool_down is None else shipped._replace(cool_down_buckets=cool_down)
        evidence = {world: [evidence_of(variant, seen) for seen in fleet] for world, (fleet, _) in self.fleets.items()}
        prior = variant.prior or own_prior(evidence["ordinary"], self.fleets["ordinary"][1])
        scores = [
            scored(own, seen, prior)
            for world, (fleet, _) in self.fleets.items()
            for own, seen in zip(evidence[world], fleet, strict=True)
        ]
        rule = rule.at(threshold_at(scores, rule, per_year))
        found = {
            name: on_files(self.sets[name], [scored(evidence_of(variant, one), one, prior) for one in seen], rule)
            for name, seen in self.files.items()
        }
        plain = found.pop("")
        parts = [
            variant.name,
            f"{rule.threshold:.2f}",
            *(f"{value:.1f}" for value in (plain.at, plain.best, plain.left_out)),
            f"{np.mean(plain.three_for_two):.1f} +- {np.std(plain.three_for_two):.1f}",
            " / ".join(
                f"{np.mean(values):.1f}"
                for values in zip(*((one.at, one.best, one.left_out) for one in found.values()), strict=True)
            ),
        ]
        return "| " + " | ".join(parts) + " |"


HEAD: Final = (
    "| variant | threshold | at {rate:g} a year | best | left out | 3 for 2 | perturbed: fixed / best / left out |\n"
    "| --- | --- | --- | --- | --- | --- | --- |"
)


@click.command()
@click.argument("folder", metavar="NAB_DIR", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--brands", type=click.IntRange(min=2), default=30, show_default=True, help="Of each size and world.")
@click.option("--days", type=click.IntRange(min=14), default=112, show_default=True, help="That count.")
@click.option("--seed", type=int, default=7, show_default=True)
def main(folder: Path, brands: int, days: int, seed: int) -> None:
    """Print a Markdown table: NAB's standard score of every variant on the labelled files of NAB_DIR."""
    began = time.monotonic()
    detection = DetectionConfig()
    per_year, shipped = detection.volume_surges_per_brand_year, alarm_rule(detection, "volume_surge")
    files = [one for one in read_folder(folder) if one.labels is not None]
    if len(files) < 4:
        raise click.ClickException(f"{folder}: expected at least 4 labelled files, got {len(files)}")
    click.echo(f"{brands} brands of each size, {days} days, seed {seed}; shipped threshold {shipped.threshold:.2f}\n")
    click.echo(HEAD.format(rate=per_year))
    for season in (True, False):
        with learning(season=season):
            study = Study(files, brands=brands, days=days, seed=seed)
        for variant in VARIANTS:
            if variant.has_season is season:
                click.echo(study.row(variant, shipped, per_year))
    click.echo(f"\n{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
