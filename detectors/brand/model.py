"""Everything known of one brand's normal, and what its last buckets say against it.

One state serves three scores: a crisis needs volume AND negativity in the same window; negativity alone is a sentiment
shift; volume alone is a surge, which praise and launches bring too. Each score is in deviations above this brand's own
ordinary daily maximum, so that one threshold serves brands of every size.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Final

import msgspec

from detectors.base import DailyEstimator, Explanation, StateVersionError
from detectors.brand.baseline import DISPERSION_RATE, FIRST_EXPECTED, MIN_LEVEL, SETTLING_BUCKETS, Baseline
from detectors.brand.calibration import DailyMaxima, Fives, prior_at
from detectors.brand.negativity import (
    MIN_NEGATIVES,
    MIN_NEGATIVES_OF_TINY,
    TINY_LEVEL,
    TRUST,
    BaseRate,
    correlation,
    learned_moments,
    share_surprise,
)
from detectors.brand.params import PARAMS
from detectors.brand.pooled_tail import PooledTail, corrected
from detectors.brand.quarantine import ALL, EXTREME_NOW, EXTREME_SCORE, STRANGE_NOW, STRANGE_SCORE, Learned, Quarantine
from detectors.brand.silence import SilentHour, pass_silence
from detectors.brand.surge import MIN_MENTIONS, SURGE_PRIOR, SURGE_WINDOWS, surge_evidence
from detectors.brand.volume import dispersion_after_silence, is_shifted, learned_dispersion, volume_surprise
from detectors.brand.window_lengths import DECAY, GROUP_OF_WINDOW, GROUPS, RANGE, SCALE, WINDOWS
from detectors.brand.window_state import FIRST_ROWS, Row, decayed, first_dispersion, pack_rows, rows_of, with_learned
from detectors.normal import Normal
from schemas.alert import Kind
from schemas.observation import BUCKETS_PER_DAY, BUCKETS_PER_HOUR

STATE_VERSION: Final = 5
READ_VERSIONS: Final = (3, 4, STATE_VERSION)
"""Of version 3 the correction of the day and the maxima of surges are forgotten: both were on other scales. Before
version 5 every strange bucket was an extreme one."""
WARM_UP_BUCKETS: Final = BUCKETS_PER_DAY
"""A day: before that neither the level nor a daily maximum is known."""
VOLUME_CAP: Final = PARAMS.volume_cap
BOTH_FACTOR: Final = PARAMS.both_factor
NEGATIVITY_CAP: Final = PARAMS.negativity_cap
GROUP_OFFSET: Final = PARAMS.group_offset
CRISIS_PRIORS: Final = PARAMS.crisis_priors
COLD_START_DAYS: Final = PARAMS.cold_start_days
SHIFT_PRIOR: Final = PARAMS.shift_prior
PRIORS: Final = (*CRISIS_PRIORS, SHIFT_PRIOR, SURGE_PRIOR)
"""In the order of Assessment.evidence."""

_SHAPES: Final = tuple((w, DECAY[w], SCALE[w], TRUST[w], GROUP_OF_WINDOW[w], w in SURGE_WINDOWS) for w in RANGE)
_KEPT: Final = tuple(tuple(decay**buckets for buckets in range(BUCKETS_PER_HOUR + 1)) for decay in DECAY)
"""What a window keeps of its sums after so many buckets."""
_MOMENT_RATE: Final = tuple(1.0 - (1.0 - DISPERSION_RATE) ** buckets for buckets in range(BUCKETS_PER_HOUR + 1))
"""How far the moments of the correlation move in so many buckets."""


class ModelState(msgspec.Struct, array_like=True, kw_only=True, gc=False):
    """The whole explicit state of one brand's model.

    `peak` is the day's greatest crisis score before `correction`, the shift and stretch of the pooled tail on that day;
    `cap` is how far a crisis may score above the negativity by itself (Params.negativity_cap at the brand's size).
    """

    version: int = STATE_VERSION
    baseline: Baseline = msgspec.field(default_factory=Baseline)
    base_rate: BaseRate = msgspec.field(default_factory=BaseRate)
    windows: bytes = FIRST_ROWS
    maxima: DailyMaxima = msgspec.field(default_factory=DailyMaxima)
    peak: float = -math.inf
    correction: tuple[float, float] = (0.0, 1.0)
    cap: float = NEGATIVITY_CAP[0]
    quarantine: Quarantine = msgspec.field(default_factory=Quarantine)

    def __post_init__(self) -> None:
        if len(self.windows) != len(FIRST_ROWS):
            raise ValueError(f"expected {len(FIRST_ROWS)} bytes of windows, got {len(self.windows)}")


class BrandAssessment(msgspec.Struct, gc=False):
    """What one bucket says: three scores and, for each, the window that gave it.

    Attributes:
        bucket: index of the bucket.
        is_warm: False while warming up; the scores are then 0.
        crisis, shift, surge: scores in deviations above the ordinary daily maximum; may be negative.
        crisis_window, shift_window, surge_window: index into WINDOWS.
        own_crisis: the crisis score by the brand's own calibration, before the pooled tail corrects it.
        evidence: raw evidence in nats: the three crisis groups, shift and surge.
        season, expected_now: the bucket's factor, and the mentions that this brand normally has in it.
        base_rate: the brand's usual negative share.
        is_shifted: the last day speaks for another level rather than for a burst.
        is_strange: the bucket may be part of a crisis, so that nothing is learned of it (brand.quarantine).
        is_extreme: it surely is, so that its day is left out.
        learning: how many windows learn of it, shortest first; 0: nothing else is learned either.
        before, after: the windows before this bucket, and as they are once it is learned (see window_state).
    """

    bucket: int
    is_warm: bool
    crisis: float
    shift: float
    surge: float
    crisis_window: int
    shift_window: int
    surge_window: int
    own_crisis: float
    evidence: Fives
    season: float
    expected_now: float
    base_rate: float
    is_shifted: bool
    is_strange: bool
    is_extreme: bool
    learning: int
    before: bytes
    after: bytes

    @property
    def dispersion_now(self) -> float:
        """See detectors.base.Assessment: what the shortest window, which is one bucket, has learned."""
        return first_dispersion(self.after)

    def score(self, kind: Kind) -> float:
        """The score of one kind of episode."""
        return self.crisis if kind == "crisis" else self.shift if kind == "sentiment_shift" else self.surge

    def window(self, kind: Kind) -> int:
        """The window that gave the score of one kind of episode, as index into WINDOWS."""
        if kind == "crisis":
            return self.crisis_window
        return self.shift_window if kind == "sentiment_shift" else self.surge_window

    def explain(self, kind: Kind) -> Explanation:
        """The assessment in a person's terms, for one kind of episode."""
        w, score = self.window(kind), self.score(kind)
        sum_mentions, sum_expected, sum_negatives, dispersion, _, _ = list(rows_of(self.after))[w]
        n, k = sum_mentions * SCALE[w], sum_negatives * SCALE[w]
        mean = max(sum_expected * SCALE[w], MIN_LEVEL)
        if kind == "crisis":
            volume, share = surprises(self)
            s, q = min(volume[w], VOLUME_CAP), share[w]
            volume_part = score * s / (s + q) if s + q > 0.0 else 0.0
        else:
            volume_part = score if kind == "volume_surge" else 0.0
        spread = 1.96 * math.sqrt(mean * dispersion)
        return Explanation(
            WINDOWS[w],
            n,
            k,
            mean,
            max(mean - spread, 0.0),
            mean + spread,
            self.base_rate,
            {"volume": volume_part, "negativity": score - volume_part},
        )


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(ModelState)


class BrandModel(DailyEstimator):
    """The daily-maxima detector: score, then learn, one closed bucket at a time.

    Method: daily-maxima calibration of joint volume and negative-share surprise over eight windows in three groups.

    Attributes:
        kind: the kind of episode whose score `score_one` gives; the state serves all three.
        state: of this brand.
        tail: shared by the brands that are judged together; by default the brand is alone.

    Examples:
        >>> from detectors.brand.model import BrandModel
        >>> detector = BrandModel()
        >>> for bucket in range(3 * 288):
        ...     detector.learn_one({"start": bucket * 300, "mentions": 10 + bucket % 3, "negatives": bucket % 3})
        >>> praise = {"start": 3 * 288 * 300, "mentions": 90, "negatives": 9}
        >>> crisis = {"start": 3 * 288 * 300, "mentions": 90, "negatives": 60}
        >>> detector.score_one(praise) < 1.0 < 4.5 < detector.score_one(crisis)
        True
    """

    def __init__(self, kind: Kind = "crisis") -> None:
        super().__init__(kind)
        self.state = ModelState()
        self.tail = PooledTail()

    @classmethod
    def of(cls, tail: PooledTail, state: ModelState | None = None) -> BrandModel:
        """A model that shares a pooled tail; goes on from a state, which is changed in place, or begins."""
        model = cls()
        model.tail = tail
        if state is not None:
            model.state = state
        return model

    @property
    def last_bucket(self) -> int:
        """See detectors.base.Detector."""
        return self.state.baseline.bucket

    @property
    def buckets_seen(self) -> float:
        """See detectors.base.Detector."""
        return self.state.baseline.seen

    @property
    def is_warm(self) -> bool:
        """True once a day has been seen and a daily maximum can be held against."""
        return self.state.baseline.seen >= WARM_UP_BUCKETS and self.state.maxima.days > 0

    def snapshot(self) -> bytes:
        """See detectors.base.Detector; about 1 kB, the same for equal states."""
        return _encoder.encode(self.state)

    def restore(self, payload: bytes) -> None:
        """See detectors.base.Detector."""
        self.state = decode_state(payload)

    def assess(
        self, index: int, mentions: float, negatives: float, missing: int = 0, reach: float = 0.0
    ) -> BrandAssessment:
        """See detectors.base.BucketEstimator; reach says nothing to this method."""
        del reach
        self._advance(index, missing)
        return self._score(index, mentions, negatives)

    def close(
        self, index: int, mentions: float, negatives: float, missing: int = 0, reach: float = 0.0
    ) -> BrandAssessment:
        """See detectors.base.Detector."""
        del reach
        self._advance(index, missing)
        assessment = self._score(index, mentions, negatives)
        state = self.state
        state.windows = state.quarantine.follow(
            index,
            assessment.own_crisis,
            Learned(state.baseline, state.base_rate, assessment.after, assessment.before),
            is_strange=assessment.is_strange,
            is_extreme=assessment.is_extreme,
        )
        if assessment.learning:
            state.base_rate.learn(mentions, negatives)
            state.baseline.learn(
                index, mentions, assessment.expected_now, assessment.season, shifted=assessment.is_shifted
            )
        else:
            state.baseline.impute(index, 1, assessment.season)
        state.maxima.see(assessment.evidence)
        if assessment.own_crisis > state.peak:
            state.peak = assessment.own_crisis
        return assessment

    def pass_unobserved(self, index: int) -> None:
        """See detectors.base.Detector."""
        buckets = index - self.last_bucket
        self.state.windows = decayed(self.state.windows, buckets)
        self.state.baseline.pass_unobserved(buckets)

    @property
    def _day(self) -> int:
        return self.state.maxima.day

    def _score(self, index: int, mentions: float, negatives: float) -> BrandAssessment:
        """What this bucket says; learns nothing."""
        # One pass over the windows scores them and prepares what `close` adopts. Conditions instead of min and max,
        # and tails only where they can be more than nothing, make it twice as fast (benchmarks/README.md).
        state = self.state
        baseline = state.baseline
        seen = baseline.seen
        season = baseline.season(index)
        settled = seen >= SETTLING_BUCKETS
        now = baseline.expect(season) if settled else max(mentions, FIRST_EXPECTED)
        p = state.base_rate.value
        least = MIN_NEGATIVES if baseline.level >= TINY_LEVEL else MIN_NEGATIVES_OF_TINY
        rate = 1.0 / (seen + 1.0)
        if rate < DISPERSION_RATE:
            rate = DISPERSION_RATE
        joint, joint_window = [0.0] * GROUPS, [0] * GROUPS
        shift, shift_window = 0.0, 0
        surprises = [0.0] * len(WINDOWS)
        before = state.windows
        rows: list[float] = []
        n = mean = 0.0
        for (w, decay, scale, trust, group, is_surge), row in zip(_SHAPES, rows_of(before)):  # noqa: B905 - hot
            sum_mentions, sum_expected, sum_negatives, dispersion, excess, pairs = row
            sum_mentions = sum_mentions * decay + mentions
            sum_expected = sum_expected * decay + now
            sum_negatives = sum_negatives * decay + negatives
            n = sum_mentions * scale
            mean = sum_expected * scale
            if mean < MIN_LEVEL:
                mean = MIN_LEVEL
            k = sum_negatives * scale
            q = 0.0
            if sum_negatives >= least and k > n * p:
                q = share_surprise(n, k, p, correlation(excess, pairs, trust))
                if q > shift:
                    shift, shift_window = q, w
            is_surge = is_surge and sum_mentions >= MIN_MENTIONS  # noqa: PLW2901 - no window's own name is needed
            if n - 0.5 > mean and n >= 1.0 and (q > 0.0 or is_surge):
                s = volume_surprise(n, mean, dispersion)
                if is_surge:
                    surprises[w] = s
                if q > 0.0:
                    both = joint_evidence(s, q)
                    if both > joint[group]:
                        joint[group], joint_window[group] = both, w
            if settled:
                dispersion = learned_dispersion(dispersion, n - mean, mean, rate)
                excess, pairs = learned_moments(excess, pairs, n, k, p, trust, DISPERSION_RATE)
            rows += (sum_mentions, sum_expected, sum_negatives, dispersion, excess, pairs)
        # The last window is the day.
        shifted = seen >= BUCKETS_PER_DAY and is_shifted(n, mean)
        surge, surge_window = surge_evidence(surprises)
        evidence = (joint[0], joint[1], joint[2], shift, surge)
        crisis, crisis_window, own_crisis = 0.0, 0, -math.inf
        is_strange = is_extreme = False
        is_warm = self.is_warm
        if is_warm:
            *groups, shift, surge = state.maxima.standardise(evidence)
            for score, offset, window in zip(groups, GROUP_OFFSET, joint_window, strict=True):
                if score - offset > own_crisis:
                    own_crisis, crisis_window = score - offset, window
            own_crisis = self._capped(own_crisis, shift)
            if own_crisis >= STRANGE_SCORE:
                now_score = max(groups[:2])
                is_strange = now_score >= STRANGE_NOW
                is_extreme = own_crisis >= EXTREME_SCORE and now_score >= EXTREME_NOW
            crisis = corrected(own_crisis, *state.correction)
        else:
            shift, shift_window, surge = 0.0, 0, 0.0
        learning = state.quarantine.learning(index, is_strange=is_strange)
        after = pack_rows(*rows)
        return BrandAssessment(
            index,
            is_warm,
            crisis,
            shift,
            surge,
            crisis_window,
            shift_window,
            surge_window,
            own_crisis,
            evidence,
            season,
            now,
            p,
            shifted,
            is_strange,
            is_extreme,
            learning,
            before,
            after if learning == ALL else with_learned(after, before, learning),
        )

    def scores(self, volume: Sequence[float], share: Sequence[float]) -> tuple[float, float, float]:
        """The scores crisis, shift and surge of other surprises, in nats for every window; see `surprises`."""
        if not self.is_warm:
            return 0.0, 0.0, 0.0
        joint = [0.0] * GROUPS
        for w, (s, q) in enumerate(zip(volume, share, strict=True)):
            if s > 0.0 and q > 0.0:
                joint[GROUP_OF_WINDOW[w]] = max(joint[GROUP_OF_WINDOW[w]], joint_evidence(s, q))
        evidence = (joint[0], joint[1], joint[2], max(share), surge_evidence(volume)[0])
        *groups, shift, surge = self.state.maxima.standardise(evidence)
        own_crisis = self._capped(max(map(operator.sub, groups, GROUP_OFFSET)), shift)
        return corrected(own_crisis, *self.state.correction), shift, surge

    def _capped(self, crisis: float, shift: float) -> float:
        """The crisis score, capped relative to the negativity, and shrunk while the brand has few days."""
        crisis = min(crisis, shift + self.state.cap)
        days = self.state.maxima.days
        return crisis * (days / (days + COLD_START_DAYS)) if crisis > 0.0 else crisis

    def _enter_day(self, day: int, unobserved_days: int) -> None:
        """Close the days before `day`: what they brought teaches the brand's own calibration and the pooled tail."""
        state = self.state
        maxima, log_size = state.maxima, state.baseline.log_size
        days = day - maxima.day - unobserved_days
        left_out = state.quarantine.leave_out(maxima.day, days)
        state.correction = self.tail.next_day(day, log_size, maxima.days, days, state.peak, left_out)
        state.cap = prior_at(NEGATIVITY_CAP, log_size)
        state.peak = -math.inf
        maxima.enter_day(day, PRIORS, log_size, unobserved_days, left_out)

    def expect(self, first: int, end: int) -> list[float]:
        """Mentions expected in each of the buckets [first, end), by what is known now."""
        baseline = self.state.baseline
        return [baseline.expect(baseline.season(bucket)) for bucket in range(first, end)]

    def normal(self) -> Normal:
        """See detectors.base.Detector."""
        baseline = self.state.baseline
        return Normal(
            baseline.level,
            bytes(baseline.hours),
            bytes(baseline.days),
            self.state.base_rate.value,
            tuple((window, row[3]) for window, row in zip(WINDOWS, rows_of(self.state.windows), strict=True)),
        )

    def _pass_silence(self, index: int) -> None:
        """Learn the empty buckets between the last one and `index`, hour by hour."""
        state = self.state
        skipped, hours = pass_silence(state.baseline, state.base_rate, state.quarantine, index)
        windows = decayed(state.windows, skipped) if skipped else state.windows
        rows: list[float] = []
        for w, row in enumerate(rows_of(windows)):
            rows += _silent_window(row, hours, w, _KEPT[w])
        state.windows = pack_rows(*rows)


def decode_state(payload: bytes) -> ModelState:
    """The state in a snapshot.

    Raises:
        StateVersionError: it was written by another version, or is no snapshot.
    """
    try:
        state = _decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StateVersionError(f"expected a daily-maxima snapshot of version {STATE_VERSION}: {error}") from None
    if state.version not in READ_VERSIONS:
        raise StateVersionError(
            f"expected a daily-maxima snapshot of version {STATE_VERSION}, got version {state.version}"
        )
    if state.version == READ_VERSIONS[0]:
        state.correction = (0.0, 1.0)
        state.maxima.forget_surges(SURGE_PRIOR, state.baseline.log_size)
    if state.version != STATE_VERSION:
        state.version, state.quarantine.last_extreme = STATE_VERSION, state.quarantine.last
    return state


def joint_evidence(s: float, q: float) -> float:
    """Evidence of a crisis in one window, from the surprises of its volume and of its share of negatives."""
    both = (s if s < VOLUME_CAP else VOLUME_CAP) + q
    most = BOTH_FACTOR * (s if s < q else q)
    return both if both < most else most


def surprises(assessment: BrandAssessment) -> tuple[list[float], list[float]]:
    """Surprise of the mentions and of their negative share in every window of the assessed bucket, in nats."""
    p = assessment.base_rate
    volume, share = [0.0] * len(WINDOWS), [0.0] * len(WINDOWS)
    rows = zip(SCALE, TRUST, rows_of(assessment.before), rows_of(assessment.after), strict=True)
    for w, (scale, trust, before, after) in enumerate(rows):
        n, mean, k = after[0] * scale, max(after[1] * scale, MIN_LEVEL), after[2] * scale
        if n >= 1.0 and n - 0.5 > mean:
            volume[w] = volume_surprise(n, mean, before[3])
        if k >= 1.0 and k > n * p:
            share[w] = share_surprise(n, k, p, correlation(before[4], before[5], trust))
    return volume, share


def _silent_window(row: Row, hours: list[SilentHour], w: int, kept: tuple[float, ...]) -> Row:
    """Window `w` after silent hours, of which it keeps so much of its sums after so many buckets."""
    decay, scale, trust = DECAY[w], SCALE[w], TRUST[w]
    sum_mentions, sum_expected, sum_negatives, dispersion, excess, pairs = row
    for buckets, expected, rate, base_rate, learning in hours:
        keep = kept[buckets]
        # Each sum in the first of these buckets and in the last: what lies between is nearly linear.
        first_mentions, first_expected = sum_mentions * decay, sum_expected * decay + expected
        first_negatives = sum_negatives * decay
        sum_mentions *= keep
        sum_expected = sum_expected * keep + expected * (1.0 - keep) / (1.0 - decay)
        sum_negatives *= keep
        if rate and w < learning:
            half = 0.5 * scale
            mean = (first_expected + sum_expected) * half
            dispersion = dispersion_after_silence(
                dispersion,
                (first_mentions - first_expected) * scale,
                (sum_mentions - sum_expected) * scale,
                mean if mean > MIN_LEVEL else MIN_LEVEL,
                rate,
            )
            n, k = (first_mentions + sum_mentions) * half, (first_negatives + sum_negatives) * half
            excess, pairs = learned_moments(excess, pairs, n, k, base_rate, trust, _MOMENT_RATE[buckets])
    return sum_mentions, sum_expected, sum_negatives, dispersion, excess, pairs
