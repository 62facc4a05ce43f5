"""The arrival process: when mentions arrive, step by step, and in which tone and language; numbers only, no text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.simulation.stream.events import Scaling, Surge
from pipeline.simulation.stream.population import Brand
from pipeline.simulation.stream.posts import NEGATIVE, NEUTRAL, POSITIVE
from pipeline.simulation.stream.rates import STEP_SECONDS, Array, Rates

STEP_MS: Final = STEP_SECONDS * 1000

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Arrivals:
    """The mentions of one step, in order of time, as parallel arrays.

    `source` says what a mention is part of. Below B, the number of brands, it is an ordinary mention of a brand; then
    come the surges' additional mentions (B + surge) and their trigger posts (B + number of surges + surge).
    """

    source: Integers
    offset_ms: Integers
    tone: Integers
    language: Integers


class ArrivalProcess:
    """The arrival process of a stream; steps are drawn in order of time."""

    def __init__(
        self,
        brands: Sequence[Brand],
        surges: Sequence[Surge],
        factors: Sequence[Scaling],
        rng: np.random.Generator,
    ) -> None:
        """Start at the first step.

        Args:
            brands: the population.
            surges: crises and benign bursts.
            factors: events that multiply the volume.
            rng: source of every number; not to be shared.
        """
        self._rng = rng
        self._rates = Rates(brands, rng)
        self._brands = brands
        self._surges = surges
        self._factors = [
            (event, np.array([not event.brands or brand.slug in event.brands for brand in brands])) for event in factors
        ]
        index = {brand.slug: place for place, brand in enumerate(brands)}
        self.places = [index[surge.brand] for surge in surges]
        """Index of each surge's brand."""
        self._positive = np.array([brand.positive_share for brand in brands])
        # Two cumulative shares separate three languages; one row per source, so that surges have their brand's mix.
        mix = np.array([brand.language_mix for brand in brands]).cumsum(axis=1)[:, :2]
        self._mix = np.concatenate([mix, mix[self.places], mix[self.places]]) if surges else mix

    def step(self, start: float) -> Arrivals:
        """The arrivals of [start, start + STEP_SECONDS), Unix seconds."""
        rng = self._rng
        middle = start + STEP_SECONDS / 2
        expected, share = self._rates.step(start)
        for event, touched in self._factors:
            expected = np.where(touched, expected * event.factor(middle), expected)
        counts, earliest = rng.poisson(expected).tolist(), [0] * len(self._brands)
        negative, positive = share.tolist(), ((1.0 - share) * self._positive).tolist()
        self._add_surges(start, expected, counts=counts, earliest=earliest, negative=negative, positive=positive)
        self._add_triggers(start, counts, earliest, negative, positive)
        source = np.repeat(np.arange(len(counts)), counts)
        low = np.array(earliest)[source]
        offset = low + (rng.random(len(source)) * (STEP_MS - low)).astype(np.int64)
        triggers = source >= len(self._brands) + len(self._surges)
        offset[triggers] = low[triggers]
        order = np.lexsort((-source, offset))  # a trigger comes before what it sets off in the same millisecond
        source, offset = source[order], offset[order]
        draw = rng.random(len(source))
        bad = np.array(negative)[source]
        good = np.array(positive)[source]
        tone = np.where(draw < bad, NEGATIVE, np.where(draw < bad + good, POSITIVE, NEUTRAL))
        language = (rng.random(len(source))[:, None] > self._mix[source]).sum(axis=1)
        return Arrivals(source, offset, tone, language)

    def _add_surges(
        self,
        start: float,
        expected: Array,
        *,
        counts: list[int],
        earliest: list[int],
        negative: list[float],
        positive: list[float],
    ) -> None:
        """Append the expected mentions that each surge adds to this step, none of them before the surge begins."""
        for surge, place in zip(self._surges, self.places, strict=True):
            begin = max(start, surge.start)
            room = (start + STEP_SECONDS - begin) / STEP_SECONDS
            excess = surge.excess((begin + start + STEP_SECONDS) / 2) if room > 0 else 0.0
            counts.append(int(self._rng.poisson(expected[place] * excess * room)) if excess else 0)
            earliest.append(round((begin - start) * 1000) if excess else 0)
            bad, good = surge.tones(self._brands[place])
            negative.append(bad)
            positive.append(good)

    def _add_triggers(
        self, start: float, counts: list[int], earliest: list[int], negative: list[float], positive: list[float]
    ) -> None:
        """Append one post for each surge whose trigger time lies in this step; the writer chooses its tone."""
        for surge in self._surges:
            here = start <= surge.trigger_time < start + STEP_SECONDS
            counts.append(int(here))
            earliest.append(int((surge.trigger_time - start) * 1000) if here else 0)
            negative.append(0.0)
            positive.append(0.0)
