"""Detectors by the names that configurations use; an import path is never persisted."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Callable
from functools import lru_cache
from typing import Final

import msgspec

from detectors.base import Detector
from detectors.brand.model import BrandModel
from detectors.brand.pooled_tail import PooledTail
from detectors.ewma import Ewma
from schemas.alert import Kind

DEFAULT: Final = "daily-maxima"
RIVER: Final = "river:"
"""What a name of a composition of River's begins with; see detectors.composition.notation."""
_REGRESSION: Final = "preprocessing.StandardScaler() | linear_model.LinearRegression()"
_TREES_SEE: Final = "compose.Select('volume', 'negative_share')"
_TREES: Final = "anomaly.HalfSpaceTrees(n_trees=5, height=8, window_size=288, seed=1)"
RIVER_EXAMPLES: Final = (
    "river: anomaly.GaussianScorer(grace_period=288)",
    f"river: {_TREES_SEE} | preprocessing.MinMaxScaler() | {_TREES}",
    f"river: anomaly.PredictiveAnomalyDetection({_REGRESSION}, warmup_period=288)",
    "river: anomaly.QuantileFilter(anomaly.GaussianScorer(window_size=864, grace_period=288), q=0.999)",
)
"""Compositions that the conformance suite and `tocsin evaluate simulated --detector all` run beside our own."""


class UnknownDetectorError(ValueError):
    """A name that is no detector, with the nearest one that is; or a composition that cannot be run, and why."""


class Entry(msgspec.Struct, frozen=True):
    """A detector by its name.

    Attributes:
        name: as the configuration writes it, in one form.
        label: name and version, as alerts carry it.
        key: what a brand's stored state carries; state under another key is not read.
        make: a fresh detector, whose `score_one` is of that kind, and which shares that pooled tail.
    """

    name: str
    label: str
    key: str
    make: Callable[[Kind, PooledTail], Detector]


def _brand_model(kind: Kind, tail: PooledTail) -> Detector:
    model = BrandModel(kind)
    model.tail = tail
    return model


def _ewma(kind: Kind, tail: PooledTail) -> Detector:
    model = Ewma(kind)
    model.tail = tail
    return model


DETECTORS: Final[dict[str, Entry]] = {
    DEFAULT: Entry(DEFAULT, "daily-maxima/4", DEFAULT, _brand_model),
    "ewma": Entry("ewma", "ewma/1", "ewma", _ewma),
}
DETECTOR_VERSION: Final = DETECTORS[DEFAULT].label
"""Name and version of the default."""


@lru_cache(maxsize=1024)
def entry(name: str) -> Entry:
    """The detector of this name.

    Raises:
        UnknownDetectorError: there is none.
    """
    if name.startswith(RIVER):
        return _composition(name[len(RIVER) :])
    if name not in DETECTORS:
        near = difflib.get_close_matches(name, [*DETECTORS, RIVER], 1, 0.4)
        hint = f"did you mean {near[0]!r}?" if near else "see docs/adding-a-detector.md"
        raise UnknownDetectorError(f"must be one of {', '.join(DETECTORS)} or begin with {RIVER!r}; {hint}")
    return DETECTORS[name]


def _composition(text: str) -> Entry:
    # Importing River's anomaly detectors takes a second: only who names one pays it.
    from detectors.composition.detector import RiverDetector  # noqa: PLC0415
    from detectors.composition.notation import CompositionError, parse  # noqa: PLC0415

    try:
        parsed = parse(text)
        RiverDetector.check(parsed.text)
    except CompositionError as error:
        raise UnknownDetectorError(str(error)) from None

    def make(kind: Kind, tail: PooledTail) -> Detector:
        model = RiverDetector(parsed.text, kind)
        model.tail = tail
        return model

    digest = hashlib.sha256(parsed.text.encode()).hexdigest()[:8]
    label = f"{RIVER}{parsed.label}/{RiverDetector.VERSION}"
    return Entry(f"{RIVER} {parsed.text}", label, f"{label}#{digest}", make)


def make_detector(name: str, kind: Kind = "crisis", tail: PooledTail | None = None) -> Detector:
    """A fresh detector, alone unless it is given a pooled tail to share.

    Raises:
        UnknownDetectorError: no detector of this name.
    """
    return entry(name).make(kind, PooledTail() if tail is None else tail)
