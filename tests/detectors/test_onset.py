"""The change that the last counts speak for."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.onset import likeliest_change

DAY = 288


def test_a_step_is_dated_to_its_first_bucket() -> None:
    """Not the beginning of the day, not a burst hours before, not an ordinary bucket in the hour before."""
    observed = [2.0] * 270 + [12.0] * 18
    observed[100:110] = [20.0] * 10
    change = likeliest_change([(observed, [2.0] * DAY)])
    assert change.first == 270
    assert 262 <= change.earliest <= 270 <= change.latest <= 271


def test_a_slow_rise_is_dated_to_where_it_leaves_the_normal() -> None:
    """A step fitted to it would lie an hour or more later."""
    observed = [2.0 + max(place - 200, 0) * 0.1 for place in range(DAY)]
    change = likeliest_change([(observed, [2.0] * DAY)])
    assert 182 <= change.first <= 212


def test_a_lone_bucket_is_its_own_onset() -> None:
    assert likeliest_change([([9.0], [0.1])]) == (0, 0, 0)


def test_counts_that_are_no_higher_than_usual_date_to_the_last_bucket() -> None:
    """Nothing has changed, so nothing began earlier."""
    assert likeliest_change([([1.0] * 50, [2.0] * 50)]).first == 49


def test_a_second_channel_that_says_nothing_changes_nothing() -> None:
    observed = [2.0] * 40 + [9.0] * 10
    quiet = ([3.0] * 50, [3.0] * 50)
    assert likeliest_change([(observed, [2.0] * 50), quiet]) == likeliest_change([(observed, [2.0] * 50)])


def test_fewer_counts_leave_a_longer_interval() -> None:
    r = random.Random(1)
    many = [float(r.randrange(200)) for _ in range(150)] + [float(r.randrange(500)) for _ in range(30)]
    few = [float(r.randrange(3)) for _ in range(150)] + [float(r.randrange(6)) for _ in range(30)]
    narrow, wide = likeliest_change([(many, [100.0] * 180)]), likeliest_change([(few, [1.0] * 180)])
    assert narrow.latest - narrow.earliest < wide.latest - wide.earliest


def test_a_drift_within_the_noise_of_the_usual_mean_is_no_change() -> None:
    """A large brand that is a tenth above its level all day has not changed when its crisis begins."""
    observed = [1100.0] * 200 + [3000.0] * 20
    assert likeliest_change([(observed, [1000.0] * 220)], noise=0.2) == (200, 200, 200)
    assert likeliest_change([(observed, [1000.0] * 220)]).first <= 200


@pytest.mark.parametrize("channels", [[], [([], [])]])
def test_nothing_to_date_is_refused(channels: list[tuple[list[float], list[float]]]) -> None:
    with pytest.raises(ValueError, match="expected at least one channel"):
        likeliest_change(channels)


@given(st.lists(st.tuples(st.integers(0, 10**6), st.floats(0.0, 1e6)), min_size=1, max_size=60), st.floats(0, 2))
def test_the_interval_holds_the_likeliest_bucket(rows: list[tuple[int, float]], noise: float) -> None:
    """Whatever the counts are, with buckets in which nothing is expected among them."""
    observed, expected = [float(n) for n, _ in rows], [mean for _, mean in rows]
    change = likeliest_change([(observed, expected)], noise)
    assert 0 <= change.earliest <= change.first <= change.latest < len(rows)
