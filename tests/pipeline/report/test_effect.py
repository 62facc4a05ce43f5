"""An answer's effect: told where there is one, not told where there is none, and never from too little."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.report.effect import UNKNOWN, Counts, against_trend, effect, share_difference, wilson

Array = NDArray[np.float64]
COUNTS = st.lists(st.integers(0, 100_000), min_size=12, max_size=40)


def counts(mentions: Array, negatives: Array, usual: float = 4.0) -> Counts:
    return Counts(mentions, negatives, np.full(len(mentions), usual), np.full(len(mentions), usual * 0.2))


def stream(seed: int, factor: float) -> tuple[Counts, Counts]:
    """A crisis that declines with a half-life of four hours; after the answer negatives are `factor` times as many."""
    rng = np.random.default_rng(seed)
    hours = (np.arange(72) + 0.5) / 12.0
    beyond = 60.0 * 0.5 ** (hours / 4.0) * np.where(np.arange(72) < 36, 1.0, factor)
    negatives = rng.poisson(0.8 + beyond).astype(float)
    mentions = negatives + rng.poisson(10.0, 72).astype(float)
    return counts(mentions[:36], negatives[:36]), counts(mentions[36:], negatives[36:])


def test_where_an_answer_had_no_effect_none_is_told():
    verdicts = [effect(*stream(seed, 1.0)).verdict for seed in range(100)]
    assert verdicts.count("none") >= 95


@pytest.mark.parametrize(("factor", "verdict"), [(0.1, "calmer"), (6.0, "fed")])
def test_a_great_effect_is_told_with_its_direction(factor, verdict):
    assert {effect(*stream(seed, factor)).verdict for seed in range(20)} == {verdict}


def test_the_noise_of_bursts_widens_the_interval():
    before, after = stream(1, 1.0)
    bursts = np.where(np.arange(36) % 3 == 0, before.negatives * 3.0, 0.0)
    calm = against_trend(before.negatives, before.usual_negatives, after.negatives, after.usual_negatives)
    rough = against_trend(bursts, before.usual_negatives, after.negatives, after.usual_negatives)
    assert rough.upper / rough.lower > calm.upper / calm.lower


@pytest.mark.parametrize(("before", "after"), [(5, 36), (36, 11), (0, 0)])
def test_too_short_a_time_tells_nothing(before, after):
    first, second = stream(1, 6.0)
    parts = (
        Counts(*(array[:n] for array in (c.mentions, c.negatives, c.usual_mentions, c.usual_negatives)))
        for c, n in ((first, before), (second, after))
    )
    assert effect(*parts) == UNKNOWN


def test_a_handful_of_negative_mentions_tells_nothing():
    few = np.zeros(36)
    few[3] = 9.0
    assert effect(counts(few + 10.0, few), counts(few * 0 + 10.0, few * 0)) == UNKNOWN


@settings(max_examples=60)
@given(COUNTS, COUNTS)
def test_whatever_was_counted_gives_finite_figures_within_their_interval(before, after):
    parts = [counts(np.array(some, float), np.array(some, float) // 2) for some in (before, after)]
    found = effect(*parts)
    for ratio in (found.mentions, found.negatives):
        if ratio is not None:
            assert all(map(math.isfinite, (ratio.value, ratio.lower, ratio.upper)))
            assert 0 <= ratio.lower <= ratio.value <= ratio.upper
    if found.share is not None:
        assert -1 <= found.share.lower <= found.share.value <= found.share.upper <= 1


def test_the_difference_of_shares_is_newcombes():
    """Newcombe 1998, table II, method 10: 56 of 70 against 48 of 80 is 0.20 (0.0524 to 0.3339)."""
    first, second = (counts(np.array([n]), np.array([k])) for k, n in ((48.0, 80.0), (56.0, 70.0)))
    found = share_difference(first, second)
    assert found is not None
    assert (found.value, found.lower, found.upper) == pytest.approx((0.2, 0.0524, 0.3339), abs=1e-4)


def test_wilsons_interval_is_that_of_the_literature():
    """Newcombe 1998: 81 of 263 is 0.2553 to 0.3662."""
    assert wilson(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
