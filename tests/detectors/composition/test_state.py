"""What River's estimators keep, as plain values: bit-equal when they go on, bounded, the same in every process."""

from __future__ import annotations

import math
import random
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from river import anomaly, stats

from detectors.base import StateVersionError
from detectors.brand.pooled_tail import PooledTail
from detectors.composition.detector import FEATURES, RiverDetector
from detectors.composition.evidence import evidence, learn
from detectors.composition.notation import parse
from detectors.composition.state import build, numbers, restore, state_of
from detectors.registry import RIVER_EXAMPLES, entry
from tests.detectors.streams import DAY, ordinary

GAUSSIAN = "anomaly.GaussianScorer(grace_period=5)"
SCALED = "preprocessing.MinMaxScaler()"
TREES = "anomaly.HalfSpaceTrees(n_trees=2, height=3, window_size=15, seed=2)"
MODELS = "preprocessing.StandardScaler() | linear_model.LinearRegression(l2=0.001, intercept_lr=0.1)"
COMPOSITIONS = [
    GAUSSIAN,
    "anomaly.GaussianScorer(window_size=30, grace_period=10)",
    f"preprocessing.StandardScaler() | {GAUSSIAN}",
    f"{SCALED} | {TREES}",
    f"preprocessing.StandardScaler(with_std=False) | {SCALED} | {TREES}",
    f"compose.Select('volume', 'reach') | {SCALED} | {TREES}",
    f"anomaly.PredictiveAnomalyDetection({MODELS}, n_std=2.0, warmup_period=5)",
    "anomaly.PredictiveAnomalyDetection(warmup_period=1)",
    f"anomaly.QuantileFilter({GAUSSIAN}, q=0.9)",
    f"anomaly.QuantileFilter({GAUSSIAN}, q=0.9, protect_anomaly_detector=False)",
    f"anomaly.ThresholdFilter({GAUSSIAN}, threshold=0.95)",
    "anomaly.ThresholdFilter(anomaly.PredictiveAnomalyDetection(warmup_period=3), threshold=0.9)",
    f"{SCALED} | anomaly.QuantileFilter({TREES}, q=0.9)",
    f"anomaly.ThresholdFilter({SCALED} | {TREES}, threshold=0.99)",
]
SELECTING = """
import sys
import msgspec
from detectors.composition.evidence import learn
from detectors.composition.notation import parse
from detectors.composition.state import build, state_of
from tests.detectors.composition.test_state import hours

seen = "compose.Select('reach', 'volume', 'expected', 'negative_share') | preprocessing.StandardScaler()"
text = f"anomaly.PredictiveAnomalyDetection({seen} | linear_model.LinearRegression(), warmup_period=2)"
model = build(parse(text).steps)
for x, y in hours(1, 80):
    learn(model, x, y)
sys.stdout.write(msgspec.msgpack.encode(state_of(model)).hex())
"""
"""The state of a model that selects features, after eighty hours."""


def hours(seed: int, count: int) -> list[tuple[dict[str, float], float]]:
    """Features and a target, mostly ordinary."""
    r = random.Random(seed)
    rows = []
    for hour in range(count):
        scale = 8.0 if hour % 17 == 16 else 1.0
        rows.append(({name: scale * r.gammavariate(4.0, 0.5) for name in FEATURES}, scale * r.gauss(0.0, 1.0)))
    return rows


@pytest.mark.parametrize("text", COMPOSITIONS)
@pytest.mark.parametrize("learned", [0, 1, 4, 13, 70])
def test_a_restored_estimator_goes_on_bit_equal(text, learned):
    RiverDetector.check(text)
    steps = parse(text).steps
    one, other = build(steps), build(steps)
    rows = hours(3, learned + 60)
    for x, y in rows[:learned]:
        learn(one, x, y)
    stored = msgspec.msgpack.encode(state_of(one))
    restore(other, msgspec.msgpack.decode(stored))
    found = []
    for x, y in rows[learned:]:
        found.append(evidence(one, x, y))
        assert evidence(other, x, y) == found[-1]
        learn(one, x, y)
        learn(other, x, y)
    assert msgspec.msgpack.encode(state_of(other)) == msgspec.msgpack.encode(state_of(one))
    assert max(found) > 0.0


@pytest.mark.parametrize("text", COMPOSITIONS)
def test_a_state_holds_no_more_numbers_than_was_said(text):
    def count(value: object) -> int:
        if isinstance(value, list | tuple):
            return sum(map(count, value))
        return len(value) // 8 if isinstance(value, bytes) else isinstance(value, int | float)

    steps = parse(text).steps
    estimator = build(steps)
    for x, y in hours(4, 200):
        learn(estimator, x, y)
    assert count(state_of(estimator)) <= numbers(steps, len(FEATURES)) + 4


