"""The smallest crisis that is detected, by size: python -m studies.smallest_crisis [--brands N].

Brands of one size live 28 days in the ordinary world. Then, at one moment (every brand at another hour of its day),
negative mentions are added evenly over an hour or three, and the minimum that fires an alarm is found for each brand
by bisection over the same counts.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import click
import numpy as np
from numpy.typing import NDArray

from detectors.brand.threshold import crisis_threshold
from pipeline.evaluation.simulated import FIRST_BUCKET, WARM_UP_DAYS
from pipeline.evaluation.vectorised.model import FleetModel
from pipeline.simulation.worlds.ordinary import FleetStream
from schemas.observation import BUCKETS_PER_DAY, BUCKETS_PER_HOUR

RATES: Final = (1.0, 5.0, 50.0, 300.0, 3000.0)
"""Mentions per hour."""
HOURS: Final = (1, 3)

Array = NDArray[np.float64]


class Smallest(NamedTuple):
    """Additional negative mentions that fire an alarm in half of the brands, and in nine of ten."""

    half: float
    nine_of_ten: float


def smallest(rate: float, *, brands: int, seed: int, hours: tuple[int, ...] = HOURS) -> dict[int, Smallest]:
    """The minimum of additional negatives, spread over so many hours, that fire at the default threshold."""
    stream = FleetStream("ordinary", ("S",), brands, days=WARM_UP_DAYS + 1, shift_day=WARM_UP_DAYS, seed=seed)
    stream.rate[:] = rate
    rng = np.random.default_rng([seed, 1])
    sampler, model = stream.sampler(), FleetModel(brands)
    for day in range(WARM_UP_DAYS):
        _live(model, day, *sampler.draw(stream.next_day(), rng))
    seen, bad = sampler.draw(stream.next_day(), rng)
    half = BUCKETS_PER_DAY // 2
    _live(model, WARM_UP_DAYS, seen[:half], bad[:half])
    found = {}
    for length in hours:
        buckets = length * BUCKETS_PER_HOUR
        now = slice(half, half + buckets)
        least = _bisect(model, FIRST_BUCKET + WARM_UP_DAYS * BUCKETS_PER_DAY + half, seen[now], bad[now])
        found[length] = Smallest(*(float(value) for value in np.quantile(least, (0.5, 0.9), method="higher")))
    return found


def _live(model: FleetModel, day: int, seen: Array, bad: Array) -> None:
    first = FIRST_BUCKET + day * BUCKETS_PER_DAY
    for row in range(len(seen)):
        model.step(first + row, seen[row], bad[row])


def _bisect(model: FleetModel, first: int, seen: Array, bad: Array) -> Array:
    """The minimum of additional negatives for each brand that fires an alarm within these buckets."""
    silent = np.zeros(model.brands)
    firing = np.full(model.brands, 1.0)
    while not (done := _fires(model, first, seen, bad, firing)).all():
        silent = np.where(done, silent, firing)
        firing = np.where(done, firing, 2.0 * firing)
    while (firing - silent > 1.0).any():
        middle = np.floor((silent + firing) / 2.0)
        done = _fires(model, first, seen, bad, middle)
        open_ = firing - silent > 1.0
        firing = np.where(open_ & done, middle, firing)
        silent = np.where(open_ & ~done, middle, silent)
    return firing


def _fires(model: FleetModel, first: int, seen: Array, bad: Array, extra: Array) -> NDArray[np.bool_]:
    copy = model.copy()
    # Whole mentions, as evenly as they go.
    steps = np.floor(np.arange(len(seen) + 1)[:, None] * extra / len(seen) + 0.5)
    more = np.diff(steps, axis=0)
    scores = [copy.step(first + row, seen[row] + more[row], bad[row] + more[row]).crisis for row in range(len(seen))]
    fired: NDArray[np.bool_] = np.max(scores, axis=0) >= crisis_threshold(1.0)
    return fired


@click.command()
@click.option("--brands", type=click.IntRange(min=2), default=200, show_default=True, help="Of each size.")
@click.option("--seed", type=int, default=3, show_default=True)
def main(brands: int, seed: int) -> None:
    """Print a Markdown table: additional negatives that fire an alarm in half of the brands / in nine of ten."""
    click.echo("| mentions per hour | " + " | ".join(f"within {hours} h" for hours in HOURS) + " |")
    click.echo("| --- " * (1 + len(HOURS)) + "|")
    for rate in RATES:
        found = smallest(rate, brands=brands, seed=seed)
        cells = [f"{found[hours].half:,.0f} / {found[hours].nine_of_ten:,.0f}" for hours in HOURS]
        click.echo(f"| {rate:,.0f} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
