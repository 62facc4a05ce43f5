"""A first negative news item beside negativity that is no crisis yet, and what a brand says itself."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest

from pipeline.config.model import Config, ConfigFile, DetectionConfig, EngineConfig, PlatformSection
from pipeline.engine.engine import Engine
from schemas.alert import Alert
from tests.pipeline.engine.test_high_reach import DAY, LATER, alerts_of, loud, opened, quiet, records_of
from tests.pipeline.mention_streams import START, mention

ANGRY = 6


def ordinary() -> list[bytes]:
    """Twenty days of ten to fifty posts, one in five negative."""
    r = random.Random(5)
    posts = [
        (START + day * DAY + r.random() * DAY, r.random() < 0.2)
        for day in range(20)
        for _ in range(r.randrange(10, 50))
    ]
    return [
        mention(
            id=f"post-{n}",
            text=f"parcel number {n} has arrived",
            at=at,
            sentiment=-0.6 if negative else 0.3,
            author={"id": f"a{n}", "followers": 200 + n},
        )
        for n, (at, negative) in enumerate(sorted(posts))
    ]


def item(name: str, at: float, **fields: Any) -> bytes:
    """A news item of no known audience."""
    given: dict[str, Any] = {"sentiment": -0.8, "platform": "gazette", "channel": "news"} | fields
    return mention(id=name, text=f"customers complain, writes {name}", at=at, **given)


def angry(first: float, number: int = ANGRY) -> list[bytes]:
    """Negative posts of small accounts, ten minutes apart."""
    return [loud(f"angry-{n}", first + n * 600, author={"id": f"angry-{n}", "followers": 90}) for n in range(number)]


def stream(*items: bytes, number: int = ANGRY, before: Sequence[bytes] = ()) -> list[bytes]:
    return [*ordinary(), *before, *items, *angry(LATER + 900, number)]


def news_alerts(alerts: Sequence[Alert]) -> list[Alert]:
    return [alert for alert in opened(alerts) if "news" in alert.contributions]


def test_a_news_item_beside_negativity_that_is_no_crisis_is_told() -> None:
    alerts = alerts_of(stream(item("report", LATER + 60)))
    (alert,) = opened(alerts)
    assert not [one for one in alerts if one.kind == "crisis"]
    assert alert.severity == "warning"
    assert alert.onset_time.timestamp() == LATER
    assert alert.contributions["audience"] == 0.0
    assert sum(alert.contributions.values()) == pytest.approx(alert.score.value, abs=1e-9)
    assert alert.score.value >= alert.score.threshold
    assert alert.evidence.posts[0].id == "report"
    assert alert.score.unit.endswith("a first negative news item meets such a crisis score in a year)")


@pytest.mark.parametrize(
    "values",
    [
        stream(number=ANGRY),
        stream(item("report", LATER + 60), number=0),
        stream(item("report", LATER + 60, sentiment=0.8)),
        stream(item("report", LATER + 60, channel="forum")),
        stream(item("report", LATER + 60), before=[item("older", LATER - 2 * DAY)]),
        stream(item("statement", LATER + 60, author={"id": "acme", "kind": "brand"})),
    ],
    ids=["no item", "no negativity", "praise", "another channel", "not the first", "the brand's own"],
)
def test_neither_alone_is_told_nor_an_item_that_is_not_the_first_of_others(values: list[bytes]) -> None:
    assert not opened(alerts_of(sorted_by_time(values)))


def sorted_by_time(values: Sequence[bytes]) -> list[bytes]:
    """The records in the order of their event times."""
    return sorted(values, key=lambda value: value.partition(b'"event_time": ')[2])


def test_a_rate_of_zero_mutes_the_kind() -> None:
    never = Config(ConfigFile(detection=DetectionConfig(high_reach_posts_per_brand_year=0.0)))
    assert not opened(alerts_of([*stream(item("report", LATER + 60)), loud("star", LATER + 7200)], never))


def test_the_configured_channel_of_a_platform_counts() -> None:
    values = stream(item("report", LATER + 60, channel=None))
    assert not opened(alerts_of(values))
    config = Config(ConfigFile(platforms={"gazette": PlatformSection(channel="news")}))
    assert opened(alerts_of(values, config))
    assert opened(alerts_of(values, config, step=1)) == opened(alerts_of(values, config))


def test_an_item_that_greater_posts_push_out_is_still_in_evidence_hours_later() -> None:
    """Of a bucket three posts are kept, for an hour: the item is kept beside them as long as it matters."""
    greater = [
        loud(f"greater-{n}", LATER + 70 + n, author={"id": f"g{n}", "followers": 9_000 + n}, sentiment=-0.3)
        for n in range(3)
    ]
    later = angry(LATER + 3 * 3600)
    alerts = alerts_of([*ordinary(), item("report", LATER + 60), *greater, *later])
    told = news_alerts(alerts)
    assert told
    assert told[0].evidence.posts[0].id == "report"


def test_a_late_item_of_an_awaited_channel_counts_as_it_comes() -> None:
    engine = EngineConfig(allowed_lateness_seconds_by_source={"news": 7200})
    values = [*ordinary(), *angry(LATER + 900), item("report", LATER + 60), *angry_later()]
    (alert,) = news_alerts(alerts_of(values, Config(ConfigFile(engine=engine))))
    assert alert.evidence.posts[0].id == "report"
    assert news_alerts(alerts_of(values, Config(ConfigFile(engine=engine)), step=1)) == [alert]


def angry_later() -> list[bytes]:
    return [loud("angry-last", LATER + 6000, author={"id": "last", "followers": 90})]


def test_a_crisis_that_follows_shares_the_incident() -> None:
    storm = [loud(f"storm-{n}", LATER + 6 * 3600 + n * 20, author={"id": f"storm-{n}"}) for n in range(300)]
    alerts = alerts_of([*stream(item("report", LATER + 60)), *storm], hours=9)
    (told,) = opened(alerts)
    crisis = next(one for one in alerts if one.kind == "crisis" and one.transition == "opened")
    assert crisis.incident_id == told.incident_id


def test_slicing_and_restarts_change_nothing() -> None:
    records = records_of(stream(item("report", LATER + 60)), LATER + DAY)
    whole = Engine(0, Config()).process(records).alerts
    engine, parts = Engine(0, Config()), list[Alert]()
    state: dict[bytes, bytes | None] = {}
    for first in range(0, len(records), 61):
        parts += engine.process(records[first : first + 61]).alerts
        state |= dict(engine.snapshot())
        engine = Engine(0, Config())
        engine.restore(state.items())
    assert parts == whole
    assert news_alerts(whole)


def test_a_post_of_the_brand_itself_is_no_post_against_it() -> None:
    own = {"author": {"id": "acme", "followers": 2_000_000, "kind": "brand"}}
    assert not opened(alerts_of([*quiet(), loud("we-are-sorry", LATER + 60, **own)]))


def test_what_the_brand_posts_every_day_does_not_make_a_great_audience_usual() -> None:
    own = {"author": {"id": "acme", "followers": 3_000_000, "kind": "brand"}, "sentiment": 0.5}
    daily = [loud(f"own-{n}", START + n * DAY + 10, **own) for n in range(20)]
    star = loud("star", LATER + 60)
    (alert,) = opened(alerts_of([*sorted_by_time([*quiet(), *daily]), star]))
    (without,) = opened(alerts_of([*quiet(), star]))
    assert alert.score.value == pytest.approx(without.score.value, abs=0.1)
    assert [post.id for post in alert.evidence.posts] == ["star"]
