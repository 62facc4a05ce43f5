"""A River anomaly detector, or a pipeline that ends in one, behind the door of all detectors."""

from __future__ import annotations

import math
import struct
from collections import deque
from typing import Any, ClassVar, Final

import msgspec

from detectors.base import StateVersionError
from detectors.brand.params import Prior
from detectors.calibrated import PRIOR, CalibratedDetector, Evidence, Features
from detectors.composition.evidence import ceiling, evidence, is_predictive, is_supervised, learn
from detectors.composition.notation import SELECT, Chain, CompositionError, parse
from detectors.composition.state import MAX_STATE_NUMBERS, build, numbers, restore, state_of
from schemas.alert import Kind
from schemas.observation import BUCKETS_PER_HOUR

FEATURES: Final = ("volume", "expected", "negative_share", "reach", "volume_excess", "negative_excess")
"""What detectors of features see of an hour: square roots of mentions and of expected mentions, share, log of reach,
and the two excesses of detectors.calibrated.Features."""
KNOWN_BEFORE: Final = ("hour_ago", "expected", "sin", "cos")
"""What a predictive model sees instead: the target of an hour ago, expected mentions, and the hour as an angle."""
PROBE_HOURS: Final = 40
"""Hours that a composition is tried on before a configuration with it is accepted."""


class RiverDetector(CalibratedDetector):
    """A composition of River's estimators as a detector; the parameter is its text (detectors.composition.notation).

    Detectors of a dictionary (HalfSpaceTrees) exist once per brand, see FEATURES and score crises only: their score
    says that an hour is rare, not in what, and counts while mentions and negatives are both above the usual. Detectors
    of one number (GaussianScorer, PredictiveAnomalyDetection) exist once per brand and kind and see the kind's target:
    excess of mentions, of negatives, or for a crisis the lesser of both.
    """

    VERSION: ClassVar[int] = 1

    def __init__(self, composition: str = "anomaly.GaussianScorer()", kind: Kind = "crisis") -> None:
        super().__init__(kind)
        self.composition = composition
        steps = parse(composition).steps
        first = build(steps)
        self._has_target = is_supervised(first)
        if not self._has_target:
            self.PRIORS = (prior_below(ceiling(first)),) * 3
        self._predicts = is_predictive(first)
        self._estimators = [first, build(steps), build(steps)] if self._has_target else [first]
        self._before: list[deque[float]] = [deque(maxlen=BUCKETS_PER_HOUR) for _ in range(3)]

    @classmethod
    def check(cls, composition: str) -> None:
        """Refuse a composition that River cannot run or whose state cannot be stored: at configuration time.

        Raises:
            CompositionError: one line: what was expected, what it got, what to do.
        """
        steps = parse(composition).steps
        _check_features(steps)
        try:
            detector = cls(composition)
            features = KNOWN_BEFORE if detector._predicts else FEATURES
            size = len(detector._estimators) * numbers(steps, len(features))
            if size > MAX_STATE_NUMBERS:
                raise CompositionError(
                    f"expected a state of at most {MAX_STATE_NUMBERS} numbers per brand, got {size}; take fewer or "
                    "lower trees, or a shorter window"
                )
            detector._probe()
        except (TypeError, ValueError, KeyError, AttributeError, ArithmeticError, struct.error) as error:
            if isinstance(error, CompositionError):
                raise
            raise CompositionError(
                f"expected a composition that River can run, got {composition}: {error}; see docs/adding-a-detector.md"
            ) from None

    def _probe(self) -> None:
        """Live through some hours, restore halfway, and go on bit-equal."""
        for hour in range(PROBE_HOURS):
            self._learn(_probe_hour(hour))
        twin = type(self)(self.composition)
        twin._restore_own(self._own_state())  # noqa: SLF001 - its own class
        for hour in range(PROBE_HOURS, 2 * PROBE_HOURS):
            features = _probe_hour(hour)
            if self._evidence(features) != twin._evidence(features):  # noqa: SLF001 - as above
                raise ValueError("its state cannot be stored")
            self._learn(features)
            twin._learn(features)  # noqa: SLF001 - as above

    def _evidence(self, features: Features) -> Evidence:
        if not self._has_target:
            return evidence(self._estimators[0], _row(features), 0.0), 0.0, 0.0
        crisis, shift, surge = (
            evidence(estimator, self._x(features, place), target)
            for place, (estimator, target) in enumerate(zip(self._estimators, features.targets, strict=True))
        )
        return crisis, shift, surge

    def _learn(self, features: Features) -> None:
        if not self._has_target:
            learn(self._estimators[0], _row(features), 0.0)
            return
        for place, (estimator, target) in enumerate(zip(self._estimators, features.targets, strict=True)):
            learn(estimator, self._x(features, place), target)
            if self._predicts:
                self._before[place].append(target)

    def _x(self, features: Features, place: int) -> dict[str, float]:
        if not self._predicts:
            return {}
        before = self._before[place]
        angle = features.hour_of_day * math.tau / 24.0
        return {
            "hour_ago": before[0] if before else 0.0,
            "expected": math.sqrt(features.expected),
            "sin": math.sin(angle),
            "cos": math.cos(angle),
        }

    def _own_state(self) -> Any:
        return [[state_of(one) for one in self._estimators], [list(before) for before in self._before]]

    def _restore_own(self, own: Any) -> None:
        states, before = own
        fresh = [build(parse(self.composition).steps) for _ in self._estimators]
        try:
            for estimator, state in zip(fresh, states, strict=True):
                restore(estimator, state)
        except struct.error as error:
            raise StateVersionError(f"expected the state of {self.composition}: {error}") from None
        self._estimators = fresh
        self._before = [deque((float(value) for value in values), BUCKETS_PER_HOUR) for values in before]


def prior_below(most: float) -> Prior:
    """What is believed of the daily maxima of evidence that cannot pass `most`: measured, they lie at two thirds."""
    return msgspec.structs.replace(
        PRIOR, mean=(0.63 * most,) * 3, deviation=(0.1 * most,) * 3, min_deviation=0.06 * most
    )


def _row(features: Features) -> dict[str, float]:
    return {
        "volume": math.sqrt(features.mentions),
        "expected": math.sqrt(features.expected),
        "negative_share": features.negatives / features.mentions if features.mentions > 0.0 else features.base_rate,
        "reach": math.log1p(features.reach),
        "volume_excess": features.volume_excess,
        "negative_excess": features.negative_excess,
    }


def _check_features(steps: Chain) -> None:
    for step in steps:
        for key in step.parameters["keys"] if step.name == SELECT else ():
            if key not in FEATURES + KNOWN_BEFORE:
                raise CompositionError(f"{SELECT}: expected some of {', '.join(FEATURES)}, got {key!r}")
        for value in step.parameters.values():
            if isinstance(value, tuple) and step.name != SELECT:
                _check_features(value)


def _probe_hour(hour: int) -> Features:
    """Some hour: numbers that differ from hour to hour, and now and then a loud one."""
    mentions = 20.0 + hour * 7 % 11 + (40.0 if hour % 9 == 0 else 0.0)
    negatives = 2.0 + hour * 5 % 7
    excess = mentions / 10.0 - 2.5
    return Features(mentions, 25.0, negatives, hour * 13 % 17, 0.15, excess, negatives - 5.0, True, True, hour % 24.0)  # noqa: FBT003
