"""What every detector must do, as checks of anything that makes one: tests/detectors/test_contract.py runs them over
every entry of the registry, and over detectors that break the contract, which must not pass."""

from __future__ import annotations

import copy
import itertools
import math
import random
from collections.abc import Callable
from typing import Any, Final

import msgspec
import pytest
from river import base
from river.checks import anomaly as river_anomaly
from river.checks import common as river_common

from detectors.base import SCORED_KINDS, Detector, StateVersionError
from detectors.brand.pooled_tail import PooledTail
from detectors.brand.threshold import crisis_threshold
from schemas.alert import Kind
from tests.detectors.streams import DAY, burst, ordinary

Make = Callable[[Kind, PooledTail], Detector]
Row = dict[str, Any]

MAX_STATE_BYTES: Final = 40_960
ABOVE_RELEASE: Final = 0.5 * crisis_threshold(1.0)
"""A crisis that scores less would not keep an episode open."""
SHARES: Final[dict[Kind, float]] = {"crisis": 0.8, "sentiment_shift": 0.8, "volume_surge": 0.15}
"""The share of negatives in the burst that a kind is for."""


def fed(make: Make, rows: list[Row], kind: Kind = "crisis") -> Detector:
    """A detector that has learned the rows."""
    detector = make(kind, PooledTail())
    for x in rows:
        detector.learn_one(x)
    return detector


def scores(detector: Detector, rows: list[Row]) -> list[float]:
    """Score, then learn, each row."""
    out = []
    for x in rows:
        out.append(detector.score_one(x))
        detector.learn_one(x)
    return out


