"""Whether an alert goes to a target now, later or never, and why."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.notify.config import TargetSection
from pipeline.notify.decision import HELD, Past, Reason, decide, main_language
from schemas.alert import KINDS, SEVERITIES, TRANSITIONS
from schemas.evidence import Evidence
from tests.pipeline.notify.examples import crisis

NIGHT = datetime(2026, 3, 2, 3, 0, tzinfo=ZoneInfo("Asia/Tokyo")).timestamp()
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=ZoneInfo("Asia/Tokyo")).timestamp()
QUIET = "22:00-07:00 Asia/Tokyo"
TOLD = Past(told=True)
USED_UP = Past(recent=60)


def section(**changes: Any) -> TargetSection:
    return TargetSection(**({"type": "apprise", "url": "json://h"} | changes))


def decided(alert, target=None, past=None, now=NOON, age=0.0) -> Reason:
    return decide(target or section(), alert, past or Past(), now=now, published=now - age)


def test_an_alert_that_nothing_speaks_against_is_sent():
    assert decided(crisis()) is Reason.SEND


def test_what_the_target_has_is_not_sent_again():
    assert decided(crisis(), past=Past(delivered=True, told=True)) is Reason.ALREADY_DELIVERED


@pytest.mark.parametrize(
    ("target", "alert", "reason"),
    [
        ({"brands": ("zeta",)}, {}, Reason.OTHER_BRAND),
        ({"brands": ("acme",)}, {}, Reason.SEND),
        ({"brands": ("zeta",), "categories": ("food",)}, {"category": "food"}, Reason.SEND),
        ({"categories": ("food",)}, {"category": "cars"}, Reason.OTHER_BRAND),
        ({"categories": ("food",)}, {"scope": "category", "brand": "food"}, Reason.SEND),
        ({"brands": ("food",)}, {"scope": "category", "brand": "food"}, Reason.OTHER_BRAND),
        ({"kinds": ("volume_surge",)}, {}, Reason.OTHER_KIND),
        ({"transitions": ("escalated",)}, {}, Reason.OTHER_TRANSITION),
        ({"min_severity": "critical"}, {}, Reason.BELOW_SEVERITY),
        ({"min_severity": "warning"}, {}, Reason.SEND),
        ({"languages": ("ja",)}, {}, Reason.OTHER_LANGUAGE),
        ({"languages": ("de", "en")}, {}, Reason.SEND),
    ],
)
def test_a_target_hears_what_it_asked_for(target, alert, reason):
    assert decided(crisis(**alert), section(**target)) is reason


def test_what_a_target_was_told_of_it_hears_to_the_end():
    target = section(min_severity="critical", languages=("ja",))
    assert decided(crisis("updated"), target, TOLD) is Reason.SEND
    assert decided(crisis("resolved"), target, TOLD) is Reason.SEND


def test_an_end_is_no_news_to_who_heard_of_no_beginning_but_closes_a_pager():
    assert decided(crisis("resolved")) is Reason.NOT_TOLD
    pager = section(type="pagerduty", secret_env="KEY", url=None)
    assert decided(crisis("resolved"), pager) is Reason.SEND
    assert decided(crisis("resolved"), pager, age=999_999.0) is Reason.NOT_TOLD
    assert decided(crisis("resolved"), msgspec.structs.replace(pager, min_severity="critical")) is Reason.BELOW_SEVERITY


def test_a_pager_stays_open_while_another_episode_of_the_incident_is():
    pager = section(type="pagerduty", secret_env="KEY", url=None)
    assert decided(crisis("resolved"), pager, Past(told=True, shared=True)) is Reason.INCIDENT_OPEN


def test_in_quiet_hours_only_what_is_critical_comes_through():
    target = section(quiet_hours=QUIET)
    assert decided(crisis(), target, now=NIGHT) is Reason.QUIET_HOURS
    assert decided(crisis(), target, now=NOON) is Reason.SEND
    assert decided(crisis("escalated", severity="critical"), target, now=NIGHT) is Reason.SEND
    assert decided(crisis("resolved", severity="critical"), target, TOLD, now=NIGHT) is Reason.QUIET_HOURS


def test_a_pager_is_closed_in_quiet_hours_above_the_rate_and_however_old():
    pager = section(type="pagerduty", secret_env="KEY", url=None, quiet_hours=QUIET)
    assert decided(crisis("resolved"), pager, Past(told=True, recent=60), NIGHT, 999_999.0) is Reason.SEND


def test_above_the_rate_only_a_critical_beginning_comes_through():
    assert decided(crisis(), past=USED_UP) is Reason.RATE_LIMITED
    assert decided(crisis("escalated", severity="critical"), past=USED_UP) is Reason.SEND
    assert decided(crisis("updated", severity="critical"), past=USED_UP) is Reason.RATE_LIMITED
    assert decided(crisis(), past=Past(recent=59)) is Reason.SEND
    assert decided(crisis(), section(rate_per_hour=10), Past(recent=10)) is Reason.RATE_LIMITED
    assert decided(crisis(), section(type="webhook", secret_env="KEY"), USED_UP) is Reason.SEND


def test_what_is_too_old_waits_whatever_it_is():
    old = 6 * 3600 + 1
    assert decided(crisis("escalated", severity="critical"), age=old) is Reason.TOO_OLD
    assert decided(crisis("resolved"), past=TOLD, age=old) is Reason.TOO_OLD
    assert decided(crisis(), age=old - 2) is Reason.SEND


def test_the_language_of_most_mentions_is_the_main_one_and_unlisted_ones_are_none():
    def of(**languages: int) -> str:
        return main_language(crisis(evidence=Evidence(languages=languages)))

    assert (of(en=3, ja=5, other=9), of(other=9), of()) == ("ja", "", "")


@given(
    st.sampled_from(KINDS),
    st.sampled_from(TRANSITIONS),
    st.sampled_from(SEVERITIES),
    st.builds(Past, delivered=st.booleans(), told=st.booleans(), shared=st.booleans(), recent=st.integers(0, 100)),
    st.floats(0, 1e6),
    st.floats(0, 90_000),
    st.sampled_from(["apprise", "alertmanager", "pagerduty", "webhook"]),
)
def test_a_critical_beginning_is_never_lost_or_put_off_unless_it_is_old_or_delivered(
    kind, transition, severity, past, age, of_day, target
):
    alert = crisis(transition, kind=kind, severity=severity)
    reason = decide(section(type=target, quiet_hours=QUIET), alert, past, now=NIGHT + of_day, published=NIGHT - age)
    if severity == "critical" and transition in {"opened", "escalated"} and not past.delivered:
        assert reason is (Reason.TOO_OLD if of_day + age > 6 * 3600 else Reason.SEND)
    if transition != "resolved":
        assert reason in HELD | {Reason.SEND, Reason.ALREADY_DELIVERED}
    elif target in {"alertmanager", "pagerduty"}:
        assert reason in {Reason.SEND, Reason.ALREADY_DELIVERED, Reason.INCIDENT_OPEN} | (
            {Reason.NOT_TOLD} if of_day + age > 6 * 3600 else set()
        )
