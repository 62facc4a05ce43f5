"""The door: what a detector must do for River, for the engine and for a stream that must survive a crash.

`Detector` is the contract as a type: River's two verbs, what a stateful stream needs beside them, and the one seam
through which the engine closes a bucket. `BucketEstimator` gives a class River's verbs from that seam, so that what
scores live is the very estimator that River's own checks are run on.
"""

from __future__ import annotations

import abc
from typing import Any, Final, Protocol

import msgspec
from river import base

from detectors.features import Bucket, bucket_of
from detectors.normal import Normal
from schemas.alert import Kind
from schemas.observation import BUCKETS_PER_DAY

SCORE_UNIT: Final = "deviations above the brand's ordinary daily maximum"
"""Of every detector's scores: detectors.brand.calibration gives it."""
SCORED_KINDS: Final[tuple[Kind, ...]] = ("crisis", "sentiment_shift", "volume_surge")
"""The kinds that a detector scores, by counts."""


class StateVersionError(ValueError):
    """A snapshot that this version cannot restore."""


class Explanation(msgspec.Struct, frozen=True):
    """An assessment in a person's terms.

    Attributes:
        window_buckets: length of the window that gave the score, in buckets.
        mentions, negatives: recency-weighted sums over that window.
        expected, lower, upper: mentions this brand normally has in it, with a 95 % interval.
        base_rate: the brand's usual negative share.
        parts: contributions that sum to the score.
    """

    window_buckets: int
    mentions: float
    negatives: float
    expected: float
    lower: float
    upper: float
    base_rate: float
    parts: dict[str, float]


class Assessment(Protocol):
    """What one bucket says. A value: it does not change when the detector goes on.

    Attributes:
        bucket: index of the bucket.
        is_warm: False while warming up; every score is then 0.
        expected_now: mentions that the brand normally has in this bucket.
        base_rate: the brand's usual negative share.
        dispersion_now: variance over mean of the mentions of one bucket.
    """

    @property
    def bucket(self) -> int: ...
    @property
    def is_warm(self) -> bool: ...
    @property
    def expected_now(self) -> float: ...
    @property
    def base_rate(self) -> float: ...
    @property
    def dispersion_now(self) -> float: ...

    def score(self, kind: Kind) -> float:
        """Score of one kind of episode, in deviations above the brand's ordinary daily maximum; may be negative."""
        ...

    def window(self, kind: Kind) -> int:
        """The window that gave that score, as index into detectors.brand.window_lengths.WINDOWS."""
        ...

    def explain(self, kind: Kind) -> Explanation:
        """The assessment in a person's terms: expected value with its interval, parts that sum to the score."""
        ...


class Detector(Protocol):
    """A causal onset detector over the buckets of one brand. Buckets without mentions may be left out.

    Attributes:
        kind: the kind of episode whose score River's `score_one` gives.
    """

    kind: Kind

    # ---- River's verbs, on a dictionary of features (detectors.features)

    def score_one(self, x: dict[str, Any]) -> float:
        """How strange the bucket is; higher is stranger, 0.0 while warming up, never negative. Learns nothing."""
        ...

    def learn_one(self, x: dict[str, Any]) -> None:
        """Learn the bucket."""
        ...

    # ---- beside them

    @property
    def is_warm(self) -> bool:
        """True once scores mean something."""
        ...

    def explain_one(self, x: dict[str, Any]) -> Explanation:
        """The bucket's score in a person's terms."""
        ...

    def snapshot(self) -> bytes:
        """The brand's whole state, explicit and versioned, as one MessagePack value; the pooled tail is not in it."""
        ...

    def restore(self, payload: bytes) -> None:
        """Take over a snapshot; the next scores are bit-equal to those of the detector that made it.

        Raises:
            StateVersionError: not a snapshot of this detector and version.
        """
        ...

    # ---- the engine's seam

    @property
    def last_bucket(self) -> int:
        """Index of the last bucket learned or passed; -1 before the first."""
        ...

    @property
    def buckets_seen(self) -> float:
        """Buckets learned, empty ones included."""
        ...

    def close(self, index: int, mentions: float, negatives: float, missing: int = 0, reach: float = 0.0) -> Assessment:
        """Let time pass to bucket `index`, score it, then learn it: one call per closed bucket.

        Args:
            index: Unix time of its start divided by the bucket's seconds; after `last_bucket`.
            mentions: its count; may be a fraction where copies are weighed.
            negatives: negative mentions among them; an estimate where only a sample was read.
            missing: buckets since the last one in which the whole feed was silent: nothing is learned from them.
            reach: people reached by its mentions, as far as they say; 0 where none does.

        Raises:
            ValueError: the bucket is not after the last one.
        """
        ...

    def pass_unobserved(self, index: int) -> None:
        """Let time pass through bucket `index`, of which nothing is known because the feed itself was silent."""
        ...

    def expect(self, first: int, end: int) -> list[float]:
        """Mentions expected in each of the buckets [first, end), by what is known now."""
        ...

    def normal(self) -> Normal:
        """The brand's normal as it is now, as a value that learns nothing more."""
        ...


