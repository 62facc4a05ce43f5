"""The shell around a raw score: what is normal, what the last hour holds, and a calibration that gives a unit.

A detector that only knows how strange an hour looks needs four things before it can fire for brands of every size: an
expectation at this hour, a usual share of negatives, its own ordinary daily maxima, and the tail that these have over
all brands. They are those of the daily-maxima method (detectors.brand), so that a tolerated rate of false alarms means
the same for every detector. A subclass gives evidence, learns, and says what its state is; see detectors.ewma.
"""

from __future__ import annotations

import abc
import math
from typing import Any, ClassVar, Final

import msgspec

from detectors.base import DailyEstimator, Explanation, StateVersionError
from detectors.brand.baseline import FIRST_EXPECTED, MIN_LEVEL, SETTLING_BUCKETS, Baseline
from detectors.brand.calibration import DailyMaxima, Fives
from detectors.brand.model import COLD_START_DAYS, WARM_UP_BUCKETS
from detectors.brand.negativity import MIN_NEGATIVES, MIN_NEGATIVES_OF_TINY, TINY_LEVEL, BaseRate
from detectors.brand.params import Prior
from detectors.brand.pooled_tail import PooledTail, corrected
from detectors.brand.quarantine import EXTREME_SCORE, Learned, Quarantine
from detectors.brand.silence import pass_silence
from detectors.brand.surge import MIN_MENTIONS
from detectors.brand.volume import is_shifted
from detectors.brand.window_lengths import DECAY, SCALE, WINDOWS
from detectors.normal import Normal
from schemas.alert import Kind
from schemas.observation import BUCKETS_PER_DAY, BUCKETS_PER_HOUR

HOUR: Final = WINDOWS.index(BUCKETS_PER_HOUR)
DAY: Final = WINDOWS.index(BUCKETS_PER_DAY)
PRIOR: Final = Prior((4.5, 4.5, 4.5), (2.0, 2.0, 2.0), 2.0, 6.0, 60.0, 4.0, 0.7)
"""Daily maxima of evidence in nats before any is seen: that of 288 correlated normal values is near 4.5. It gives way
within a week, for what a detector calls a nat need not be one."""
SHIFT_PRIOR: Final = msgspec.structs.replace(PRIOR, mean=(5.4, 5.4, 5.4), deviation=(2.3, 2.3, 2.3))
"""The same of negativity alone, which comes in threads: measured with ewma and GaussianScorer on ordinary brands."""
_UNUSED: Final = Prior((0.0,) * 3, (1.0,) * 3, 1.0, 1.0, 60.0, 4.0, 1.0)
_ANSCOMBE: Final = 3.0 / 8.0

Evidence = tuple[float, float, float]
"""Of crisis, sentiment shift and volume surge, >= 0, higher is stranger; nats where the detector knows a tail."""
Sums = tuple[float, float, float, float, float, float]
"""Decayed sums: of the last hour mentions, expected mentions, negatives, reach; of the last day mentions, expected."""


class Features(msgspec.Struct, frozen=True, gc=False):
    """What the last hour holds against this brand's normal. Sums over the hour are recency-weighted.

    Attributes:
        mentions, expected, negatives, reach: of the hour; expected are mentions, reach is people.
        base_rate: the brand's usual negative share.
        volume_excess: 2 (sqrt(mentions + 3/8) - sqrt(expected + 3/8)): deviations if mentions were Poisson (Anscombe).
        negative_excess: the same of the negatives against base_rate x mentions.
        says_volume, says_negativity: whether there are enough mentions, or negatives, to say anything at all.
        hour_of_day: 0..24, UTC.
    """

    mentions: float
    expected: float
    negatives: float
    reach: float
    base_rate: float
    volume_excess: float
    negative_excess: float
    says_volume: bool
    says_negativity: bool
    hour_of_day: float

    @property
    def targets(self) -> Evidence:
        """One number per kind of episode, about 0 on an ordinary hour: a crisis needs both, so the weaker speaks."""
        return min(self.volume_excess, self.negative_excess), self.negative_excess, self.volume_excess

    @property
    def audible(self) -> tuple[bool, bool, bool]:
        """Per kind of episode, whether there is more of what it is about, and enough of it: only more is strange."""
        loud = self.says_volume and self.volume_excess > 0.0
        negative = self.says_negativity and self.negative_excess > 0.0
        return loud and negative, negative, loud


