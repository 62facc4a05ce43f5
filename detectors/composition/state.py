"""River's estimators built from a composition, and their whole state as plain values: numbers, texts, lists.

No pickle, no import path: River's pickles do not load across its own versions. What a class keeps is written down
field by field here; where River keeps it in Rust, its bytes are taken apart into the numbers they hold.
`detectors.composition.detector` checks at configuration time that a restored copy goes on bit-equal.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from river import anomaly, compose, linear_model, preprocessing, utils
from river.tree.padded import PaddedBranch, PaddedLeaf

from detectors.composition.notation import SELECT, Chain, CompositionError, Step

MAX_STATE_NUMBERS: Final = 8192
"""Of one brand: 72 KiB at most, stored at every checkpoint in which the brand changed."""
_QUANTILE: Final = struct.Struct("<21dBB")
"""River's P2 quantile: q, five desired places and their steps, five places, five heights, how many, whether sorted."""


def build(steps: Chain) -> Any:
    """The estimator.

    Raises:
        CompositionError: River, or this module, refuses its parameters.
    """
    try:
        parts = [_PARTS[step.name].make(step) for step in steps]
    except CompositionError:
        raise
    except (TypeError, ValueError) as error:
        shown = " | ".join(step.text for step in steps)
        raise CompositionError(f"expected parameters that River takes, got {shown}: {error}") from None
    return parts[0] if len(parts) == 1 else compose.Pipeline(*parts)


def numbers(steps: Chain, features: int) -> int:
    """How many numbers the estimator's state holds once it is full."""
    return sum(_PARTS[step.name].numbers(step, features) for step in steps)


def state_of(estimator: Any) -> Any:
    """The estimator's state."""
    return _part_of(estimator).read(estimator)


def restore(estimator: Any, state: Any) -> None:
    """Give a fresh estimator a state.

    Raises:
        ValueError, TypeError, KeyError, IndexError, struct.error: it is not such an estimator's.
    """
    _part_of(estimator).write(estimator, state)


class _Part(NamedTuple):
    make: Callable[[Step], Any]
    numbers: Callable[[Step, int], int]
    read: Callable[[Any], Any]
    write: Callable[[Any, Any], None]


def _part_of(estimator: Any) -> _Part:
    return _PIPELINE if isinstance(estimator, compose.Pipeline) else _PARTS[_NAMES[type(estimator)]]


# ---------------------------------------------------------------- pipelines and filters


def _read_pipeline(pipeline: Any) -> Any:
    return [state_of(step) for step in pipeline.steps.values()]


def _write_pipeline(pipeline: Any, state: Any) -> None:
    for step, own in zip(pipeline.steps.values(), state, strict=True):
        restore(step, own)


def _make_quantile(step: Step) -> Any:
    if "q" not in step.parameters:
        raise CompositionError("anomaly.QuantileFilter: expected q, above which quantile it does not learn, got none")
    return anomaly.QuantileFilter(**step.parameters | {_INNER: build(_inner(step))})


def _make_threshold(step: Step) -> Any:
    if not step.parameters.get("protect_anomaly_detector", True):
        raise CompositionError(
            "anomaly.ThresholdFilter: expected protect_anomaly_detector=True, for without it River's filter learns "
            "nothing at all, got False; leave it out, or leave the filter out"
        )
    if "threshold" not in step.parameters:
        raise CompositionError("anomaly.ThresholdFilter: expected threshold, above which nothing is learned, got none")
    return anomaly.ThresholdFilter(build(_inner(step)), step.parameters["threshold"])


_INNER: Final = "anomaly_detector"


def _inner(step: Step) -> Chain:
    if _INNER not in step.parameters:
        raise CompositionError(f"{step.name}: expected a detector in brackets, got none")
    steps: Chain = step.parameters[_INNER]
    return steps


def _read_quantile(found: Any) -> Any:
    values = _QUANTILE.unpack(found.quantile._quantile.__getstate__())  # noqa: SLF001 - River has no other way
    return [state_of(found.anomaly_detector), list(values)]


def _write_quantile(found: Any, state: Any) -> None:
    inner, values = state
    restore(found.anomaly_detector, inner)
    quantile = found.quantile
    quantile._quantile.__setstate__(_QUANTILE.pack(*values))  # noqa: SLF001 - as above
    quantile._is_updated = values[-2] > 0  # noqa: SLF001 - as above


# ---------------------------------------------------------------- detectors


