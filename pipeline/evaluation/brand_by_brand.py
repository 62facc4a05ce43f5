"""Any detector of the registry over many brands: what FleetModel does for daily-maxima, one brand after the other."""

from __future__ import annotations

import copy
from typing import Self

import numpy as np

from detectors.base import SCORED_KINDS
from detectors.brand.pooled_tail import PooledTail
from detectors.registry import Entry, entry
from pipeline.evaluation.vectorised.model import FleetScores
from pipeline.evaluation.vectorised.tails import Array


class BrandByBrand:
    """Detectors of brands 0..n-1 that share a pooled tail, as the brands of a partition do."""

    def __init__(self, detector: str, brands: int) -> None:
        """Begin without history.

        Args:
            detector: its name in the registry.
            brands: how many.

        Raises:
            UnknownDetectorError: no detector of this name.
        """
        self._entry: Entry = entry(detector)
        self._tail = PooledTail()
        self._detectors = [self._entry.make("crisis", self._tail) for _ in range(brands)]

    def step(self, index: int, mentions: Array, negatives: Array) -> FleetScores:
        """Score and learn one bucket of every brand, empty ones included; the worlds know no reach."""
        scores = np.zeros((len(SCORED_KINDS), len(self._detectors)))
        rows = zip(self._detectors, mentions.tolist(), negatives.tolist(), strict=True)
        for brand, (detector, n, k) in enumerate(rows):
            assessment = detector.close(index, n, k)
            scores[:, brand] = [assessment.score(kind) for kind in SCORED_KINDS]
        return FleetScores(*scores)

    def copy(self) -> Self:
        """Detectors that go their own way from here, by the very snapshots that a worker stores."""
        twin = type(self)(self._entry.name, 0)
        twin._tail = PooledTail(copy.deepcopy(self._tail.state))  # noqa: SLF001 - its own class
        for detector in self._detectors:
            other = self._entry.make("crisis", twin._tail)  # noqa: SLF001 - as above
            other.restore(detector.snapshot())
            twin._detectors.append(other)  # noqa: SLF001 - as above
        return twin
