"""Everything known of one brand's normal, and what its last buckets say against it.

One state serves three scores: a crisis needs volume AND negativity in the same window; negativity alone is a sentiment
shift; volume alone is a surge, which praise and launches bring too. Each score is in deviations above this brand's own
ordinary daily maximum, so that one threshold serves brands of every size.
"""

from __future__ import annotations

import math
from typing import Final, Literal

import msgspec

from detectors.baseline import LONGEST_REPLAYED_SILENCE
from detectors.calibration import CalibrationState, DailyMaxima, Prior
from detectors.features import Bucket
from detectors.negativity import NegativeShareEvidence, ShareReading, ShareState
from detectors.surge import SURGE_PRIOR, surge_evidence
from detectors.volume import VolumeEvidence, VolumeReading, VolumeState
from detectors.windows import BUCKETS_PER_DAY, BUCKETS_PER_HOUR, GROUP_OF_WINDOW, GROUPS, RANGE, WINDOWS

STATE_VERSION: Final = 2
SCORE_UNIT: Final = "deviations above the brand's ordinary daily maximum"
WARM_UP_BUCKETS: Final = BUCKETS_PER_DAY
"""A day: before that neither the level nor a daily maximum is known."""
VOLUME_CAP: Final = 8.0
"""Nats: past this more volume is no more proof of a crisis, only negativity is."""
BOTH_FACTOR: Final = 3.0
"""The weaker of the two kinds of evidence counts at most threefold: both must speak."""
GROUP_OFFSET: Final = (0.0, 0.0, 0.5)

Kind = Literal["crisis", "sentiment_shift", "volume_surge"]

CRISIS_PRIORS: Final = (
    Prior((5.2, 6.2, 5.7), (1.7, 2.1, 2.4), 3.0, 15.0, 60.0, 4.0, 0.3),
    Prior((3.4, 3.2, 3.0), (1.8, 2.0, 2.0), 3.0, 15.0, 60.0, 4.0, 0.3),
    Prior((2.4, 2.1, 2.1), (1.9, 1.9, 1.9), 3.0, 15.0, 60.0, 4.0, 0.3),
)
"""Daily maxima of the joint evidence per window group, by size: measured on simulated ordinary streams."""
SHIFT_PRIOR: Final = Prior((6.0, 7.5, 7.5), (2.5, 3.0, 3.0), 3.0, 15.0, 60.0, 4.0, 0.6)


class ModelState(msgspec.Struct, array_like=True, kw_only=True):
    """The whole explicit state of one brand's model; lists are as long as WINDOWS or as the week."""

    version: int = STATE_VERSION
    volume: VolumeState = msgspec.field(default_factory=VolumeState)
    share: ShareState = msgspec.field(default_factory=ShareState)
    crisis: list[CalibrationState] = msgspec.field(default_factory=lambda: [CalibrationState() for _ in range(GROUPS)])
    shift: CalibrationState = msgspec.field(default_factory=CalibrationState)
    surge: CalibrationState = msgspec.field(default_factory=CalibrationState)


class Assessment(msgspec.Struct):
    """What one bucket says: three scores and, for each, the window that gave it.

    Attributes:
        bucket: index of the bucket.
        is_warm: False while warming up; the scores are then 0.
        crisis, shift, surge: scores in deviations above the ordinary daily maximum; may be negative.
        crisis_window, shift_window, surge_window: index into WINDOWS.
        evidence: raw evidence: the three crisis groups and shift in nats, surge in deviations.
    """

    bucket: int
    is_warm: bool
    crisis: float
    shift: float
    surge: float
    crisis_window: int
    shift_window: int
    surge_window: int
    evidence: tuple[float, float, float, float, float]
    volume: VolumeReading
    share: ShareReading

    def score(self, kind: Kind) -> float:
        """The score of one kind of episode."""
        return self.crisis if kind == "crisis" else self.shift if kind == "sentiment_shift" else self.surge


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