def _read_variance(variance: Any) -> list[float]:
    return [variance.mean.n, variance.mean._mean, variance._S]  # noqa: SLF001 - its getters divide


def _write_variance(variance: Any, state: Any) -> None:
    variance.mean.n, variance.mean._mean, variance._S = state  # noqa: SLF001 - as above


def _read_gaussian(found: Any) -> Any:
    window = [args[0] for args, _ in found.gaussian.window] if found.window_size else []
    return [_read_variance(found.gaussian._var), window]  # noqa: SLF001 - as above


def _write_gaussian(found: Any, state: Any) -> None:
    variance, window = state
    _write_variance(found.gaussian._var, variance)  # noqa: SLF001 - as above
    if found.window_size:
        found.gaussian.window.extend(((value,), {}) for value in window)
    elif window:
        raise ValueError("expected no window")


def _make_trees(step: Step) -> Any:
    if "seed" not in step.parameters:
        raise CompositionError("anomaly.HalfSpaceTrees: expected a seed, or a replay would give other alerts, got none")
    return anomaly.HalfSpaceTrees(**step.parameters)


def _tree_numbers(step: Step, _: int) -> int:
    trees, height = step.parameters.get("n_trees", 10), step.parameters.get("height", 8)
    if not (1 <= trees <= MAX_STATE_NUMBERS and 1 <= height <= 12):
        raise CompositionError(f"anomaly.HalfSpaceTrees: expected trees of height 1 to 12, got {trees} of {height}")
    return int(trees * (2 * (2 ** (height + 1) - 1) + 2 * (2**height - 1)))


def _read_trees(found: Any) -> Any:
    nodes = found._tree_nodes  # noqa: SLF001 - depth first; River has no other way to any of this
    splits = [[node for node in own if isinstance(node, PaddedBranch)] for own in nodes]
    features = sorted({split.feature for own in splits for split in own})
    places = {feature: place for place, feature in enumerate(features)}
    return [
        found.counter,
        found._first_window,  # noqa: SLF001 - as above
        features,
        [bytes([places[split.feature] for split in own]) for own in splits],
        [struct.pack(f"<{len(own)}d", *[split.threshold for split in own]) for own in splits],
        [[node.l_mass for node in own] for own in nodes],
        [[node.r_mass for node in own] for own in nodes],
    ]


def _write_trees(found: Any, state: Any) -> None:
    found.counter, found._first_window, features, *trees = state  # noqa: SLF001 - as above
    found._tree_nodes = [  # noqa: SLF001 - as above
        _grown(
            zip([features[place] for place in places], struct.unpack(f"<{len(places)}d", thresholds), strict=True),
            zip(left, right, strict=True),
            found.height,
        )
        for places, thresholds, left, right in zip(*trees, strict=True)
    ]
    found.trees = [nodes[0] for nodes in found._tree_nodes]  # noqa: SLF001 - as above


def _grown(splits: Iterator[tuple[str, float]], masses: Iterator[tuple[int, int]], height: int) -> list[Any]:
    """The nodes of a tree, from its splits and the masses of its nodes, all of them depth first."""
    learning, scoring = next(masses)
    if height == 0:
        return [PaddedLeaf(l_mass=learning, r_mass=scoring)]
    feature, threshold = next(splits)
    below = _grown(splits, masses, height - 1)
    above = _grown(splits, masses, height - 1)
    node = PaddedBranch(below[0], above[0], feature=feature, threshold=threshold, l_mass=learning, r_mass=scoring)
    return [node, *below, *above]


def _make_predictive(step: Step) -> Any:
    parameters = dict(step.parameters)
    if parameters.get("warmup_period", 0) < 1:
        raise CompositionError(
            "anomaly.PredictiveAnomalyDetection: expected warmup_period of 1 or more, for its first error is not a "
            "number behind a scaler and would stay in its mean, got 0; write warmup_period=288 for a day"
        )
    if "predictive_model" in parameters:
        parameters["predictive_model"] = build(parameters["predictive_model"])
    return anomaly.PredictiveAnomalyDetection(**parameters)


def _predictive_numbers(step: Step, features: int) -> int:
    return 6 + numbers(step.parameters.get("predictive_model", _DEFAULT_MODEL), features)


_DEFAULT_MODEL: Final = (Step("preprocessing.MinMaxScaler", {}), Step("linear_model.LinearRegression", {}))


