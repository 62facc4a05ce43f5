"""Settings with a meaning become the episode rules of the three kinds."""

from __future__ import annotations

from detectors.brand.surge import surge_threshold
from pipeline.config.model import DetectionConfig
from pipeline.engine.episodes.rules import rules


def test_volume_surges_have_a_cool_down_of_their_own():
    found = rules(DetectionConfig(cool_down_minutes=60, volume_surge_cool_down_minutes=2880))
    cool_downs = {kind: rule.cool_down_buckets for kind, rule in found.items()}
    assert cool_downs == {"crisis": 12, "sentiment_shift": 12, "volume_surge": 576, "high_reach_post": 288}


def test_tolerating_more_surges_lowers_their_threshold_and_no_other():
    usual, more = rules(DetectionConfig()), rules(DetectionConfig(volume_surges_per_brand_year=52.0))
    assert more["volume_surge"].threshold == surge_threshold(52.0) < usual["volume_surge"].threshold
    assert more["crisis"] == usual["crisis"]
    assert more["sentiment_shift"] == usual["sentiment_shift"]
