"""Which brands of a partition are loaded, as objects; the others are kept serialised, as their state records."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from detectors.brand.pooled_tail import PooledTail, TailState
from detectors.registry import DEFAULT, Entry
from pipeline.engine.state import Checkpoint

if TYPE_CHECKING:
    from pipeline.engine.brands.brand import Brand

MAX_CACHED: Final = 4096
"""Brands that are loaded, and likewise brands whose open buckets are, beside the one at work: some 35 MB. A worker
shares it out among its partitions."""
MIN_CACHED: Final = 256
"""A partition's share of it, however many partitions there are."""
MAX_EVICTED: Final = 16
"""Brands serialised in one go: a share that falls in a rebalance must not hold up the event loop."""


def cache_share(partitions: int) -> int:
    """How many brands of each partition may be loaded in a process that has so many partitions, 1 or more."""
    return max(MIN_CACHED, MAX_CACHED // partitions)


class Tails:
    """The pooled tails of a partition, one per detector, in the checkpoint that stores them."""

    __slots__ = ("_checkpoint", "_tails")

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint
        self._tails: dict[str, PooledTail] = {DEFAULT: PooledTail(checkpoint.tail)}

    def of(self, detector: Entry) -> PooledTail:
        """The tail that the brands of this detector share."""
        found = self._tails.get(detector.key)
        if found is None:
            state = self._checkpoint.other_tails.setdefault(detector.key, TailState())
            found = self._tails[detector.key] = PooledTail(state)
        return found


class BrandCache:
    """Which brands of a partition are loaded, the first loaded first.

    Attributes:
        tails: shared by the models of all brands.
        loaded: brands that are objects.
        loaded_open: brands whose open buckets are objects.
        max_loaded: at most so many of each; while records are ingested at once, their open buckets come on top.
    """

    __slots__ = ("loaded", "loaded_open", "max_loaded", "tails")

    def __init__(self, tails: Tails, max_loaded: int = MAX_CACHED) -> None:
        self.tails = tails
        self.loaded: OrderedDict[Brand, None] = OrderedDict()
        self.loaded_open: OrderedDict[Brand, None] = OrderedDict()
        self.max_loaded = max_loaded

    def evict(self) -> None:
        """Serialise what was loaded first, as far as too much is loaded. Nobody may hold a part of a brand meanwhile.

        One brand is loaded between two calls; more than that is evicted only after `max_loaded` has fallen, some at a
        time.
        """
        for _ in range(min(len(self.loaded) - self.max_loaded, MAX_EVICTED)):
            self.loaded.popitem(last=False)[0].serialise()
        for _ in range(min(len(self.loaded_open) - self.max_loaded, MAX_EVICTED)):
            self.loaded_open.popitem(last=False)[0].serialise_open()

    def drop(self, brand: Brand) -> None:
        """The brand has expired."""
        self.loaded.pop(brand, None)
        self.loaded_open.pop(brand, None)
