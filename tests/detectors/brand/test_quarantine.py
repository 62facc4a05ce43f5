"""What a crisis teaches a brand: nothing, until it has gone on for days."""

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.brand.baseline import Baseline
from detectors.brand.model import BrandModel, ModelState, decode_state
from detectors.brand.negativity import BaseRate
from detectors.brand.quarantine import (
    ALL,
    DAY_LEFT_OUT,
    EXTREME_SCORE,
    MAX_CREDIT,
    MAX_STRANGE_BUCKETS,
    STRANGE_BUCKETS,
    WAIT,
    Learned,
    Quarantine,
)
from detectors.brand.window_state import pack_rows, rows_of
from schemas.observation import BUCKETS_PER_DAY

DAY = BUCKETS_PER_DAY


def lived(days: int, crisis: range = range(0), *, rate: float = 20.0, factor: float = 6.0) -> BrandModel:
    """A brand after so many days, with a crisis of so many times the volume in these buckets."""
    rng = np.random.default_rng(4)
    mentions = rng.poisson(rate, days * DAY)
    negatives = rng.binomial(mentions, 0.15)
    model = BrandModel()
    for bucket, (n, k) in enumerate(zip(mentions.tolist(), negatives.tolist(), strict=True)):
        more = n * (factor - 1.0) if bucket in crisis else 0.0
        model.close(bucket, n + more, k + 0.7 * more)
    return model


def learned(state: ModelState) -> list[float]:
    """The numbers that a score is held against."""
    windows = [row[3] for row in rows_of(state.windows)]
    return [state.baseline.level, state.base_rate.value, *windows, *state.maxima.mean, *state.maxima.deviation]


def strange(quarantine: Quarantine, bucket: int) -> None:
    """Let a strange bucket pass."""
    quarantine.follow(bucket, 9.0, Learned(Baseline(), BaseRate()), is_strange=True, is_extreme=True)


def test_days_after_a_crisis_the_brand_is_as_it_would_be_without_one():
    with_crisis, without = lived(26, range(20 * DAY + 90, 20 * DAY + 170)), lived(26)
    np.testing.assert_allclose(learned(with_crisis.state), learned(without.state), rtol=0.1)
    assert with_crisis.state.quarantine.last > 0


def test_a_second_crisis_scores_as_the_first_one_did():
    once = lived(20, range(20 * DAY - 12, 20 * DAY))
    twice = lived(23, range(20 * DAY - 12, 20 * DAY + 60))
    fresh = lived(23)
    scores = [model.assess(23 * DAY, 120.0, 80.0).own_crisis for model in (twice, fresh)]
    assert once.state.peak > EXTREME_SCORE
    assert scores[0] == pytest.approx(scores[1], rel=0.1)


def test_what_goes_on_for_more_than_three_days_is_learned():
    model = lived(30, range(20 * DAY, 30 * DAY), factor=3.0)
    assert model.state.baseline.level > 1.8 * 20.0


def test_a_window_learns_again_once_it_has_forgotten_the_crisis():
    quarantine = Quarantine()
    assert quarantine.learning(1000, is_strange=False) == ALL
    assert quarantine.learning(1000, is_strange=True) == 0
    strange(quarantine, 1000)
    assert quarantine.learning(1000 + STRANGE_BUCKETS - 1, is_strange=False) == 0
    found = [quarantine.learning(1000 + wait, is_strange=False) for wait in (STRANGE_BUCKETS, *WAIT[4:])]
    assert found == [4, 5, 6, 7, 8]


def test_a_strange_day_and_the_next_one_are_left_out():
    quarantine = Quarantine()
    strange(quarantine, 10 * DAY + 5)
    assert quarantine.leave_out(10, 5) == (True, True)
    assert quarantine.leave_out(15, 1) == ()


@given(st.lists(st.booleans(), min_size=1, max_size=200))
def test_no_brand_leaves_out_more_days_than_ordinary_ones_pay_for(days):
    quarantine, left = Quarantine(), 0
    for day, is_strange in enumerate(days):
        if is_strange:
            strange(quarantine, day * DAY + 7)
        left += sum(quarantine.leave_out(day, 1))
    assert left <= (MAX_CREDIT + len(days)) / DAY_LEFT_OUT


