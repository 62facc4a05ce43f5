"""Episodes of whole series are those that the worker's step makes, bucket by bucket."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engine.episodes.episode import Episode, EpisodeTransition, Rule
from pipeline.evaluation.scoring.alarms import AlarmRule, Span, episode_starts, episodes
from tests.pipeline.engine.episodes.episode_steps import steps

LEVELS = st.sampled_from([0.0, 1.0, 2.0, 2.9, 3.0, 5.9, 6.0, 9.0, 20.0])


def stepped(scores: list[float], rule: AlarmRule) -> list[Span]:
    episode, opened, found = Episode(), 0, []
    worker = Rule(
        "crisis",
        rule.threshold,
        rule.release,
        rule.threshold * 1.5,
        rule.quiet_buckets,
        rule.cool_down_buckets,
        "warning",
    )
    for bucket, transition in enumerate(steps(episode, worker, scores)):
        name = transition.name if isinstance(transition, EpisodeTransition) else ""
        if name == "opened":
            opened = bucket
        elif name == "resolved":
            found.append(Span(opened, bucket))
    return [*found, Span(opened, len(scores) - 1)] if episode.is_open else found


@given(
    scores=st.lists(LEVELS, max_size=120),
    release=st.sampled_from([1.0, 3.0, 6.0]),
    quiet=st.integers(1, 8),
    cool_down=st.integers(0, 15),
)
def test_episodes_are_those_of_the_worker(scores, release, quiet, cool_down):
    rule = AlarmRule(6.0, release, quiet, cool_down)
    assert episodes(np.array(scores, float), rule) == stepped(scores, rule)


def test_starts_of_many_brands_are_found_column_by_column():
    scores = np.zeros((50, 3))
    scores[10, 0] = scores[30, 2] = 7.0
    starts = episode_starts(scores, 6.0, 3.0, 4, 6)
    assert [own.tolist() for own in starts] == [[10], [], [30]]


def test_a_score_that_is_not_a_number_never_rings():
    assert episodes(np.array([np.nan, 7.0, np.nan, np.nan]), AlarmRule(6.0, 3.0, 1, 0)) == [Span(1, 2)]


def test_the_release_level_keeps_its_ratio_at_another_threshold():
    assert AlarmRule(6.0, 3.0, 24, 72).at(4.0) == AlarmRule(4.0, 2.0, 24, 72)
