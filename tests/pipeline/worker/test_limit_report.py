"""Whoever runs the worker is told when it holds as many brands as it may."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from pipeline.engine.stats import EngineStats
from pipeline.worker.limit_report import LimitReport
from schemas.rejection import Reason
from tests.fakes import Clock


@pytest.fixture
def lines() -> Iterator[list[Any]]:
    with capture_logs() as captured:
        yield captured


def test_a_limit_that_is_reached_is_told_with_what_was_forgotten_and_refused(lines: list[Any]) -> None:
    report, stats = LimitReport(3, 100, Clock(0.0)), EngineStats()
    stats.forgotten["silent"] = stats.forgotten["new"] = 9
    stats.rejected[Reason.MALFORMED_JSON] = 9
    report.look(stats)
    assert not lines
    stats.forgotten["limit"] = 5
    stats.rejected[Reason.TOO_MANY_BRANDS] = 2
    report.look(stats)
    (line,) = lines
    assert line["log_level"] == "warning"
    assert (line["partition"], line["max_brands"]) == (3, 100)
    assert (line["brands_forgotten"], line["mentions_refused"]) == (5, 2)


def test_there_is_at_most_one_line_a_minute_and_it_tells_of_all_since_the_last(lines: list[Any]) -> None:
    clock, stats = Clock(0.0), EngineStats()
    report = LimitReport(0, 100, clock)
    for clock.now in range(200):
        stats.forgotten["limit"] += 1
        report.look(stats)
    assert [line["brands_forgotten"] for line in lines] == [1, 60, 60, 60]


def test_a_limit_that_is_no_longer_reached_is_not_told_again(lines: list[Any]) -> None:
    clock, stats = Clock(0.0), EngineStats()
    report = LimitReport(0, 100, clock)
    stats.rejected[Reason.TOO_MANY_BRANDS] = 1
    for clock.now in range(0, 600, 10):
        report.look(stats)
    assert len(lines) == 1
