"""The study of answers stages crises that the engine finds, and tells what the intervals held."""

from __future__ import annotations

import pytest

from studies.answer_trend import MOMENTS, Episode, episodes, line, supposed


@pytest.fixture(scope="module")
def found() -> list[Episode]:
    return list(episodes("ordinary", 7, 1, kinds=("sudden",)))


def test_a_staged_crisis_is_found_with_its_activity_around_it(found):
    assert 1 <= len(found) <= 3
    for one in found:
        assert one.series.first < one.onset < one.opened < one.end <= one.series.end


@pytest.mark.parametrize("moment", MOMENTS)
def test_an_effect_that_is_put_in_is_told_and_none_is_told_without(found, moment):
    effects = supposed(found, moment, 1)
    assert {one.verdict for one in effects} <= {"none", "unknown"}
    told = sum(one.verdict == "none" for one in effects)
    assert f"{len(effects)} answers, " in line("any", effects)
    assert f"{told} told of: 1 inside 100.0%, called fed  0.0%" in line("any", effects)
    assert "calmer" in {one.verdict for one in supposed(found, moment, 1, factor=0.02)}
