"""The study of causes reads its situations and prints how often they are told rightly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from detectors.topics.causes import CAUSES
from studies.causes import BENIGN, fitted, main, situations

DATA = Path(__file__).parents[1] / "data" / "causes"


@pytest.mark.parametrize("half", ["development", "held_out"])
@pytest.mark.parametrize("language", ["en", "zh", "ja"])
def test_each_half_has_three_situations_of_a_cause_and_six_harmless_ones_a_language(half, language):
    causes = [each.cause for each in situations(DATA / half) if each.language == language]
    assert set(causes) == {*CAUSES, BENIGN}
    assert all(causes.count(cause) >= (2 if cause == "other" else 3) for cause in CAUSES)
    assert causes.count(BENIGN) == 6


def test_no_text_is_in_both_halves():
    first, second = (
        {told.text for each in situations(DATA / half) for told in each.told} for half in ("development", "held_out")
    )
    assert len(first & second) <= 0.03 * len(second)


def test_more_evidence_makes_the_fitted_confidence_higher():
    coefficients = fitted([each for each in situations(DATA / "development") if each.language == "en"], draws=5)
    assert np.all(coefficients[1:] > 0.0)


def test_each_half_and_language_has_its_line(tmp_path):
    for half in ("development", "held_out"):
        (tmp_path / half).mkdir()
        (tmp_path / half / "en.txt").write_text(
            "== safety\nf the charger caught fire\nf it exploded\n- recall?\n== benign\n- love it\n", encoding="utf-8"
        )
    result = CliRunner().invoke(main, ["--data", str(tmp_path)], catch_exceptions=False)
    assert "held_out en: named 1 of 1 crises (100%), rightly 1 (100%)" in result.output
    assert "of 1 harmless surges 0 get a cause" in result.output
