"""The alerts around a crisis, by the engine itself: when they say that it began, and what opens once it is over.

A fleet lives through its days in one engine. Now and then the engine is copied, and every brand of the copy gets a
crisis, and calm days after it. What opens within a day after the crisis was resolved has no cause but the crisis; as
often as it would have opened anyway, it opens in the days of the fleet itself.
"""

from __future__ import annotations

import zlib
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec
import numpy as np

from pipeline.config.model import Config, ConfigFile, DetectionConfig
from pipeline.engine.engine import Engine
from pipeline.evaluation.scoring.onsets import Dated, OnsetErrors, dated_by, onset_errors
from pipeline.evaluation.scoring.outcomes import Estimate, estimate
from pipeline.evaluation.simulated import FIRST_BUCKET, WARM_UP_DAYS
from pipeline.simulation.worlds.ordinary import CRISES, Array, Latent, joined, with_crisis
from pipeline.simulation.worlds.worlds import open_stream
from schemas.alert import KINDS, Alert
from schemas.observation import BUCKET_SECONDS, BUCKETS_PER_DAY, Observation

STAGED_DAYS: Final = 4
"""Days of a copy: a crisis of at most a day, its end, and the day after."""
EVERY_DAYS: Final = 2
STAGES: Final = 4
"""Times that every brand has a crisis of each kind, unless asked otherwise."""
STAGED_KINDS: Final = ("sudden", "slow")
AFTER_SECONDS: Final = 86_400.0
PAGING: Final = ("crisis", "sentiment_shift")
"""Kinds of episodes that call a person."""


@dataclass
class Crises:
    """What alerts said of the crises of one kind on brands of one size.

    Attributes:
        dated: those that were found.
        after: by kind of alert, of every brand, the episodes that opened within a day after the end of a crisis.
        resolved: of every brand, crises that were resolved a day before the end of what was watched.
    """

    dated: list[Dated] = field(default_factory=list)
    after: dict[str, list[float]] = field(default_factory=dict)
    resolved: list[float] = field(default_factory=list)


