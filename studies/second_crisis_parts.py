"""Why a second crisis is missed: python -m studies.second_crisis_parts [--world W] [--gap DAYS] [--parts].

Two fleets live through the very same counts, but that two brands of three of one of them have a crisis first. Then both
have the same second crisis. What only the fleet without a first one finds is what the first one cost; with --parts
the other fleet is given, one after the other, what that fleet has learned: the part that makes up for the loss has it.
"""

from __future__ import annotations

import copy
import zlib
from collections.abc import Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

import click
import numpy as np
from numpy.typing import NDArray

from detectors.brand.threshold import crisis_threshold
from pipeline.evaluation.simulated import FIRST_BUCKET, WARM_UP_DAYS
from pipeline.evaluation.vectorised.model import FleetModel
from pipeline.simulation.worlds.ordinary import CRISES, NO_ONSET, joined, with_crisis
from pipeline.simulation.worlds.worlds import WORLDS, open_stream
from schemas.observation import BUCKETS_PER_DAY, BUCKETS_PER_HOUR

DAYS_AFTER: Final = 3
FIRST_DAYS: Final = 2.5
"""Days after which nothing is left of a first crisis."""
JITTER: Final = 2 * BUCKETS_PER_HOUR
SIZES: Final = ("S", "M", "L")
_LEARNED: Final = ("level", "level_dispersion", "hours", "days", "hour_sum", "day_sum", "negative", "other")
PARTS: Final = MappingProxyType(
    {
        "level, season, share": _LEARNED,
        "dispersions": ("dispersion",),
        "correlations": ("excess", "pairs", "correlation"),
        "all learned": (*_LEARNED, "dispersion", "excess", "pairs", "correlation"),
        "own maxima": ("maxima",),
        "pooled tail": ("tail", "shift", "stretch"),
        "windows' sums": ("sums", "expected", "negatives"),
    }
)
"""Attributes of pipeline.evaluation.vectorised.model.FleetBlock."""
Array = NDArray[np.float64]
Counts = tuple[Array, Array]


class Row(NamedTuple):
    """Second crises on brands of one size.

    Attributes:
        size, crises: how many.
        first: found of the first ones.
        without, after: found of the second ones without a first one, and after it.
        lost: found without a first one only.
        mended: by part, of the lost those that are found with that part from the other fleet.
    """

    size: str
    crises: int
    first: int
    without: int
    after: int
    lost: int
    mended: dict[str, int]


class Pair(NamedTuple):
    """Counts of the days that two fleets live through, and the onsets of both crises by brand, in buckets."""

    without: Counts
    after: Counts
    first: NDArray[np.int64]
    second: NDArray[np.int64]


def lost_by_part(
    world: str, kind: str, gap: int, *, brands: int, seed: int, parts: Sequence[str] = (), sizes: Sequence[str] = SIZES
) -> list[Row]:
    """Lay the crises and count, by size.

    Args:
        world: a key of pipeline.simulation.worlds.worlds.WORLDS that stages crises.
        kind: of both crises, a key of CRISES; both are equally strong.
        gap: days between them, at least 2: counts of the first must not reach the second.
        brands: number of each size, at least 3.
        seed: same seed and arguments, same result.
        parts: keys of PARTS.
        sizes: keys of pipeline.simulation.worlds.ordinary.SIZES.

    Raises:
        ValueError: a gap of less than 2 days.
    """
    if gap < 2:
        raise ValueError(f"expected a gap of at least 2 days, got {gap}")
    name = zlib.crc32(world.encode())
    days = gap + DAYS_AFTER
    stream = open_stream(world, tuple(sizes), brands, days=WARM_UP_DAYS + days, shift_day=WARM_UP_DAYS, seed=seed)
    rng, sampler, calm = np.random.default_rng([seed, name, 50]), stream.sampler(), FleetModel(len(stream.sizes))
    for day in range(WARM_UP_DAYS):
        _live(calm, day * BUCKETS_PER_DAY, sampler.draw(stream.next_day(), rng))
    in_crisis = np.arange(calm.brands) % 3 > 0
    begin = np.random.default_rng([seed, name, 52, gap])
    first = np.where(in_crisis, begin.integers(0, BUCKETS_PER_DAY, calm.brands), NO_ONSET)
    second = first + gap * BUCKETS_PER_DAY + begin.integers(-JITTER, JITTER, calm.brands)
    latent = joined([stream.next_day() for _ in range(days)])
    drawn = [
        sampler.copy().draw(
            with_crisis(latent, kind, onset, np.random.default_rng([seed, name, 53, gap])),  # Equally strong.
            np.random.default_rng([seed, name, 54, gap, place]),
        )
        for place, onset in enumerate((np.full(calm.brands, NO_ONSET), first, second))
    ]
    time = np.arange(days * BUCKETS_PER_DAY)[:, None]
    in_first = (time >= first) & (time < first + int(FIRST_DAYS * BUCKETS_PER_DAY))
    without = _put(drawn[0], drawn[2], time >= second)
    pair = Pair(without, _put(without, drawn[1], in_first & (time < second)), first, second)
    return _rows(calm, pair, kind, gap, parts, stream.sizes)


