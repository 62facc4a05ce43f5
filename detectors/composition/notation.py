"""The notation of a `river:` detector: River's own, read as text and never evaluated.

    anomaly.GaussianScorer(grace_period=288)
    preprocessing.MinMaxScaler() | anomaly.HalfSpaceTrees(n_trees=5, height=5, window_size=288, seed=1)
    anomaly.QuantileFilter(anomaly.GaussianScorer(), q=0.999)

A step is a class of the list below with parameters in brackets: numbers, true and false as in Python, texts, or for a
wrapper another composition. Steps are joined by `|`. Anything else is refused with what was expected. The list holds
the classes whose whole state we can write down (detectors.composition.state).
"""

from __future__ import annotations

import ast
import difflib
from typing import Any, Final

import msgspec

MAX_CHARACTERS: Final = 500


class CompositionError(ValueError):
    """A composition that is not one, or that cannot be run; says what was expected, what it got, what to do."""


class Step(msgspec.Struct, frozen=True):
    """A class with its parameters; a parameter that is a composition is a tuple of steps."""

    name: str
    parameters: dict[str, Any]

    @property
    def text(self) -> str:
        """In the one form that names, hashes and stored states go by."""
        if self.name == SELECT:
            shown = [repr(key) for key in self.parameters["keys"]]
        else:
            shown = [f"{name}={_shown(value)}" for name, value in self.parameters.items()]
        return f"{self.name}({', '.join(shown)})"


Chain = tuple[Step, ...]

SELECT: Final = "compose.Select"
MODEL: Final = "composition"
"""The type of a parameter that is a composition itself."""
CLASSES: Final[dict[str, dict[str, Any]]] = {
    "anomaly.GaussianScorer": {"window_size": int, "grace_period": int},
    "anomaly.HalfSpaceTrees": {"n_trees": int, "height": int, "window_size": int, "seed": int},
    "anomaly.PredictiveAnomalyDetection": {"predictive_model": MODEL, "n_std": float, "warmup_period": int},
    "anomaly.QuantileFilter": {"anomaly_detector": MODEL, "q": float, "protect_anomaly_detector": bool},
    "anomaly.ThresholdFilter": {"anomaly_detector": MODEL, "threshold": float, "protect_anomaly_detector": bool},
    SELECT: {},
    "linear_model.LinearRegression": {"l2": float, "intercept_lr": float, "clip_gradient": float},
    "preprocessing.MinMaxScaler": {},
    "preprocessing.StandardScaler": {"with_std": bool},
}
"""Class to parameters, in the order in which they may stand without their names."""
DETECTORS: Final = frozenset(name for name in CLASSES if name.startswith("anomaly."))
REGRESSORS: Final = frozenset({"linear_model.LinearRegression"})


class Composition(msgspec.Struct, frozen=True):
    """A parsed composition.

    Attributes:
        steps: first to last.
        text: in one form, whatever spaces and order of parameters it was written with.
        label: class names alone, for people.
    """

    steps: Chain
    text: str
    label: str


def parse(text: str) -> Composition:
    """The composition that a text writes.

    Raises:
        CompositionError: it writes none, or one of which a part is not on the list.
    """
    written = text.strip()
    if not written or len(written) > MAX_CHARACTERS:
        raise CompositionError(f"expected a composition of 1 to {MAX_CHARACTERS} characters, got {len(written)}")
    try:
        tree = ast.parse(written, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise CompositionError(
            f"expected steps joined by |, such as preprocessing.MinMaxScaler() | anomaly.HalfSpaceTrees(seed=1), got "
            f"what cannot be read as that ({getattr(error, 'msg', type(error).__name__)}); check brackets and quotes"
        ) from None
    steps = _chain(tree.body)
    _check_roles(steps, DETECTORS)
    _check_scaling(steps, scaled=False)
    return Composition(steps, " | ".join(step.text for step in steps), "|".join(_short(step) for step in steps))


def _chain(node: ast.expr) -> Chain:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return (*_chain(node.left), *_chain(node.right))
    return (_step(node),)


def _step(node: ast.expr) -> Step:
    call = node if isinstance(node, ast.Call) else ast.Call(node, [], [])
    name = ast.unparse(call.func)
    if name not in CLASSES:
        near = difflib.get_close_matches(name, CLASSES, 1, 0.6)
        hint = f"did you mean {near[0]}?" if near else f"it may be one of {', '.join(CLASSES)}"
        raise CompositionError(f"expected a class of River's whose state can be stored, got {name[:80]}; {hint}")
    if name == SELECT:
        return Step(name, {"keys": _selected(call)})
    known = CLASSES[name]
    given = [*zip(known, call.args, strict=False), *((keyword.arg, keyword.value) for keyword in call.keywords)]
    if len(call.args) > len(known):
        raise CompositionError(f"{name}: expected at most {len(known)} parameters, got {len(call.args)}")
    parameters: dict[str, Any] = {}
    for parameter, value in given:
        if parameter is None or parameter not in known or parameter in parameters:
            near = difflib.get_close_matches(str(parameter), known, 1, 0.4)
            hint = f"did you mean {near[0]}?" if near else f"it takes {', '.join(known) or 'none'}"
            raise CompositionError(f"{name}: expected each of its parameters at most once, got {parameter}; {hint}")
        parameters[parameter] = _value(name, parameter, known[parameter], value)
    return Step(name, {parameter: parameters[parameter] for parameter in known if parameter in parameters})


def _value(name: str, parameter: str, kind: Any, node: ast.expr) -> Any:
    if kind is MODEL:
        steps = _chain(node)
        _check_roles(steps, REGRESSORS if parameter == "predictive_model" else DETECTORS)
        return steps
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        value = node
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        raise CompositionError(f"{name}: {parameter}: expected {kind.__name__}, got {ast.unparse(node)[:40]}")
    return value


def _selected(call: ast.Call) -> tuple[str, ...]:
    keys = [node.value for node in call.args if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    if not keys or len(keys) != len(call.args) or call.keywords:
        raise CompositionError(f"{SELECT}: expected names of features in quotes, got {ast.unparse(call)[:80]}")
    return tuple(dict.fromkeys(keys))


def _check_roles(steps: Chain, last: frozenset[str]) -> None:
    """Transformers first, and a class of `last` at the end."""
    if steps[-1].name not in last:
        raise CompositionError(f"expected {' or '.join(sorted(last))} as the last step, got {steps[-1].name}")
    for step in steps[:-1]:
        if step.name in DETECTORS | REGRESSORS:
            raise CompositionError(f"expected a detector as the last step only, got {step.name} before another step")


def _check_scaling(steps: Chain, *, scaled: bool) -> None:
    """HalfSpaceTrees cut the range from 0 to 1."""
    for step in steps:
        scaled = scaled or step.name == "preprocessing.MinMaxScaler"
        if step.name == "anomaly.HalfSpaceTrees" and not scaled:
            raise CompositionError(
                "expected preprocessing.MinMaxScaler() before anomaly.HalfSpaceTrees, which cuts the range from 0 to "
                "1, got none; write preprocessing.MinMaxScaler() | anomaly.HalfSpaceTrees(...)"
            )
        inner = step.parameters.get("anomaly_detector")
        if inner is not None:
            _check_scaling(inner, scaled=scaled)


def _short(step: Step) -> str:
    inner = step.parameters.get("anomaly_detector") or step.parameters.get("predictive_model")
    name = step.name.split(".")[1]
    return f"{name}({'|'.join(_short(one) for one in inner)})" if inner else name


def _shown(value: Any) -> str:
    return " | ".join(step.text for step in value) if isinstance(value, tuple) else repr(value)
