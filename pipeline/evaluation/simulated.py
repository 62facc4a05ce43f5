"""Fleets in worlds of known truth through the detector: false alarms, crises detected, delay.

Nothing counts in the first 28 days, in which every brand is learned. False alarms are counted on the days without a
crisis. Crises are staged on the same days: at several points of the run the fleet's model is copied, and the copies
score two days in which every brand has a crisis; the run itself never sees one.
"""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from pipeline.config.model import DetectionConfig
from pipeline.engine.episodes.rules import rules
from pipeline.evaluation.scoring.alarms import AlarmRule, episodes
from pipeline.evaluation.scoring.outcomes import Estimate, Found, estimate, false_alarms_per_year, first_delay, found
from pipeline.evaluation.vectorised.model import FleetModel, FleetScores
from pipeline.evaluation.vectorised.tails import Array
from pipeline.simulation.worlds.ordinary import CRISES, Burst, Latent, joined, with_crisis
from pipeline.simulation.worlds.worlds import Sampler, open_stream
from schemas.observation import BUCKETS_PER_DAY, BUCKETS_PER_HOUR

WARM_UP_DAYS: Final = 28
RATES: Final = (0.25, 1.0, 4.0)
"""Tolerated false alarms per brand-year that are compared with those counted."""
CRISIS_RATE: Final = 1.0
"""Tolerated false alarms per brand-year of the threshold at which crises are detected."""
CRISIS_DAYS: Final = 2
FORTNIGHT_DAYS: Final = 14
FIRST_BUCKET: Final = 4 * BUCKETS_PER_DAY
"""First bucket of every run, a Monday: 1 January 1970 was a Thursday."""

Scores = NDArray[np.float32]


class Fleet(Protocol):
    """The detectors of many brands: FleetModel, or pipeline.evaluation.brand_by_brand."""

    def step(self, index: int, mentions: Array, negatives: Array) -> FleetScores:
        """Score, then learn, one bucket of every brand; counts and scores are (brands,)."""
        ...

    def copy(self) -> Self:
        """Detectors that go their own way from here."""
        ...


@dataclass
class Staged:
    """Two days in which every brand has a crisis of one kind: scores and seen counts, (buckets, brands)."""

    kind: str
    day: int
    onset: NDArray[np.int64]
    scores: Scores
    mentions: NDArray[np.float32]
    negatives: NDArray[np.float32]


@dataclass
class WorldRun:
    """Scores of a fleet in one world, (buckets, brands), from the end of the warm-up on."""

    world: str
    sizes: NDArray[np.str_]
    days: int
    crisis: Scores
    surge: Scores
    mentions: NDArray[np.float32]
    negatives: NDArray[np.float32]
    bursts: list[Burst]
    staged: list[Staged] = field(default_factory=list)


class RateRow(msgspec.Struct, frozen=True):
    """Episodes per brand-year as configured (nominal), the threshold that gives, and as counted (realised)."""

    nominal: float
    threshold: float
    realised: Estimate


