"""The simulated stream: steps of five minutes, each a batch of mentions in order of event time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np

from pipeline.simulation.stream.arrivals import ArrivalProcess, Arrivals
from pipeline.simulation.stream.events import Benign, ClassifierDrift, Crisis, Scaling, Surge
from pipeline.simulation.stream.labels import BrandFacts, Labels, instant, label_events
from pipeline.simulation.stream.population import build_population
from pipeline.simulation.stream.posts import NEGATIVE, Draws, PostWriter
from pipeline.simulation.stream.rates import STEP_SECONDS
from pipeline.simulation.stream.scenarios import SCENARIOS, Choice
from schemas.mention import encode_mention

START: Final = datetime(2026, 3, 2, tzinfo=UTC)
"""Start of every simulated stream, a Monday."""

_DRAW: Final = 1 << 62

_RANGES: Final[dict[str, tuple[float, float]]] = {
    "brands": (3, 10_000),
    "hours": (0.25, 8760),
    "history_hours": (0, 8760),
    "seed": (0, 2**32 - 1),
    "labelled_share": (0, 1),
    "mean_rate": (0.1, 10_000),
    "lowest rate": (0.01, 100_000),
    "highest rate": (0.01, 100_000),
}


@dataclass(frozen=True, slots=True)
class Count:
    """The counts of one brand in one batch: true ones, except for negatives under a drifting classifier."""

    brand: str
    mentions: int
    negatives: int


@dataclass(frozen=True, slots=True)
class Batch:
    """The mentions of [end - STEP_SECONDS, end).

    Attributes:
        start: Unix seconds, a multiple of STEP_SECONDS.
        end: Unix seconds.
        lines: mentions, each as JSON with a line feed, in order of event time.
        counts: counts of the brands with at least one mention, in the order of the population.
    """

    start: int
    end: int
    lines: list[bytes]
    counts: list[Count]


class Simulation:
    """A stream, defined by its parameters alone: every call of `batches` gives the same bytes."""

    def __init__(
        self,
        scenario: str = "demo",
        *,
        brands: int = 200,
        hours: float = 24.0,
        history_hours: float = 72.0,
        seed: int = 1,
        labelled_share: float = 0.2,
        mean_rate: float = 15.0,
        rates: tuple[float, float] | None = None,
    ) -> None:
        """Choose the population and the events; mentions are written by `batches`.

        Args:
            scenario: a key of SCENARIOS.
            brands: number of brands, at least the scenario's min_brands.
            hours: length of the part with the scenario's events.
            history_hours: length of the quiet part before it.
            seed: seed of every choice.
            labelled_share: share of the mentions with a trusted sentiment, 0 to 1.
            mean_rate: mean mentions per hour over the brands.
            rates: mentions per hour of the smallest and the largest brand, the others evenly between them on a
                logarithmic scale; None for the rank law with `mean_rate`.

        Raises:
            KeyError: there is no such scenario.
            ValueError: a parameter is out of its range.
        """
        _check(
            brands=brands,
            hours=hours,
            history_hours=history_hours,
            seed=seed,
            labelled_share=labelled_share,
            mean_rate=mean_rate,
        )
        if rates is not None:
            _check(**{"lowest rate": rates[0], "highest rate": rates[1]})
            if rates[0] > rates[1]:
                raise ValueError(f"rates: expected the lower one first, got {rates[0]:g} and {rates[1]:g}")
        if brands < SCENARIOS[scenario].min_brands:
            raise ValueError(
                f"brands: expected at least {SCENARIOS[scenario].min_brands} for scenario {scenario}, got {brands}"
            )
        self._seed = seed
        self._labelled_share = labelled_share
        self._steps = round((hours + history_hours) * 3600 / STEP_SECONDS)
        self._start = int(START.timestamp())
        self._end = self._start + self._steps * STEP_SECONDS
        history_end = self._start + history_hours * 3600.0
        self.brands = build_population(brands, mean_rate, self._generator(0), rates)
        self.events = SCENARIOS[scenario].events(Choice(self.brands), history_end)
        self._surges: list[Surge] = [event for event in self.events if isinstance(event, Crisis | Benign)]
        self._factors = [event for event in self.events if isinstance(event, Scaling)]
        self._drift = next((event for event in self.events if isinstance(event, ClassifierDrift)), None)
        writer = self._writer()
        trigger_ids = {surge: writer.trigger_id(index) for index, surge in enumerate(self._surges)}
        self.labels = Labels(
            scenario=scenario,
            seed=seed,
            start=START,
            history_end=instant(history_end),
            end=instant(self._end),
            brands=tuple(
                BrandFacts(
                    brand=brand.slug,
                    name=brand.names[brand.language][0],
                    language=brand.language,
                    category=brand.category,
                    rate=brand.rate,
                    negative_share=brand.negative_share,
                )
                for brand in self.brands
            ),
            labels=label_events(self.events, self.brands, trigger_ids, self._start, self._end),
        )

    @property
    def steps(self) -> int:
        """The number of batches."""
        return self._steps

    def batches(self) -> Iterator[Batch]:
        """The stream, batch by batch; memory does not grow with its length."""
        arrivals = ArrivalProcess(self.brands, self._surges, self._factors, self._generator(1))
        rng = self._generator(2)
        writer = self._writer()
        for step in range(self._steps):
            start = self._start + step * STEP_SECONDS
            yield self._batch(start, arrivals.step(start), arrivals.places, writer, rng)

    def _generator(self, stream: int) -> np.random.Generator:
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence((self._seed, stream))))

    def _writer(self) -> PostWriter:
        return PostWriter(self.brands, self._surges, START, f"s{self._seed:x}", self._labelled_share, self._drift)

    def _batch(
        self, start: int, arrivals: Arrivals, places: list[int], writer: PostWriter, rng: np.random.Generator
    ) -> Batch:
        brands, surges, count = len(self.brands), len(self._surges), len(arrivals.source)
        mentions, negatives = [0] * brands, [0] * brands
        lines = []
        columns = (
            (arrivals.offset_ms + (start - self._start) * 1000).tolist(),
            arrivals.tone.tolist(),
            arrivals.language.tolist(),
            *rng.random((3, count)).tolist(),
            *rng.integers(_DRAW, size=(3, count)).tolist(),
            rng.standard_normal(count).tolist(),
        )
        for source, draws in zip(arrivals.source.tolist(), map(Draws, *columns), strict=True):
            if source < brands:
                brand = source
                mention, tone = writer.ordinary(brand, draws)
            elif source < brands + surges:
                brand = places[source - brands]
                mention, tone = writer.surging(source - brands, draws)
            else:
                brand = places[source - brands - surges]
                mention, tone = writer.trigger(source - brands - surges, draws)
            mentions[brand] += 1
            negatives[brand] += writer.seen(tone, draws) == NEGATIVE
            lines.append(encode_mention(mention) + b"\n")
        counts = [
            Count(brand.slug, mentions[index], negatives[index])
            for index, brand in enumerate(self.brands)
            if mentions[index]
        ]
        return Batch(start, start + STEP_SECONDS, lines, counts)


def _check(**values: float) -> None:
    """Raise ValueError for a parameter out of its range, by name."""
    for name, value in values.items():
        low, high = _RANGES[name]
        if not low <= value <= high:
            raise ValueError(f"{name}: expected {low:g} to {high:g}, got {value}")


def demo_stream(*, seed: int = 1, brands: int = 200, hours: float = 24.0, history_hours: float = 72.0) -> Simulation:
    """The stream of the demo: one crisis, one slow burn, one brand merely praised."""
    return Simulation("demo", seed=seed, brands=brands, hours=hours, history_hours=history_hours)