def _rows(
    calm: FleetModel, pair: Pair, kind: str, gap: int, parts: Sequence[str], sizes: NDArray[np.str_]
) -> list[Row]:
    burnt, start = calm.copy(), WARM_UP_DAYS * BUCKETS_PER_DAY
    cut = gap * BUCKETS_PER_DAY - JITTER
    horizon = int(CRISES[kind].horizon * BUCKETS_PER_HOUR)
    _live(calm, start, _cut(pair.without, 0, cut))
    before = _live(burnt, start, _cut(pair.after, 0, cut))
    mended = {part: burnt.copy() for part in parts}
    for part, fleet in mended.items():
        _give(calm, fleet, PARTS[part])
    rest = _cut(pair.after, cut, len(pair.after[0]))
    found = {
        part: _fires(_live(fleet, start + cut, rest), pair.second - cut, horizon) for part, fleet in mended.items()
    }
    calm_found = _fires(
        _live(calm, start + cut, _cut(pair.without, cut, len(pair.without[0]))), pair.second - cut, horizon
    )
    later = _live(burnt, start + cut, rest)
    burnt_found = _fires(later, pair.second - cut, horizon)
    first_found = _fires(np.concatenate((before, later)), pair.first, horizon)
    lost = calm_found & ~burnt_found
    rows = []
    for size in dict.fromkeys(sizes.tolist()):
        own = (sizes == size) & (pair.first < NO_ONSET)
        first, without, after, gone = (int((own & now).sum()) for now in (first_found, calm_found, burnt_found, lost))
        regained = {part: int((own & lost & now).sum()) for part, now in found.items()}
        rows.append(Row(size, int(own.sum()), first, without, after, gone, regained))
    return rows


def _give(giver: FleetModel, taker: FleetModel, names: Sequence[str]) -> None:
    """Let a fleet have what another one has learned."""
    for own, other in zip(taker._blocks, giver._blocks, strict=True):  # noqa: SLF001 - takes the model apart
        for name in names:
            setattr(own, name, copy.deepcopy(getattr(other, name)))
    if "tail" in names:
        taker._tail = taker._blocks[0].tail  # noqa: SLF001 - as above
        for block in taker._blocks:  # noqa: SLF001 - as above
            block.tail = taker._tail  # noqa: SLF001 - as above


def _live(model: FleetModel, first: int, counts: Counts) -> Array:
    """Crisis scores of the buckets from `first` of the run on."""
    rows = zip(*counts, strict=True)
    return np.array([model.step(FIRST_BUCKET + first + row, n, k).crisis for row, (n, k) in enumerate(rows)])


def _put(counts: Counts, others: Counts, where: NDArray[np.bool_]) -> Counts:
    return np.where(where, others[0], counts[0]), np.where(where, others[1], counts[1])


def _cut(counts: Counts, begin: int, end: int) -> Counts:
    return counts[0][begin:end], counts[1][begin:end]


def _fires(scores: Array, onset: NDArray[np.int64], horizon: int) -> NDArray[np.bool_]:
    """Whether a brand's score comes to the default threshold within the horizon."""
    time = np.arange(len(scores))[:, None]
    within = (time >= onset) & (time < onset + horizon)
    fired: NDArray[np.bool_] = np.max(np.where(within, scores, -np.inf), axis=0) >= crisis_threshold(1.0)
    return fired


@click.command()
@click.option("--world", type=click.Choice(list(WORLDS)), default="rough", show_default=True)
@click.option("--kind", type=click.Choice(list(CRISES)), default="slow", show_default=True)
@click.option("--gap", type=click.IntRange(min=2), default=7, show_default=True, help="Days between the crises.")
@click.option("--brands", type=click.IntRange(min=3), default=300, show_default=True, help="Of each size.")
@click.option("--seed", type=int, default=11, show_default=True)
@click.option("--parts", is_flag=True, help="Give back what was learned, part by part.")
def main(*, world: str, kind: str, gap: int, brands: int, seed: int, parts: bool) -> None:
    """Print a Markdown table of crises found, and of those that a part makes up for."""
    names = tuple(PARTS) if parts else ()
    heads = ("size", "crises", "first", "second without a first", "second", "lost", *names)
    click.echo("| " + " | ".join(heads) + " |")
    click.echo("| --- " * len(heads) + "|")
    for *counted, mended in lost_by_part(world, kind, gap, brands=brands, seed=seed, parts=names):
        click.echo("| " + " | ".join(str(value) for value in (*counted, *mended.values())) + " |")


if __name__ == "__main__":
    main()
