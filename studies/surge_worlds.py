"""Structure and threshold of the volume channel over many worlds: python -m studies.surge_worlds NAB_DIR.

Each variant is read at the threshold at which it opens so many surges a brand-year in the worlds `ordinary` and
`rough`: NAB's score in the simulated laws (`studies.count_worlds`), in the worlds of `pipeline.simulation`, and on the
recorded files. In its last row each world has the rate that is best in all others, each file that of the other files.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

import click
import numpy as np

from detectors.brand.surge import SURGE_PRIOR
from pipeline.config.model import DetectionConfig
from pipeline.evaluation.counts import CountSeries, alarm_rows, read_folder
from pipeline.evaluation.scoring import nab
from pipeline.evaluation.scoring.alarms import AlarmRule, episodes
from pipeline.evaluation.simulated import WARM_UP_DAYS, alarm_rule
from studies.count_worlds import LAWS, SIMULATED, Series, draw, read_world
from studies.surge_ablation import (
    Array,
    Seen,
    Variant,
    evidence_of,
    mean_root,
    mean_surprise,
    own_prior,
    scored,
    seen_of,
    seen_of_rows,
    threshold_at,
)

RATES: Final = (12.0, 18.0, 24.0, 30.0, 40.0)
"""Surges a brand-year that the knob is tried at."""
NULL: Final = ("ordinary", "rough")
VARIANTS: Final = (
    Variant("as shipped", mean_surprise, SURGE_PRIOR),
    Variant("roots, 5 min, 30 min, 3 h", partial(mean_root, windows=(0, 2, 4))),
    Variant("roots, 15 min, 1 h, 3 h", mean_root),
    Variant("15 min, 1 h", partial(mean_surprise, windows=(1, 3))),
    Variant("15 min, 30 min, 1 h, 3 h", partial(mean_surprise, windows=(1, 2, 3, 4))),
    Variant("5 min to 3 h", partial(mean_surprise, windows=range(5))),
)


def seen_of_worlds(worlds: Sequence[Series]) -> dict[str, list[Seen]]:
    """All series of all worlds through one fleet."""
    counts = np.concatenate([world.counts for world in worlds], axis=1)
    seen = iter(seen_of_rows(counts, counts.shape[1]))
    return {world.world: [next(seen) for _ in world.labels] for world in worlds}


def score_at(scores: Sequence[Array], labels: Sequence[nab.Labelled], rule: AlarmRule) -> float:
    """NAB's standard score of series without gaps."""
    alarms = []
    for own in scores:
        rows = np.zeros(len(own), bool)
        rows[[span.start for span in episodes(own, rule)]] = True
        alarms.append(rows)
    return nab.score(alarms, labels, nab.PROFILES["standard"]).score


def left_out(table: Array) -> float:
    """Mean over worlds of the score at the rate that is best on average in all others; (rates, worlds)."""
    places = range(table.shape[1])
    return float(np.mean([table[np.delete(table, out, axis=1).mean(axis=1).argmax(), out] for out in places]))


class Choice:
    """Worlds and files, seen once; a row of figures for each variant."""

    def __init__(self, worlds: Sequence[Series], files: Sequence[CountSeries]) -> None:
        self.labels = {world.world: world.labels for world in worlds}
        self.seen = seen_of_worlds(worlds)
        self.files = list(files)
        self.seen_files = [seen_of(one.buckets, one.values) for one in files]
        self.sizes = np.repeat(np.array(("S", "M", "L")), len(self.labels["ordinary"]) // 3)

    def rows(self, variant: Variant, shipped: AlarmRule) -> list[str]:
        """The variant's row at each rate, and one of what is left out."""
        evidence = {name: [evidence_of(variant, one) for one in seen] for name, seen in self.seen.items()}
        prior = variant.prior or own_prior(evidence["ordinary"], self.sizes)
        scores = {
            name: [scored(own, one, prior) for own, one in zip(evidence[name], seen, strict=True)]
            for name, seen in self.seen.items()
        }
        on_files = [scored(evidence_of(variant, one), one, prior) for one in self.seen_files]
        null = [own for name in NULL for own in scores[name]]
        thresholds = [threshold_at(null, shipped, rate) for rate in RATES]
        labels = [one.labels for one in self.files if one.labels is not None]
        alarms = [
            [alarm_rows(one, own, shipped.at(h)) for one, own in zip(self.files, on_files, strict=True)]
            for h in thresholds
        ]
        table = np.array([[score_at(scores[n], self.labels[n], shipped.at(h)) for n in scores] for h in thresholds])
        laws = [place for place, name in enumerate(scores) if name in LAWS]
        others = [place for place, name in enumerate(scores) if name not in LAWS]
        found = []
        for row, (rate, h) in enumerate(zip(RATES, thresholds, strict=True)):
            result = [nab.score(alarms[row], labels, profile) for profile in nab.PROFILES.values()]
            cells = [table[row, laws].mean(), table[row, others].mean(), *(one.score for one in result)]
            found.append(
                f"| {variant.name} | {rate:g} | {h:.2f} | "
                + " | ".join(f"{cell:.1f}" for cell in cells)
                + f" | {result[0].hit}, {result[0].false_rows} |"
            )
        by_files = nab.leave_one_out(alarms, labels, nab.PROFILES["standard"]).score
        cells = [left_out(table[:, laws]), left_out(table[:, others]), by_files]
        found.append(f"| {variant.name} | left out | | " + " | ".join(f"{cell:.1f}" for cell in cells) + " | | | |")
        return found


HEAD: Final = (
    "| variant | surges a year | threshold | laws | worlds | files | low FP | low FN | windows, false rows |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
)


@click.command()
@click.argument("folder", metavar="NAB_DIR", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--series", type=click.IntRange(min=1), default=16, show_default=True, help="Of each law.")
@click.option("--brands", type=click.IntRange(min=1), default=6, show_default=True, help="Of each size and world.")
@click.option("--seed", type=int, default=11, show_default=True)
def main(folder: Path, series: int, brands: int, seed: int) -> None:
    """Print a Markdown table of every variant and rate."""
    files = [one for one in read_folder(folder) if one.labels is not None]
    if len(files) < 2:
        raise click.ClickException(f"{folder}: expected at least 2 labelled files, got {len(files)}")
    worlds = [draw(name, series, seed) for name in LAWS] + [read_world(name, brands, seed) for name in SIMULATED]
    choice = Choice(worlds, files)
    shipped = alarm_rule(DetectionConfig(), "volume_surge")
    click.echo(f"{series} series a law, {brands} brands a size, seed {seed}; rates after {WARM_UP_DAYS} days\n\n{HEAD}")
    for variant in VARIANTS:
        for row in choice.rows(variant, shipped):
            click.echo(row)


if __name__ == "__main__":
    main()