def closed(make: Make, rows: list[Row], detector: Detector | None = None) -> list[tuple[float, ...]]:
    """The scores of the three kinds of each row, by the engine's seam."""
    detector = detector or make("crisis", PooledTail())
    found = []
    for x in rows:
        assessment = detector.close(x["start"] // 300, x["mentions"], x["negatives"], 0, x.get("reach", 0.0))
        found.append(tuple(assessment.score(kind) for kind in SCORED_KINDS))
    return found


def twin_of(make: Make, detector: Detector) -> Detector:
    """Another detector with its state; the pooled tail of a young brand knows nothing yet."""
    twin = make(detector.kind, PooledTail())
    twin.restore(detector.snapshot())
    return twin


# ---------------------------------------------------------------- what it says


def is_causal(make: Make) -> None:
    """Cutting off the future changes no past score."""
    rows = ordinary(1, 4)
    whole = closed(make, rows + burst(2, 4 * DAY, share=0.8))
    assert closed(make, rows) == whole[: len(rows)]


def scores_nothing_while_warming_up(make: Make) -> None:
    """On the first day every score is 0.0, even inside a burst."""
    detector = make("crisis", PooledTail())
    found = closed(make, ordinary(3, 1)[: DAY // 2] + burst(4, DAY // 2, share=0.9), detector)
    assert set(found) == {(0.0, 0.0, 0.0)}
    assert not detector.is_warm


def finds_what_each_kind_is_for(make: Make) -> None:
    """Once warm, a crisis is far more than an ordinary day's worst; the lesser kinds are more, or never scored."""
    for place, kind in enumerate(SCORED_KINDS):
        rows = ordinary(5, 7)
        detector = make(kind, PooledTail())
        usual = max(one[place] for one in closed(make, rows, detector)[6 * DAY :])
        assert detector.is_warm
        loud = max(one[place] for one in closed(make, burst(6, 7 * DAY, share=SHARES[kind]), detector))
        shown = f"{kind}: {loud:.2f} in a burst, {usual:.2f} on an ordinary day"
        if kind == "crisis":
            assert loud > max(1.5 * usual, ABOVE_RELEASE), shown
        else:
            assert loud > usual or max(loud, usual) <= 0.0, shown


def is_silent_on_ordinary_days(make: Make) -> None:
    """In three weeks of an ordinary brand no crisis is scored at twice the shipped threshold."""
    assert max(crisis for crisis, _, _ in closed(make, ordinary(20, 21))) < 7.5


def finds_nothing_strange_in_less(make: Make) -> None:
    """A brand that nobody mentions, and one that falls silent, score nothing above an ordinary day."""
    never = [x | {"mentions": 0, "negatives": 0} for x in ordinary(21, 4)]
    assert max(max(found) for found in closed(make, never)) <= 0.0
    detector = fed(make, ordinary(22, 4))
    quiet = [x | {"start": x["start"] + 4 * DAY * 300} for x in never[:DAY]]
    assert max(max(found) for found in closed(make, quiet, detector)[12:]) <= 1.0


def learns_a_lasting_shift_within_two_days(make: Make) -> None:
    """Three times the volume for good, at the same share, becomes the new normal and does not ring without end."""
    detector = fed(make, ordinary(18, 6))
    shifted = [x | {"start": x["start"] + 6 * DAY * 300} for x in ordinary(19, 3, per_bucket=24.0)]
    for x in shifted[: 2 * DAY]:
        detector.learn_one(x)
    last = shifted[2 * DAY :]
    first = last[0]["start"] // 300
    assert detector.expect(first, first + 1)[0] > 0.6 * 24.0 * 0.5
    assert max(max(found) for found in closed(make, last, detector)) < crisis_threshold(1.0)


def explains_itself_in_parts_that_sum_to_the_score(make: Make) -> None:
    """Expected value inside its interval, parts that add up, for every kind."""
    detector = fed(make, ordinary(14, 3))
    for x in burst(15, 3 * DAY, share=0.7):
        assessment = detector.close(x["start"] // 300, x["mentions"], x["negatives"])
        for kind in SCORED_KINDS:
            explanation = assessment.explain(kind)
            assert sum(explanation.parts.values()) == pytest.approx(assessment.score(kind))
            assert explanation.lower <= explanation.expected <= explanation.upper
            assert 0.0 < explanation.base_rate < 1.0


def speaks_river_and_engine_alike(make: Make) -> None:
    """`score_one` and `learn_one` give what `close` gives: they are the same detector."""
    rows = ordinary(23, 3) + burst(24, 3 * DAY, share=0.8)
    seam = closed(make, rows)
    for place, kind in enumerate(SCORED_KINDS):
        verbs = scores(make(kind, PooledTail()), rows)
        assert verbs == [max(one[place], 0.0) for one in seam]
    assert max(seam)[0] > 0.0


# ---------------------------------------------------------------- what it keeps


def goes_on_bit_equal_from_a_snapshot(make: Make) -> None:
    """A restored detector goes on as if nothing had happened; a snapshot is one MessagePack value."""
    rows = ordinary(7, 5, per_bucket=3.0) + burst(26, 5 * DAY, share=0.8)
    for place in (0, 5, 3 * DAY + 17):
        detector = fed(make, rows[:place])
        twin = twin_of(make, detector)
        assert twin.last_bucket == detector.last_bucket
        assert twin.is_warm == detector.is_warm
        found = closed(make, rows[place:], twin)
        assert found == closed(make, rows[place:], detector)
        assert twin.snapshot() == detector.snapshot()
    assert max(found)[0] > 0.0
    msgspec.msgpack.decode(detector.snapshot())


def is_deterministic(make: Make) -> None:
    """The same rows give the same state, bit for bit, and other rows another."""
    rows = ordinary(8, 2)
    assert fed(make, rows).snapshot() == fed(make, rows).snapshot()
    assert fed(make, rows).snapshot() != fed(make, rows[:-1]).snapshot()


def keeps_a_bounded_state(make: Make) -> None:
    """Twenty days take no more room than ten, and never more than a record may."""
    ten, twenty = (len(fed(make, ordinary(9, days, per_bucket=1.0)).snapshot()) for days in (10, 20))
    assert twenty <= MAX_STATE_BYTES
    assert twenty <= 1.02 * ten


def scores_without_learning_or_changing_its_input(make: Make) -> None:
    """Scoring twice gives the same, and the features stay as they were."""
    detector = fed(make, ordinary(10, 3))
    x = burst(11, 3 * DAY, share=0.7)[0]
    before = copy.deepcopy(x)
    first = detector.score_one(x)
    twin = twin_of(make, detector)
    for _ in range(3):
        assert detector.score_one(x) == first
        assert detector.explain_one(x) == twin.explain_one(x)
    detector.learn_one(x)
    twin.learn_one(x)
    assert detector.snapshot() == twin.snapshot()
    assert x == before


def assessments_do_not_change_when_it_goes_on(make: Make) -> None:
    """What a bucket said stays said: the engine explains it after it was learned."""
    detector = fed(make, ordinary(27, 3))
    rows = burst(28, 3 * DAY, share=0.8)
    first = detector.close(rows[0]["start"] // 300, rows[0]["mentions"], rows[0]["negatives"])
    before = [(first.score(kind), first.explain(kind)) for kind in SCORED_KINDS]
    closed(make, rows[1:], detector)
    assert [(first.score(kind), first.explain(kind)) for kind in SCORED_KINDS] == before


# ---------------------------------------------------------------- time


def takes_buckets_left_out_for_buckets_without_mentions(make: Make) -> None:
    """Leaving empty buckets out gives, within half, the expectation and the score that feeding zeros gives."""
    for seed, keep in ((1, 0.1), (2, 0.4), (3, 0.1)):
        r = random.Random(seed)
        rows = [x | ({} if r.random() < keep else {"mentions": 0, "negatives": 0}) for x in ordinary(seed, 4)]
        with_zeros = fed(make, rows)
        without = fed(make, [x for x in rows if x["mentions"]])
        last = {"start": 4 * DAY * 300, "mentions": 40, "negatives": 30}
        a, b = (one.expect(4 * DAY, 4 * DAY + 1)[0] for one in (with_zeros, without))
        assert b == pytest.approx(a, rel=0.5, abs=0.05)
        assert without.score_one(last) == pytest.approx(with_zeros.score_one(last), rel=0.5, abs=1.0)


def learns_nothing_from_a_gap_in_the_feed(make: Make) -> None:
    """A day in which the feed itself was silent lowers no expectation; a silent day does."""
    rows = ordinary(29, 5)
    first = 6 * DAY
    expected = {}
    for name, missing in (("gap", DAY), ("silence", 0)):
        detector = fed(make, rows)
        x = rows[-1] | {"start": first * 300}
        detector.close(first, x["mentions"], x["negatives"], missing)
        expected[name] = sum(detector.expect(first + 1, first + 1 + DAY))
    before = sum(fed(make, rows).expect(first + 1, first + 1 + DAY))
    assert expected["gap"] == pytest.approx(before, rel=0.1)
    assert expected["silence"] < 0.95 * expected["gap"]
    detector = fed(make, rows)
    detector.pass_unobserved(first)
    assert detector.last_bucket == first


def refuses_counts_that_are_none(make: Make) -> None:
    """NaN, infinite and negative counts are errors that show the value, and change nothing."""
    detector = fed(make, ordinary(12, 1))
    before = detector.snapshot()
    for field, bad in itertools.product(("mentions", "negatives", "reach"), (math.nan, math.inf, -1.0)):
        x = {"start": 5 * DAY * 300, "mentions": 10.0, "negatives": 1.0, field: bad}
        for verb in (detector.score_one, detector.learn_one):
            with pytest.raises(ValueError, match=r"expected (finite counts|at most)"):
                verb(x)
    assert detector.snapshot() == before


def refuses_buckets_out_of_order(make: Make) -> None:
    """Time does not run backwards."""
    detector = fed(make, ordinary(13, 1))
    with pytest.raises(ValueError, match="in order"):
        detector.learn_one({"start": 300, "mentions": 1, "negatives": 0})
    with pytest.raises(ValueError, match="in order"):
        detector.close(1, 1.0, 0.0)


def refuses_foreign_state(make: Make) -> None:
    """A snapshot of another version, of something else, or garbage, is refused and changes nothing."""
    detector = fed(make, ordinary(30, 2))
    before = detector.snapshot()
    version, *rest = msgspec.msgpack.decode(before)
    others = [b"garbage", b"", before[:-1], msgspec.msgpack.encode([version + 90, *rest]), msgspec.msgpack.encode({})]
    for payload in others:
        with pytest.raises(StateVersionError, match="expected"):
            detector.restore(payload)
    assert detector.snapshot() == before


# ---------------------------------------------------------------- River's own checks


def labelled() -> list[tuple[Row, bool]]:
    """Ordinary days with a burst of bad mentions, in River's (x, y) form; without `start` buckets follow each other."""
    rows = [(x, False) for x in ordinary(16, 3)]
    rows[2 * DAY + 100 : 2 * DAY + 112] = [(x, True) for x in burst(17, 2 * DAY + 100, share=0.8)]
    return [({name: value for name, value in x.items() if name != "start"}, y) for x, y in rows]


RIVER_DATA_CHECKS: Final = (
    river_common.check_learn_one,
    river_common.check_pickling,
    river_common.check_shuffle_features_no_impact,
    river_common.check_emerging_features,
    river_common.check_disappearing_features,
    river_common.check_radically_disappearing_features,
    river_common.check_predict_one_pure,
    river_common.check_predict_one_before_any_learn,
    river_common.check_no_state_aliasing_with_input,
    river_common.check_clone_is_independent,
    river_anomaly.check_roc_auc,
)
RIVER_CHECKS: Final = (
    river_common.check_repr,
    river_common.check_str,
    river_common.check_tags,
    river_common.check_clone_same_class,
    river_common.check_clone_is_idempotent,
    river_common.check_clone_changes_memory_addresses,
    river_common.check_mutate_can_be_idempotent,
    river_common.check_init_has_default_params_for_tests,
    river_common.check_init_default_params_are_not_mutable,
    river_common.check_doc,
    river_common.check_pickling_supports_roundtrip,
    river_common.check_repr_roundtrips_clone,
    river_common.check_clone_with_new_params_applies,
    river_common.check_get_params_matches_signature,
)


def passes_rivers_own_checks(make: Make) -> None:
    """Every check that River runs over its estimators, on streams of buckets (its own data have to be downloaded)."""
    assert isinstance(make("crisis", PooledTail()), base.AnomalyDetector)
    for check in RIVER_CHECKS:
        check(make("crisis", PooledTail()))
    for check in RIVER_DATA_CHECKS:
        check(make("crisis", PooledTail()), labelled())


CHECKS: Final[tuple[Callable[[Make], None], ...]] = (
    is_causal,
    scores_nothing_while_warming_up,
    finds_what_each_kind_is_for,
    is_silent_on_ordinary_days,
    finds_nothing_strange_in_less,
    learns_a_lasting_shift_within_two_days,
    explains_itself_in_parts_that_sum_to_the_score,
    speaks_river_and_engine_alike,
    goes_on_bit_equal_from_a_snapshot,
    is_deterministic,
    keeps_a_bounded_state,
    scores_without_learning_or_changing_its_input,
    assessments_do_not_change_when_it_goes_on,
    takes_buckets_left_out_for_buckets_without_mentions,
    learns_nothing_from_a_gap_in_the_feed,
    refuses_counts_that_are_none,
    refuses_buckets_out_of_order,
    refuses_foreign_state,
    passes_rivers_own_checks,
)
