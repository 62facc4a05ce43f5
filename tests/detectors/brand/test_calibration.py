"""A brand's own daily maxima: the unit of every score, learned day by day and started from a prior by size."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.brand.calibration import KNOWN_SIZES, DailyMaxima, prior_at
from detectors.brand.params import Prior

PRIOR = Prior((5.0, 4.0, 3.0), (2.0, 2.0, 1.0), 3.0, 15.0, 60.0, 4.0, 0.5)
PRIORS = (PRIOR,) * 5
SIZE = KNOWN_SIZES[0]
numbers = st.floats(-5.0, 50.0)
fives = st.tuples(numbers, numbers, numbers, numbers, numbers)
triples = st.tuples(numbers, numbers, numbers)


def same(number: float) -> tuple[float, float, float, float, float]:
    return number, number, number, number, number


def lived(maxima: list[float], first: int = 100) -> DailyMaxima:
    """Days with these maxima have ended."""
    found = DailyMaxima()
    found.enter_day(first, PRIORS, SIZE)
    for day, maximum in enumerate(maxima, first + 1):
        found.see(same(maximum))
        found.enter_day(day, PRIORS, SIZE)
    return found


@given(triples, st.integers(0, 2))
def test_at_a_size_at_which_it_was_measured_a_prior_is_what_was_measured(values: tuple[float, ...], place: int) -> None:
    assert prior_at(values, KNOWN_SIZES[place]) == pytest.approx(values[place])


@given(triples, st.floats(-20.0, 20.0))
def test_between_sizes_a_prior_is_between_the_measured_ones_and_flat_beyond_them(
    values: tuple[float, ...], log_size: float
) -> None:
    found = prior_at(values, log_size)
    assert min(values) - 1e-9 <= found <= max(values) + 1e-9
    if not KNOWN_SIZES[0] < log_size < KNOWN_SIZES[2]:
        assert found == values[0 if log_size <= KNOWN_SIZES[0] else 2]


@given(st.lists(fives, max_size=20))
def test_the_maximum_of_a_day_is_kept_for_each_kind_by_itself(seen: list[tuple[float, ...]]) -> None:
    maxima = DailyMaxima()
    for evidence in seen:
        a, b, c, d, e = evidence
        maxima.see((a, b, c, d, e))
    assert maxima.maximum == tuple(max(0.0, *column) for column in zip(same(0.0), *seen, strict=True))


def test_before_anything_is_known_a_score_is_held_against_the_prior() -> None:
    maxima = lived([])
    assert maxima.standardise(same(7.0)) == pytest.approx(same(1.0))


def test_the_first_two_days_teach_nothing() -> None:
    assert lived([40.0, 40.0]).standardise(same(7.0)) == pytest.approx(same(1.0))
    assert lived([40.0, 40.0, 40.0]).standardise(same(7.0))[0] < 1.0


def test_an_ordinary_day_s_maximum_scores_about_nothing_whatever_it_is() -> None:
    """That is what makes one threshold serve brands of every size."""
    for usual in (1.0, 8.0, 25.0):
        maxima = lived([usual - 1.0, usual + 1.0] * 60)
        assert maxima.standardise(same(usual)) == pytest.approx(same(0.0), abs=0.4)


@given(st.lists(st.floats(0.0, 12.0), min_size=3, max_size=40), st.floats(20.0, 1e6))
def test_one_day_of_a_crisis_does_not_become_the_ordinary_one(usual: list[float], crisis: float) -> None:
    """Its maximum is clipped at four deviations above the mean: beyond that its size makes no difference."""
    before, once, again = lived(usual), lived([*usual, crisis]), lived([*usual, 1e9])
    assert once.mean[0] - before.mean[0] <= 4.0 * before.deviation[0]
    if crisis > before.mean[0] + 4.0 * before.deviation[0]:
        assert once.mean == pytest.approx(again.mean)
        assert once.deviation == pytest.approx(again.deviation)


@given(st.lists(st.floats(0.0, 100.0), max_size=40), fives, fives)
def test_scores_keep_the_order_of_the_evidence_and_never_rest_on_less_than_the_min_deviation(
    days: list[float], one: tuple[float, ...], other: tuple[float, ...]
) -> None:
    maxima = lived(days)
    assert min(maxima.deviation) >= PRIOR.min_deviation
    low, high = zip(*(sorted(pair) for pair in zip(one, other, strict=True)), strict=True)
    a, b, c, d, e = low
    v, w, x, y, z = high
    below, above = maxima.standardise((a, b, c, d, e)), maxima.standardise((v, w, x, y, z))
    assert all(score <= more for score, more in zip(below, above, strict=True))


@given(st.lists(st.floats(0.0, 12.0), min_size=3, max_size=20), st.integers(1, 30))
def test_days_of_which_nothing_is_known_teach_nothing_and_silent_ones_a_maximum_of_zero(
    days: list[float], gap: int
) -> None:
    plain, unobserved, silent = (lived(days) for _ in range(3))
    next_day = 101 + len(days)
    for maxima in (plain, unobserved, silent):
        maxima.see(same(6.0))
    plain.enter_day(next_day, PRIORS, SIZE)
    unobserved.enter_day(next_day + gap, PRIORS, SIZE, gap)
    silent.enter_day(next_day + gap, PRIORS, SIZE)
    assert (unobserved.mean, unobserved.deviation) == (plain.mean, plain.deviation)
    assert unobserved.history == plain.history
    assert silent.mean == pytest.approx(lived([*days, 6.0, *[0.0] * gap]).mean)
    assert silent.days == plain.days + gap


def test_belief_gives_way_by_half_in_two_months() -> None:
    maxima = lived([2.0] * 400 + [12.0] * 60)
    assert maxima.mean[0] == pytest.approx(7.0, abs=0.6)


@given(st.lists(st.floats(0.0, 40.0), max_size=10), fives)
def test_stored_maxima_go_on_where_they_were(days: list[float], seen: tuple[float, ...]) -> None:
    a, b, c, d, e = seen
    whole = lived(days)
    whole.see((a, b, c, d, e))
    stored = msgspec.msgpack.decode(msgspec.msgpack.encode(whole), type=DailyMaxima)
    assert stored == whole
    for maxima in (whole, stored):
        maxima.enter_day(500, PRIORS, math.log(50.0))
    assert stored == whole
