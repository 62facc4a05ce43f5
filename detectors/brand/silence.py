"""Buckets without mentions are not visited: what they teach is learned at the next visit, hour by hour."""

from __future__ import annotations

from typing import Final

from detectors.brand.baseline import Baseline
from detectors.brand.negativity import BaseRate
from detectors.brand.quarantine import Quarantine
from schemas.observation import BUCKETS_PER_HOUR

MAX_REPLAYED_SILENCE: Final = 48 * BUCKETS_PER_HOUR
"""Of a longer silence only the last two days pass hour by hour; before that the level alone decays."""

SilentHour = tuple[int, float, float, float, int]
"""Empty buckets of one hour, expectation of each, rate at which dispersions move over them, negative base rate, and how
many windows learn (detectors.brand.quarantine)."""


def pass_silence(
    baseline: Baseline, base_rate: BaseRate, quarantine: Quarantine, index: int
) -> tuple[int, list[SilentHour]]:
    """Let level and base rate learn the empty buckets between the last one and `index`.

    Returns:
        Buckets of which only the level was learned, then the hours after them: windows are the caller's.
    """
    skipped = max(index - baseline.bucket - 1 - MAX_REPLAYED_SILENCE, 0)
    if skipped:
        baseline.pass_long_silence(skipped)
        base_rate.pass_silence(skipped)
    bucket = baseline.bucket + 1
    hours: list[SilentHour] = []
    while bucket < index:
        buckets = min(BUCKETS_PER_HOUR - bucket % BUCKETS_PER_HOUR, index - bucket)
        season = baseline.season(bucket + buckets // 2)
        expected = baseline.expect(season)
        learning = quarantine.learning(bucket, is_strange=False)
        hours.append((buckets, expected, baseline.silence_rate(buckets), base_rate.value, learning))
        if learning:
            base_rate.pass_silence(buckets)
            baseline.pass_silence(bucket, buckets, expected)
        else:
            baseline.impute(bucket, buckets, season)
        bucket += buckets
    return skipped, hours
