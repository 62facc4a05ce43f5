"""Thresholds with a meaning, turned into the rule of each kind of episode."""

from __future__ import annotations

import math
from functools import lru_cache

from pipeline.config.model import DetectionConfig
from pipeline.engine.episodes.episode import Rule
from pipeline.engine.episodes.kinds import KIND_SPECS
from schemas.alert import Kind
from schemas.observation import BUCKET_SECONDS


@lru_cache(maxsize=1024)
def rules(detection: DetectionConfig) -> dict[Kind, Rule]:
    """The rule of each kind, in the order in which they are stepped."""
    found: dict[Kind, Rule] = {}
    for kind, spec in KIND_SPECS.items():
        threshold = math.inf if kind in detection.mute else spec.threshold(detection)
        found[kind] = Rule(
            kind=kind,
            threshold=threshold,
            release=threshold * detection.release_ratio,
            critical=threshold * detection.critical_ratio,
            quiet_buckets=max(detection.quiet_minutes * 60 // BUCKET_SECONDS, 1),
            cool_down_buckets=spec.cool_down_minutes(detection) * 60 // BUCKET_SECONDS,
            base_severity=spec.base_severity,
            per_year=spec.alerts_per_year(detection),
            flares_up=spec.flares_up,
        )
    return found
