"""One negative post of an audience that a brand rarely has: an alert of its own, and the crisis that follows it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from pipeline.config.model import Config, ConfigFile, DetectionConfig, PlatformSection
from pipeline.engine.engine import Engine
from pipeline.engine.records import Record
from schemas.alert import Alert
from tests.pipeline.mention_streams import START, mention, record, tick

DAY = 86_400
DAYS = 20
LATER = START + DAYS * DAY


def quiet(**fields: Any) -> list[bytes]:
    """Twenty days of a post every two hours, one in six negative, by authors with some hundred followers."""
    return [
        mention(
            id=f"quiet-{n}",
            text=f"parcel number {n} has arrived",
            at=START + n * 7200,
            sentiment=-0.6 if n % 6 == 0 else 0.3,
            author={"id": f"a{n}", "followers": 200 + n},
            **fields,
        )
        for n in range(DAYS * 12)
    ]


def loud(name: str, at: float, **fields: Any) -> bytes:
    given: dict[str, Any] = {"sentiment": -0.9, "author": {"id": name, "followers": 2_000_000}} | fields
    return mention(id=name, text=f"never buy this again, says {name}", at=at, **given)


def records_of(values: Sequence[bytes], end: float) -> list[Record]:
    return [*(record(n, value) for n, value in enumerate(values)), tick(len(values), end)]


def alerts_of(values: Sequence[bytes], config: Config | None = None, *, hours: float = 6, step: int = 0) -> list[Alert]:
    """Alerts about a stream, taken in slices of so many records; all at once without."""
    engine = Engine(0, config or Config())
    records = records_of(values, LATER + hours * 3600)
    slices = range(0, len(records), step or len(records))
    return [
        alert for first in slices for alert in engine.process(records[first : first + (step or len(records))]).alerts
    ]


def opened(alerts: Sequence[Alert]) -> list[Alert]:
    return [alert for alert in alerts if alert.kind == "high_reach_post" and alert.transition == "opened"]


def test_a_negative_post_of_an_account_with_two_million_followers_is_told_at_once() -> None:
    alerts = alerts_of([*quiet(), loud("star", LATER + 60)])
    assert [(one.kind, one.transition, one.severity) for one in alerts] == [
        ("high_reach_post", "opened", "warning"),
        ("high_reach_post", "resolved", "warning"),
    ]
    alert = alerts[0]
    assert alert.onset_time.timestamp() == LATER
    assert alert.detected_time.timestamp() == LATER + 300
    assert alert.score.value >= alert.score.threshold
    assert alert.contributions == {"audience": alert.score.value}
    assert [post.id for post in alert.evidence.posts] == ["star"]
    assert alert.incident_id == alert.episode_id


@pytest.mark.parametrize("fields", [{"sentiment": 0.8}, {"author": {"id": "x", "followers": 900}}, {"author": None}])
def test_without_an_audience_or_a_negative_tone_there_is_no_alert(fields: dict[str, Any]) -> None:
    assert not opened(alerts_of([*quiet(), loud("star", LATER + 60, **fields)]))


def test_a_tolerated_rate_and_mute_hold_for_it() -> None:
    stream = [*quiet(), loud("star", LATER + 60)]
    strict = DetectionConfig(high_reach_posts_per_brand_year=0.01)
    assert not opened(alerts_of(stream, Config(ConfigFile(detection=strict))))
    muted = DetectionConfig(mute=("high_reach_post",))
    assert not opened(alerts_of(stream, Config(ConfigFile(detection=muted))))


def test_a_platform_says_what_a_post_there_reaches_at_least() -> None:
    """The entries of a list name no audience: three in an hour are a sign where the configuration knows better."""
    entries = [loud(f"entry-{n}", LATER + n * 900, platform="list", author=None) for n in range(3)]
    stream = [*quiet(), *entries]
    platforms = {"list": PlatformSection(channel="other", default_reach=10_000_000)}
    config = Config(ConfigFile(platforms=platforms))
    assert not opened(alerts_of(stream))
    (alert,) = opened(alerts_of(stream, config))
    assert alert.evidence.posts[0].reach == 10_000_000
    assert alert.config_hash != Config().default_hash
    assert opened(alerts_of(stream, config, step=1)) == [alert]


def test_a_crisis_that_follows_is_the_same_incident_and_silences_it() -> None:
    storm = [loud(f"angry-{n}", LATER + 6 * 3600 + n * 20, author={"id": f"angry-{n}"}) for n in range(300)]
    stream = [*quiet(), loud("star", LATER + 60), *storm, loud("other", LATER + 8 * 3600)]
    alerts = alerts_of(stream, hours=9)
    (post,) = opened(alerts)
    crisis = next(one for one in alerts if one.kind == "crisis" and one.transition == "opened")
    assert crisis.incident_id == post.incident_id
    assert post.episode_id in crisis.related_episode_ids


def test_slicing_and_restarts_change_nothing() -> None:
    records = records_of([*quiet(), *(loud(f"star-{n}", LATER + 60 + n * 400) for n in range(5))], LATER + DAY)
    whole = Engine(0, Config()).process(records).alerts
    engine, parts = Engine(0, Config()), list[Alert]()
    state: dict[bytes, bytes | None] = {}
    for first in range(0, len(records), 61):
        parts += engine.process(records[first : first + 61]).alerts
        state |= dict(engine.snapshot())
        engine = Engine(0, Config())
        engine.restore(state.items())
    assert parts == whole
    assert opened(whole)
