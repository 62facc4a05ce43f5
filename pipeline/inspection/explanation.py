"""Why a brand's alert fired at a time, or did not: the engine run once more up to then, with its own state looked at.

Nothing is decided here. The scores are the detector's, the episodes and what held them back the engine's; a bucket in
which the brand was not mentioned is not scored there, and so not here.
"""

from __future__ import annotations

import difflib
import math
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Final, Literal

import msgspec

from detectors.base import Explanation
from detectors.brand.model import BrandAssessment, BrandModel
from detectors.brand.window_scores import WindowScore, window_scores
from detectors.registry import entry
from pipeline.config.model import Config
from pipeline.engine.alerts.brand_alert import ClosedBucket, start_of
from pipeline.engine.buckets.closed_counts import BucketCounts
from pipeline.errors import TocsinError
from pipeline.inspection.verdicts import Sight, Verdict, sight_of
from pipeline.kafka.partitioning import partition_of_brand
from pipeline.replay import Inputs, Replay
from schemas.alert import KINDS, Alert, Kind
from schemas.observation import BUCKET_SECONDS, BUCKETS_PER_DAY

AFTER: Final = 24
"""Buckets after the one in question that are looked at: two hours, in which an alert may still have come."""
Standing = Literal["scored", "silent", "gap", "unseen"]
"""Of the bucket in question: scored; not scored for nobody mentioned the brand; not scored for the whole feed was
silent; after the end of the input."""


class Point(msgspec.Struct, frozen=True):
    """One closed bucket of the brand for the picture.

    Attributes:
        bucket: its index.
        mentions, negatives: exact counts.
        expected: mentions that the brand normally has in it.
        sight: what it meant.
    """

    bucket: int
    mentions: int
    negatives: float
    expected: float
    sight: Sight


class KindExplanation(msgspec.Struct, frozen=True):
    """One kind of episode at the bucket in question.

    Attributes:
        kind: of the episode.
        verdict: the engine's.
        explanation: the detector's, in a person's terms.
        before: the brand's last alert of this kind until the bucket's end.
        after: the first one after it, as far as the input was read.
    """

    kind: Kind
    verdict: Verdict
    explanation: Explanation
    before: Alert | None
    after: Alert | None


