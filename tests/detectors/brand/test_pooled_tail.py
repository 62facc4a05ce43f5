"""The tail that brands of one partition share: what it learns, from whom, and what it does to a score."""

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.brand.pooled_tail import (
    EXCESS,
    MAX_FACTOR,
    MAX_HIGH,
    MAX_STRETCH,
    MOST,
    PEAK_LEVEL,
    PEAKS_PER_DAY,
    SIZES,
    PooledTail,
    TailState,
    corrected,
)

SIZE = math.log(100.0)
BRAND_DAYS = st.lists(st.tuples(st.floats(-5.0, 12.0), st.integers(1, 60), st.floats(-5.0, 40.0)), max_size=30)


def fleet(rate: float, excess: float, days: int = 60, brands: int = 600) -> PooledTail:
    """A tail taught by brands of one size whose daily maxima have so many peaks of that mean height."""
    rng = np.random.default_rng(5)
    tail = PooledTail()
    for day in range(days):
        tail.enter_day(day)
        for peak in rng.random(brands) < rate:
            tail.add(SIZE, 1, PEAK_LEVEL + rng.exponential(excess) if peak else 0.0)
    tail.enter_day(days)
    return tail


def test_without_evidence_a_score_stays_what_it_is():
    assert PooledTail().correction(SIZE) == (0.0, 1.0)
    assert corrected(4.2, 0.0, 1.0) == pytest.approx(4.2)


def test_the_shipped_tail_is_left_alone():
    shift, stretch = fleet(PEAKS_PER_DAY, EXCESS).correction(SIZE)
    assert shift == pytest.approx(0.0, abs=0.15)
    assert stretch == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize(("rate", "excess"), [(0.3, 0.6), (0.1, 0.9), (0.04, 0.4), (0.25, 0.4)])
def test_a_score_becomes_one_that_is_as_rare_under_the_shipped_tail(rate, excess):
    correction = fleet(rate, excess).correction(SIZE)
    for score in (PEAK_LEVEL + 0.5, PEAK_LEVEL + 1.5):
        here = math.log(rate) - (score - PEAK_LEVEL) / excess
        there = math.log(PEAKS_PER_DAY) - (corrected(score, *correction) - PEAK_LEVEL) / EXCESS
        assert there == pytest.approx(here, abs=0.45)


def test_brands_of_another_size_are_not_concerned():
    assert fleet(0.2, 1.2).correction(SIZES[0]) == (0.0, 1.0)


@pytest.mark.parametrize("share", [0.0, 0.02, 0.05, 0.1, 0.2])
@pytest.mark.parametrize("partly", [0.0, 0.125])
def test_a_share_of_brand_days_in_crisis_moves_a_score_at_the_threshold_by_less_than_four_times_itself(share, partly):
    # On a day of a simulated crisis the own score is above MOST, but for about every eighth such day.
    rng = np.random.default_rng(2)
    tail = PooledTail()
    for day in range(60):
        tail.enter_day(day)
        for is_crisis, peaks in zip(rng.random(400) < share, rng.random(400) < PEAKS_PER_DAY, strict=True):
            ordinary = PEAK_LEVEL + rng.exponential(EXCESS) if peaks else 0.0
            crisis = rng.uniform(PEAK_LEVEL, PEAK_LEVEL + MOST) if rng.random() < partly else rng.uniform(3.5, 60.0)
            if (
                not is_crisis or crisis <= PEAK_LEVEL + MOST
            ):  # The others are left out: brands have credit for one crisis.
                tail.add(SIZE, 1, crisis if is_crisis else ordinary)
    tail.enter_day(60)
    assert corrected(3.78, *tail.correction(SIZE)) == pytest.approx(3.78, abs=0.2 + 4.0 * share * (partly > 0.0))


def test_how_high_a_crisis_goes_changes_nothing():
    tails = [fleet(PEAKS_PER_DAY, EXCESS) for _ in range(2)]
    for tail, height in zip(tails, (MAX_HIGH + 0.01, 500.0), strict=True):
        for _ in range(200):
            tail.add(SIZE, 1, PEAK_LEVEL + height)
        tail.enter_day(61)
    assert tails[0].correction(SIZE) == tails[1].correction(SIZE) != (0.0, 1.0)


def test_sums_of_peaks_above_another_level_are_forgotten():
    former = msgspec.msgpack.encode([7, *[[9.0] * len(SIZES)] * 6])
    tail = PooledTail(msgspec.msgpack.decode(former, type=TailState))
    assert tail.correction(SIZE) == (0.0, 1.0)
    assert tail.state.peak_level == PEAK_LEVEL
    assert not any(map(any, (tail.state.days, tail.state.peaks, tail.state.new_days, tail.state.new_excess)))


def test_what_a_day_brings_counts_from_the_next_on():
    tail = PooledTail()
    tail.enter_day(10)
    for _ in range(100):
        tail.add(SIZE, 1, 3.3)
    tail.enter_day(10)
    assert tail.correction(SIZE) == (0.0, 1.0)
    tail.enter_day(11)
    assert tail.correction(SIZE) != (0.0, 1.0)


@given(BRAND_DAYS)
def test_the_correction_is_bounded_and_keeps_the_order_of_scores(days):
    tail = PooledTail()
    for day, (log_size, count, maximum) in enumerate(days):
        tail.enter_day(day)
        tail.add(log_size, count, maximum)
    tail.enter_day(len(days))
    for log_size in (-6.0, 0.0, 3.3, 20.0):
        shift, stretch = tail.correction(log_size)
        assert abs(shift) <= EXCESS * math.log(MAX_FACTOR) + 1e-9
        assert 1.0 / MAX_STRETCH - 1e-9 <= stretch <= MAX_STRETCH + 1e-9
        moved = [corrected(score, shift, stretch) for score in np.linspace(-3.0, 15.0, 40).tolist()]
        assert moved == sorted(moved)


@given(BRAND_DAYS, st.randoms())
def test_the_order_of_brands_within_a_day_changes_nothing_but_rounding(days, random):
    shuffled = list(days)
    random.shuffle(shuffled)
    tails = PooledTail(), PooledTail()
    for tail, order in zip(tails, (days, shuffled), strict=True):
        tail.enter_day(1)
        for log_size, count, maximum in order:
            tail.add(log_size, count, maximum)
        tail.enter_day(2)
    for log_size in SIZES:
        assert tails[0].correction(log_size) == pytest.approx(tails[1].correction(log_size))


@given(BRAND_DAYS)
def test_a_stored_tail_goes_on_where_it_was(days):
    tail = PooledTail()
    tail.enter_day(3)
    for log_size, count, maximum in days:
        tail.add(log_size, count, maximum)
    tail.enter_day(4)
    stored = PooledTail(msgspec.msgpack.decode(msgspec.msgpack.encode(tail.state), type=TailState))
    assert stored.correction(SIZE) == tail.correction(SIZE)
    for one in (tail, stored):
        one.add(SIZE, 1, 3.0)
        one.enter_day(5)
    assert stored.state == tail.state
