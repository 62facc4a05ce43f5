"""What counts as found when a brand burns twice, and that the detector finds both."""

from __future__ import annotations

import msgspec
import pytest

from pipeline.evaluation.reports.simulated import second_table
from pipeline.evaluation.second_crises import days_of, outcome, run_second_crises
from schemas.alert import Alert, Transition
from schemas.observation import BUCKET_SECONDS
from tests.pipeline.evaluation.test_aftermath import BEGIN, alert

FIRST = BEGIN // BUCKET_SECONDS
SECOND = FIRST + 48 * 12


def crises(*told: tuple[float, Transition]) -> list[Alert]:
    """Alerts of crises so many hours after the first one began."""
    return [alert(hours, "crisis", transition) for hours, transition in told]


def grown(hours: float) -> Alert:
    """An update that says that the mentions of an hour have doubled."""
    return msgspec.structs.replace(alert(hours, "crisis", "updated"), changes=("volume",))


@pytest.mark.parametrize(
    ("alerts", "expected"),
    [
        (crises((1, "opened"), (9, "resolved"), (49, "opened")), (True, True, False, False)),
        (crises((1, "opened"), (9, "resolved"), (61, "opened")), (True, False, False, False)),
        (crises((1, "opened"), (50, "resolved")), (True, False, True, False)),
        (crises((1, "opened"), (50, "resolved"), (55, "opened")), (True, True, True, False)),
        (crises((13, "opened"), (20, "resolved"), (47, "opened"), (47.5, "resolved")), (False, False, False, False)),
        ([alert(1, "volume_surge", "opened")], (False, False, False, False)),
        ([*crises((1, "opened")), grown(49)], (True, False, True, True)),
        ([*crises((1, "opened"), (49, "updated"))], (True, False, True, False)),
        ([*crises((1, "opened")), grown(47)], (True, False, True, False)),
        ([*crises((1, "opened")), grown(61)], (True, False, True, False)),
        ([*crises((1, "opened"), (9, "resolved"), (49, "opened")), grown(50)], (True, True, False, False)),
    ],
    ids=[
        "both",
        "second-too-late",
        "still-open",
        "open-and-again",
        "between",
        "surge",
        "told-as-growth",
        "told-something-else",
        "growth-before-it",
        "growth-too-late",
        "growth-of-an-episode-of-its-own",
    ],
)
def test_a_crisis_is_found_by_an_alert_that_opens_within_its_horizon(alerts, expected):
    assert outcome(alerts, "sudden", FIRST, SECOND) == expected


def test_the_second_crisis_of_a_brand_is_found_as_the_first_one_is(monkeypatch):
    monkeypatch.setattr("pipeline.evaluation.second_crises.WARM_UP_DAYS", 9)
    days = []
    rows = run_second_crises(
        "ordinary", sizes=("M",), brands=3, seed=4, gaps=(2,), kinds=("sudden",), on_day=lambda: days.append(1)
    )
    (row,) = rows
    assert (row.first.value, row.second.value, row.still_open.value) == (1.0, 1.0, 0.0)
    assert (row.first.exposure, row.gap_days, row.kind) == (2.0, 2, "sudden")
    assert len(days) == 9 + 5
    assert second_table(rows).rows[0][:4] == ("ordinary", "M", "sudden", "2")
    assert days_of((2,), ("sudden",)) > 0


def test_a_second_crisis_within_a_day_is_told_by_the_open_episode(monkeypatch):
    monkeypatch.setattr("pipeline.evaluation.second_crises.WARM_UP_DAYS", 9)
    rows = run_second_crises("ordinary", sizes=("M",), brands=6, seed=4, gaps=(1,), kinds=("sudden",))
    (row,) = rows
    assert row.first.value == 1.0
    assert row.second.value + row.updated.value == 1.0
