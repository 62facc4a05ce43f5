"""The evidence of a category is that of its brands together, whoever of them speaks loudest."""

from __future__ import annotations

import random
from typing import Any

import pytest

from pipeline.config.model import BrandSection, Config, ConfigFile
from pipeline.engine.records import Record
from schemas.alert import Alert
from schemas.moments import moment
from tests.pipeline.engine.engine_runs import undisturbed
from tests.pipeline.mention_streams import START, mention, record, tick

HOUR = 3600.0
BRANDS = ("acme", "bolt", "cora", "dune", "eden")
BURNS = START + 40 * HOUR
MARKED: dict[int, dict[str, Any]] = {
    -1: {"id": "post"},
    -2: {"platform": "gazette", "channel": "news"},
    -3: {"repost_of": "post"},
}
CONFIG = Config(ConfigFile(brands={name: BrandSection(category="fuel") for name in BRANDS}))


def stream(*, early: bool = False) -> list[Record]:
    """Five brands of one category that are all blamed for a strike at once, each in words of its own people.

    Args:
        early: whether a paper told of it an hour before, on a post of the hour before that many repeat afterwards.
    """
    r = random.Random(3)
    drafts = []
    for brand in BRANDS:
        for hour in range(44):
            burns = START + hour * HOUR >= BURNS
            for n in range(40 if burns else 4):
                words = " ".join("".join(r.choices("abcdefghijklmnop", k=7)) for _ in range(6))
                text = f"the strike leaves us without fuel {words}" if burns else words
                drafts.append((START + (hour + r.random()) * HOUR, brand, text, -0.9 if burns or n == 0 else 0.5, hour))
    if early:
        drafts.append((BURNS - 2 * HOUR, "acme", "a driver walks out, pumps are dry", -0.9, -1))
        drafts.append((BURNS - HOUR, "acme", "drivers walk out and leave pumps dry", -0.9, -2))
        drafts += [(BURNS + n * 60, "acme", "a driver walks out, pumps are dry", -0.9, -3) for n in range(60)]
    drafts.sort()
    records: list[Record] = []
    for at, brand, text, sentiment, mark in drafts:
        n = len(records)
        fields: dict[str, Any] = {
            "id": f"m{n}",
            "platform": "weibo" if n % 7 == 0 and at >= BURNS else "x",
            "author": {"id": f"a{n}", "followers": r.randrange(10_000)},
        }
        fields |= MARKED.get(mark, {})
        value = mention(brand=brand, text=text, at=at, sentiment=sentiment, **fields)
        records.append(record(n, value, brand.encode()))
    return [*records, tick(len(records), BURNS + 9 * HOUR)]


@pytest.fixture(scope="module")
def told() -> list[Alert]:
    return [alert for alert in undisturbed(stream(), CONFIG).outputs.alerts if alert.scope == "category"]


def test_a_common_move_says_what_it_is_about(told):
    assert told
    for alert in told:
        terms = [term.text for term in alert.evidence.terms]
        assert any("strike" in term or "fuel" in term for term in terms[:3]), terms
        assert not set(BRANDS).intersection(terms)
        assert any(term in alert.headline for term in terms[:3])


def test_amplifiers_voices_and_platforms_are_those_of_all_brands(told):
    last = [alert for alert in told if alert.transition != "resolved"][-1]
    audiences = [one.audience for one in last.evidence.amplifiers]
    assert audiences == sorted(audiences, reverse=True)
    assert len({post.excerpt for post in last.evidence.voices}) == len(last.evidence.voices) > 1
    assert last.evidence.spread is not None
    assert [part.name for part in last.evidence.spread.platforms] == ["x", "weibo"]
    assert sum(part.share for part in last.evidence.spread.platforms) == pytest.approx(1.0, abs=0.001)


def test_the_first_news_is_that_on_the_post_which_set_it_off_though_nothing_burnt_yet():
    alerts = [one for one in undisturbed(stream(early=True), CONFIG).outputs.alerts if one.scope == "category"]
    spreads = [alert.evidence.spread for alert in alerts]
    assert spreads
    for spread in spreads:
        assert spread is not None
        assert spread.first_news is not None
        assert spread.first_news.event_time == moment(BURNS - HOUR)
