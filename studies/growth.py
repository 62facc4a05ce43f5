"""Whether the chance of growth that alerts tell is one: python -m studies.growth [--stocknet F] [--weibo F] [--fit].

Asked every half hour of every open crisis or shift of tone: has the next hour more mentions than the last one? Weights
are fitted on simulated streams and every other brand of the files; figures are of other seeds and the other brands.
Brier score beside that of always telling the rate of growth of the streams for development.
"""

from __future__ import annotations

import gzip
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Final
from zlib import crc32

import click
import numpy as np
from numpy.typing import NDArray

from detectors.growth import BASE_RATE, LEAST_MENTIONS, Course, chance_of_growth, features
from pipeline.config.model import Config
from pipeline.engine.alerts.brand_alert import ClosedBucket
from pipeline.engine.alerts.forecast import course_of
from pipeline.replay import Replay
from pipeline.simulation import Simulation
from schemas.observation import BUCKETS_PER_HOUR

_NOW: Final = datetime(2100, 1, 1, tzinfo=UTC)
_EVERY: Final = BUCKETS_PER_HOUR // 2
_BATCH: Final = 5000
Sample = tuple[str, Course, bool]
"""Brand, course, and whether it grew."""


def samples(lines: Iterable[bytes]) -> list[Sample]:
    """What was known and what came, of every half hour of open episodes in a stream."""
    counts: dict[tuple[str, int], int] = defaultdict(int)
    asked: list[tuple[str, int, Course]] = []

    def look(closed: ClosedBucket) -> None:
        brand, index = closed.brand, closed.index
        counts[brand.name, index] = 0 if closed.bucket is None else closed.bucket.mentions
        is_open = any(brand.episodes[kind].is_open for kind in ("crisis", "sentiment_shift"))
        if is_open and index % _EVERY == 0:
            course = course_of(brand, brand.normal_of_episode or brand.model.normal(), index)
            if course is not None and course.last + course.before >= LEAST_MENTIONS:
                asked.append((brand.name, index, course))

    replay = Replay(Config(), partitions=1, now=_NOW, observe=look)
    batch: list[bytes] = []
    for line in lines:
        batch.append(line)
        if len(batch) == _BATCH:
            replay.take_lines(batch)
            batch = []
    replay.take_lines(batch)
    replay.end(flush=True)
    last = max((index for _, index in counts), default=0)
    return [
        (brand, course, sum(counts.get((brand, index + n), 0) for n in range(1, 1 + BUCKETS_PER_HOUR)) > course.last)
        for brand, index, course in asked
        if index + BUCKETS_PER_HOUR <= last
    ]


def simulated(scenario: str, seeds: Iterable[int], rate: float) -> list[Sample]:
    """Samples of simulated streams."""
    found = []
    for seed in seeds:
        simulation = Simulation(scenario, brands=30, hours=48.0, history_hours=240.0, seed=seed, mean_rate=rate)
        found += samples(chain.from_iterable(batch.lines for batch in simulation.batches()))
    return found


def fitted(found: list[Sample], penalty: float = 1.0) -> NDArray[np.float64]:
    """The weights of a logistic regression with a ridge, by Newton's method."""
    rows = np.array([features(course) for _, course, _ in found])
    grew = np.array([float(outcome) for _, _, outcome in found])
    weights = np.zeros(rows.shape[1])
    ridge = np.diag([0.0, *[penalty] * (rows.shape[1] - 1)])
    for _ in range(50):
        chance = 1 / (1 + np.exp(-rows @ weights))
        gradient = rows.T @ (grew - chance) - ridge @ weights
        curvature = rows.T @ (rows * (chance * (1 - chance))[:, None]) + ridge
        weights = weights + np.linalg.solve(curvature, gradient)
    return weights


def told(name: str, found: list[Sample]) -> None:
    """Print the figures of a set: the Brier scores of forecast and base rate, and the rate of growth by the chance."""
    chances = np.array([chance_of_growth(course) or 0.0 for _, course, _ in found])
    grew = np.array([float(outcome) for _, _, outcome in found])
    if not len(grew):
        return
    brier, base = float(np.mean((chances - grew) ** 2)), float(np.mean((BASE_RATE - grew) ** 2))
    click.echo(f"{name:<24} n {len(grew):>5}  grew {grew.mean():.2f}  Brier {brier:.3f}  base rate {base:.3f}")
    for low, high in ((0.0, 0.2), (0.2, 0.4), (0.4, 0.6), (0.6, 0.8), (0.8, 1.01)):
        within = (chances >= low) & (chances < high)
        if within.any():
            click.echo(
                f"    told {low:.1f} to {min(high, 1):.1f}: {within.sum():>5} times, grew {grew[within].mean():.2f}"
            )


def lines_of(path: Path) -> list[bytes]:
    """The mentions of a file."""
    with gzip.open(path) as file:
        return file.read().splitlines()


@click.command()
@click.option("--stocknet", type=click.Path(path_type=Path, exists=True), help="Its mentions.jsonl.gz.")
@click.option("--weibo", type=click.Path(path_type=Path, exists=True), help="Its mentions.jsonl.gz.")
@click.option("--seeds", default=3, show_default=True)
@click.option("--fit", is_flag=True, help="Print weights fitted on the halves for development.")
def main(stocknet: Path | None, weibo: Path | None, seeds: int, *, fit: bool) -> None:
    """Print the figures."""
    real = {name: samples(lines_of(path)) for name, path in (("stocknet", stocknet), ("weibo", weibo)) if path}
    halves = {
        name: (
            [one for one in found if crc32(one[0].encode()) % 2],
            [one for one in found if not crc32(one[0].encode()) % 2],
        )
        for name, found in real.items()
    }
    if fit:
        develop = simulated("crises", range(401, 401 + seeds), 12.0) + simulated(
            "crises", range(421, 421 + seeds), 60.0
        )
        develop += [one for ours, _ in halves.values() for one in ours]
        grew = np.mean([outcome for _, _, outcome in develop])
        weights = ", ".join(f"{weight:.3f}" for weight in fitted(develop))
        click.echo(f"{len(develop)} samples, grew {grew:.3f}; weights {weights}")
        told("development", develop)
    for scenario, rate in (("crises", 12.0), ("crises", 90.0)):
        told(f"simulated {scenario} {rate:.0f}/h", simulated(scenario, range(501, 501 + seeds), rate))
    for name, (_, held) in halves.items():
        told(f"{name}, other brands", held)


if __name__ == "__main__":
    main()
