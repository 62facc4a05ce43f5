"""Crises among many: are they found as often when other brands of the partition burn, or burnt in the weeks before?

A fleet lives through its warm-up and a fortnight in which a share of its brands has one crisis each, at any time. On
the day after, every brand of a copy has a crisis; what is found there is held against the fleet whose fortnight was
quiet. False alarms are counted on the brands that had none.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from pipeline.config.model import DetectionConfig
from pipeline.evaluation.aftermath import STAGED_KINDS
from pipeline.evaluation.scoring.outcomes import Estimate, Found, false_alarms_per_year
from pipeline.evaluation.simulated import (
    CRISIS_DAYS,
    CRISIS_RATE,
    FIRST_BUCKET,
    FORTNIGHT_DAYS,
    WARM_UP_DAYS,
    Staged,
    crisis_rule,
    found_by,
    stage,
    starts_of,
)
from pipeline.evaluation.vectorised.model import FleetModel
from pipeline.simulation.worlds.ordinary import NO_ONSET, Latent, with_crisis
from pipeline.simulation.worlds.worlds import open_stream
from schemas.observation import BUCKETS_PER_DAY

SHARES: Final = (0.0, 0.05, 0.2, 1.0)
_LIVES_DAYS: Final = 3
"""Days that a crisis is drawn over."""


class CrowdedRow(msgspec.Struct, frozen=True, kw_only=True):
    """What is found in a fleet of which a share had a crisis in the fortnight before.

    Attributes:
        world, size: of the brands.
        share: of the brands that had one.
        crises: by kind.
        false_alarms: per brand-year of the fortnight, on brands without a crisis in it; None where every brand had one.
    """

    world: str
    size: str
    share: float
    crises: dict[str, Found]
    false_alarms: Estimate | None


def run_crowded(
    world: str,
    *,
    sizes: tuple[str, ...],
    brands: int,
    seed: int,
    detection: DetectionConfig | None = None,
    shares: Sequence[float] | None = None,
    on_day: Callable[[], None] = lambda: None,
) -> list[CrowdedRow]:
    """Score a fleet for every share.

    Args:
        world: a key of pipeline.simulation.worlds.worlds.WORLDS that stages crises.
        sizes: keys of pipeline.simulation.worlds.ordinary.SIZES.
        brands: number of brands of each size.
        seed: same seed and arguments, same result.
        detection: as configured.
        shares: of the brands, 0..1; SHARES unless given.
        on_day: called after each day of a fleet.
    """
    rule = crisis_rule(CRISIS_RATE, detection)
    rows = []
    for share in SHARES if shares is None else shares:
        staged, sizes_of, calm, scores = _lived(world, sizes, brands, seed, share, on_day)
        for size in sizes:
            places = np.flatnonzero(sizes_of == size)
            quiet = places[calm[places]]
            starts = starts_of(scores[:, quiet], rule) if quiet.size else []
            rows.append(
                CrowdedRow(
                    world=world,
                    size=size,
                    share=share,
                    crises={one.kind: found_by([one], lambda s: s.scores, rule, places) for one in staged},
                    false_alarms=false_alarms_per_year(starts, [float(len(scores))] * len(starts)) if starts else None,
                )
            )
    return rows


def days_of(shares: Sequence[float] | None = None) -> int:
    """How often `on_day` is called."""
    return len(SHARES if shares is None else shares) * (WARM_UP_DAYS + FORTNIGHT_DAYS)


def _lived(
    world: str, sizes: tuple[str, ...], brands: int, seed: int, share: float, on_day: Callable[[], None]
) -> tuple[list[Staged], NDArray[np.str_], NDArray[np.bool_], NDArray[np.float32]]:
    """The staged crises, the brands' sizes, which of them had none before, and the scores of the fortnight."""
    total = WARM_UP_DAYS + FORTNIGHT_DAYS
    stream = open_stream(world, sizes, brands, days=total + CRISIS_DAYS, shift_day=total + CRISIS_DAYS, seed=seed)
    name = zlib.crc32(world.encode())
    rng, crisis_rng, stage_rng = (np.random.default_rng([seed, name, place]) for place in (8, 9, 10))
    number = len(stream.sizes)
    burns = crisis_rng.random(number) < share
    onset = np.where(burns, crisis_rng.integers(0, FORTNIGHT_DAYS * BUCKETS_PER_DAY, number), NO_ONSET)
    sudden = crisis_rng.random(number) < 0.5
    model, sampler = FleetModel(number), stream.sampler()
    scores = np.zeros((FORTNIGHT_DAYS * BUCKETS_PER_DAY, number), np.float32)
    for day in range(total):
        latent = stream.next_day()
        begin = (day - WARM_UP_DAYS) * BUCKETS_PER_DAY
        if begin >= 0:
            latent = _burning(latent, onset - begin, sudden, seed)
        seen, bad = sampler.draw(latent, rng)
        for row in range(BUCKETS_PER_DAY):
            found = model.step(FIRST_BUCKET + day * BUCKETS_PER_DAY + row, seen[row], bad[row]).crisis
            if begin >= 0:
                scores[begin + row] = found
        on_day()
    coming = [stream.next_day() for _ in range(CRISIS_DAYS)]
    staged = [stage(model, kind, total, coming, sampler, stage_rng) for kind in STAGED_KINDS]
    return staged, stream.sizes, ~burns, scores


def _burning(latent: Latent, onset: NDArray[np.int64], sudden: NDArray[np.bool_], seed: int) -> Latent:
    """A day of the fortnight with the crises that began so many buckets after its beginning, or before it."""
    for kind, chosen in zip(STAGED_KINDS, (sudden, ~sudden), strict=True):
        going_on = chosen & (onset < BUCKETS_PER_DAY) & (onset >= -_LIVES_DAYS * BUCKETS_PER_DAY)
        if going_on.any():
            # Drawn anew each day from one seed: a crisis keeps its strength.
            latent = with_crisis(latent, kind, np.where(going_on, onset, NO_ONSET), np.random.default_rng([seed, 11]))
    return latent
