"""All worlds of counts, by name: the first family (`fleet`) and the exam (`exam`)."""

from __future__ import annotations

from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.simulation.worlds import held_out, ordinary
from pipeline.simulation.worlds.ordinary import Array, Burst, Latent

WORLDS: Final[dict[str, ordinary.Law | held_out.ExamLaw]] = {**ordinary.WORLDS, **held_out.WORLDS}
GROUPS: Final = {"all": tuple(ordinary.WORLDS), "exam": tuple(held_out.WORLDS)}
"""What the command line calls several worlds at once."""


class Sampler(Protocol):
    """Draws the counts of buckets in order."""

    def draw(self, latent: Latent, rng: np.random.Generator) -> tuple[Array, Array]:
        """Mentions and seen negatives of the next buckets, (buckets, brands)."""
        ...

    def copy(self) -> Sampler:
        """Another one in the same state."""
        ...


class Stream(Protocol):
    """Days of a fleet in one world."""

    sizes: NDArray[np.str_]
    bursts: list[Burst]

    @property
    def crisis_every_days(self) -> int:
        """Days between two stagings of crises."""
        ...

    @property
    def shifts(self) -> bool:
        """True where every brand's level changes for good when scoring starts; no crises are staged there."""
        ...

    def next_day(self) -> Latent:
        """The next 288 buckets."""
        ...

    def sampler(self) -> Sampler:
        """What draws this stream's counts, from its first bucket on."""
        ...


def open_stream(world: str, sizes: tuple[str, ...], brands: int, *, days: int, shift_day: int, seed: int) -> Stream:
    """The fleet of a world of either family.

    Args:
        world: a key of WORLDS.
        sizes: S, M, L; each family has its own ranges.
        brands: of each size.
        days: that will be asked for, at most.
        shift_day: from which a shifting world shifts.
        seed: same seed and arguments, same fleet.
    """
    if world in held_out.WORLDS:
        return held_out.ExamStream(world, sizes, brands, days=days, seed=seed)
    return ordinary.FleetStream(world, sizes, brands, days=days, shift_day=shift_day, seed=seed)