class CalibratedAssessment(msgspec.Struct, gc=False):
    """What one bucket says (detectors.base.Assessment); `features`, `sums` and `season` are what learning needs.

    Attributes:
        scores: crisis, sentiment shift, volume surge; deviations above the ordinary daily maximum, may be negative.
        own_crisis: the crisis score before the pooled tail corrects it.
        evidence: as the daily maxima take it.
    """

    bucket: int
    is_warm: bool
    scores: Evidence
    own_crisis: float
    evidence: Fives
    season: float
    expected_now: float
    base_rate: float
    dispersion: float
    features: Features
    sums: Sums

    @property
    def dispersion_now(self) -> float:
        """See detectors.base.Assessment; that of an hour, the only one that is learned."""
        return max(self.dispersion, 1.0)

    def score(self, kind: Kind) -> float:
        """See detectors.base.Assessment."""
        crisis, shift, surge = self.scores
        return crisis if kind == "crisis" else shift if kind == "sentiment_shift" else surge

    def window(self, kind: Kind) -> int:
        """Always the hour."""
        del kind
        return HOUR

    def explain(self, kind: Kind) -> Explanation:
        """See detectors.base.Assessment."""
        features, score = self.features, self.score(kind)
        spread = 1.96 * math.sqrt(features.expected * max(self.dispersion, 1.0))
        s, q = max(features.volume_excess, 0.0), max(features.negative_excess, 0.0)
        volume = {"crisis": s / (s + q) if s + q > 0.0 else 0.0, "volume_surge": 1.0}.get(kind, 0.0) * score
        return Explanation(
            WINDOWS[HOUR],
            features.mentions,
            features.negatives,
            features.expected,
            max(features.expected - spread, 0.0),
            features.expected + spread,
            features.base_rate,
            {"volume": volume, "negativity": score - volume},
        )


class CalibratedState(msgspec.Struct, array_like=True, kw_only=True, gc=False):
    """The explicit state: what the shell knows, and `own`, what the detector in it knows, as plain values."""

    version: int
    baseline: Baseline = msgspec.field(default_factory=Baseline)
    base_rate: BaseRate = msgspec.field(default_factory=BaseRate)
    sums: Sums = (0.0,) * 6
    maxima: DailyMaxima = msgspec.field(default_factory=DailyMaxima)
    peak: float = -math.inf
    correction: tuple[float, float] = (0.0, 1.0)
    own: Any = None
    quarantine: Quarantine = msgspec.field(default_factory=Quarantine)


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(CalibratedState)