class Explained(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to say of one brand at one time.

    Attributes:
        brand: whose.
        bucket: the one in question: it ends at the time asked for, or holds it.
        standing: whether it was scored.
        seen_from, seen_until: event time that the input covers on the brand's partition, as far as it was read.
        warm_after: event time from which scores mean something, as the first warm bucket says; None before.
        shown: the scored bucket that is explained: the one in question, else the last one before it; None without one.
        kinds: one for each kind; empty without a scored bucket.
        windows: of the detector that has windows, shortest first.
        counts: of the shown bucket.
        points: closed buckets of the day before and two hours after.
        config_hash, detector: of the brand.
    """

    brand: str
    bucket: int
    standing: Standing
    seen_from: datetime | None
    seen_until: datetime | None
    warm_after: datetime | None
    shown: Point | None
    kinds: tuple[KindExplanation, ...]
    windows: tuple[WindowScore, ...]
    counts: BucketCounts | None
    points: tuple[Point, ...]
    config_hash: str
    detector: str


def bucket_at(seconds: float) -> int:
    """The bucket that an event time asks about: the one that ends then, or that it lies in.

    Alerts name the end of their bucket as the time of detection.
    """
    return math.ceil(seconds / BUCKET_SECONDS) - 1


def explain(
    inputs: Inputs,
    config: Config,
    brand: str,
    bucket: int,
    *,
    now: datetime,
    on_progress: Callable[[int], None] | None = None,
) -> Explained:
    """Run the engine of the brand's partition up to two hours after a bucket, and say what the bucket meant.

    Args:
        inputs: read once, and no further than is needed.
        config: detection and behaviour.
        brand: whose bucket.
        bucket: the one in question.
        now: as of `pipeline.replay.replay_mentions`.
        on_progress: called with the size of each batch.

    Raises:
        TocsinError: the input has no mention of the brand.
    """
    watched = _Watched(brand, bucket)
    partition = 0 if inputs.has_rows else partition_of_brand(config, brand.encode(), inputs.partitions)
    replay = Replay(config, partitions=inputs.partitions, now=now, observe=watched.see, only=partition)
    engine = replay.engines[partition]
    for batch in inputs.batches:
        replay.take(batch)
        if on_progress:
            on_progress(len(batch))
        if engine.watermark > (bucket + 1 + AFTER) * BUCKET_SECONDS:
            break
    else:
        replay.end(flush=True)
    if watched.first is None:
        near = difflib.get_close_matches(brand, replay.names(), 1)
        raise TocsinError(
            f"expected mentions of {brand} up to {start_of(bucket + 1):%Y-%m-%d %H:%M} UTC, got none"
            + (f"; did you mean {near[0]}?" if near else "")
        )
    return watched.explained(config, replay.report.alerts, engine.event_time)


class _Watched:
    """What was seen of one brand around one bucket."""

    def __init__(self, brand: str, bucket: int) -> None:
        self._brand = brand
        self._bucket = bucket
        self._points: deque[Point] = deque()
        self._windows: tuple[WindowScore, ...] = ()
        self._counts: BucketCounts | None = None
        self._shown: Point | None = None
        self._is_gap = False
        self.first: int | None = None
        self._warm: int | None = None

    def see(self, closed: ClosedBucket) -> None:
        """Note a closed bucket, if it is one of the brand."""
        if closed.brand.name != self._brand:
            return
        index = closed.index
        if self.first is None:
            self.first = index
        if self._warm is None and closed.assessment.is_warm:
            self._warm = index
        if index > self._bucket + AFTER:
            return
        counts = closed.brand.recent.total(index, index + 1)
        sight = sight_of(closed)
        point = Point(index, counts.mentions, counts.negatives, closed.assessment.expected_now, sight)
        self._points.append(point)
        while self._points[0].bucket <= min(index, self._bucket) - BUCKETS_PER_DAY:
            self._points.popleft()
        if index > self._bucket:
            self._is_gap = self._is_gap or closed.feed.is_unobserved(self._bucket)
            return
        self._shown, self._counts = point, counts
        model, assessment = closed.brand.model, closed.assessment
        is_last = index > self._bucket - BUCKETS_PER_DAY  # each could be the one; a day before, none is
        if is_last and isinstance(model, BrandModel) and isinstance(assessment, BrandAssessment):
            self._windows = tuple(window_scores(model, assessment))

    def explained(self, config: Config, alerts: list[Alert], event_time: float) -> Explained:
        """What there is to say."""
        own = config.brand(self._brand)
        shown = self._shown
        standing: Standing = "silent"
        if shown is not None and shown.bucket == self._bucket:
            standing = "scored"
        elif event_time < self._bucket * BUCKET_SECONDS:
            standing = "unseen"
        elif self._is_gap:
            standing = "gap"
        mine = [alert for alert in alerts if alert.brand == self._brand and alert.scope == "brand"]
        return Explained(
            brand=self._brand,
            bucket=self._bucket,
            standing=standing,
            seen_from=None if self.first is None else start_of(self.first),
            seen_until=start_of(math.floor(event_time / BUCKET_SECONDS)),
            warm_after=None if self._warm is None else start_of(self._warm),
            shown=shown,
            kinds=() if shown is None else tuple(self._kind(kind, shown, mine) for kind in KINDS),
            windows=self._windows if shown is not None else (),
            counts=self._counts,
            points=tuple(self._points),
            config_hash=own.config_hash,
            detector=entry(own.detection.detector).label,
        )

    def _kind(self, kind: Kind, shown: Point, alerts: list[Alert]) -> KindExplanation:
        end = start_of(self._bucket + 1)
        ours = [alert for alert in alerts if alert.kind == kind]
        before = [alert for alert in ours if alert.detected_time <= end]
        after = [alert for alert in ours if alert.detected_time > end]
        return KindExplanation(
            kind,
            shown.sight.verdict(kind),
            shown.sight.explain(kind),
            max(before, key=lambda alert: alert.detected_time, default=None),
            min(after, key=lambda alert: alert.detected_time, default=None),
        )
