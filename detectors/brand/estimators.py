"""The three detectors: crisis (volume and negativity), sentiment shift (negativity), volume surge (volume)."""

from __future__ import annotations

from typing import ClassVar

from detectors.base import Detector
from schemas.alert import Kind


class CrisisDetector(Detector):
    """More mentions than normal at this hour AND a greater share of them negative, in the same window.

    Examples:
        >>> from detectors.brand.estimators import CrisisDetector
        >>> detector = CrisisDetector()
        >>> for bucket in range(3 * 288):
        ...     detector.learn_one({"start": bucket * 300, "mentions": 10 + bucket % 3, "negatives": bucket % 3})
        >>> praise = {"start": 3 * 288 * 300, "mentions": 90, "negatives": 9}
        >>> crisis = {"start": 3 * 288 * 300, "mentions": 90, "negatives": 60}
        >>> detector.score_one(praise) < 1.0 < 4.5 < detector.score_one(crisis)
        True
    """

    kind: ClassVar[Kind] = "crisis"


class SentimentShiftDetector(Detector):
    """A greater share of negatives than this brand's base rate, with or without more mentions."""

    kind: ClassVar[Kind] = "sentiment_shift"


class VolumeSurgeDetector(Detector):
    """More mentions than normal at this hour, whatever their tone."""

    kind: ClassVar[Kind] = "volume_surge"
