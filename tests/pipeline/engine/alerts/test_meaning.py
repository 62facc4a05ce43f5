"""What a score is held against is one sentence, with the tolerated rate of the configuration."""

from __future__ import annotations

import pytest

from pipeline.config.model import DetectionConfig
from pipeline.engine.alerts.meaning import meaning, often
from schemas.alert import KINDS


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