class CellReport(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one world and size.

    Attributes:
        world, size, brands, days: what was scored; days are those that count.
        false_alarms: by tolerated rate.
        surges: volume_surge episodes, benign bursts included, at the configured rate.
        crises: by kind, at 1 tolerated false alarm a year.
        benign: share of benign bursts in which a crisis alarm fired; None without bursts.
        fortnight: crisis episodes per brand in the first 14 days that count (after the shift, where a world shifts).
        surge_hours: hours of open volume_surge episodes per brand in the same days.
    """

    world: str
    size: str
    brands: int
    days: int
    false_alarms: list[RateRow]
    surges: RateRow
    crises: dict[str, Found]
    benign: Estimate | None
    fortnight: Estimate
    surge_hours: float


def crisis_rule(rate: float, detection: DetectionConfig | None = None) -> AlarmRule:
    """The worker's rule for crises at so many tolerated false alarms per brand-year, all else as configured."""
    base = detection or DetectionConfig()
    return alarm_rule(msgspec.structs.replace(base, false_alarms_per_brand_year=rate), "crisis")


def alarm_rule(detection: DetectionConfig, kind: str) -> AlarmRule:
    """The worker's rule for one kind of episode."""
    rule = {str(name): rule for name, rule in rules(detection).items()}[kind]
    return AlarmRule(rule.threshold, rule.release, rule.quiet_buckets, rule.cool_down_buckets)


def run_world(
    world: str,
    *,
    sizes: tuple[str, ...],
    brands: int,
    days: int,
    seed: int,
    kinds: Sequence[str] = tuple(CRISES),
    on_day: Callable[[], None] = lambda: None,
    fleet: Callable[[int], Fleet] | None = None,
) -> WorldRun:
    """Score a fleet through the warm-up and `days`.

    Args:
        world: a key of pipeline.simulation.worlds.worlds.WORLDS.
        sizes: keys of pipeline.simulation.worlds.ordinary.SIZES.
        brands: number of brands of each size.
        days: days that count, after the warm-up.
        seed: same seed and arguments, same result.
        kinds: kinds of crises to stage; a shifting world stages none.
        on_day: called after each day.
        fleet: makes the detectors of so many brands; those of daily-maxima, in arrays, by default.
    """
    total = WARM_UP_DAYS + days
    ahead = CRISIS_DAYS
    stream = open_stream(world, sizes, brands, days=total + ahead, shift_day=WARM_UP_DAYS, seed=seed)
    name = zlib.crc32(world.encode())
    rng = np.random.default_rng([seed, name, 1])
    stage_rng = np.random.default_rng([seed, name, 2])
    model = (fleet or FleetModel)(len(stream.sizes))
    shape = (total * BUCKETS_PER_DAY, len(stream.sizes))
    crisis, surge, mentions, negatives = (np.zeros(shape, np.float32) for _ in range(4))
    run = WorldRun(world, stream.sizes, days, crisis, surge, mentions, negatives, stream.bursts)
    coming: deque[Latent] = deque(stream.next_day() for _ in range(ahead))
    sampler = stream.sampler()
    staging = not stream.shifts
    for day in range(total):
        if staging and day >= WARM_UP_DAYS and (day - WARM_UP_DAYS) % stream.crisis_every_days == 0:
            for kind in kinds:
                run.staged.append(stage(model, kind, day, coming, sampler, stage_rng))
        latent = coming.popleft()
        coming.append(stream.next_day())
        seen, bad = sampler.draw(latent, rng)
        first = day * BUCKETS_PER_DAY
        mentions[first : first + BUCKETS_PER_DAY] = seen
        negatives[first : first + BUCKETS_PER_DAY] = bad
        for row in range(BUCKETS_PER_DAY):
            scores = model.step(FIRST_BUCKET + first + row, seen[row], bad[row])
            crisis[first + row] = scores.crisis
            surge[first + row] = scores.surge
        on_day()
    return run


def stage(
    model: Fleet, kind: str, day: int, coming: Sequence[Latent], sampler: Sampler, rng: np.random.Generator
) -> Staged:
    """Two days in which every brand has a crisis that begins at a random bucket of the first."""
    brands: int = coming[0].rate.shape[1]
    onset = rng.integers(0, BUCKETS_PER_DAY, brands)
    seen, bad = sampler.copy().draw(with_crisis(joined(coming), kind, onset, rng), rng)
    copy = model.copy()
    first = FIRST_BUCKET + day * BUCKETS_PER_DAY
    scores = np.array([copy.step(first + row, seen[row], bad[row]).crisis for row in range(len(seen))], np.float32)
    return Staged(kind, day, onset, scores, seen.astype(np.float32), bad.astype(np.float32))


def starts_of(scores: Scores, rule: AlarmRule, first: int = 0) -> list[NDArray[np.int64]]:
    """First buckets of every brand's episodes from bucket `first` on, counted from there."""
    columns = np.ascontiguousarray(scores.T)
    spans = [np.array([span.start for span in episodes(column, rule)], np.int64) for column in columns]
    return [starts[starts >= first] - first for starts in spans]


def found_by(
    staged: Sequence[Staged], score_of: Callable[[Staged], Scores], rule: AlarmRule, places: NDArray[np.int64]
) -> Found:
    """Recall and delay of the staged crises of some brands."""
    delays: list[list[float]] = [[] for _ in places]
    for stage in staged:
        horizon = int(CRISES[stage.kind].horizon * BUCKETS_PER_HOUR)
        starts = starts_of(score_of(stage)[:, places], rule)
        for own, brand, found_starts in zip(delays, places, starts, strict=True):
            own.append(first_delay(found_starts, int(stage.onset[brand]), horizon))
    return found(delays)


def measure(run: WorldRun, size: str, detection: DetectionConfig | None = None) -> CellReport:
    """The report of the brands of one size, at the shipped thresholds."""
    detection = detection or DetectionConfig()
    places = np.flatnonzero(run.sizes == size)
    first = WARM_UP_DAYS * BUCKETS_PER_DAY
    buckets = float(run.days * BUCKETS_PER_DAY)
    rows = []
    at_one: list[NDArray[np.int64]] = []
    for rate in RATES:
        rule = crisis_rule(rate, detection)
        starts = starts_of(run.crisis[:, places], rule, first)
        rows.append(RateRow(rate, rule.threshold, false_alarms_per_year(starts, [buckets] * len(places))))
        if rate == CRISIS_RATE:
            at_one = starts
    rule = crisis_rule(CRISIS_RATE, detection)
    kinds = dict.fromkeys(stage.kind for stage in run.staged)
    crises = {
        kind: found_by([s for s in run.staged if s.kind == kind], lambda s: s.scores, rule, places) for kind in kinds
    }
    fortnight = FORTNIGHT_DAYS * BUCKETS_PER_DAY
    surge_rule = alarm_rule(detection, "volume_surge")
    surges = false_alarms_per_year(starts_of(run.surge[:, places], surge_rule, first), [buckets] * len(places))
    surge = run.surge[: first + fortnight, places]
    hours = sum(
        (span.end + 1 - max(span.start, first)) / BUCKETS_PER_HOUR
        for column in np.ascontiguousarray(surge.T)
        for span in episodes(column, surge_rule)
        if span.end >= first
    )
    early = [float((starts < fortnight).sum()) for starts in at_one]
    return CellReport(
        world=run.world,
        size=size,
        brands=len(places),
        days=run.days,
        false_alarms=rows,
        surges=RateRow(detection.volume_surges_per_brand_year, surge_rule.threshold, surges),
        crises=crises,
        benign=benign_bursts_that_fired(run, places, at_one, first),
        fortnight=estimate(early, [1.0] * len(places)),
        surge_hours=hours / len(places),
    )


def benign_bursts_that_fired(
    run: WorldRun, places: NDArray[np.int64], starts: Sequence[NDArray[np.int64]], first: int
) -> Estimate | None:
    """Share of benign bursts during which, or within an hour after which, a crisis episode opened.

    Args:
        run: the scored world with its bursts.
        places: indices of the brands to look at.
        starts: first buckets of their crisis episodes, counted from `first`, in the order of `places`.
        first: bucket from which bursts count.

    Returns:
        None without bursts.
    """
    order = {int(brand): place for place, brand in enumerate(places)}
    fired, had = np.zeros(len(places)), np.zeros(len(places))
    for burst in run.bursts:
        place = order.get(burst.brand)
        if place is None or burst.start < first or burst.end >= len(run.crisis):
            continue
        had[place] += 1.0
        alarms = starts[place] + first
        fired[place] += bool(((alarms >= burst.start) & (alarms <= burst.end + BUCKETS_PER_HOUR)).any())
    return estimate(fired, had, is_share=True) if had.any() else None
