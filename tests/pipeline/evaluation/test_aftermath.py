"""What the engine's own alerts say of the beginning and the end of staged crises."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import msgspec
import pytest

from pipeline.evaluation.aftermath import AftermathRow, Crises, days_of, read_crisis, run_aftermath
from pipeline.evaluation.reports.simulated import aftermath_table
from schemas.alert import Alert, Kind, Transition, Window, decode_alert
from schemas.moments import moment
from tests.schemas.contracts import examples

BEGIN = 1_772_323_200
"""A multiple of the bucket."""
TEMPLATE = decode_alert(next(path for path in examples("alert", "valid") if path.stem == "minimal").read_bytes())


def alert(hours: float, kind: Kind, transition: Transition, episode: str = "0c5e7719d2f4ab38") -> Alert:
    """An alert so many hours after the beginning, that dates it a quarter of an hour late."""
    began = moment(BEGIN + 900)
    return msgspec.structs.replace(
        TEMPLATE,
        kind=kind,
        transition=transition,
        episode_id=episode,
        detected_time=moment(BEGIN + hours * 3600),
        onset_time=began,
        onset_interval=Window(start=began - timedelta(minutes=20), end=began + timedelta(minutes=5)),
    )


def read(alerts: Sequence[Alert]) -> Crises:
    crises = Crises()
    read_crisis(crises, alerts, float(BEGIN), "sudden")
    return crises


CRISIS = [alert(1, "crisis", "opened"), alert(9, "crisis", "resolved")]


def test_a_crisis_is_dated_by_the_alert_that_opened_it() -> None:
    (dated,) = read(CRISIS).dated
    assert (dated.true, dated.said) == (BEGIN, BEGIN + 900)
    assert dated.interval == (BEGIN - 300, BEGIN + 1200)


@pytest.mark.parametrize("hours", [-1.0, 0.0, 12.5])
def test_an_alert_before_it_or_too_late_does_not_find_it(hours: float) -> None:
    crises = read([alert(hours, "crisis", "opened"), alert(20, "crisis", "resolved")])
    assert (crises.dated, crises.resolved) == ([], [0.0])


def test_what_opens_within_a_day_after_the_end_is_counted_by_kind() -> None:
    after = [
        alert(8, "volume_surge", "opened", "aaaaaaaaaaaa"),  # while it burns: part of it
        alert(9, "sentiment_shift", "opened", "bbbbbbbbbbbb"),
        alert(32, "crisis", "opened", "cccccccccccc"),
        alert(34, "sentiment_shift", "opened", "dddddddddddd"),  # more than a day later
    ]
    crises = read([*CRISIS, *after])
    assert crises.after == {"crisis": [1.0], "sentiment_shift": [1.0], "volume_surge": [0.0], "high_reach_post": [0.0]}
    assert crises.resolved == [1.0]


@pytest.fixture(scope="module")
def rows() -> list[AftermathRow]:
    days: list[None] = []
    found = run_aftermath(
        "ordinary", sizes=("M",), brands=3, stages=1, seed=5, kinds=("sudden",), on_day=lambda: days.append(None)
    )
    assert len(days) == days_of(("sudden",), 1)
    return found


def test_staged_crises_are_found_and_dated_by_the_engine(rows: list[AftermathRow]) -> None:
    (row,) = rows
    assert (row.world, row.size, row.kind, row.crises) == ("ordinary", "M", "sudden", 3)
    assert row.found >= 2
    assert row.onset is not None
    assert row.onset.median <= 20.0
    assert row.onset.lower <= row.onset.median <= row.onset.upper


def test_the_table_shows_every_row(rows: list[AftermathRow]) -> None:
    table = aftermath_table(rows)
    assert len(table.rows) == 1
    assert len(table.rows[0]) == len(table.columns)
    assert table.rows[0][:3] == ("ordinary", "M", "sudden")
