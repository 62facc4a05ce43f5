"""The response to an episode: silence is told once and in time, an answer once, that it fed the fire only if it did."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engine.episodes.response import (
    JUDGED_AFTER,
    Echo,
    Response,
    acknowledge,
    after_telling,
    answer,
    due,
    has_backfired,
)

CALM = Echo(earlier=40.0, before=40.0, after=30.0, usual=2.0)
FED = Echo(earlier=40.0, before=40.0, after=400.0, usual=2.0)


def told(
    response: Response | None, buckets: int, *, minutes: int | None = 30, echo: Echo = CALM
) -> list[tuple[int, str]]:
    """What is told of an episode that opened in bucket 0, bucket by bucket."""
    found: list[tuple[int, str]] = []
    for bucket in range(1, buckets):
        change = due(response, 0, bucket, minutes, lambda _: echo)
        if change is not None:
            response = after_telling(response, change)
            found.append((bucket, change))
    return found


def test_that_nobody_acted_is_told_once_when_the_time_is_over():
    assert told(None, 100) == [(6, "unanswered")]


def test_a_time_that_ends_within_a_bucket_is_over_at_its_end():
    assert told(None, 100, minutes=31) == [(7, "unanswered")]


def test_whoever_acts_is_not_reminded_and_without_a_deadline_nobody_is():
    assert told(acknowledge(None), 100) == []
    assert told(None, 100, minutes=None) == []


def test_an_answer_is_told_once_and_counts_as_acting():
    assert told(answer(None, 3), 100) == [(1, "answer")]


def test_an_answer_after_which_the_fire_grew_is_told_an_hour_later():
    assert told(answer(None, 3), 100, echo=FED) == [(1, "answer"), (3 + JUDGED_AFTER, "backfired")]


def test_a_later_answer_changes_nothing():
    first = answer(None, 3)
    assert answer(first, 50).answered == 3


@pytest.mark.parametrize(
    ("echo", "expected"),
    [
        (Echo(earlier=40, before=40, after=400, usual=2), True),
        (Echo(earlier=40, before=80, after=160, usual=2), False),  # it doubled, as it did before
        (Echo(earlier=40, before=40, after=55, usual=2), False),  # too little
        (Echo(earlier=0, before=0, after=6, usual=2), False),  # chance
        (Echo(earlier=40, before=40, after=400, usual=2, dispersion=80), False),  # a brand that jumps by itself
        (Echo(earlier=0, before=0, after=0, usual=0), False),
    ],
)
def test_the_fire_has_grown_beyond_what_the_hours_before_let_expect(echo, expected):
    assert has_backfired(echo) is expected


@given(st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0, 1e3), st.floats(1, 50))
def test_what_goes_on_as_it_went_or_falls_is_never_blamed_on_the_answer(earlier, before, usual, dispersion):
    assert not has_backfired(Echo(earlier, before, before, usual, dispersion))