class BrandModel:
    """Score, then learn, one closed bucket at a time; buckets without mentions need no call.

    Method: daily-maxima calibration of joint volume and negative-share surprise over eight windows in three groups.
    """

    __slots__ = ("_crisis", "_shift", "_surge", "share", "state", "volume")

    def __init__(self, state: ModelState | None = None) -> None:
        self.state = state or ModelState()
        self.volume = VolumeEvidence(self.state.volume)
        self.share = NegativeShareEvidence(self.state.share)
        self._crisis = [DailyMaxima(p, s) for p, s in zip(CRISIS_PRIORS, self.state.crisis, strict=True)]
        self._shift = DailyMaxima(SHIFT_PRIOR, self.state.shift)
        self._surge = DailyMaxima(SURGE_PRIOR, self.state.surge)

    @property
    def last_bucket(self) -> int:
        """Index of the last bucket learned or passed; -1 before the first."""
        return self.state.volume.baseline.bucket

    @property
    def is_warm(self) -> bool:
        """True once a day has been seen and a daily maximum can be held against."""
        return self.state.volume.baseline.seen >= WARM_UP_BUCKETS and self.state.surge.days > 0

    def advance(self, bucket: Bucket) -> int:
        """Let time pass up to the bucket before this one; returns this bucket's index.

        Raises:
            ValueError: the bucket is not after the last one.
        """
        last = self.last_bucket
        index = last + 1 if bucket.index is None else bucket.index
        unobserved = 0
        if last >= 0:
            if index <= last:
                raise ValueError(f"expected a bucket after {last}, got {index}: buckets must be learned in order")
            unobserved = min(bucket.unobserved, index - last - 1)
            if unobserved:
                self.volume.pass_unobserved(unobserved)
                self.share.pass_unobserved(unobserved)
            if index - self.last_bucket > 1:
                self._pass_silence(index)
        day = index // BUCKETS_PER_DAY
        if day != self.state.surge.day:
            log_size = math.log(max(self.state.volume.baseline.level, 1e-3) * BUCKETS_PER_HOUR)
            for maxima in (*self._crisis, self._shift, self._surge):
                maxima.enter_day(day, log_size, unobserved // BUCKETS_PER_DAY)
        return index

    def pass_unobserved(self, index: int) -> None:
        """Let time pass through bucket `index`, of which nothing is known because the feed itself was silent."""
        buckets = index - self.last_bucket
        self.volume.pass_unobserved(buckets)
        self.share.pass_unobserved(buckets)

    def assess(self, index: int, mentions: float, negatives: float) -> Assessment:
        """What this bucket says; learns nothing. Call `advance` first."""
        return self.judge(index, self.volume.read(index, mentions), self.share.read(mentions, negatives))

    def judge(self, index: int, volume: VolumeReading, share: ShareReading) -> Assessment:
        """The scores that these readings of the bucket give; learns nothing."""
        joint = [0.0] * GROUPS
        joint_window = [0] * GROUPS
        shift = 0.0
        shift_window = 0
        surprises = volume.surprise
        for w in RANGE:
            q = share.surprise[w]
            if q > 0.0:
                if q > shift:
                    shift, shift_window = q, w
                s = surprises[w]
                if s > 0.0:
                    both = min(min(s, VOLUME_CAP) + q, BOTH_FACTOR * min(s, q))
                    group = GROUP_OF_WINDOW[w]
                    if both > joint[group]:
                        joint[group], joint_window[group] = both, w
        surge, surge_window = surge_evidence(surprises)
        evidence = (joint[0], joint[1], joint[2], shift, surge)
        if not self.is_warm:
            return Assessment(
                bucket=index,
                is_warm=False,
                crisis=0.0,
                shift=0.0,
                surge=0.0,
                crisis_window=0,
                shift_window=0,
                surge_window=surge_window,
                evidence=evidence,
                volume=volume,
                share=share,
            )
        best, window = -math.inf, 0
        for group in range(GROUPS):
            score = self._crisis[group].standardise(joint[group]) - GROUP_OFFSET[group]
            if score > best:
                best, window = score, joint_window[group]
        return Assessment(
            bucket=index,
            is_warm=True,
            crisis=best,
            shift=self._shift.standardise(shift),
            surge=self._surge.standardise(surge),
            crisis_window=window,
            shift_window=shift_window,
            surge_window=surge_window,
            evidence=evidence,
            volume=volume,
            share=share,
        )

    def learn(self, assessment: Assessment, mentions: float, negatives: float) -> None:
        """Learn the bucket that was assessed."""
        settled = self.volume.baseline.is_settled
        self.volume.learn(assessment.bucket, mentions, assessment.volume)
        self.share.learn(mentions, negatives, assessment.share, settled=settled)
        e = assessment.evidence
        for group in range(GROUPS):
            self._crisis[group].see(e[group])
        self._shift.see(e[3])
        self._surge.see(e[4])

    def explain(self, kind: Kind, assessment: Assessment) -> Explanation:
        """The assessment in a person's terms, for one kind of episode."""
        w = {
            "crisis": assessment.crisis_window,
            "sentiment_shift": assessment.shift_window,
            "volume_surge": assessment.surge_window,
        }[kind]
        score = assessment.score(kind)
        s = min(assessment.volume.surprise[w], VOLUME_CAP)
        q = assessment.share.surprise[w]
        volume_part = {
            "crisis": score * s / (s + q) if s + q > 0.0 else 0.0,
            "sentiment_shift": 0.0,
            "volume_surge": score,
        }[kind]
        mean = assessment.volume.mean[w]
        spread = 1.96 * math.sqrt(mean * max(self.state.volume.dispersion[w], 1.0))
        observed = assessment.volume.observed[w]
        # The negative sum is kept per bucket-decay like the mentions, so it scales with them.
        total = assessment.share.mentions[w]
        negatives = observed * assessment.share.negatives[w] / total if total > 0.0 else 0.0
        return Explanation(
            WINDOWS[w],
            observed,
            negatives,
            mean,
            max(mean - spread, 0.0),
            mean + spread,
            assessment.share.base_rate,
            {"volume": volume_part, "negativity": score - volume_part},
        )

    def expect(self, first: int, end: int) -> list[float]:
        """Mentions expected in each of the buckets [first, end), by what is known now."""
        return [self.volume.baseline.expect(bucket) for bucket in range(first, end)]

    def _pass_silence(self, index: int) -> None:
        """Learn the empty buckets between the last one and `index`, hour by hour."""
        baseline = self.volume.baseline
        silent = index - self.last_bucket - 1
        long = silent - LONGEST_REPLAYED_SILENCE
        if long > 0:
            baseline.pass_long_silence(long)
            self.share.pass_silence(long, settled=False)
        bucket = self.last_bucket + 1
        while bucket < index:
            end = min((bucket // BUCKETS_PER_HOUR + 1) * BUCKETS_PER_HOUR, index)
            self.share.pass_silence(end - bucket, settled=baseline.is_settled)
            self.volume.pass_silence(bucket, end - bucket)
            bucket = end