class CalibratedDetector(DailyEstimator):
    """A detector that is given features, gives evidence, and leaves the rest to this class.

    Attributes:
        VERSION: of the state in `own` and of the method.
        PRIORS: what is believed of the daily maxima of crisis, shift and surge evidence before they are seen.
        tail: shared by the brands that are judged together; by default the brand is alone.
    """

    VERSION: ClassVar[int] = 1
    PRIORS: tuple[Prior, Prior, Prior] = (PRIOR, SHIFT_PRIOR, PRIOR)

    def __init__(self, kind: Kind = "crisis") -> None:
        super().__init__(kind)
        self.tail = PooledTail()
        self._state = CalibratedState(version=self.VERSION)

    # ---------------------------------------------------------------- for the subclass

    @abc.abstractmethod
    def _evidence(self, features: Features) -> Evidence:
        """Evidence of the three kinds; learns nothing."""

    @abc.abstractmethod
    def _learn(self, features: Features) -> None:
        """Learn the hour that was just scored."""

    @abc.abstractmethod
    def _own_state(self) -> Any:
        """The detector's state in numbers, texts, lists and dictionaries."""

    @abc.abstractmethod
    def _restore_own(self, own: Any) -> None:
        """Take over what `_own_state` gave; a ValueError, TypeError or KeyError where it cannot be that."""

    # ---------------------------------------------------------------- the seam

    @property
    def last_bucket(self) -> int:
        """See detectors.base.Detector."""
        return self._state.baseline.bucket

    @property
    def buckets_seen(self) -> float:
        """See detectors.base.Detector."""
        return self._state.baseline.seen

    @property
    def is_warm(self) -> bool:
        """True once a day has been seen and a daily maximum can be held against."""
        return self._state.baseline.seen >= WARM_UP_BUCKETS and self._state.maxima.days > 0

    def assess(
        self, index: int, mentions: float, negatives: float, missing: int = 0, reach: float = 0.0
    ) -> CalibratedAssessment:
        """See detectors.base.BucketEstimator."""
        self._advance(index, missing)
        state = self._state
        baseline = state.baseline
        season = baseline.season(index)
        settled = baseline.seen >= SETTLING_BUCKETS
        now = baseline.expect(season) if settled else max(mentions, FIRST_EXPECTED)
        sums = _added(state.sums, mentions, now, negatives, reach)
        features = self._features(index, sums)
        crisis, shift, surge = (
            evidence if audible else 0.0
            for evidence, audible in zip(self._evidence(features), features.audible, strict=True)
        )
        evidence = (crisis, 0.0, 0.0, shift, surge)
        is_warm = self.is_warm
        scores, own_crisis = (0.0, 0.0, 0.0), -math.inf
        if is_warm:
            own_crisis, _, _, shift, surge = state.maxima.standardise(evidence)
            if own_crisis > 0.0:
                own_crisis *= state.maxima.days / (state.maxima.days + COLD_START_DAYS)
            scores = (corrected(own_crisis, *state.correction), shift, surge)
        return CalibratedAssessment(
            index,
            is_warm,
            scores,
            own_crisis,
            evidence,
            season,
            now,
            features.base_rate,
            baseline.dispersion,
            features,
            sums,
        )

    def close(
        self, index: int, mentions: float, negatives: float, missing: int = 0, reach: float = 0.0
    ) -> CalibratedAssessment:
        """See detectors.base.Detector."""
        assessment = self.assess(index, mentions, negatives, missing, reach)
        state = self._state
        shifted = state.baseline.seen >= BUCKETS_PER_DAY and _is_shifted(assessment.sums)
        is_strange = assessment.own_crisis >= EXTREME_SCORE
        learns = state.quarantine.learning(index, is_strange=is_strange) > 0
        learned = Learned(state.baseline, state.base_rate)
        state.quarantine.follow(index, assessment.own_crisis, learned, is_strange=is_strange, is_extreme=is_strange)
        if learns and state.baseline.seen >= SETTLING_BUCKETS:
            self._learn(assessment.features)
        state.sums = assessment.sums
        if learns:
            state.base_rate.learn(mentions, negatives)
            state.baseline.learn(index, mentions, assessment.expected_now, assessment.season, shifted=shifted)
        else:
            state.baseline.impute(index, 1, assessment.season)
        state.maxima.see(assessment.evidence)
        state.peak = max(state.peak, assessment.own_crisis)
        return assessment

    def pass_unobserved(self, index: int) -> None:
        """See detectors.base.Detector."""
        state = self._state
        state.sums = _faded(state.sums, index - self.last_bucket)
        state.baseline.pass_unobserved(index - self.last_bucket)

    def expect(self, first: int, end: int) -> list[float]:
        """See detectors.base.Detector."""
        baseline = self._state.baseline
        return [baseline.expect(baseline.season(bucket)) for bucket in range(first, end)]

    def normal(self) -> Normal:
        """See detectors.base.Detector."""
        baseline = self._state.baseline
        dispersion = max(baseline.dispersion, 1.0)
        return Normal(
            baseline.level,
            bytes(baseline.hours),
            bytes(baseline.days),
            self._state.base_rate.value,
            ((WINDOWS[HOUR], dispersion),),
        )

    def snapshot(self) -> bytes:
        """See detectors.base.Detector."""
        self._state.own = self._own_state()
        return _encoder.encode(self._state)

    def restore(self, payload: bytes) -> None:
        """See detectors.base.Detector."""
        wanted = f"expected a {type(self).__name__} snapshot of version {self.VERSION}"
        try:
            state = _decoder.decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise StateVersionError(f"{wanted}: {error}") from None
        if state.version != self.VERSION:
            raise StateVersionError(f"{wanted}, got version {state.version}")
        try:
            self._restore_own(state.own)
        except (ValueError, TypeError, KeyError, IndexError) as error:
            raise StateVersionError(f"{wanted}, got another state: {error}") from None
        state.own = None
        self._state = state

    # ---------------------------------------------------------------- time

    @property
    def _day(self) -> int:
        return self._state.maxima.day

    def _pass_silence(self, index: int) -> None:
        """Level, season and share learn the empty buckets in closed form, the detector one by one.

        River's estimators know no other way; of a long silence they see the last two days.
        """
        state = self._state
        skipped, hours = pass_silence(state.baseline, state.base_rate, state.quarantine, index)
        state.sums = _faded(state.sums, skipped)
        bucket = index - sum(buckets for buckets, *_ in hours)
        for buckets, expected, _, _, learning in hours:
            for silent in range(bucket, bucket + buckets):
                state.sums = _added(state.sums, 0.0, expected, 0.0, 0.0)
                if learning:
                    self._learn(self._features(silent, state.sums))
            bucket += buckets

    def _enter_day(self, day: int, unobserved_days: int) -> None:
        state = self._state
        maxima, log_size = state.maxima, state.baseline.log_size
        days = day - maxima.day - unobserved_days
        left_out = state.quarantine.leave_out(maxima.day, days)
        state.correction = self.tail.next_day(day, log_size, maxima.days, days, state.peak, left_out)
        state.peak = -math.inf
        crisis, shift, surge = self.PRIORS
        maxima.enter_day(day, (crisis, _UNUSED, _UNUSED, shift, surge), log_size, unobserved_days, left_out)

    def _features(self, index: int, sums: Sums) -> Features:
        state = self._state
        mentions, expected, negatives, reach = (value * SCALE[HOUR] for value in sums[:4])
        expected = max(expected, MIN_LEVEL)
        p = state.base_rate.value
        least = MIN_NEGATIVES if state.baseline.level >= TINY_LEVEL else MIN_NEGATIVES_OF_TINY
        return Features(
            mentions,
            expected,
            negatives,
            reach,
            p,
            _root_excess(mentions, expected),
            _root_excess(negatives, mentions * p),
            sums[0] >= MIN_MENTIONS,
            sums[2] >= least,
            index % BUCKETS_PER_DAY / BUCKETS_PER_HOUR,
        )


def _root_excess(count: float, mean: float) -> float:
    return 2.0 * (math.sqrt(count + _ANSCOMBE) - math.sqrt(mean + _ANSCOMBE))


def _added(sums: Sums, mentions: float, expected: float, negatives: float, reach: float) -> Sums:
    n, mean, k, people, day_n, day_mean = sums
    hour, day = DECAY[HOUR], DECAY[DAY]
    return (
        n * hour + mentions,
        mean * hour + expected,
        k * hour + negatives,
        people * hour + reach,
        day_n * day + mentions,
        day_mean * day + expected,
    )


def _faded(sums: Sums, buckets: int) -> Sums:
    """The sums after buckets of which nothing is known."""
    n, mean, k, people, day_n, day_mean = sums
    hour, day = DECAY[HOUR] ** buckets, DECAY[DAY] ** buckets
    return n * hour, mean * hour, k * hour, people * hour, day_n * day, day_mean * day


def _is_shifted(sums: Sums) -> bool:
    return is_shifted(sums[4] * SCALE[DAY], max(sums[5] * SCALE[DAY], MIN_LEVEL))
