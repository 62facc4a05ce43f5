"""The contract holds for every detector of the registry, and not for detectors that break it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from detectors.base import BucketEstimator, Explanation, StateVersionError
from detectors.brand.model import BrandModel
from detectors.brand.pooled_tail import PooledTail
from detectors.ewma import Ewma
from detectors.normal import Normal
from detectors.registry import DETECTORS, RIVER_EXAMPLES, entry
from schemas.alert import Kind
from tests.detectors import contract
from tests.detectors.contract import CHECKS, Make


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: str(check.__name__))
@pytest.mark.parametrize("name", [*DETECTORS, *RIVER_EXAMPLES], ids=lambda name: entry(name).label.replace("/", "-"))
def test_every_detector_of_the_registry(name, check):
    check(entry(name).make)


# ---------------------------------------------------------------- detectors that must not pass


class Nothing(BucketEstimator):
    """Has every verb and does nothing."""

    bucket = -1

    class Said(msgspec.Struct):
        bucket: int
        is_warm: bool = True
        expected_now: float = 1.0
        base_rate: float = 0.2
        dispersion_now: float = 1.0
        value: float = 0.0

        def score(self, kind: Kind) -> float:
            return self.value

        def window(self, kind: Kind) -> int:
            return 0

        def explain(self, kind: Kind) -> Explanation:
            return Explanation(1, 0.0, 0.0, 1.0, 0.0, 2.0, 0.2, {"volume": self.value})

    @property
    def last_bucket(self) -> int:
        return self.bucket

    @property
    def is_warm(self) -> bool:
        return self.bucket >= 288

    def assess(self, index: int, mentions: float, negatives: float, missing: int = 0, reach: float = 0.0) -> Said:
        if index <= self.bucket:
            raise ValueError("expected buckets in order")
        return self.Said(index)

    def close(self, index: int, mentions: float, negatives: float, missing: int = 0, reach: float = 0.0) -> Said:
        said = self.assess(index, mentions, negatives)
        self.bucket = index
        return said

    def pass_unobserved(self, index: int) -> None:
        self.bucket = index

    def expect(self, first: int, end: int) -> list[float]:
        return [1.0] * (end - first)

    def normal(self) -> Normal:
        return BrandModel().normal()

    def snapshot(self) -> bytes:
        return msgspec.msgpack.encode([1, self.bucket])

    def restore(self, payload: bytes) -> None:
        try:
            version, bucket = msgspec.msgpack.decode(payload, type=tuple[int, int])
        except msgspec.DecodeError as error:
            raise StateVersionError(f"expected two numbers: {error}") from None
        if version != 1:
            raise StateVersionError("expected version 1")
        self.bucket = bucket


class Siren(Nothing):
    """Rings in every bucket once it is warm."""

    def assess(self, index: int, *args: Any, **kwargs: Any) -> Nothing.Said:
        return self.Said(super().assess(index, *args, **kwargs).bucket, value=10.0 if index > 288 else 0.0)


class Forgetful(BrandModel):
    """Loses what it learned when it is restored."""

    def restore(self, payload: bytes) -> None:
        super().restore(payload)
        bucket = self.last_bucket
        self.state = BrandModel().state
        self.state.baseline.bucket = bucket


class Loose(Ewma):
    """Learns while it scores."""

    def _evidence(self, features: Any) -> Any:
        found = super()._evidence(features)
        self._learn(features)
        return found


class TwoSided(Ewma):
    """Finds less as strange as more, as River's GaussianScorer does."""

    def assess(self, *args: Any, **kwargs: Any) -> Any:
        found = super().assess(*args, **kwargs)
        features = found.features
        if found.is_warm and features.volume_excess < 0.0:
            found.scores = (features.volume_excess**2,) * 3
        return found


def made_by(kind_of: type[Any]) -> Make:
    def make(kind: Kind, tail: PooledTail) -> Any:
        detector = kind_of(kind)
        detector.tail = tail
        return detector

    return make


@pytest.mark.parametrize(
    "check",
    [
        contract.finds_what_each_kind_is_for,
        contract.speaks_river_and_engine_alike,
        contract.goes_on_bit_equal_from_a_snapshot,
        contract.learns_a_lasting_shift_within_two_days,
        contract.learns_nothing_from_a_gap_in_the_feed,
    ],
    ids=lambda check: str(check.__name__),
)
def test_a_detector_that_does_nothing_does_not_pass(check):
    assert check in CHECKS
    with pytest.raises(AssertionError):
        check(made_by(Nothing))


@pytest.mark.parametrize(
    ("broken", "found_by"),
    [
        (Siren, contract.is_silent_on_ordinary_days),
        (Forgetful, contract.goes_on_bit_equal_from_a_snapshot),
        (Loose, contract.scores_without_learning_or_changing_its_input),
        (TwoSided, contract.finds_nothing_strange_in_less),
    ],
    ids=lambda one: str(one.__name__),
)
def test_a_detector_that_breaks_the_contract_is_found_out(broken, found_by):
    assert found_by in CHECKS
    with pytest.raises(AssertionError):
        found_by(made_by(broken))
