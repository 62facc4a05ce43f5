"""Who was told: target by target, however often and in whatever order the records come."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from pipeline.report.compose import review
from pipeline.report.sections import outline_of
from pipeline.report.told import Told, told_of
from pipeline.report.words import LANGUAGES
from schemas.alert import Alert
from schemas.delivery import Delivery, new_delivery
from tests.pipeline.report.recorded import recorded

ALERTS, _ = recorded()
OPENED, RESOLVED = ALERTS[0], ALERTS[-1]


def told(alert: Alert, target: str, minutes: float, **fields: str | int) -> Delivery:
    time = OPENED.detected_time + timedelta(minutes=minutes)
    return new_delivery(alert, target=(target, "apprise"), time=time, **fields)  # type: ignore[arg-type]


DELIVERIES = [
    told(OPENED, "chat", 2),
    told(OPENED, "pager", 1),
    told(RESOLVED, "chat", 90, waited="quiet_hours", together=3),
    told(OPENED, "tickets", 0.5, outcome="refused", why="status 422"),
]


@given(st.permutations(DELIVERIES + DELIVERIES[:2]))
def test_each_target_is_told_of_once_in_the_order_of_its_first_alert_and_who_took_nothing_last(deliveries):
    pager, chat, tickets = told_of(deliveries)
    assert (pager.target, pager.first, pager.last, pager.alerts) == ("pager", DELIVERIES[1].time, pager.first, 1)
    assert (chat.first, chat.last, chat.alerts) == (DELIVERIES[0].time, DELIVERIES[2].time, 2)
    assert (chat.first_alert, chat.last_alert, chat.waited) == ("opened", "resolved", ("quiet_hours",))
    assert tickets == Told(target="tickets", target_type="apprise", refused=1, why="status 422")


def test_the_time_to_tell_is_that_from_the_alarm_to_the_first_target_that_took_it():
    assert review(ALERTS, deliveries=DELIVERIES).times.alert_to_told == 1.0
    assert review(ALERTS, deliveries=DELIVERIES[3:]).times.alert_to_told is None


def test_a_report_says_who_was_told_when_and_how_in_every_language_and_nothing_where_nothing_is_recorded():
    found = review(ALERTS, deliveries=DELIVERIES)
    for language in LANGUAGES:
        sections = {one.name: one for one in outline_of(found, language).sections}
        rows = [[cell.text for cell in row] for row in sections["told"].blocks[1].rows]
        assert [row[0] for row in rows] == ["pager", "chat", "tickets"]
        assert rows[0][2].startswith(f"{DELIVERIES[1].time:%Y-%m-%d %H:%M:%S}")
        assert "422" in rows[2][-1]
        assert rows[0][-1] == ""
        assert rows[1][-1] != ""
    assert "told" not in {one.name for one in outline_of(review(ALERTS), "en").sections}
