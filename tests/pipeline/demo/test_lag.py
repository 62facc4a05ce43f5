"""That alerts come late on a slow machine is said in one line; on one that keeps the pace nothing is."""

from __future__ import annotations

import pytest

from pipeline.demo.lag import Lag, has_read

DAY = 1_772_582_400.0  # 2026-03-04 00:00 UTC
HOUR = 3600.0


def begun(speed: float = 900.0) -> Lag:
    """A day whose first record went out when the clock stood at 100."""
    lag = Lag(speed, DAY + 24 * HOUR)
    lag.begin(DAY, 100.0)
    lag.begin(DAY + 5 * HOUR, 140.0)  # of later records
    return lag


def test_a_worker_that_is_hours_behind_is_told_with_how_much_and_why() -> None:
    told = begun().told(DAY + HOUR, 120.0)
    assert "alerts are at 04 Mar 01:00 UTC, 4 h 0 min of event time behind" in told
    assert "900 times real time" in told
    assert "They come later, with the same figures; with --speed 60 it has more time" in told


@pytest.mark.parametrize("speed", [1.0, 60.0, 900.0, 3600.0])
def test_what_every_machine_is_behind_is_not_told(speed: float) -> None:
    lag = begun(speed)
    assert lag.told(DAY + speed * 10.0 - 600.0, 120.0) == ""
    assert lag.told(DAY + speed * 9.0 - 900.0, 120.0) != ""


def test_nothing_is_told_before_the_day_begins_or_before_the_worker_has_read_anything() -> None:
    assert Lag(900.0, DAY + 24 * HOUR).told(DAY - 40 * HOUR, 1e6) == ""
    assert begun().told(None, 1e6) == ""


def test_after_the_end_of_the_day_only_what_is_left_of_it_counts_as_behind() -> None:
    assert begun().behind(DAY + 24 * HOUR, 1e6) == 0.0
    assert begun().behind(DAY + 23 * HOUR, 1e6) == HOUR


@pytest.mark.parametrize(
    ("watermark", "expected"), [(None, False), (DAY - HOUR, False), (DAY - 600.0, True), (DAY, True)]
)
def test_the_day_may_begin_once_the_worker_has_read_the_days_before(watermark: float | None, expected: bool) -> None:
    assert has_read(watermark, DAY) == expected