class AftermathRow(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one world, size and kind of crisis.

    Attributes:
        world, size, kind: of the crises.
        crises, found: staged, and those of which a crisis alert opened in time.
        onset: errors of the dates of those that were found; None without any.
        after: alarms that call a person within a day after a crisis was resolved, per crisis; no new crisis is in them.
        surges_after: volume_surge episodes in the same time, per crisis.
        ordinary: alarms that call a person, and surges, per brand-day of the same fleet without a crisis.
    """

    world: str
    size: str
    kind: str
    crises: int
    found: int
    onset: OnsetErrors | None
    after: Estimate | None
    surges_after: Estimate | None
    ordinary: tuple[float, float]


def run_aftermath(
    world: str,
    *,
    sizes: tuple[str, ...],
    brands: int,
    stages: int = STAGES,
    seed: int,
    detection: DetectionConfig | None = None,
    kinds: Sequence[str] = STAGED_KINDS,
    on_day: Callable[[], None] = lambda: None,
) -> list[AftermathRow]:
    """Stage crises in copies of a fleet and read the alerts.

    Args:
        world: a key of pipeline.simulation.worlds.worlds.WORLDS that stages crises.
        sizes: keys of pipeline.simulation.worlds.ordinary.SIZES.
        brands: number of brands of each size.
        stages: how many times every brand has a crisis of each kind.
        seed: same seed and arguments, same result.
        detection: as configured.
        kinds: of crises.
        on_day: called after each day of the fleet and of its copies.
    """
    total = WARM_UP_DAYS + EVERY_DAYS * stages
    stream = open_stream(world, sizes, brands, days=total + STAGED_DAYS, shift_day=WARM_UP_DAYS, seed=seed)
    rng, stage_rng = (np.random.default_rng([seed, zlib.crc32(world.encode()), place]) for place in (3, 4))
    config = Config(ConfigFile(detection=detection or DetectionConfig()))
    names = [f"brand-{place}" for place in range(len(stream.sizes))]
    fleet, sampler = Fleet(names, config), stream.sampler()
    coming: deque[Latent] = deque(stream.next_day() for _ in range(STAGED_DAYS))
    found: dict[tuple[str, str], Crises] = {(size, kind): Crises() for size in sizes for kind in kinds}
    staged: Counter[tuple[str, str]] = Counter()
    for day in range(total):
        if day >= WARM_UP_DAYS and (day - WARM_UP_DAYS) % EVERY_DAYS == 0:
            for kind in kinds:
                onset = stage_rng.integers(0, BUCKETS_PER_DAY, len(names))
                copy = fleet.copy()
                drawn = sampler.copy().draw(with_crisis(joined(coming), kind, onset, stage_rng), stage_rng)
                alerts = copy.live(FIRST_BUCKET + day * BUCKETS_PER_DAY, *drawn)
                on_day()
                for place, size in enumerate(stream.sizes):
                    staged[size, kind] += 1
                    begin = float(FIRST_BUCKET + day * BUCKETS_PER_DAY + int(onset[place])) * BUCKET_SECONDS
                    read_crisis(found[size, kind], alerts.get(names[place], []), begin, kind)
        fleet.live(FIRST_BUCKET + day * BUCKETS_PER_DAY, *sampler.draw(coming.popleft(), rng))
        coming.append(stream.next_day())
        on_day()
    ordinary = fleet.ordinary(dict(zip(names, stream.sizes.tolist(), strict=True)), EVERY_DAYS * stages)
    return [
        AftermathRow(
            world=world,
            size=size,
            kind=kind,
            crises=staged[size, kind],
            found=len(crises.dated),
            onset=onset_errors(crises.dated),
            after=_per_crisis(crises, PAGING),
            surges_after=_per_crisis(crises, ("volume_surge",)),
            ordinary=ordinary[size],
        )
        for (size, kind), crises in found.items()
    ]


class Fleet:
    """Brands in one engine that are given their counts bucket by bucket."""

    def __init__(self, names: list[str], config: Config) -> None:
        """Begin without history."""
        self._names = names
        self._config = config
        self._engine = Engine(0, config, activity="off")
        self._state: dict[bytes, bytes | None] = {}
        self._alerts: list[Alert] = []

    def copy(self) -> Fleet:
        """A fleet that goes its own way from here, by the very state that a worker stores."""
        self._state.update(self._engine.snapshot())
        twin = Fleet(self._names, self._config)
        twin._engine.restore(self._state.items())
        return twin

    def live(self, first: int, mentions: Array, negatives: Array) -> dict[str, list[Alert]]:
        """Let the brands live through these buckets; returns the alerts about each."""
        alerts: dict[str, list[Alert]] = {}
        for row, (seen, bad) in enumerate(zip(mentions.tolist(), negatives.tolist(), strict=True)):
            start = (first + row) * BUCKET_SECONDS
            self._engine.ingest_observations(
                Observation(brand=name, start=start, mentions=int(n), negatives=k)
                for name, n, k in zip(self._names, seen, bad, strict=True)
                if n
            )
            self._engine.close_due()
            for alert in self._engine.take_outputs().alerts:
                alerts.setdefault(alert.brand, []).append(alert)
                self._alerts.append(alert)
        return alerts

    def ordinary(self, sizes: dict[str, str], days: int) -> dict[str, tuple[float, float]]:
        """By size the paging alarms and the surges per brand-day of the last so many days."""
        begin = (FIRST_BUCKET + WARM_UP_DAYS * BUCKETS_PER_DAY) * float(BUCKET_SECONDS)
        counted: Counter[tuple[str, bool]] = Counter()
        for alert in self._alerts:
            if alert.transition == "opened" and alert.detected_time.timestamp() >= begin:
                counted[sizes[alert.brand], alert.kind in PAGING] += 1
        number = Counter(sizes.values())
        return {size: (counted[size, True] / n / days, counted[size, False] / n / days) for size, n in number.items()}


def read_crisis(crises: Crises, alerts: Sequence[Alert], begin: float, kind: str) -> None:
    """Add what the alerts about a brand say of its crisis, which began then."""
    horizon = begin + CRISES[kind].horizon * 3600.0
    opened = [alert for alert in alerts if alert.kind == "crisis" and alert.transition == "opened"]
    about = next((alert for alert in opened if begin < alert.detected_time.timestamp() <= horizon), None)
    after: Counter[str] = Counter()
    resolved = 0.0
    if about is not None:
        crises.dated.append(dated_by(about, begin))
        ended = next(
            (one for one in alerts if one.episode_id == about.episode_id and one.transition == "resolved"), None
        )
        if ended is not None:
            resolved = 1.0
            over = ended.detected_time.timestamp()
            after.update(
                one.kind
                for one in alerts
                if one.transition == "opened"
                and over <= one.detected_time.timestamp() <= over + AFTER_SECONDS
                and one.episode_id != about.episode_id
            )
    crises.resolved.append(resolved)
    for name in KINDS:
        crises.after.setdefault(name, []).append(float(after[name]))


def _per_crisis(crises: Crises, kinds: Sequence[str]) -> Estimate | None:
    if not any(crises.resolved):
        return None
    counted = [sum(own) for own in zip(*(crises.after[kind] for kind in kinds), strict=True)]
    return estimate(counted, crises.resolved)


def days_of(kinds: Sequence[str], stages: int) -> int:
    """How often `on_day` is called."""
    return WARM_UP_DAYS + stages * (EVERY_DAYS + len(kinds))
