"""How strange River finds an hour, on a scale without a ceiling, and learning that hour.

River's scores end at 1: GaussianScorer's is 1.0 to the last bit from 8.3 deviations on, PredictiveAnomalyDetection's
is cut there, and both call a quiet hour as strange as a loud one. Daily maxima that are all 1.0 tell nothing apart. So
each score is read by a function that rises with it and goes on rising, of what the estimator itself has learned, and
that counts only what is above the usual.
"""

from __future__ import annotations

import math
from typing import Any, Final

from river import anomaly, base, compose

from detectors.brand.tails import surprise

MIN_DEVIATION: Final = 0.5
"""Of a target, whose deviation is about 1 where mentions are Poisson: a brand that is always silent deviates by 0, and
its first mention would be infinitely strange."""
_MIN_MASS: Final = 1e-9


def is_supervised(estimator: Any) -> bool:
    """Whether it scores one number, the target, rather than a dictionary of features."""
    inner = _last(estimator)
    if isinstance(inner, base.AnomalyFilter):
        return is_supervised(inner.anomaly_detector)
    return isinstance(inner, base.SupervisedAnomalyDetector)


def is_predictive(estimator: Any) -> bool:
    """Whether it predicts the target, so that it must not see features of the same hour."""
    inner = _last(estimator)
    if isinstance(inner, base.AnomalyFilter):
        return is_predictive(inner.anomaly_detector)
    return isinstance(inner, anomaly.PredictiveAnomalyDetection)


def ceiling(estimator: Any) -> float:
    """The most evidence that an estimator of features can give: HalfSpaceTrees know no place emptier than empty."""
    inner = _last(estimator)
    if isinstance(inner, base.AnomalyFilter):
        return ceiling(inner.anomaly_detector)
    return math.log(2.0 ** (inner.height + 1) - 1.0)


def evidence(estimator: Any, x: dict[str, float], y: float) -> float:
    """How strange, >= 0; learns nothing, unlike some `score_one` of River's.

    GaussianScorer and PredictiveAnomalyDetection: surprise in nats of the target's distance above mean or prediction,
    in deviations. HalfSpaceTrees: -ln(1 - score), the log of how empty the place is. Filters: that of what they hold.
    """
    if isinstance(estimator, compose.Pipeline):
        *transformers, last = estimator.steps.values()
        for transformer in transformers:
            x = transformer.transform_one(x)
        return evidence(last, x, y)
    if isinstance(estimator, base.AnomalyFilter):
        return evidence(estimator.anomaly_detector, x, y)
    if isinstance(estimator, anomaly.GaussianScorer):
        usual = estimator.gaussian
        return _surprise(y - usual.mu, usual.sigma) if usual.n_samples >= estimator.grace_period else 0.0
    if isinstance(estimator, anomaly.PredictiveAnomalyDetection):
        if estimator.iter < estimator.warmup_period or estimator.dynamic_mae.n == 0:
            return 0.0
        # Its "mae" is the mean of squared errors.
        return _surprise(y - estimator.predictive_model.predict_one(x), math.sqrt(estimator.dynamic_mae.get()))
    score = float(estimator.score_one(x))
    return -math.log(max(1.0 - score, _MIN_MASS))


def learn(estimator: Any, x: dict[str, float], y: float) -> None:
    """Learn the hour, and let what counts errors while scoring count this one, once."""
    if isinstance(estimator, compose.Pipeline):
        *transformers, last = estimator.steps.values()
        for transformer in transformers:
            transformer.learn_one(x)
            x = transformer.transform_one(x)
        learn(last, x, y)
    elif isinstance(estimator, base.AnomalyFilter):
        # A filter scores what it learns, so errors are counted there.
        estimator.learn_one(*((x, y) if is_supervised(estimator) else (x,)))
    elif isinstance(estimator, anomaly.PredictiveAnomalyDetection):
        estimator.score_one(x, y)
        estimator.learn_one(x, y)
    elif isinstance(estimator, base.SupervisedAnomalyDetector):
        estimator.learn_one(x, y)
    else:
        estimator.learn_one(x)


def _last(estimator: Any) -> Any:
    return list(estimator.steps.values())[-1] if isinstance(estimator, compose.Pipeline) else estimator


def _surprise(excess: float, deviation: float) -> float:
    return surprise(excess / max(deviation, MIN_DEVIATION)) if excess > 0.0 else 0.0
