"""What a score is held against is one sentence, with the tolerated rate of the configuration."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config.model import DetectionConfig
from pipeline.engine.alerts.meaning import meaning, meaning_in, often
from schemas.alert import KINDS, Kind


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_says_what_its_score_is_held_against(kind):
    sentence = meaning(kind, 3.75, DetectionConfig())
    assert sentence.startswith("If ")
    assert sentence.endswith(".")
    assert "3.75" in sentence
    assert sentence.count(". ") == 0


def test_the_rate_is_that_of_the_configuration():
    assert "once in 2 years" in meaning("crisis", 4.1, DetectionConfig(false_alarms_per_brand_year=0.5))
    assert [often(rate) for rate in (1.0, 24.0, 0.1)] == ["once a year", "24 times a year", "once in 10 years"]


@given(
    kind=st.sampled_from(KINDS),
    threshold=st.floats(-5.0, 40.0),
    rate=st.floats(0.001, 400.0),
    language=st.sampled_from(["zh", "ja"]),
)
def test_the_sentence_is_told_in_chinese_and_japanese_with_its_own_numbers(
    kind: Kind, threshold: float, rate: float, language: str
) -> None:
    detection = DetectionConfig(
        false_alarms_per_brand_year=rate, volume_surges_per_brand_year=rate, high_reach_posts_per_brand_year=rate
    )
    told = meaning_in(meaning(kind, threshold, detection), language)
    assert f"{threshold:.2f}" in told
    assert "brand" not in told
    if kind != "sentiment_shift" and rate != 1.0:
        assert f" {rate:g} " in told or f" {1.0 / rate:.3g} " in told


def test_no_two_kinds_are_told_alike():
    for language in ("zh", "ja"):
        assert len({meaning_in(meaning(kind, 3.75, DetectionConfig()), language) for kind in KINDS}) == len(KINDS)


@pytest.mark.parametrize(("sentence", "language"), [("What another release said.", "zh"), ("", "ja"), ("If so.", "en")])
def test_a_sentence_of_another_release_stays_as_it_is(sentence, language):
    assert meaning_in(sentence, language) == sentence


def test_english_stays_as_the_alert_has_it():
    sentence = meaning("crisis", 3.75, DetectionConfig())
    assert meaning_in(sentence, "en") == sentence
