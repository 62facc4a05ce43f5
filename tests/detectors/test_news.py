"""A first negative news item beside a crisis score: how rare that is."""

from __future__ import annotations

import pytest

from detectors.audience import WARM_DAYS, AudienceReading, AudienceState
from detectors.brand.threshold import crisis_threshold, rarity, rate_at
from detectors.news import FIRST_BUCKETS, WAIT_BUCKETS, News

KNOWN_DAYS = 200.0


def waiting(**fields: float) -> News:
    news = News(**fields)  # type: ignore[arg-type]
    news.see(1000, "item", is_told=False)
    return news


def test_a_rate_and_its_score_are_each_others_inverse() -> None:
    assert rate_at(crisis_threshold(0.25)) == pytest.approx(0.25)
    assert rarity(rate_at(2.0)) == pytest.approx(2.0)


def test_an_item_alone_says_nothing() -> None:
    assert waiting().score(0.0, KNOWN_DAYS) == 0.0
    assert News().score(9.0, KNOWN_DAYS) == 0.0


def test_the_rarer_an_item_and_the_greater_the_score_the_more_they_say() -> None:
    rare, usual = waiting(), waiting(items=20.0)
    assert rare.score(2.0, KNOWN_DAYS) > usual.score(2.0, KNOWN_DAYS) > usual.score(1.0, KNOWN_DAYS) > 0.0
    assert rare.score(1e6, KNOWN_DAYS) < 20.0


def test_only_the_first_item_in_three_days_is_waited_for() -> None:
    news = waiting()
    news.pass_to(1000 + WAIT_BUCKETS, 1.0)
    assert (news.first, news.items) == (-1, 1.0)
    news.see(1000 + FIRST_BUCKETS - 1, "second", is_told=False)
    assert news.first == -1
    news.see(1000 + 2 * FIRST_BUCKETS - 1, "third", is_told=False)
    assert news.id == "third"


def test_what_is_told_within_a_crisis_is_neither_waited_for_nor_learned() -> None:
    news = News()
    news.see(1000, "item", is_told=True)
    assert (news.last, news.first, news.items) == (1000, -1, 0.0)


def test_the_parts_of_a_score_add_up_to_it() -> None:
    state = AudienceState(1000, days=KNOWN_DAYS, news=waiting())
    reading = state.read_news(AudienceReading(1.23456, 990, 1, 50.0), 2.2222)
    assert reading.first == 990
    assert set(reading.parts) == {"audience", "news"}
    assert sum(reading.parts.values()) == pytest.approx(round(reading.score, 4), abs=1e-9)


def test_a_stronger_audience_and_a_brand_too_new_are_left_as_they_are() -> None:
    strong = AudienceReading(9.0, 990, 1, 0.001)
    assert AudienceState(1000, days=KNOWN_DAYS, news=waiting()).read_news(strong, 2.0) is strong
    weak = AudienceReading(0.5, 990, 1, 90.0)
    assert AudienceState(1000, days=WARM_DAYS - 1, news=waiting()).read_news(weak, 2.0) is weak
