"""All worlds of counts, by name: the first family (`ordinary`) and the second, held-out one (`held_out`)."""

from __future__ import annotations

from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.simulation.worlds import held_out, ordinary
from pipeline.simulation.worlds.ordinary import Array, Burst, Latent

WORLDS: Final[dict[str, ordinary.Law | held_out.HeldOutLaw]] = {**ordinary.WORLDS, **held_out.WORLDS}
GROUPS: Final = {"all": tuple(ordinary.WORLDS), "held-out": tuple(held_out.WORLDS)}
"""The names of several worlds at once on the command line."""
GROUP_ALIASES: Final = {"exam": "held-out"}
"""Former names of groups, still accepted."""


class Sampler(Protocol):
    """A source of counts, drawn bucket by bucket in order."""

    def draw(self, latent: Latent, rng: np.random.Generator) -> tuple[Array, Array]:
        """Mentions and seen negatives of the next buckets, each (buckets, brands)."""
        ...

    def copy(self) -> Sampler:
        """An independent sampler in the same state."""
        ...


class Stream(Protocol):
    """The days of a fleet in one world, in order."""

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
        """A sampler of this stream's counts, from its first bucket on."""
        ...


def open_stream(world: str, sizes: tuple[str, ...], brands: int, *, days: int, shift_day: int, seed: int) -> Stream:
    """The stream of a fleet in a world of either family.

    Args:
        world: a key of WORLDS.
        sizes: S, M, L; each family has its own ranges.
        brands: number of brands of each size.
        days: maximum number of days that will be asked for.
        shift_day: day from which a shifting world is shifted.
        seed: same seed and arguments, same fleet.
    """
    if world in held_out.WORLDS:
        return held_out.HeldOutStream(world, sizes, brands, days=days, seed=seed)
    return ordinary.FleetStream(world, sizes, brands, days=days, shift_day=shift_day, seed=seed)
