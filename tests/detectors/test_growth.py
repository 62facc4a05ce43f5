"""The chance of growth: a probability, higher where the last hours rose or the brand's day is about to."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from detectors.growth import LEAST_MENTIONS, Course, chance_of_growth

counts = st.integers(0, 1_000_000).map(float)
rates = st.floats(0.001, 1e6)
courses = st.builds(
    Course,
    last=counts,
    before=counts,
    earlier=counts,
    quarter=counts,
    expected=rates,
    expected_next=rates,
    hours=st.floats(0, 10_000),
)
STEADY = Course(last=200, before=200, earlier=200, quarter=50, expected=10, expected_next=10, hours=3)


def chance(**changes: float) -> float:
    found = chance_of_growth(msgspec.structs.replace(STEADY, **changes))
    assert found is not None
    return found


@given(courses)
def test_it_is_a_probability_or_nothing_is_said(course):
    found = chance_of_growth(course)
    assert (found is None) == (course.last + course.before < LEAST_MENTIONS)
    assert found is None or 0.0 < found < 1.0


def test_it_is_higher_where_the_last_quarter_of_an_hour_rose_and_lower_where_it_fell():
    assert chance(quarter=20) < chance() < chance(quarter=100)


def test_it_is_higher_where_the_brands_day_is_about_to_rise():
    assert chance(expected_next=5) < chance() < chance(expected_next=20)


def test_what_is_far_above_normal_or_burns_for_long_grows_less_often():
    assert chance(expected=100, expected_next=100) > chance() > chance(expected=1, expected_next=1)
    assert chance(hours=30) < chance() < chance(hours=1)