@given(st.lists(st.integers(1, 400), max_size=60), st.integers(0, 2000))
def test_nothing_is_held_back_for_longer_than_three_days_at_a_stretch(steps, later):
    quarantine, bucket = Quarantine(), 5000
    held_since = None
    for step in steps:
        bucket += step
        if step >= STRANGE_BUCKETS:
            held_since = None
        held_since = bucket if held_since is None else held_since
        learning = quarantine.learning(bucket, is_strange=True)
        strange(quarantine, bucket)
        assert learning == (ALL if bucket - held_since >= MAX_STRANGE_BUCKETS else 0)
    assert quarantine.learning(bucket + later + WAIT[-1], is_strange=False) == ALL


def test_a_state_from_before_the_quarantine_is_read_and_its_correction_forgotten():
    state = lived(3).state
    state.correction = (0.7, 0.4)
    former = msgspec.msgpack.encode([3, *msgspec.msgpack.decode(msgspec.msgpack.encode(state))[1:8]])
    read = decode_state(former)
    assert read.correction == (0.0, 1.0)
    assert read.quarantine == Quarantine()
    assert read.baseline.level == state.baseline.level
    assert math.isclose(read.base_rate.value, state.base_rate.value)


def test_of_a_state_from_before_version_5_every_strange_day_is_left_out():
    state = lived(20, range(20 * DAY - 12, 20 * DAY)).state
    fields = msgspec.msgpack.decode(msgspec.msgpack.encode(state))
    former = [4, *fields[1:8], fields[8][:5]]
    read = decode_state(msgspec.msgpack.encode(former))
    assert read.quarantine.last_extreme == read.quarantine.last == 20 * DAY - 1
    assert read.quarantine.correlations == b""
    assert read.correction == state.correction


def test_correlations_of_another_length_are_refused():
    with pytest.raises(ValueError, match="bytes of correlations"):
        Quarantine(correlations=bytes(7))


def calm(quarantine: Quarantine, bucket: int, learned: Learned, score: float = 0.5) -> None:
    """Let a bucket pass that is not strange."""
    quarantine.follow(bucket, score, learned, is_strange=False, is_extreme=False)


def test_what_a_slow_rise_has_taught_is_taken_back_when_it_is_known_for_a_crisis():
    quarantine, baseline, base_rate = Quarantine(), Baseline(level=10.0), BaseRate(2.0, 8.0)
    windows = pack_rows(*(9.0, 8.0, 7.0, 2.0, 0.25, 4.0) * 8)
    calm(quarantine, 3000, Learned(baseline, base_rate, windows, windows))
    for bucket in range(3001, 3100):
        baseline.level += 0.1
        base_rate.negative += 0.1
        calm(quarantine, bucket, Learned(baseline, base_rate, windows, windows), 2.0)
    risen = pack_rows(*(99.0, 8.0, 77.0, 3.0, 1.5, 4.5) * 8)
    back = quarantine.follow(3100, 3.1, Learned(baseline, base_rate, risen), is_strange=True, is_extreme=False)
    assert (baseline.level, base_rate.negative) == (10.0, 2.0)
    assert set(rows_of(back)) == {(99.0, 8.0, 77.0, 3.0, 0.25, 4.0)}


def test_a_strange_bucket_that_is_not_extreme_leaves_no_day_out():
    quarantine = Quarantine()
    quarantine.follow(10 * DAY + 5, 3.0, Learned(Baseline(), BaseRate()), is_strange=True, is_extreme=False)
    assert quarantine.leave_out(10, 5) == ()
    assert quarantine.learning(10 * DAY + 6, is_strange=False) == 0


def test_what_was_set_aside_days_ago_is_not_gone_back_to():
    quarantine, baseline, base_rate = Quarantine(), Baseline(level=10.0), BaseRate()
    calm(quarantine, 3000, Learned(baseline, base_rate))
    baseline.level = 30.0
    strange_then = Learned(baseline, base_rate)
    quarantine.follow(3000 + 3 * DAY, 4.5, strange_then, is_strange=True, is_extreme=True)
    assert baseline.level == 30.0
