"""One event is told once: kinds that belong together, second fires, and what a crisis leaves in the windows."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.config.model import Config
from pipeline.engine.engine import Engine
from schemas.alert import Alert, Kind
from schemas.moments import moment
from schemas.observation import BUCKET_SECONDS, Observation
from tests.pipeline.mention_streams import START

HOUR = 12
"""Buckets."""
CALM_HOURS = 96
SLOW = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class Burst(NamedTuple):
    """So many hours with this many times the mentions, of which this share is negative; hours since the calm days."""

    begin: float
    hours: float
    ratio: float
    share: float


def alerts_of(bursts: Sequence[Burst], *, hours: int, rate: float = 40.0, seed: int = 1) -> list[Alert]:
    """Alerts about a brand of four calm days, in which 15 % are negative, and so many hours with bursts after them."""
    r = random.Random(seed)
    rows = []
    for bucket in range((CALM_HOURS + hours) * HOUR):
        since = bucket / HOUR - CALM_HOURS
        ratio, share = next(
            ((one.ratio, one.share) for one in bursts if one.begin <= since < one.begin + one.hours), (1.0, 0.15)
        )
        mean = rate / HOUR * ratio
        mentions = max(round(r.gauss(mean, mean**0.5)), 0)
        negatives = sum(r.random() < share for _ in range(mentions))
        start = START + bucket * BUCKET_SECONDS
        rows.append(Observation(brand="acme", start=start, mentions=mentions, negatives=float(negatives)))
    engine = Engine(0, Config())
    engine.ingest_observations(rows)
    engine.close_due()
    return engine.take_outputs().alerts


def opened(alerts: Sequence[Alert], *kinds: Kind) -> list[Alert]:
    return [alert for alert in alerts if alert.transition == "opened" and (not kinds or alert.kind in kinds)]


def at(hours: float) -> float:
    """Unix time so many hours after the calm days."""
    return START + (CALM_HOURS + hours) * 3600


STORM = Burst(0, 3, 10.0, 0.8)


@pytest.mark.parametrize("seed", range(4))
def test_nothing_opens_on_the_old_burst_once_a_crisis_is_resolved(seed: int) -> None:
    """Windows of half a day and a day are full of it for longer than it lasts."""
    alerts = alerts_of([STORM], hours=60, seed=seed)
    (crisis,) = opened(alerts, "crisis")
    assert opened(alerts) == [crisis] or {alert.kind for alert in opened(alerts)} == {"crisis", "volume_surge"}
    ended = next(alert for alert in alerts if alert.kind == "crisis" and alert.transition == "resolved")
    assert all(alert.detected_time <= ended.detected_time for alert in alerts)


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (Burst(26, 4, 12.0, 0.9), "crisis"),
        (Burst(26, 6, 1.0, 0.8), "sentiment_shift"),
        (Burst(26, 4, 9.0, 0.0), "volume_surge"),
    ],
)
def test_a_new_event_on_the_day_after_a_crisis_opens_by_its_own_mentions(event: Burst, kind: Kind) -> None:
    alerts = alerts_of([STORM, event], hours=40)
    ended = next(alert for alert in alerts if alert.kind == "crisis" and alert.transition == "resolved")
    later = [alert for alert in opened(alerts) if alert.detected_time > ended.detected_time]
    assert [alert.kind for alert in later] == [kind]
    assert later[0].window.start >= ended.detected_time
    assert at(26) - 600 <= later[0].onset_time.timestamp() < later[0].detected_time.timestamp() <= at(30)


@pytest.mark.parametrize("gap", [7.0, 9.0])
def test_a_second_crisis_in_the_cool_down_is_shown_at_once_as_the_same_fire(gap: float) -> None:
    alerts = alerts_of([STORM, Burst(3 + gap, 3, 10.0, 0.8)], hours=48)
    ended = next(alert for alert in alerts if alert.kind == "crisis" and alert.transition == "resolved")
    assert at(gap - 3) < ended.detected_time.timestamp() < at(3 + gap)  # six hours of cool-down
    first, second = opened(alerts, "crisis")
    assert second.detected_time - moment(at(3 + gap)) <= timedelta(minutes=30)
    assert (second.parent_episode_id, second.incident_id) == (first.episode_id, first.incident_id)


def surge_then_crisis() -> list[Alert]:
    """Praise that turns."""
    return alerts_of([Burst(0, 3, 6.0, 0.1), Burst(3, 4, 12.0, 0.8)], hours=40)


def test_a_surge_that_becomes_a_crisis_is_part_of_it_and_ends_with_it() -> None:
    """It is told so, is linked both ways, shares the incident, and is not over while the crisis burns."""
    alerts = surge_then_crisis()
    surge, crisis = opened(alerts)
    assert (surge.kind, crisis.kind) == ("volume_surge", "crisis")
    assert crisis.related_episode_ids == (surge.episode_id,)
    assert crisis.incident_id == surge.incident_id == surge.episode_id
    told = [alert for alert in alerts if alert.episode_id == surge.episode_id and alert.changes in {(), ("joined",)}]
    assert [alert.transition for alert in told] == ["opened", "updated", "resolved"]
    assert [alert.related_episode_ids for alert in told[1:]] == [(crisis.episode_id,)] * 2
    ended = next(alert for alert in alerts if alert.kind == "crisis" and alert.transition == "resolved")
    assert told[1].detected_time == crisis.detected_time
    assert told[2].detected_time == ended.detected_time


@pytest.mark.parametrize("bursts", [[STORM], [Burst(0, 3, 6.0, 0.1), Burst(3, 30, 12.0, 0.8)]])
def test_what_is_expected_is_the_normal_of_the_onset_however_long_the_fire_burns(bursts: list[Burst]) -> None:
    """40 an hour at 15 %: a day of twelve times as many teaches the alerts of the episode nothing."""
    alerts = [alert for alert in alerts_of(bursts, hours=70) if alert.kind == "crisis"]
    assert {alert.transition for alert in alerts} >= {"opened", "resolved"}
    for alert in alerts:
        hours = (alert.window.end - alert.window.start) / timedelta(hours=1)
        assert alert.expected.value == pytest.approx(40.0 * hours, rel=0.12), alert.transition
        assert alert.expected.negative_share == pytest.approx(0.15, abs=0.03)


def test_the_gauge_of_a_brand_in_a_crisis_shows_the_normal_of_its_onset() -> None:
    r = random.Random(3)
    engine = Engine(0, Config())
    shown = []
    for bucket in range((CALM_HOURS + 30) * HOUR):
        burns = bucket >= CALM_HOURS * HOUR
        mentions = r.randrange(38, 42) if burns else r.randrange(2, 6)
        start = START + bucket * BUCKET_SECONDS
        row = Observation(brand="acme", start=start, mentions=mentions, negatives=mentions * (0.8 * burns))
        engine.ingest_observations([row])
        engine.close_due()
        view = engine.brand_view("acme")
        if burns and view is not None and any(True for _ in engine.open_episodes()):
            shown.append(view.expected)
    assert len(shown) > 20 * HOUR
    assert max(shown) == pytest.approx(min(shown), rel=0.25)  # the season of a short history, and nothing else
    assert max(shown) < 6.0


def test_a_sentiment_shift_needs_a_negative_mention_in_its_window() -> None:
    """A decayed sum remembers negatives that its window no longer holds."""
    rates = [Burst(0, 0.5, 1.5, 1.0)]
    for seed in range(6):
        for alert in opened(alerts_of(rates, hours=8, rate=400.0, seed=seed), "sentiment_shift", "crisis"):
            assert alert.observed.negatives > 0.0


bursts = st.lists(
    st.builds(
        Burst,
        begin=st.floats(0, 60),
        hours=st.floats(0.5, 8),
        ratio=st.sampled_from([0.3, 1.0, 1.5, 3.0, 8.0, 20.0]),
        share=st.sampled_from([0.0, 0.15, 0.4, 0.8, 1.0]),
    ),
    min_size=1,
    max_size=6,
)


@SLOW
@given(bursts, st.sampled_from([3.0, 40.0, 600.0]), st.integers(0, 1000))
def test_whatever_happens_every_episode_is_told_once_and_nothing_opens_on_a_crisis_that_is_over(
    bursts: list[Burst], rate: float, seed: int
) -> None:
    alerts = alerts_of(bursts, hours=120, rate=rate, seed=seed)
    by_episode: defaultdict[str, list[Alert]] = defaultdict(list)
    for alert in alerts:
        by_episode[alert.episode_id].append(alert)
    for told in by_episode.values():
        names = Counter(alert.transition for alert in told)
        assert (names["opened"], names["resolved"]) == (1, 1), names
        assert (told[0].transition, told[-1].transition) == ("opened", "resolved")
        assert len({(a.kind, a.onset_time, a.expected.negative_share) for a in told}) == 1
    burning: Alert | None = None
    ends = []
    for alert in alerts:
        if alert.kind == "crisis" and alert.transition == "opened":
            burning = alert
        elif alert.transition == "opened":
            assert burning is None, "a facet opened while the crisis burns"
        elif alert.transition == "resolved" and alert.kind != "crisis":
            assert burning is None, "a facet ended while the crisis burns"
        if alert.kind == "crisis" and alert.transition == "resolved":
            burning = None
            ends.append(alert.detected_time)
        if alert.transition == "opened":
            recent = [end for end in ends if alert.detected_time - end <= timedelta(days=3)]
            assert all(alert.window.start >= end for end in recent)
            assert all(alert.onset_time >= end for end in recent)
            assert alert.onset_interval is not None
            assert alert.onset_interval.start <= alert.onset_time < alert.onset_interval.end <= alert.detected_time