class BucketEstimator(base.AnomalyDetector, abc.ABC):
    """River's verbs from the engine's seam: a detector defines `assess` and `close`."""

    def __init__(self, kind: Kind = "crisis") -> None:
        self.kind = kind

    @property
    @abc.abstractmethod
    def last_bucket(self) -> int:
        """See Detector."""

    @abc.abstractmethod
    def assess(self, index: int, mentions: float, negatives: float, missing: int = 0, reach: float = 0.0) -> Assessment:
        """Let time pass to the bucket and score it as `close` would; learn nothing of it.

        Raises:
            ValueError: as Detector.close.
        """

    @abc.abstractmethod
    def close(self, index: int, mentions: float, negatives: float, missing: int = 0, reach: float = 0.0) -> Assessment:
        """See Detector."""

    def score_one(self, x: dict[base.typing.FeatureName, Any]) -> float:
        """See Detector.

        Raises:
            ValueError: counts that are negative, infinite, not a number, or a bucket out of order.
        """
        return max(self._assessed(bucket_of(x)).score(self.kind), 0.0)

    def learn_one(self, x: dict[base.typing.FeatureName, Any]) -> None:
        """See Detector.

        Raises:
            ValueError: as score_one.
        """
        bucket = bucket_of(x)
        self.close(self._index(bucket), bucket.mentions, bucket.negatives, bucket.missing, bucket.reach)

    def explain_one(self, x: dict[base.typing.FeatureName, Any]) -> Explanation:
        """See Detector."""
        return self._assessed(bucket_of(x)).explain(self.kind)

    def _assessed(self, bucket: Bucket) -> Assessment:
        return self.assess(self._index(bucket), bucket.mentions, bucket.negatives, bucket.missing, bucket.reach)

    def _index(self, bucket: Bucket) -> int:
        return self.last_bucket + 1 if bucket.index is None else bucket.index


class DailyEstimator(BucketEstimator):
    """A detector that is calibrated day by day: it says what a gap, silence and the end of a day do to its state."""

    @property
    @abc.abstractmethod
    def _day(self) -> int:
        """The day entered last."""

    @abc.abstractmethod
    def pass_unobserved(self, index: int) -> None:
        """See Detector."""

    @abc.abstractmethod
    def _pass_silence(self, index: int) -> None:
        """Learn the empty buckets between the last one and `index`."""

    @abc.abstractmethod
    def _enter_day(self, day: int, unobserved_days: int) -> None:
        """Close the days before `day`, of which so many were missing whole."""

    def _advance(self, index: int, missing: int) -> None:
        """Let time pass up to the bucket before `index`: first what is missing, then silence, then the days that end.

        Raises:
            ValueError: the bucket is not after the last one.
        """
        last = self.last_bucket
        unobserved = 0
        if last >= 0 and index != last + 1:
            if index <= last:
                raise ValueError(f"expected a bucket after {last}, got {index}: buckets must be learned in order")
            unobserved = min(missing, index - last - 1)
            if unobserved:
                self.pass_unobserved(last + unobserved)
            if index - self.last_bucket > 1:
                self._pass_silence(index)
        day = index // BUCKETS_PER_DAY
        if day != self._day:
            self._enter_day(day, unobserved // BUCKETS_PER_DAY)
