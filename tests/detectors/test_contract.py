"""What every detector must do: one suite over all of them."""

from __future__ import annotations

import copy
import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river.checks import anomaly as river_anomaly
from river.checks import common as river_common

from detectors.base import Detector, StateVersionError
from detectors.registry import DETECTORS, make_detector
from tests.detectors.streams import DAY, burst, ordinary

pytestmark = pytest.mark.parametrize("name", DETECTORS)


def fed(name: str, rows: list[dict[str, float]]) -> Detector:
    """A detector that has learned the rows."""
    detector = make_detector(name)
    for x in rows:
        detector.learn_one(x)
    return detector


def scores(detector: Detector, rows: list[dict[str, float]]) -> list[float]:
    """Score, then learn, each row."""
    out = []
    for x in rows:
        out.append(detector.score_one(x))
        detector.learn_one(x)
    return out


def loudest(name: str) -> float:
    """The share of negatives that this kind of detector is for."""
    return 0.15 if name == "volume_surge" else 0.8


def test_is_causal(name: str) -> None:
    """Cutting off the future changes no past score."""
    rows = ordinary(1, 4)
    whole = scores(make_detector(name), rows + burst(2, 4 * DAY, share=loudest(name)))
    assert scores(make_detector(name), rows) == whole[: len(rows)]


