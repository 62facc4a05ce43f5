"""Thresholds with a meaning, turned into the episode rules of the three kinds."""

from __future__ import annotations

from functools import lru_cache

from detectors.brand.surge import surge_threshold
from detectors.brand.threshold import crisis_threshold
from pipeline.config.model import DetectionConfig
from pipeline.engine.episodes.episode import Rule
from schemas.alert import Kind, Severity
from schemas.observation import BUCKET_SECONDS


@lru_cache(maxsize=1024)
def rules(detection: DetectionConfig) -> dict[Kind, Rule]:
    """The rule of each kind, in the order in which they are tried: a crisis holds back the lesser ones."""
    crisis = crisis_threshold(detection.false_alarms_per_brand_year)
    return {
        "crisis": _rule(
            detection, crisis, "warning", detection.cool_down_minutes, detection.crisis_alerts_per_brand_year
        ),
        "sentiment_shift": _rule(
            detection,
            detection.sentiment_shift_threshold,
            "warning",
            detection.cool_down_minutes,
            detection.sentiment_shift_alerts_per_brand_year,
        ),
        "volume_surge": _rule(
            detection,
            surge_threshold(detection.volume_surges_per_brand_year),
            "info",
            detection.volume_surge_cool_down_minutes,
            detection.volume_surge_alerts_per_brand_year,
        ),
    }


def _rule(
    detection: DetectionConfig, threshold: float, severity: Severity, cool_down_minutes: int, per_year: float
) -> Rule:
    return Rule(
        threshold,
        threshold * detection.release_ratio,
        threshold * detection.critical_ratio,
        max(detection.quiet_minutes * 60 // BUCKET_SECONDS, 1),
        cool_down_minutes * 60 // BUCKET_SECONDS,
        severity,
        per_year,
    )