@pytest.mark.parametrize("text", COMPOSITIONS)
def test_scoring_learns_nothing(text):
    """PredictiveAnomalyDetection's own score_one counts the error that it finds."""
    estimator = build(parse(text).steps)
    for x, y in hours(5, 50):
        learn(estimator, x, y)
    before = state_of(estimator)
    (x, y) = hours(6, 1)[0]
    assert evidence(estimator, x, y) == evidence(estimator, x, y)
    assert state_of(estimator) == before


@pytest.mark.parametrize("name", RIVER_EXAMPLES)
def test_no_import_path_and_no_pickle_is_stored(name):
    detector = entry(name).make("crisis", PooledTail())
    for x in ordinary(1, 2):
        detector.learn_one(x)
    payload = detector.snapshot()
    assert not [word for word in (b"river", b"anomaly", b"detectors", b"Gaussian", b"Trees") if word in payload]


def test_the_state_of_another_composition_is_refused():
    texts = [name.removeprefix("river:") for name in RIVER_EXAMPLES]
    for one in texts:
        for other in texts:
            detector = RiverDetector(one)
            if ("GaussianScorer" in one and "GaussianScorer" in other) or one == other:
                continue  # The key under which a state is stored tells these apart.
            with pytest.raises(StateVersionError, match="expected a RiverDetector snapshot"):
                detector.restore(RiverDetector(other).snapshot())


def test_evidence_rises_where_rivers_score_has_ended():
    scorer = anomaly.GaussianScorer(grace_period=10)
    for _, y in hours(7, 300):
        scorer.learn_one(None, min(y, 3.0))
    assert scorer.score_one(None, 40.0) == scorer.score_one(None, 400.0) == 1.0
    assert evidence(scorer, {}, 400.0) > evidence(scorer, {}, 40.0) > evidence(scorer, {}, 4.0) > 0.0
    assert evidence(scorer, {}, -40.0) == 0.0


def test_a_brand_of_which_nobody_speaks_is_not_strange():
    scorer = anomaly.GaussianScorer(grace_period=10)
    for _ in range(100):
        scorer.learn_one(None, 0.0)
    assert scorer.score_one(None, 0.0) == 1.0
    assert evidence(scorer, {}, 0.0) == 0.0
    assert evidence(scorer, {}, 1.0) < 5.0


def test_a_predictive_detector_counts_each_error_once():
    detector = build(parse("anomaly.PredictiveAnomalyDetection(warmup_period=1)").steps)
    for count, (x, y) in enumerate(hours(8, 40)):
        evidence(detector, x, y)
        learn(detector, x, y)
        assert detector.dynamic_mae.n == count
    assert math.isfinite(detector.dynamic_mae.get())


def test_the_quantile_of_rust_is_the_numbers_that_it_holds():
    filter_ = build(parse("anomaly.QuantileFilter(anomaly.GaussianScorer(grace_period=1), q=0.75)").steps)
    own = stats.Quantile(0.75)
    for x, y in hours(9, 60):
        own.update(filter_.score_one(x, y))
        learn(filter_, x, y)
    _, values = state_of(filter_)
    assert values[0] == 0.75
    assert values[-2] == 5
    assert filter_.quantile.get() == own.get()


def test_selected_features_have_one_order_in_every_process():
    """River's Select keeps a set of texts, whose order changes from process to process."""
    root = Path(__file__).parents[3]
    found = set()
    for seed in "13":
        done = subprocess.run(
            [sys.executable, "-c", SELECTING],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(root)},
            capture_output=True,
            text=True,
            check=True,
            cwd=root,
        )
        found.add(done.stdout)
    assert len(found) == 1
    assert found != {""}


def test_silence_teaches_an_estimator_what_it_teaches_bucket_by_bucket():
    """Left out or given as zeros, two empty days are the same for the estimator in the shell, nearly to the bit."""
    name = RIVER_EXAMPLES[0]
    rows = ordinary(11, 3)
    given, left_out = (entry(name).make("crisis", PooledTail()) for _ in range(2))
    for x in rows:
        given.learn_one(x)
        left_out.learn_one(x)
    for bucket in range(3 * DAY, 4 * DAY):
        given.close(bucket, 0.0, 0.0)
    last = given.close(4 * DAY, 30.0, 20.0)
    assert left_out.close(4 * DAY, 30.0, 20.0).score("crisis") == pytest.approx(last.score("crisis"), rel=0.1)
