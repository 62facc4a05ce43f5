"""Crises that are planted in ordinary talk are named, and the two sets of talk share none of them."""

from __future__ import annotations

import pytest

from detectors.topics.terms import terms
from studies.terms import learned
from studies.topic_worlds import TALKS, surge


@pytest.mark.parametrize("language", TALKS)
@pytest.mark.parametrize("mentions", [20, 100, 500])
def test_every_planted_crisis_but_one_in_ten_is_named(language, mentions):
    crises = range(len(TALKS[language][1].crises))
    named = 0
    for crisis in crises:
        one = surge(language, held_out=True, crisis=crisis, mentions=mentions, background=100, seed=2)
        assert sum(told.mentions for told in one.told) == mentions
        found = [term.text for term in terms(one.told, learned(language, one.background))]
        assert len(found) <= 10
        named += all(any(key in text for text in found) for key in one.keys)
    assert named >= 0.9 * len(crises)


@pytest.mark.parametrize("language", TALKS)
def test_what_constants_were_chosen_on_is_not_what_is_reported(language):
    chosen, reported = TALKS[language]
    assert not set(chosen.crises) & set(reported.crises)
    assert not set(chosen.frames) & set(reported.frames)
    assert not set(chosen.crisis_frames) & set(reported.crisis_frames)


def test_the_same_seed_gives_the_same_surge():
    first, second = (surge("ja", held_out=False, crisis=1, mentions=50, background=5, seed=3) for _ in range(2))
    assert first == second
    assert sum(told.mentions for told in first.told if told.text in first.crisis_texts) == 25
