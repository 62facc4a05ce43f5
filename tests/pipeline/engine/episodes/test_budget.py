"""The alert budget: no sequence of scores opens more episodes in the long run than it says."""

from __future__ import annotations

import math
from functools import partial

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.engine.episodes.budget import MAX_AHEAD, STEP, Spending, allowance, offset, spend
from pipeline.engine.episodes.episode import Episode, EpisodeTransition, Opening, Rule, step

YEAR = 365 * 288
FREE = allowance(6.0)


def rule(per_year: float, *, quiet: int = 2, cool_down: int = 3) -> Rule:
    return Rule("crisis", 4.0, 2.0, 6.0, quiet, cool_down, "warning", per_year)


def opened(scores: list[tuple[int, float]], budget: Rule) -> list[int]:
    """Buckets in which an episode opens; scores come as (buckets since the last one, score)."""
    episode, bucket, found = Episode(), 0, []
    for gap, score in scores:
        bucket += gap
        known = partial(Opening, bucket, bucket, bucket)
        transition = step(episode, budget, brand="acme", bucket=bucket, score=score, opening=known, may_open=True)
        if isinstance(transition, EpisodeTransition) and transition.name == "opened":
            found.append(bucket)
    return found


def bound(per_year: float, buckets: int) -> float:
    """What the module promises of a stretch of event time."""
    return per_year * buckets / YEAR + allowance(per_year) + MAX_AHEAD + 1


def within(found: list[int], per_year: float) -> bool:
    """Whether the promise holds in every stretch from one opening to another."""
    return all(
        last - first + 1 <= bound(per_year, found[last] - found[first])
        for first in range(len(found))
        for last in range(first, len(found))
    )


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 3000), st.sampled_from([0.0, 1.0, 5.0, 9.0, 14.9, 1e6])), max_size=400),
    st.sampled_from([0.5, 6.0, 26.0, 400.0]),
)
def test_the_bound_holds_for_any_scores(scores: list[tuple[int, float]], per_year: float) -> None:
    """In every stretch of time: at most the budget's share of it, the allowance and what may be ahead."""
    assert within(opened(scores, rule(per_year)), per_year)


@settings(max_examples=20, deadline=None)
@given(st.floats(4.0, 1e9), st.integers(1, 40), st.sampled_from([1.0, 6.0, 100.0]))
def test_the_bound_holds_against_an_adversary(score: float, gap: int, per_year: float) -> None:
    """Scores that open whatever may open, and fall silent just long enough to open again."""
    scores = [(gap, value) for _ in range(1500) for value in (score, 0.0, 0.0, 0.0)]
    assert within(opened(scores, rule(per_year)), per_year)


def test_the_long_run_rate_is_the_budget_when_everything_would_open() -> None:
    """Ten years of an opening a day: the rate comes down to 12 a year from above."""
    scores = [(value, score) for _ in range(3650) for value, score in ((280, 50.0), (4, 0.0), (4, 0.0))]
    found = opened(scores, rule(12.0))
    assert 10 * 12 <= len(found) <= bound(12.0, 10 * YEAR)


@given(st.floats(4.0, 100.0))
def test_the_first_openings_are_not_held_back(score: float) -> None:
    """Three crises of one brand at once open at the configured threshold, whatever the budget."""
    scores = [(4, value) for _ in range(3) for value in (score, 0.0, 0.0)]
    assert len(opened(scores, rule(0.1))) == 3


def test_of_too_many_openings_the_strongest_get_through() -> None:
    """Past the allowance each opening raises the threshold by a step; time lowers it again."""
    spending = Spending()
    for _ in range(int(FREE) + 2):
        spend(spending, 6.0, 0)
    assert offset(spending, 6.0, 0) == 2 * STEP
    assert 0.0 < offset(spending, 6.0, YEAR // 6) == STEP
    assert offset(spending, 6.0, YEAR) == 0.0


def test_past_what_may_be_ahead_nothing_opens() -> None:
    spending = Spending(FREE + MAX_AHEAD, 0)
    assert offset(spending, 6.0, 0) == math.inf
    assert offset(spending, 6.0, 300) < math.inf


def test_no_budget_holds_nothing_back() -> None:
    """0 turns it off: every loud hour opens."""
    scores = [(4, value) for _ in range(200) for value in (5.0, 0.0, 0.0)]
    assert len(opened(scores, rule(0.0))) == 200


@given(st.integers(0, 10 * YEAR), st.integers(0, 10 * YEAR), st.floats(0, 100))
def test_time_passes_alike_in_one_step_or_in_many(first: int, second: int, spent: float) -> None:
    """A brand that nobody mentions is not visited: its budget recovers in closed form."""
    at_once = offset(Spending(spent, 0), 6.0, first + second)
    halfway = Spending(max(spent - 6.0 * first / YEAR, 0.0), first)
    again = offset(halfway, 6.0, first + second)
    assert math.isclose(at_once, again, abs_tol=1e-6) or math.isinf(at_once) != math.isinf(again)
