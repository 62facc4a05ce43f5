"""The alert kinds, one row each: everything in which one kind of episode differs from another.

To add a kind: its name in `schemas.alert` (at the end: state keeps episodes in that order) and its row here, its score
in the detector, its knobs in the configuration.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, Literal

import msgspec

from detectors.brand.surge import surge_threshold
from detectors.brand.threshold import crisis_threshold
from pipeline.config.model import DetectionConfig
from schemas.alert import KINDS, Kind, Severity

OnsetSignal = Literal["both", "negative_share", "mentions", "post"]
"""What the onset is dated by: negative and other mentions beyond their usual numbers, negatives beyond their usual
share of the mentions that came, mentions beyond their usual number, or the first of the posts that give the score."""
MIN_POST_COOL_DOWN_MINUTES: Final = 1440
"""As long as the posts of a day are read together: nothing opens twice on the same ones."""


class KindSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of episode.

    Attributes:
        name: as alerts carry it.
        base_severity: with which it opens; from `warning` it may escalate to `critical`, from `info` it never does.
        threshold: score at which it opens, from the configuration.
        cool_down_minutes: after it was resolved none opens for so long, from the configuration.
        flares_up: one that opens within the cool-down is the last one going on, and is not held back.
        alerts_per_year: alert budget per brand-year, from the configuration; 0 means none.
        posts: the posts that speak for it.
        onset: what its onset is dated by.
        blocked_by: while an episode of one of these kinds is open, or opens, none of this kind opens, and one that is
            open is a facet of it; after its end none opens on what came before that.
        announces: an episode of a kind that blocks this one, opening within three days of its end, is the same event.
        counts: a detector scores it by counts (detectors.base.SCORED_KINDS); else by single posts (detectors.audience).
    """

    name: Kind
    base_severity: Severity
    threshold: Callable[[DetectionConfig], float]
    cool_down_minutes: Callable[[DetectionConfig], int]
    alerts_per_year: Callable[[DetectionConfig], float]
    posts: Literal["negative_posts", "top_posts"]
    onset: OnsetSignal
    flares_up: bool = False
    blocked_by: tuple[Kind, ...] = ()
    announces: bool = False
    counts: bool = True


def _threshold_unless_muted(per_year: float) -> float:
    """The threshold of a tolerated rate; no score reaches that of none at all."""
    return crisis_threshold(per_year) if per_year > 0.0 else math.inf


KIND_SPECS: Final[dict[Kind, KindSpec]] = {
    spec.name: spec
    for spec in (
        KindSpec(
            name="crisis",
            base_severity="warning",
            threshold=lambda detection: crisis_threshold(detection.false_alarms_per_brand_year),
            cool_down_minutes=lambda detection: detection.cool_down_minutes,
            alerts_per_year=lambda detection: detection.crisis_alerts_per_brand_year,
            posts="negative_posts",
            onset="both",
            flares_up=True,
        ),
        KindSpec(
            name="sentiment_shift",
            base_severity="warning",
            threshold=lambda detection: detection.sentiment_shift_threshold,
            cool_down_minutes=lambda detection: detection.cool_down_minutes,
            alerts_per_year=lambda detection: detection.sentiment_shift_alerts_per_brand_year,
            posts="negative_posts",
            onset="negative_share",
            blocked_by=("crisis",),
        ),
        KindSpec(
            name="volume_surge",
            base_severity="info",
            threshold=lambda detection: surge_threshold(detection.volume_surges_per_brand_year),
            cool_down_minutes=lambda detection: detection.volume_surge_cool_down_minutes,
            alerts_per_year=lambda detection: detection.volume_surge_alerts_per_brand_year,
            posts="top_posts",
            onset="mentions",
            blocked_by=("crisis",),
        ),
        KindSpec(
            name="high_reach_post",
            base_severity="warning",
            threshold=lambda detection: _threshold_unless_muted(detection.high_reach_posts_per_brand_year),
            cool_down_minutes=lambda detection: max(detection.cool_down_minutes, MIN_POST_COOL_DOWN_MINUTES),
            alerts_per_year=lambda detection: detection.high_reach_post_alerts_per_brand_year,
            posts="negative_posts",
            onset="post",
            blocked_by=("crisis",),
            announces=True,
            counts=False,
        ),
    )
}
"""In the order in which they are stepped: a kind comes after those that block it."""

if tuple(KIND_SPECS) != KINDS:  # the state keeps a brand's episodes in the order of KINDS
    raise AssertionError(f"expected a row for each of {KINDS} in this order, got {tuple(KIND_SPECS)}")
