"""No detector, ours or another's, sees the future; peers go on from where they stopped."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.brand.model import BrandModel
from pipeline.evaluation.peers.baselines import PEERS, PreviousHours, candidate_thresholds
from pipeline.evaluation.scoring.causality import LookAheadError, check_causality
from pipeline.evaluation.vectorised.model import FleetModel

BUCKETS = 700


def counts(brands: int = 2) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    mentions = rng.poisson(8.0, (BUCKETS, brands)).astype(float)
    return mentions, rng.binomial(mentions.astype(int), 0.2).astype(float)


def one_brand(mentions: np.ndarray, negatives: np.ndarray) -> np.ndarray:
    model, scores = BrandModel(), []
    for n, k in zip(mentions, negatives, strict=True):
        scores.append(model.close(model.last_bucket + 1, n, k).crisis)
    return np.array(scores)


def fleet(mentions: np.ndarray, negatives: np.ndarray) -> np.ndarray:
    model = FleetModel(1)
    rows = zip(mentions[:, None], negatives[:, None], strict=True)
    return np.array([model.step(at, n, k).crisis[0] for at, (n, k) in enumerate(rows)])


@pytest.mark.parametrize("score", [one_brand, fleet])
def test_our_detector_does_not_see_the_future(score):
    mentions, negatives = counts(1)
    check_causality(score, mentions[:, 0], negatives[:, 0], (300, 450, 699))


@pytest.mark.parametrize("name", PEERS)
def test_no_peer_sees_the_future(name):
    mentions, negatives = counts(1)

    def score(n: np.ndarray, k: np.ndarray) -> np.ndarray:
        return PEERS[name](1, "negatives").run(n[:, None], k[:, None])[:, 0]

    check_causality(score, mentions[:, 0], negatives[:, 0], (450,))


@pytest.mark.parametrize(
    "cheat",
    [
        pytest.param(lambda n, _: n / n.max(), id="scaled-by-the-maximum-of-the-whole-series"),
        pytest.param(lambda n, _: np.append(n[1:], 0.0), id="one-bucket-ahead"),
    ],
)
def test_a_detector_that_looks_ahead_is_caught(cheat):
    mentions, negatives = counts(1)
    with pytest.raises(LookAheadError, match="expected the scores before bucket 300"):
        check_causality(cheat, mentions[:, 0], negatives[:, 0], (300,))


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_run_in_pieces_says_the_same_and_a_copy_goes_its_own_way(name):
    mentions, negatives = counts()
    whole = PEERS[name](2, "negatives").run(mentions, negatives)
    peer = PEERS[name](2, "negatives")
    parts = [peer.run(mentions[:333], negatives[:333])]
    peer.copy().run(mentions[:50] * 30, negatives[:50] * 30)
    parts.append(peer.run(mentions[333:], negatives[333:]))
    np.testing.assert_allclose(np.concatenate(parts), whole, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", [name for name in PEERS if "HalfSpaceTrees" not in name])
def test_a_peer_finds_a_burst_of_negatives_stranger_than_all_before(name):
    mentions, negatives = counts(1)
    mentions[650:662] += 60
    negatives[650:662] += 50
    scores = PEERS[name](1, "negatives").run(mentions, negatives)[:, 0]
    assert scores[650:662].max() > scores[400:650].max()


def test_the_vendor_rule_is_the_last_hour_over_the_hours_before_it():
    mentions = np.full((13 * 12, 1), 10.0)
    mentions[-12:] = 25.0
    scores = PreviousHours(1, hours=12, signal="mentions").run(mentions, mentions * 0)
    assert scores[-1, 0] == pytest.approx(1.5)


def test_candidate_thresholds_fall_and_lie_among_the_daily_maxima():
    scores = np.random.default_rng(1).random((288 * 30, 4))
    levels = candidate_thresholds(scores)
    assert levels == sorted(levels, reverse=True)
    assert 0.9 < levels[-1] <= levels[0] <= scores.max()
