"""What an alert of a brand says is what was in the mentions: counts of its window, posts, duties, who it is."""

from __future__ import annotations

import json
import random
import re
from collections import defaultdict
from datetime import datetime, timedelta

import pytest

from pipeline.config.model import BrandSection, Config, ConfigFile, DetectionConfig
from pipeline.config.playbooks import PlaybookConfig
from pipeline.engine.alerts.brand_alert import take_suppressed
from pipeline.engine.episodes.episode import new_episodes
from pipeline.engine.episodes.suppression import Suppression
from pipeline.engine.records import Record
from schemas.alert import Alert, Kind, encode_alert
from schemas.moments import moment
from tests.pipeline.engine.engine_runs import undisturbed
from tests.pipeline.mention_streams import START, mention, record, tick
from tests.schemas.contracts import validator

HOUR = 3600.0
PLAYBOOK = PlaybookConfig(owner="duty-officer", link="https://wiki.example", respond_within_minutes=30)
CONFIG = Config(
    ConfigFile(
        # So that the second crisis is a flare-up of the first within the stream.
        detection=DetectionConfig(quiet_minutes=60, cool_down_minutes=60),
        brands={"acme": BrandSection(playbook=PLAYBOOK)},
    )
)
Draft = tuple[float, str, float, int]
"""Event time, brand, sentiment, reach."""


def drafts() -> list[Draft]:
    """Two brands of some mentions an hour for 52 hours; at 30 and 38 acme is blamed, at 44 bolt is praised."""
    r = random.Random(1)
    found = []
    for hour in range(52):
        for brand in ("acme", "bolt"):
            loud = (brand == "acme" and hour in {30, 38}) or (brand == "bolt" and hour == 44)
            for _ in range(r.randrange(4) + 70 * loud):
                is_negative = r.random() < (0.8 if loud and brand == "acme" else 0.1)
                sentiment = -0.9 if is_negative else 0.5
                found.append((START + HOUR * (hour + r.random()), brand, sentiment, r.randrange(1, 1_000_000)))
    return sorted(found)


DRAFTS = drafts()


def words(number: int) -> str:
    """Twelve words that no other post has: a crowd with one text would be no crowd."""
    r = random.Random(number)
    return " ".join("".join(r.choices("abcdefghijklmnop", k=7)) for _ in range(12))


def records() -> list[Record]:
    stream = [
        record(
            number,
            mention(
                brand=brand,
                id=f"id\x1b{number}",
                text=f"number {number} {words(number)} \x1b[31m" + "x" * 500,
                at=at,
                sentiment=sentiment,
                reach=reach,
                platform="reddit" if number % 3 else "x",
                author={"id": f"a{number}"},
            ),
            brand.encode(),
        )
        for number, (at, brand, sentiment, reach) in enumerate(DRAFTS)
    ]
    return [*stream, tick(len(stream), START + 54 * HOUR)]


@pytest.fixture(scope="module")
def alerts() -> list[Alert]:
    return undisturbed(records(), CONFIG).outputs.alerts


def within(alert: Alert, start: datetime, end: datetime) -> list[tuple[int, Draft]]:
    """Mentions of the alert's brand in [start, end), with their number."""
    low, high = start.timestamp(), end.timestamp()
    return [(n, draft) for n, draft in enumerate(DRAFTS) if draft[1] == alert.brand and low <= draft[0] < high]


def test_the_stream_has_alerts_of_every_transition(alerts: list[Alert]) -> None:
    assert {(alert.brand, alert.kind, alert.transition) for alert in alerts} >= {
        ("acme", "crisis", "opened"),
        ("acme", "crisis", "escalated"),
        ("acme", "crisis", "resolved"),
        ("bolt", "volume_surge", "opened"),
        ("bolt", "volume_surge", "resolved"),
    }


def test_every_alert_is_one_of_the_published_contract(alerts: list[Alert]) -> None:
    for alert in alerts:
        validator("alert", 1).validate(json.loads(encode_alert(alert)))


def test_what_was_observed_is_what_was_written_in_the_window(alerts: list[Alert]) -> None:
    for alert in alerts:
        inside = within(alert, alert.window.start, alert.window.end)
        negatives = sum(sentiment < 0 for _, (_, _, sentiment, _) in inside)
        assert (alert.observed.mentions, alert.observed.negatives) == (len(inside), negatives), alert.id
        share = negatives / len(inside) if inside else 0.0
        assert alert.observed.negative_share == pytest.approx(share, abs=1e-4)
        assert alert.observed.counted is None  # copies are not weighed unless asked for


def test_an_alert_opens_at_the_end_of_its_window_above_its_threshold_and_what_was_expected(
    alerts: list[Alert],
) -> None:
    for alert in alerts:
        assert alert.window.end == alert.detected_time
        assert alert.onset_time < alert.detected_time
        for time in (alert.window.start, alert.detected_time, alert.onset_time):
            assert time.timestamp() % 300 == 0
        assert alert.expected.lower <= alert.expected.value <= alert.expected.upper
        if alert.transition == "opened":
            assert alert.score.value >= alert.score.threshold
            assert alert.observed.mentions > alert.expected.upper


