"""Crises in fleets that burn: 24 brands show that the figures are made, not how good they are."""

from __future__ import annotations

import pytest

from pipeline.evaluation.crowded import days_of, run_crowded
from pipeline.evaluation.reports.simulated import crowded_table


@pytest.fixture(scope="module")
def rows():
    days = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.evaluation.crowded.WARM_UP_DAYS", 16)
        found = run_crowded(
            "ordinary", sizes=("M",), brands=24, seed=3, shares=(0.0, 1.0), on_day=lambda: days.append(1)
        )
        assert len(days) == days_of((0.0, 1.0))
    return {row.share: row for row in found}


def test_crises_are_found_in_a_fleet_that_has_burnt_as_in_a_quiet_one(rows):
    for kind in ("sudden", "slow"):
        quiet, burnt = rows[0.0].crises[kind].recall, rows[1.0].crises[kind].recall
        assert quiet.exposure == burnt.exposure == 24
        assert burnt.value >= quiet.value - 0.15


def test_false_alarms_are_of_brands_without_a_crisis(rows):
    assert rows[0.0].false_alarms.exposure == pytest.approx(24 * 14 / 365)
    assert rows[1.0].false_alarms is None


def test_the_table_shows_every_share(rows):
    shown = crowded_table(list(rows.values())).rows
    assert [row[2] for row in shown] == ["0%", "100%"]
    assert shown[1][-1] == "-"
