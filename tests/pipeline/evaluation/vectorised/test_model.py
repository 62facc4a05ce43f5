"""The fleet gives the very scores of the model of one brand."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.brand.model import BrandModel
from detectors.brand.pooled_tail import PooledTail
from detectors.brand.tails import surprise
from pipeline.evaluation.vectorised.model import FleetModel
from pipeline.evaluation.vectorised.tails import surprises

DAYS = 21
RATES = np.array([0.02, 0.3, 4.0, 30.0, 400.0])


def streams(seed: int, buckets: int) -> tuple[np.ndarray, np.ndarray]:
    """Counts (buckets, brands) with a season, bursts and noise; every size."""
    rng = np.random.default_rng(seed)
    season = 1.0 + 0.6 * np.sin(2 * np.pi * np.arange(buckets) / 288)[:, None]
    mean = RATES * season * rng.gamma(8.0, 1 / 8.0, (buckets, len(RATES)))
    share = np.full(mean.shape, 0.15)
    for brand in range(len(RATES)):
        for start in rng.integers(100, buckets - 40, 6):
            mean[start : start + 30, brand] *= rng.uniform(2, 12)
            share[start : start + 30, brand] = rng.choice([0.05, 0.25, 0.6])
    mentions = rng.poisson(mean)
    return mentions.astype(float), rng.binomial(mentions, share).astype(float)


def reference(first: int, mentions: np.ndarray, negatives: np.ndarray, holes: frozenset[int]) -> np.ndarray:
    """Scores (3, buckets, brands) of one BrandModel a brand, all of one pooled tail; NaN in holes."""
    found = np.full((3, *mentions.shape), np.nan)
    tail = PooledTail()
    models = [BrandModel.of(tail) for _ in range(mentions.shape[1])]
    unobserved = 0
    for row in range(len(mentions)):
        if row in holes:
            unobserved += 1
            continue
        for brand, model in enumerate(models):
            n, k = mentions[row, brand], negatives[row, brand]
            assessment = model.close(first + row, n, k, unobserved)
            found[:, row, brand] = assessment.crisis, assessment.shift, assessment.surge
        unobserved = 0
    assert max(*tail.state.peaks, *tail.state.new_high) > 0.0
    return found


@pytest.mark.parametrize(
    ("seed", "first", "holes"),
    [
        pytest.param(1, 0, range(0), id="from-bucket-0"),
        pytest.param(2, 5_000_007, range(900, 960), id="a-hole-of-five-hours"),
        pytest.param(3, 77, range(500, 500 + 2 * 288 + 31), id="a-hole-of-two-days"),
    ],
)
def test_scores_are_those_of_the_model_of_one_brand(seed, first, holes):
    buckets = DAYS * 288
    mentions, negatives = streams(seed, buckets)
    hole = frozenset(holes)
    fleet = FleetModel(len(RATES))
    found = np.full((3, buckets, len(RATES)), np.nan)
    for row in range(buckets):
        if row in hole:
            fleet.pass_unobserved(first + row)
        else:
            found[:, row] = fleet.step(first + row, mentions[row], negatives[row])
    expected = reference(first, mentions, negatives, hole)
    assert np.nanmax(expected) > 5.0
    # The root of a deviance near zero keeps half of its digits.
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-7)


def test_a_fleet_of_several_blocks_is_the_same_as_its_brands_alone(monkeypatch):
    mentions, negatives = streams(4, 2 * 288)
    whole = FleetModel(len(RATES))
    monkeypatch.setattr("pipeline.evaluation.vectorised.model.BLOCK_BRANDS", 2)
    parts = FleetModel(len(RATES))
    for row in range(len(mentions)):
        a, b = whole.step(row, mentions[row], negatives[row]), parts.step(row, mentions[row], negatives[row])
        np.testing.assert_array_equal(a, b)


def test_a_copy_goes_its_own_way():
    mentions, negatives = streams(5, 400)
    fleet = FleetModel(len(RATES))
    for row in range(300):
        fleet.step(row, mentions[row], negatives[row])
    other = fleet.copy()
    for row in range(300, 350):
        other.step(row, mentions[row] * 9, negatives[row])
    again = fleet.copy()
    np.testing.assert_array_equal(
        fleet.step(300, mentions[300], negatives[300]), again.step(300, mentions[300], negatives[300])
    )


def test_a_bucket_out_of_order_is_refused():
    fleet = FleetModel(2)
    fleet.step(7, np.zeros(2), np.zeros(2))
    with pytest.raises(ValueError, match="expected bucket 8, got 10"):
        fleet.step(10, np.zeros(2), np.zeros(2))
    with pytest.raises(ValueError, match="expected 2 counts"):
        fleet.step(8, np.zeros(3), np.zeros(3))


def test_the_table_of_surprises_follows_the_function():
    z = np.concatenate([np.linspace(0.0, 11.999999, 20_001), np.linspace(12.0, 60.0, 100)])
    np.testing.assert_allclose(surprises(z), [surprise(x) for x in z], rtol=1e-11)