def test_the_contributions_sum_to_the_score(alerts: list[Alert]) -> None:
    for alert in alerts:
        assert sum(alert.contributions.values()) == pytest.approx(alert.score.value)
        assert set(alert.contributions) == {"volume", "negativity"}
        if alert.kind == "volume_surge":
            assert alert.contributions["negativity"] == 0.0


def test_the_crises_begin_when_they_were_staged(alerts: list[Alert]) -> None:
    """As closely as two mentions an hour allow, and within the interval that the alert gives."""
    crises = [a for a in alerts if (a.kind, a.transition) == ("crisis", "opened")]
    for crisis, hour in zip(crises, (30, 38), strict=True):
        began = moment(START + hour * HOUR)
        assert abs(crisis.onset_time - began) <= timedelta(minutes=20)
        assert crisis.onset_interval is not None
        assert crisis.onset_interval.start <= began <= crisis.onset_interval.end


def test_the_posts_are_those_of_the_hour_with_the_greatest_reach_and_harmless(alerts: list[Alert]) -> None:
    for alert in alerts:
        if alert.transition != "opened":
            continue
        hour = within(alert, alert.detected_time - timedelta(hours=1), alert.detected_time)
        speaking = [one for one in hour if alert.kind == "volume_surge" or one[1][2] < 0]
        largest = sorted(speaking, key=lambda one: -one[1][3])[: len(alert.evidence.posts)]
        assert [post.reach for post in alert.evidence.posts] == [reach for _, (_, _, _, reach) in largest]
        assert [post.id for post in alert.evidence.posts] == [f"id\ufffd{number}" for number, _ in largest]
        for post in alert.evidence.posts:
            assert "\x1b" not in post.excerpt
            assert len(post.excerpt) <= 280


def test_platforms_languages_authors_and_reach_are_those_of_the_window(alerts: list[Alert]) -> None:
    assert any(alert.window.end - alert.window.start > timedelta(minutes=30) for alert in alerts)
    for alert in alerts:
        inside = within(alert, alert.window.start, alert.window.end)
        assert sum(alert.evidence.platforms.values()) == sum(alert.evidence.languages.values()) == len(inside)
        assert alert.evidence.platforms.get("reddit", 0) == sum(number % 3 > 0 for number, _ in inside)
        assert list(alert.evidence.platforms.values()) == sorted(alert.evidence.platforms.values(), reverse=True)
        assert alert.evidence.reach == sum(reach for _, (_, _, _, reach) in inside)
        assert alert.evidence.authors == pytest.approx(len(inside), rel=0.05, abs=1)


def test_alerts_of_one_episode_share_its_identity_and_the_next_one_names_it_as_its_parent(alerts: list[Alert]) -> None:
    assert len({alert.id for alert in alerts}) == len(alerts)
    assert all(re.fullmatch(r"[0-9a-f]{32}", alert.id) for alert in alerts)
    episodes = defaultdict(list)
    for alert in alerts:
        episodes[alert.episode_id].append(alert)
    for found in episodes.values():
        transitions = [alert.transition for alert in found if alert.transition not in {"escalated", "updated"}]
        assert transitions == ["opened", "resolved"]
        assert len({(a.brand, a.kind, a.onset_time, a.parent_episode_id, a.score.threshold) for a in found}) == 1
    first, second = (found for found in episodes.values() if found[0].kind == "crisis")
    assert first[0].parent_episode_id is None
    assert second[0].parent_episode_id == first[0].episode_id


def test_the_same_mentions_give_the_same_alerts_to_the_byte(alerts: list[Alert]) -> None:
    again = undisturbed(records(), CONFIG).outputs.alerts
    assert [encode_alert(alert) for alert in again] == [encode_alert(alert) for alert in alerts]


def test_the_duties_are_the_brands_and_run_from_the_opening(alerts: list[Alert]) -> None:
    opened = {alert.episode_id: alert.detected_time for alert in alerts if alert.transition == "opened"}
    for alert in alerts:
        assert alert.config_hash == CONFIG.brand(alert.brand).config_hash
        assert (alert.category, alert.category_episode_id, alert.scope) == (None, None, "brand")
        if alert.brand != "acme" or alert.severity == "info" or alert.transition == "resolved":
            assert alert.playbook is None, "nobody must act"
            continue
        assert alert.playbook is not None
        assert (alert.playbook.owner, alert.playbook.link) == (PLAYBOOK.owner, PLAYBOOK.link)
        by = opened[alert.episode_id] + timedelta(minutes=30)
        assert alert.playbook.respond_by == (by if by > alert.detected_time else None), "never a time that has passed"


def test_what_was_suppressed_is_reported_once_in_the_order_of_time() -> None:
    episodes = new_episodes()
    assert take_suppressed(episodes) is None
    held: dict[Kind, tuple[int, ...]] = {"volume_surge": (20, 400), "crisis": (100,)}
    for kind, buckets in held.items():
        suppression = episodes[kind].suppression = Suppression()
        for bucket in buckets:
            suppression.hold("budget", bucket=bucket, score=4.20001, quiet=12, cool_down=12)
    found = take_suppressed(episodes)
    assert found is not None
    assert found.count == 3
    told = [(opening.time.timestamp() / 300 - 1, opening.kind, opening.score) for opening in found.recent]
    assert told == [(20, "volume_surge", 4.2), (100, "crisis", 4.2), (400, "volume_surge", 4.2)]
    assert take_suppressed(episodes) is None