def _read_predictive(found: Any) -> Any:
    errors = found.dynamic_mae
    return [
        found.iter,
        [errors.n, errors._mean],  # noqa: SLF001 - its getter rounds nothing, but there is no setter
        _read_variance(found.dynamic_se_variance),
        state_of(found.predictive_model),
    ]


def _write_predictive(found: Any, state: Any) -> None:
    found.iter, (found.dynamic_mae.n, found.dynamic_mae._mean), variance, model = state  # noqa: SLF001 - as above
    _write_variance(found.dynamic_se_variance, variance)
    restore(found.predictive_model, model)


# ---------------------------------------------------------------- transformers and regressors


def _read_regression(found: Any) -> Any:
    return [found.intercept, found.optimizer.n_iterations, list(found.weights.items())]


def _write_regression(found: Any, state: Any) -> None:
    found.intercept, found.optimizer.n_iterations, weights = state
    found._weights = utils.VectorDict({str(name): float(value) for name, value in weights})  # noqa: SLF001


def _make_select(step: Step) -> Any:
    found = compose.Select(*step.parameters["keys"])
    # River keeps a set, whose order differs from process to process, and with it the last bits of a sum.
    found.keys = step.parameters["keys"]
    return found


def _read_extremes(found: Any) -> Any:
    return [[name, low.get(), found.max[name].get()] for name, low in found.min.items()]


def _write_extremes(found: Any, state: Any) -> None:
    for name, low, high in state:
        found.min[name].update(low)
        found.max[name].update(high)


def _read_scaler(found: Any) -> Any:
    return [[name, count, found.means[name], found.vars[name]] for name, count in found.counts.items()]


def _write_scaler(found: Any, state: Any) -> None:
    for name, count, mean, variance in state:
        found.counts[name], found.means[name], found.vars[name] = count, mean, variance


def _refuse_any(_: Any, state: Any) -> None:
    if state is not None:
        raise ValueError("expected no state")


_PIPELINE: Final = _Part(_make_select, lambda _, __: 0, _read_pipeline, _write_pipeline)
_PARTS: Final[dict[str, _Part]] = {
    "anomaly.GaussianScorer": _Part(
        lambda step: anomaly.GaussianScorer(**step.parameters),
        lambda step, _: 3 + (step.parameters.get("window_size") or 0),
        _read_gaussian,
        _write_gaussian,
    ),
    "anomaly.HalfSpaceTrees": _Part(_make_trees, _tree_numbers, _read_trees, _write_trees),
    "anomaly.PredictiveAnomalyDetection": _Part(
        _make_predictive, _predictive_numbers, _read_predictive, _write_predictive
    ),
    "anomaly.QuantileFilter": _Part(
        _make_quantile, lambda step, n: 23 + numbers(_inner(step), n), _read_quantile, _write_quantile
    ),
    "anomaly.ThresholdFilter": _Part(
        _make_threshold,
        lambda step, n: numbers(_inner(step), n),
        lambda found: state_of(found.anomaly_detector),
        lambda found, state: restore(found.anomaly_detector, state),
    ),
    SELECT: _Part(_make_select, lambda _, __: 0, lambda _: None, _refuse_any),
    "linear_model.LinearRegression": _Part(
        lambda step: linear_model.LinearRegression(**step.parameters),
        lambda _, n: 2 + 2 * n,
        _read_regression,
        _write_regression,
    ),
    "preprocessing.MinMaxScaler": _Part(
        lambda _: preprocessing.MinMaxScaler(), lambda _, n: 3 * n, _read_extremes, _write_extremes
    ),
    "preprocessing.StandardScaler": _Part(
        lambda step: preprocessing.StandardScaler(**step.parameters), lambda _, n: 4 * n, _read_scaler, _write_scaler
    ),
}
_NAMES: Final = {
    anomaly.GaussianScorer: "anomaly.GaussianScorer",
    anomaly.HalfSpaceTrees: "anomaly.HalfSpaceTrees",
    anomaly.PredictiveAnomalyDetection: "anomaly.PredictiveAnomalyDetection",
    anomaly.QuantileFilter: "anomaly.QuantileFilter",
    anomaly.ThresholdFilter: "anomaly.ThresholdFilter",
    compose.Select: SELECT,
    linear_model.LinearRegression: "linear_model.LinearRegression",
    preprocessing.MinMaxScaler: "preprocessing.MinMaxScaler",
    preprocessing.StandardScaler: "preprocessing.StandardScaler",
}
