"""What an alert's score is held against, in one sentence."""

from __future__ import annotations

from pipeline.config.model import DetectionConfig
from schemas.alert import Kind


def meaning(kind: Kind, threshold: float, detection: DetectionConfig) -> str:
    """The null hypothesis of a kind of episode, and how often its threshold is reached where that holds.

    Args:
        kind: of the episode.
        threshold: as the configuration gives it.
        detection: of the brand.
    """
    reached = f"the brand would reach {threshold:.2f} by chance"
    if kind == "crisis":
        rate = often(detection.false_alarms_per_brand_year)
        return f"If its mentions and their negative share had gone on as usual, {reached} {rate}."
    if kind == "volume_surge":
        rate = often(detection.volume_surges_per_brand_year)
        return f"If as much had been said as usual, {reached} {rate}."
    if kind == "high_reach_post":
        rate = often(detection.high_reach_posts_per_brand_year)
        return f"If its negative posts had reached as many people as usual, {reached} {rate}."
    return (
        f"If as many of its mentions had been negative as usual, the brand would reach 0 on an ordinary day, and "
        f"{threshold:.2f} by so many deviations of its daily maxima."
    )


def often(per_year: float) -> str:
    """A rate per year in words."""
    if per_year == 1.0:
        return "once a year"
    return f"{per_year:g} times a year" if per_year > 1.0 else f"once in {1.0 / per_year:.3g} years"
