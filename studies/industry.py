"""A category of brands through the engine, with and without the category configured: python -m studies.industry.

Each world is a fleet in ordinary noise (simulation.worlds.ordinary) with a fortnight of history. From its end the
same day is processed again and again: a shock that is common to the category (every brand moves, each by its own
factor and after its own lag), the same shock with one brand in a crisis of its own, and a crisis of one brand alone.
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pipeline.config.model import BrandSection, Config, ConfigFile
from pipeline.engine.engine import Engine
from pipeline.simulation.worlds.ordinary import FleetStream, Latent, draw_counts
from schemas.alert import Alert
from schemas.observation import BUCKETS_PER_DAY, BUCKETS_PER_HOUR, Observation

HISTORY_DAYS = 14
START = 1_767_225_600
SHOCKS = {"mild": (2.0, 0.35), "usual": (3.0, 0.45), "strong": (6.0, 0.55)}
"""Volume at the peak over normal, and the negative share then, of a common move."""
Array = NDArray[np.float64]


def rows(counts: tuple[Array, Array], first: int) -> Iterator[Observation]:
    """Buckets with mentions, as the engine takes them."""
    for bucket, (mentions, negatives) in enumerate(zip(*counts, strict=True), first):
        for brand in np.flatnonzero(mentions).tolist():
            yield Observation(
                brand=f"brand-{brand:03}",
                start=START + bucket * 300,
                mentions=int(mentions[brand]),
                negatives=float(negatives[brand]),
            )


def moved(latent: Latent, ratio: Array, share: Array, onset: Array) -> Latent:
    """The day with every brand's volume and share raised: half an hour up, two hours high, then half every 3 h."""
    hours = (np.arange(len(latent.rate))[:, None] + 0.5 - onset) / BUCKETS_PER_HOUR
    shape = np.clip(hours / 0.5, 0.0, 1.0) * 0.5 ** (np.maximum(hours - 2.5, 0.0) / 3.0)
    tone = np.clip((ratio * share - latent.share.mean(axis=0)) / np.maximum(ratio - 1.0, 1e-9), 0.0, 0.98)
    excess = (ratio - 1.0) * shape
    return Latent(latent.rate * (1.0 + excess), (latent.share + excess * tone) / (1.0 + excess))


class World:
    """A fleet with its history learned, by an engine with the category in its configuration and by one without."""

    def __init__(self, brands: int, seed: int) -> None:
        self.brands = brands
        self.rng = np.random.default_rng([seed, 77])
        sizes = ("S", "M") if brands < 50 else ("S", "M", "L")
        stream = FleetStream(
            "ordinary", sizes, -(-brands // len(sizes)), days=HISTORY_DAYS + 1, shift_day=99, seed=seed
        )
        self.law = stream.law
        self.pick = self.rng.permutation(len(stream.rate))[:brands]
        names = [f"brand-{number:03}" for number in range(brands)]
        grouped = ConfigFile(brands={name: BrandSection(category="industry") for name in names})
        self.configs = {"alone": Config(), "category": Config(grouped)}
        self.states: dict[str, list[tuple[bytes, bytes | None]]] = {}
        days = [stream.next_day() for _ in range(HISTORY_DAYS + 1)]
        self.day = Latent(days[-1].rate[:, self.pick], days[-1].share[:, self.pick])
        history: list[Observation] = []
        for number, day in enumerate(days[:-1]):
            counts = draw_counts(Latent(day.rate[:, self.pick], day.share[:, self.pick]), self.law, self.rng)
            history += rows(counts, number * BUCKETS_PER_DAY)
        for name, config in self.configs.items():
            engine = Engine(0, config)
            engine.ingest_observations(history)
            engine.close_due()
            self.states[name] = engine.snapshot()

    def live(self, latent: Latent) -> dict[str, list[Alert]]:
        """Alerts of the day, by engine: the same counts for both."""
        counts = draw_counts(latent, self.law, self.rng)
        found = {}
        for name, config in self.configs.items():
            engine = Engine(0, config)
            engine.restore(self.states[name])
            engine.ingest_observations(rows(counts, HISTORY_DAYS * BUCKETS_PER_DAY))
            engine.close_due()
            found[name] = list(engine.take_outputs().alerts)
        return found

    def shock(self, strength: str) -> Latent:
        """The day with a move that all brands have in common, each by its own factor and lag."""
        ratio, share = SHOCKS[strength]
        own = 1.0 + (ratio - 1.0) * np.exp(self.rng.normal(0.0, 0.3, self.brands))
        shares = np.clip(share + self.rng.normal(0.0, 0.05, self.brands), 0.0, 0.9)
        return moved(self.day, own, shares, 60 + self.rng.uniform(0.0, 3.0, self.brands))

    def crisis(self, latent: Latent, brand: int, onset: float) -> Latent:
        """A crisis of one brand added to a day, as large as a sudden one of the evaluation."""
        ratio, share = np.ones(self.brands), latent.share.mean(axis=0)
        ratio[brand] = np.exp(self.rng.uniform(np.log(3.0), np.log(10.0)))
        share[brand] = self.rng.uniform(0.45, 0.75)
        return moved(latent, ratio, share, np.full(self.brands, onset))


def opened(alerts: list[Alert], kind: str = "crisis") -> list[Alert]:
    """Episodes of a kind that opened."""
    return [alert for alert in alerts if alert.kind == kind and alert.transition == "opened"]


def run(brands: int, worlds: int, days: int, seed: int) -> None:
    """Print one table of a size of category."""
    sums: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for number in range(worlds):
        world = World(brands, seed + number)
        for _ in range(days):
            for strength in SHOCKS:
                for engine, alerts in world.live(world.shock(strength)).items():
                    tally = sums[f"{strength} shock, {engine}"]
                    tally["days"] += 1
                    tally["brand crises"] += sum(alert.scope == "brand" for alert in opened(alerts))
                    tally["category crises"] += sum(alert.scope == "category" for alert in opened(alerts))
                    tally["surges and shifts"] += len(opened(alerts, "volume_surge")) + len(
                        opened(alerts, "sentiment_shift")
                    )
            burning = int(world.rng.integers(brands))
            name = f"brand-{burning:03}"
            for case, day in (
                ("crisis in a usual shock", world.crisis(world.shock("usual"), burning, 78.0)),
                ("crisis alone", world.crisis(world.day, burning, 78.0)),
                ("nothing", world.day),
            ):
                for engine, alerts in world.live(day).items():
                    tally = sums[f"{case}, {engine}"]
                    tally["days"] += 1
                    tally["found"] += any(alert.brand == name for alert in opened(alerts))
                    tally["other brand crises"] += sum(
                        alert.scope == "brand" and alert.brand != name for alert in opened(alerts)
                    )
                    tally["category crises"] += sum(alert.scope == "category" for alert in opened(alerts))
    print(f"\n{brands} brands, {worlds} worlds, {worlds * days} days of each case; figures per day")
    for case, tally in sums.items():
        figures = ", ".join(f"{key} {tally[key] / tally['days']:.2f}" for key in tally if key != "days")
        print(f"  {case:36} {figures}", flush=True)


def main() -> None:
    """Read the arguments and print a table a size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--brands", type=int, nargs="+", default=[4, 10, 50])
    parser.add_argument("--worlds", type=int, default=4)
    parser.add_argument("--days", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    for brands in arguments.brands:
        run(brands, arguments.worlds, arguments.days, arguments.seed)


if __name__ == "__main__":
    main()
