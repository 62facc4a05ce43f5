"""What a closed bucket says of its brand, as a record for dashboards and reports; nothing is decided by it.

Once per brand and bucket: numbers are cut by a division, because round() costs four times as much.
"""

from __future__ import annotations

import math

from detectors.base import Assessment
from detectors.normal import DEVIATIONS, Normal
from detectors.registry import entry
from pipeline.config.model import BrandConfig
from pipeline.engine.alerts.brand_alert import ClosedBucket
from pipeline.engine.buckets.closed_counts import BucketCounts
from pipeline.engine.episodes.before import UNUSUAL_SCORE
from pipeline.engine.episodes.rules import rules
from schemas.activity import Activity, ActivityChoice, Scores, Thresholds, Usual
from schemas.observation import BUCKET_SECONDS


def usual(assessment: Assessment, expected: float, normal: Normal | None) -> Usual:
    """What is normal in one bucket, an interval of 95 % included.

    Args:
        assessment: of the bucket.
        expected: mentions expected in it.
        normal: what an open episode is held against; None without one, or where it knows none.
    """
    dispersion = assessment.dispersion_now if normal is None else normal.dispersion(1)
    share = assessment.base_rate if normal is None else normal.base_rate
    spread = DEVIATIONS * math.sqrt(expected * dispersion)
    return Usual(
        (expected * 100.0 + 0.5) // 1.0 / 100.0,
        ((expected - spread) * 100.0 + 0.5) // 1.0 / 100.0 if expected > spread else 0.0,
        ((expected + spread) * 100.0 + 0.5) // 1.0 / 100.0,
        (share * 10_000.0 + 0.5) // 1.0 / 10_000.0,
    )


class ActivityRecorder:
    """Makes the records of a partition's closed buckets, of as many of them as are asked for."""

    def __init__(self, choice: ActivityChoice) -> None:
        """No bucket has closed.

        Args:
            choice: all; burning: while an episode is open, and where a score is unusual; off.
        """
        self._choice = choice
        self._settled: dict[str, tuple[Thresholds, str]] = {}

    def wants(self, assessment: Assessment, *, is_burning: bool) -> bool:
        """Whether a bucket is to have a record.

        Args:
            assessment: of the bucket.
            is_burning: whether an episode of the brand was open before the bucket or is after it.
        """
        if self._choice != "burning" or is_burning:
            return self._choice != "off"
        scores = (assessment.score("crisis"), assessment.score("sentiment_shift"), assessment.score("volume_surge"))
        return max(scores) > UNUSUAL_SCORE

    def record(
        self, closed: ClosedBucket, counts: BucketCounts, positives: float, normal: Usual, *, has_open: bool
    ) -> Activity:
        """The record of a closed bucket.

        Args:
            closed: the bucket, after it has acted on the brand's episodes.
            counts: what was counted in it.
            positives: positive mentions among them.
            normal: what is normal for it.
            has_open: whether an episode of the brand is open after it.
        """
        brand, bucket, assessment, config = closed.brand, closed.bucket, closed.assessment, closed.config
        thresholds, detector = self._settled.get(config.config_hash) or self._settle(config)
        mentions, negatives = counts.mentions, counts.negatives
        counted, counted_negatives = counts.counted, counts.counted_negatives
        is_weighed = counted != mentions or counted_negatives != negatives
        return Activity(
            1,
            brand.name,
            closed.index * BUCKET_SECONDS,
            mentions,
            (negatives * 100.0 + 0.5) // 1.0 / 100.0,
            (positives * 100.0 + 0.5) // 1.0 / 100.0,
            0 if bucket is None else bucket.reach,
            0 if bucket is None else bucket.authors(),
            normal,
            Scores(
                (assessment.score("crisis") * 100.0 + 0.5) // 1.0 / 100.0,
                (assessment.score("sentiment_shift") * 100.0 + 0.5) // 1.0 / 100.0,
                (assessment.score("volume_surge") * 100.0 + 0.5) // 1.0 / 100.0,
            ),
            thresholds,
            config.config_hash,
            detector,
            not assessment.is_warm,
            {kind: episode.id for kind, episode in brand.episodes.items() if episode.id} if has_open else _NONE_OPEN,
            (counted * 100.0 + 0.5) // 1.0 / 100.0 if is_weighed else None,
            (counted_negatives * 100.0 + 0.5) // 1.0 / 100.0 if is_weighed else None,
        )

    def _settle(self, config: BrandConfig) -> tuple[Thresholds, str]:
        """What is the same for every bucket under a configuration."""
        told = {kind: round(rule.threshold, 4) for kind, rule in rules(config.detection).items() if rule.may_open}
        thresholds = Thresholds(told.get("crisis"), told.get("sentiment_shift"), told.get("volume_surge"))
        settled = (thresholds, entry(config.detection.detector).label)
        self._settled[config.config_hash] = settled
        return settled


_NONE_OPEN: dict[str, str] = {}
