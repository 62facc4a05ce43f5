"""A second crisis of the same brand some days after the first, as the engine's own alerts tell of both.

A fleet lives through its warm-up in one engine. For every gap the engine is copied; in the copy two brands of three
have a crisis, and another of the same strength a gap of days later; the others stay quiet beside them.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np

from pipeline.config.model import Config, ConfigFile, DetectionConfig
from pipeline.evaluation.aftermath import STAGED_KINDS, Fleet
from pipeline.evaluation.scoring.outcomes import Estimate, estimate
from pipeline.evaluation.simulated import FIRST_BUCKET, WARM_UP_DAYS
from pipeline.simulation.worlds.ordinary import CRISES, NO_ONSET, joined, with_crisis
from pipeline.simulation.worlds.worlds import open_stream
from schemas.alert import Alert
from schemas.observation import BUCKET_SECONDS, BUCKETS_PER_DAY, BUCKETS_PER_HOUR

GAPS_DAYS: Final = (1, 2, 3, 5, 7, 14, 30)
DAYS_AFTER: Final = 3
"""Days of a copy from the day of the second crisis on."""
JITTER: Final = 2 * BUCKETS_PER_HOUR
"""By which a gap may be shorter or longer: no second crisis begins at the very hour of the first."""
QUIET: Final = 3
"""Every third brand stays quiet."""


class SecondCrisisRow(msgspec.Struct, frozen=True, kw_only=True):
    """The crises of one kind on brands of one size, so many days apart.

    Attributes:
        world, size, kind, gap_days: of the crises.
        first, second: share of each that an alert opened on within its horizon.
        still_open: share of the second ones that began in an episode that was open; nothing opens on them while it is.
        updated: share of the second ones that began so, and of which an update of that episode told within their
            horizon that the mentions of an hour had doubled.
    """

    world: str
    size: str
    kind: str
    gap_days: int
    first: Estimate
    second: Estimate
    still_open: Estimate
    updated: Estimate


def run_second_crises(
    world: str,
    *,
    sizes: tuple[str, ...],
    brands: int,
    seed: int,
    detection: DetectionConfig | None = None,
    gaps: Sequence[int] | None = None,
    kinds: Sequence[str] = STAGED_KINDS,
    on_day: Callable[[], None] = lambda: None,
) -> list[SecondCrisisRow]:
    """Let a fleet live, copy it for every kind and gap, and read the alerts.

    Args:
        world: a key of pipeline.simulation.worlds.worlds.WORLDS that stages crises.
        sizes: keys of pipeline.simulation.worlds.ordinary.SIZES.
        brands: number of brands of each size, at least 1.
        seed: same seed and arguments, same result.
        detection: as configured.
        gaps: days from the first to the second crisis, at least 1; GAPS_DAYS unless given.
        kinds: of crises.
        on_day: called after each day of the fleet and of its copies.
    """
    gaps = gaps or GAPS_DAYS
    ahead = max(gaps) + DAYS_AFTER
    stream = open_stream(world, sizes, brands, days=WARM_UP_DAYS + ahead, shift_day=WARM_UP_DAYS + ahead, seed=seed)
    name = zlib.crc32(world.encode())
    rng = np.random.default_rng([seed, name, 5])
    names = [f"brand-{place}" for place in range(len(stream.sizes))]
    fleet, sampler = Fleet(names, Config(ConfigFile(detection=detection or DetectionConfig()))), stream.sampler()
    for day in range(WARM_UP_DAYS):
        fleet.live(FIRST_BUCKET + day * BUCKETS_PER_DAY, *sampler.draw(stream.next_day(), rng))
        on_day()
    coming = [stream.next_day() for _ in range(ahead)]
    begin = FIRST_BUCKET + WARM_UP_DAYS * BUCKETS_PER_DAY
    in_crisis = np.arange(len(names)) % QUIET > 0 if len(names) >= QUIET else np.ones(len(names), bool)
    rows = []
    for kind in kinds:
        for gap in gaps:
            stage_rng = np.random.default_rng([seed, name, 6, gap])
            latent = joined(coming[: gap + DAYS_AFTER])
            first = stage_rng.integers(0, BUCKETS_PER_DAY, len(names))
            second = first + gap * BUCKETS_PER_DAY + stage_rng.integers(-JITTER, JITTER, len(names))
            usual = latent.share.mean(axis=0)
            for onset in (first, second):
                strength = np.random.default_rng([seed, name, 7, gap])  # The same for both.
                latent = with_crisis(latent, kind, np.where(in_crisis, onset, NO_ONSET), strength, usual)
            drawn = sampler.copy().draw(latent, stage_rng)
            copy = fleet.copy()
            alerts: dict[str, list[Alert]] = {}
            for day in range(gap + DAYS_AFTER):
                rows_of_day = slice(day * BUCKETS_PER_DAY, (day + 1) * BUCKETS_PER_DAY)
                for brand, told in copy.live(begin + rows_of_day.start, *(part[rows_of_day] for part in drawn)).items():
                    alerts.setdefault(brand, []).extend(told)
                on_day()
            for size in sizes:
                places = np.flatnonzero((stream.sizes == size) & in_crisis)
                outcomes = [
                    outcome(alerts.get(names[place], ()), kind, begin + int(first[place]), begin + int(second[place]))
                    for place in places
                ]
                ones = [1.0] * len(outcomes)
                shares = (estimate(list(map(float, part)), ones, is_share=True) for part in zip(*outcomes, strict=True))
                found, again, still, updated = shares
                rows.append(
                    SecondCrisisRow(
                        world=world,
                        size=size,
                        kind=kind,
                        gap_days=gap,
                        first=found,
                        second=again,
                        still_open=still,
                        updated=updated,
                    )
                )
    return rows


class Outcome(NamedTuple):
    """What alerts said of two crises of a brand.

    Attributes:
        first, second: whether an episode opened on it in time.
        still_open: whether an episode was open when the second began.
        updated: whether an update of that episode told of the second.
    """

    first: bool
    second: bool
    still_open: bool
    updated: bool


def outcome(alerts: Iterable[Alert], kind: str, first: int, second: int) -> Outcome:
    """What the alerts say of two crises.

    Args:
        alerts: about the brand, in order of time.
        kind: of both crises.
        first: bucket in which the first begins.
        second: the same of the second.
    """
    crises = [alert for alert in alerts if alert.kind == "crisis"]
    horizon = CRISES[kind].horizon * 3600.0
    within = [
        [alert for alert in crises if begin < alert.detected_time.timestamp() <= begin + horizon]
        for begin in (float(first * BUCKET_SECONDS), float(second * BUCKET_SECONDS))
    ]
    found = [any(alert.transition == "opened" for alert in alerts_of) for alerts_of in within]
    before = [alert for alert in crises if alert.detected_time.timestamp() <= second * BUCKET_SECONDS]
    still_open = bool(before) and before[-1].transition != "resolved"
    told = any(
        still_open and alert.episode_id == before[-1].episode_id and "volume" in alert.changes for alert in within[1]
    )
    return Outcome(found[0], found[1], still_open, told)


def days_of(gaps: Sequence[int] | None = None, kinds: Sequence[str] = STAGED_KINDS) -> int:
    """How often `on_day` is called."""
    return WARM_UP_DAYS + len(kinds) * sum(gap + DAYS_AFTER for gap in gaps or GAPS_DAYS)
