"""One brand's model: three scores of one state, what each needs, and time that passes without a mention."""

from __future__ import annotations

import functools
import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.brand.calibration import prior_at
from detectors.brand.model import STATE_VERSION, BrandAssessment, BrandModel, ModelState, decode_state, surprises
from detectors.brand.params import PARAMS
from detectors.brand.pooled_tail import PooledTail
from schemas.alert import KINDS
from tests.detectors.streams import DAY, burst, ordinary

Row = tuple[int, float, float]


def close(model: BrandModel, index: int, mentions: float, negatives: float, missing: int = 0) -> BrandAssessment:
    """Let time pass to this bucket, score it and learn it."""
    return model.close(index, mentions, negatives, missing)


def rows(features: list[dict[str, float]]) -> list[Row]:
    return [(int(x["start"]) // 300, x["mentions"], x["negatives"]) for x in features]


@functools.cache
def six_days() -> bytes:
    """The state after six ordinary days."""
    model = BrandModel()
    for row in rows(ordinary(5, 6)):
        close(model, *row)
    return msgspec.msgpack.encode(model.state)


def warm() -> BrandModel:
    return BrandModel.of(PooledTail(), msgspec.msgpack.decode(six_days(), type=ModelState))


def highest(model: BrandModel, features: list[dict[str, float]]) -> dict[str, float]:
    """The greatest score of each kind over these buckets."""
    assessments = [close(model, *row) for row in rows(features)]
    return {kind: max(assessment.score(kind) for assessment in assessments) for kind in KINDS}


def test_a_loud_complaint_is_a_crisis_and_loud_praise_only_a_surge() -> None:
    complaint = highest(warm(), burst(1, 6 * DAY, share=0.8))
    praise = highest(warm(), burst(1, 6 * DAY, share=0.02))
    assert complaint["crisis"] > 10.0
    assert complaint["volume_surge"] > 5.0
    assert praise["volume_surge"] > 5.0
    assert praise["crisis"] < 1.0
    assert praise["sentiment_shift"] < 1.0


def test_a_mood_that_turns_at_the_usual_volume_is_a_shift_and_no_surge() -> None:
    usual = [x | {"start": x["start"] + 6 * DAY * 300} for x in ordinary(9, 1)]
    soured = [x | {"negatives": float(round(0.9 * x["mentions"]))} for x in usual]
    found = highest(warm(), soured)
    assert found["sentiment_shift"] > 5.0
    assert found["volume_surge"] < 3.0
    assert found["crisis"] < found["sentiment_shift"]


@given(st.floats(0.0, 300.0), st.floats(0.0, 1.0))
def test_the_crisis_score_stays_within_its_cap_above_the_negativity(mentions: float, share: float) -> None:
    model = warm()
    assessment = close(model, 6 * DAY, mentions, mentions * share)
    assert assessment.score("crisis") <= assessment.score("sentiment_shift") + model.state.cap + 1e-9


@given(st.floats(0.0, 300.0), st.floats(0.0, 1.0))
def test_the_scores_are_those_of_the_surprises_of_the_windows(mentions: float, share: float) -> None:
    model = warm()
    assessment = model.assess(6 * DAY, mentions, mentions * share)
    volume, negativity = surprises(assessment)
    again = model.scores(volume, negativity)
    if max(negativity) > 0.0:
        # A window with fewer negatives than count as evidence has a surprise and no part in the score.
        assert again[0] >= assessment.score("crisis") - 1e-9
        assert again[1] >= assessment.score("sentiment_shift") - 1e-9
    for kind in KINDS:
        explanation = assessment.explain(kind)
        assert sum(explanation.parts.values()) == pytest.approx(assessment.score(kind))
        assert explanation.lower <= explanation.expected <= explanation.upper


def test_an_assessment_is_a_value_that_later_buckets_leave_alone() -> None:
    model = warm()
    assessment = close(model, 6 * DAY, 70.0, 50.0)
    before = msgspec.structs.asdict(assessment), assessment.explain("crisis")
    for row in rows(burst(2, 6 * DAY + 1, share=0.5)):
        close(model, *row)
    assert (msgspec.structs.asdict(assessment), assessment.explain("crisis")) == before


def test_a_gap_in_the_feed_is_not_learned_as_silence() -> None:
    ordinary_day = warm().expect(9 * DAY, 9 * DAY + 1)[0]
    missing, silent = warm(), warm()
    close(missing, 9 * DAY, 8.0, 1.0, 3 * DAY)
    close(silent, 9 * DAY, 8.0, 1.0)
    assert missing.expect(9 * DAY + 1, 9 * DAY + 2)[0] == pytest.approx(ordinary_day, rel=0.2)
    assert silent.expect(9 * DAY + 1, 9 * DAY + 2)[0] < 0.75 * ordinary_day


def test_a_gap_may_be_passed_before_the_bucket_after_it() -> None:
    told, passed = warm(), warm()
    end = 6 * DAY + 100
    passed.pass_unobserved(end - 1)
    assert passed.last_bucket == end - 1
    assert close(told, end, 9.0, 2.0, 100) == close(passed, end, 9.0, 2.0)
    assert told.state == passed.state


def test_what_is_expected_follows_the_hours_of_the_brand() -> None:
    model = BrandModel()
    for row in rows(ordinary(6, 28)):
        close(model, *row)
    day = model.expect(28 * DAY, 29 * DAY)
    assert len(day) == DAY
    assert max(day[: DAY // 2]) > 1.5 * min(day[DAY // 2 :])  # the stream is a sine of the day
    assert model.expect(28 * DAY, 28 * DAY) == []


def test_a_brand_of_two_mentions_a_day_is_served_by_the_same_threshold() -> None:
    r = random.Random(4)
    model = BrandModel()
    scores = []
    for bucket in range(60 * DAY):
        if r.random() < 2.0 / DAY:
            scores.append(close(model, bucket, 1.0, float(r.random() < 0.15)).score("crisis"))
    assert max(scores) < 3.5
    crisis = [close(model, 60 * DAY + bucket, 3.0, 3.0).score("crisis") for bucket in range(4)]
    assert max(crisis) > 5.0


def test_of_a_state_of_version_3_the_maxima_of_surges_begin_anew_and_all_others_stay() -> None:
    detector = BrandModel()
    for bucket in range(4 * 288):
        detector.learn_one({"start": bucket * 300, "mentions": 10 + bucket % 7, "negatives": bucket % 3})
    kept = decode_state(detector.snapshot())
    detector.state.version = 3
    former = decode_state(detector.snapshot())
    assert former.version == STATE_VERSION
    assert former.maxima.history[:-24] == kept.maxima.history[:-24]
    assert former.maxima.history[-24:] == bytes(24)
    assert former.maxima.mean[:4] == kept.maxima.mean[:4]
    prior = PARAMS.surge_prior
    assert former.maxima.mean[4] == prior_at(prior.mean, kept.baseline.log_size)
    assert former.maxima.deviation[4] == prior_at(prior.deviation, kept.baseline.log_size)
    assert former.maxima.maximum == (*kept.maxima.maximum[:4], 0.0)