def test_scores_nothing_while_warming_up(name: str) -> None:
    """On the first day every score is 0.0, even inside a burst."""
    detector = make_detector(name)
    assert set(scores(detector, ordinary(3, 1)[: DAY // 2] + burst(4, DAY // 2, share=0.9))) == {0.0}
    assert not detector.is_warm


def test_a_burst_of_its_kind_scores_far_above_an_ordinary_day(name: str) -> None:
    """What the detector is for stands out, once warm."""
    rows = ordinary(5, 7)
    detector = fed(name, rows[: 6 * DAY])
    usual = max(scores(detector, rows[6 * DAY :]))
    assert detector.is_warm
    assert max(scores(detector, burst(6, 7 * DAY, share=loudest(name)))) > max(2.0 * usual, 3.5)


def test_a_snapshot_gives_bit_equal_next_scores(name: str) -> None:
    """A restored detector goes on as if nothing had happened."""
    rows = ordinary(7, 4, per_bucket=3.0)
    detector = fed(name, rows[: 3 * DAY + 17])
    twin = type(detector).restore(detector.snapshot())
    rest = rows[3 * DAY + 17 :]
    assert scores(twin, rest) == scores(detector, rest)
    assert twin.snapshot() == detector.snapshot()


def test_is_deterministic(name: str) -> None:
    """The same rows give the same state, bit for bit."""
    rows = ordinary(8, 2)
    assert fed(name, rows).snapshot() == fed(name, rows).snapshot()


def test_state_is_bounded(name: str) -> None:
    """Twenty days take no more room than three, and less than 4 KiB."""
    assert len(fed(name, ordinary(9, 3)).snapshot()) <= 4096
    assert len(fed(name, ordinary(9, 20, per_bucket=1.0)).snapshot()) <= 4096


def test_scoring_learns_nothing_and_changes_no_input(name: str) -> None:
    """Scoring twice gives the same, and the features stay as they were."""
    detector = fed(name, ordinary(10, 3))
    x = burst(11, 3 * DAY, share=0.7)[0]
    before = copy.deepcopy(x)
    assert detector.score_one(x) == detector.score_one(x)
    detector.learn_one(x)
    assert x == before


@pytest.mark.parametrize("bad", [math.nan, math.inf, -1.0])
@pytest.mark.parametrize("field", ["mentions", "negatives"])
def test_refuses_counts_that_are_none(name: str, field: str, bad: float) -> None:
    """NaN, infinite and negative counts are errors that show the value, and change nothing."""
    detector = fed(name, ordinary(12, 1))
    before = detector.snapshot()
    x = {"start": 5 * DAY * 300, "mentions": 10.0, "negatives": 1.0, field: bad}
    with pytest.raises(ValueError, match=r"expected (finite counts|at most)"):
        detector.score_one(x)
    with pytest.raises(ValueError, match=r"expected (finite counts|at most)"):
        detector.learn_one(x)
    assert detector.snapshot() == before


def test_refuses_buckets_out_of_order(name: str) -> None:
    """Time does not run backwards."""
    detector = fed(name, ordinary(13, 1))
    with pytest.raises(ValueError, match="in order"):
        detector.learn_one({"start": 300, "mentions": 1, "negatives": 0})


def test_a_lasting_shift_becomes_the_new_normal_within_two_days(name: str) -> None:
    """Three times the volume for good, at the same share: it is learned, not rung for without end."""
    detector = fed(name, ordinary(18, 6))
    shifted = [x | {"start": x["start"] + 6 * DAY * 300} for x in ordinary(19, 3, per_bucket=24.0)]
    for x in shifted[: 2 * DAY]:
        detector.learn_one(x)
    last = shifted[2 * DAY :]
    assert detector.assess_one(last[0]).expected_now > 0.6 * 24.0 * 0.5
    assert sum(score > 3.5 for score in scores(detector, last)) == 0


def test_refuses_foreign_state(name: str) -> None:
    """A snapshot of another version, or garbage, is refused and never guessed at."""
    with pytest.raises(StateVersionError, match="version 3"):
        DETECTORS[name].restore(b"garbage")
    with pytest.raises(StateVersionError, match="got 99"):
        DETECTORS[name].restore(make_detector(name).snapshot().replace(b"\x98\x03", b"\x98\x63", 1))


@settings(max_examples=10, deadline=None, derandomize=True)
@given(seed=st.integers(0, 1000), keep=st.floats(0.05, 0.5))
def test_buckets_left_out_are_buckets_without_mentions(name: str, seed: int, keep: float) -> None:
    """Leaving empty buckets out gives, within half, the expectation and the score that feeding zeros gives."""
    r = random.Random(seed)
    rows = [x | ({} if r.random() < keep else {"mentions": 0, "negatives": 0}) for x in ordinary(seed, 4)]
    with_zeros = fed(name, rows)
    without = fed(name, [x for x in rows if x["mentions"]])
    last = {"start": 4 * DAY * 300, "mentions": 40, "negatives": 30}
    a, b = with_zeros.assess_one(last), without.assess_one(last)
    assert b.expected_now == pytest.approx(a.expected_now, rel=0.5, abs=0.05)
    assert without.score_one(last) == pytest.approx(with_zeros.score_one(last), rel=0.5, abs=1.0)


def test_explains_itself_in_parts_that_sum_to_the_score(name: str) -> None:
    """Expected value inside its interval, parts that add up."""
    detector = fed(name, ordinary(14, 3))
    for x in burst(15, 3 * DAY, share=0.7):
        assessment = detector.assess_one(x)
        explanation = detector.explain_one(x)
        assert sum(explanation.parts.values()) == pytest.approx(assessment.score(detector.kind))
        assert explanation.lower <= explanation.expected <= explanation.upper
        detector.learn_one(x)


def labelled() -> list[tuple[dict[str, float], bool]]:
    """Ordinary days with a burst of bad mentions, in River's (x, y) form; without `start` buckets follow each other."""
    rows = [(x, False) for x in ordinary(16, 3)]
    rows[2 * DAY + 100 : 2 * DAY + 112] = [(x, True) for x in burst(17, 2 * DAY + 100, share=0.8)]
    return [({name: value for name, value in x.items() if name != "start"}, y) for x, y in rows]


@pytest.mark.parametrize(
    "check",
    [
        river_common.check_learn_one,
        river_common.check_pickling,
        river_common.check_shuffle_features_no_impact,
        river_common.check_emerging_features,
        river_common.check_disappearing_features,
        river_common.check_radically_disappearing_features,
        river_common.check_no_state_aliasing_with_input,
        river_common.check_clone_is_independent,
        river_anomaly.check_roc_auc,
    ],
    ids=lambda check: str(check.__name__),
)
def test_passes_rivers_own_checks_on_buckets(name: str, check) -> None:
    """River's estimator checks hold on streams of buckets (its own data sets have to be downloaded)."""
    check(make_detector(name), labelled())


@pytest.mark.parametrize(
    "check",
    [
        river_common.check_repr,
        river_common.check_str,
        river_common.check_tags,
        river_common.check_clone_same_class,
        river_common.check_clone_changes_memory_addresses,
        river_common.check_mutate_can_be_idempotent,
        river_common.check_init_has_default_params_for_tests,
        river_common.check_init_default_params_are_not_mutable,
        river_common.check_doc,
    ],
    ids=lambda check: str(check.__name__),
)
def test_passes_rivers_checks_that_need_no_data(name: str, check) -> None:
    """Representation, cloning and constructor rules of River estimators hold."""
    check(make_detector(name))
