"""Detectors by stable short names; an import path is never persisted."""

from __future__ import annotations

from typing import Final

from detectors.base import Detector
from detectors.brand.estimators import CrisisDetector, SentimentShiftDetector, VolumeSurgeDetector

DETECTORS: Final[dict[str, type[Detector]]] = {
    "crisis": CrisisDetector,
    "sentiment_shift": SentimentShiftDetector,
    "volume_surge": VolumeSurgeDetector,
}

DETECTOR_VERSION: Final = "daily-maxima/2"
"""Name and version of the method, as alerts carry it."""


def make_detector(name: str) -> Detector:
    """A fresh detector.

    Raises:
        KeyError: no detector of this name.
    """
    if name not in DETECTORS:
        raise KeyError(f"expected one of {sorted(DETECTORS)}, got {name!r}")
    return DETECTORS[name]()
