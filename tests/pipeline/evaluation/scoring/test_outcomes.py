"""Recall, delay and false alarms mean what their names say."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pipeline.evaluation.scoring.controls import always_on, never_on, random_at
from pipeline.evaluation.scoring.outcomes import (
    Delays,
    delay_quartiles,
    estimate,
    false_alarms_per_year,
    first_delay,
    found,
)

YEAR = 288 * 365


def at(*starts: int) -> np.ndarray:
    return np.array(starts, np.int64)


def test_a_rate_is_events_over_exposure_with_an_interval_around_it():
    rate = estimate([0, 1, 2, 1, 0, 3], [1.0] * 6)
    assert rate.value == pytest.approx(7 / 6)
    assert 0.0 < rate.low < rate.value < rate.high
    assert (rate.events, rate.exposure) == (7, 6)


def test_the_interval_narrows_with_more_brands():
    few, many = estimate([0, 1] * 10, [1.0] * 20), estimate([0, 1] * 400, [1.0] * 800)
    assert many.high - many.low < 0.3 * (few.high - few.low)


def test_no_event_is_not_certainty():
    """Nothing in 30 brand-years still allows 3 / 30 a year."""
    rate = estimate([0] * 10, [3.0] * 10)
    assert rate.value == rate.low == 0.0
    assert rate.high == pytest.approx(0.1, rel=0.01)


def test_finding_everything_is_not_certainty():
    recall = found([[5.0], [10.0], [15.0], [20.0]]).recall
    assert (recall.value, recall.high) == (1.0, 1.0)
    assert recall.low == pytest.approx(1 - 3 / 4, abs=0.01)


def test_exposure_must_be_there():
    with pytest.raises(ValueError, match="exposure > 0"):
        estimate([], [])


def test_a_missed_crisis_took_for_ever():
    assert delay_quartiles([10.0, 20.0, math.inf, math.inf]) == Delays(10.0, 20.0, None)
    assert delay_quartiles([]) == Delays(None, None, None)


@pytest.mark.parametrize(
    ("starts", "minutes"),
    [
        pytest.param(at(100), 5.0, id="in-the-bucket-of-the-onset"),
        pytest.param(at(90, 103), 20.0, id="an-alarm-before-the-onset-finds-nothing"),
        pytest.param(at(243), 720.0, id="just-within-the-horizon"),
        pytest.param(at(244), math.inf, id="just-past-the-horizon"),
        pytest.param(at(), math.inf, id="never"),
    ],
)
def test_delay_counts_from_the_onset_to_the_end_of_the_bucket_that_rang(starts, minutes):
    assert first_delay(starts, 100, 144) == minutes


def test_false_alarms_are_counted_per_watched_year():
    rate = false_alarms_per_year([at(1, 2), at()], [YEAR, YEAR])
    assert rate.value == pytest.approx(1.0)


def test_always_on_rings_after_every_cool_down_and_never_on_never():
    (starts,) = always_on(1, 300, 96)
    assert starts.tolist() == [0, 96, 192, 288]
    assert [own.size for own in never_on(3)] == [0, 0, 0]


def test_random_alarms_come_as_often_as_asked_for_and_keep_the_cool_down():
    starts = random_at(10 / YEAR, 200, YEAR, 96, seed=1)
    assert np.mean([own.size for own in starts]) == pytest.approx(10.0, rel=0.1)
    assert all((np.diff(own) >= 96).all() for own in starts)
    assert starts[0].tolist() != starts[1].tolist()
