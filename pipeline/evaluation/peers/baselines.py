"""Other people's detectors on the same data: River's, a random cut forest, and the rule that vendors document.

Each sees what a person would give it: the sum over the last hour, of negative mentions where tone is known. Only the
threshold is chosen, and that on other brands. None is tuned, nor is ours for the comparison.
"""

from __future__ import annotations

import abc
import copy
import math
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from river import anomaly, linear_model, preprocessing

from pipeline.evaluation.peers.random_cut_forest import RandomCutForest
from schemas.observation import BUCKETS_PER_DAY, BUCKETS_PER_HOUR

Array = NDArray[np.float64]
Counts = NDArray[np.floating[Any]]
Signal = Literal["mentions", "negatives"]


class Peer(Protocol):
    """A detector over a fleet of series that goes on from where it stopped."""

    def run(self, mentions: Counts, negatives: Counts) -> Array:
        """Scores of the next buckets, from counts (buckets, brands); each scored before it is learned."""
        ...

    def copy(self) -> Self:
        """A detector that goes its own way from here."""
        ...


class PreviousHours:
    """The documented vendor rule: the last hour against the mean of the hours before it, as a relative excess.

    "+150 %" is a score of 1.5. A mean below one an hour counts as one, or any first mention would fire.
    """

    def __init__(self, brands: int, *, hours: int, signal: Signal) -> None:
        """Begin without history; `hours` before the last one are the measure."""
        self._hours, self._signal = hours, signal
        self._past = np.zeros(((hours + 1) * BUCKETS_PER_HOUR, brands))

    def run(self, mentions: Counts, negatives: Counts) -> Array:
        """See Peer."""
        values = np.concatenate([self._past, mentions if self._signal == "mentions" else negatives])
        length = len(self._past)
        self._past = values[len(values) - length :].copy()
        total = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
        end = np.arange(length, len(values)) + 1
        hour = total[end] - total[end - BUCKETS_PER_HOUR]
        usual = (total[end - BUCKETS_PER_HOUR] - total[end - length]) / self._hours
        excess: Array = (hour - usual) / np.maximum(usual, 1.0)
        return excess

    def copy(self) -> Self:
        """See Peer."""
        return copy.deepcopy(self)


class PeerOfSeries:
    """One detector a brand, fed with sums over the last hour."""

    def __init__(self, brands: int, make: Callable[[], OneSeries]) -> None:
        """Begin without history; `make` gives one brand's detector."""
        self._series = [make() for _ in range(brands)]

    def run(self, mentions: Counts, negatives: Counts) -> Array:
        """See Peer."""
        scores = np.empty(mentions.shape)
        for brand, series in enumerate(self._series):
            for row, (n, k) in enumerate(zip(mentions[:, brand].tolist(), negatives[:, brand].tolist(), strict=True)):
                scores[row, brand] = series.step(n, k)
        return scores

    def copy(self) -> Self:
        """See Peer."""
        return copy.deepcopy(self)


class OneSeries(abc.ABC):
    """Sums over the last hour of one brand and a detector on them; the first day only teaches."""

    def __init__(self, signal: Signal) -> None:
        self._signal = signal
        self._recent: deque[tuple[float, float]] = deque([(0.0, 0.0)] * BUCKETS_PER_HOUR, BUCKETS_PER_HOUR)
        self._n = self._k = 0.0
        self._buckets = 0

    def step(self, mentions: float, negatives: float) -> float:
        """Score, then learn, one bucket."""
        old = self._recent[0]
        self._recent.append((mentions, negatives))
        self._n += mentions - old[0]
        self._k += negatives - old[1]
        self._buckets += 1
        score = self._score_and_learn(self._n, self._k)
        return score if self._buckets > BUCKETS_PER_DAY else 0.0

    @abc.abstractmethod
    def _score_and_learn(self, mentions: float, negatives: float) -> float:
        """Score, then learn, the sums of the last hour."""

    def _value(self, mentions: float, negatives: float) -> float:
        return mentions if self._signal == "mentions" else negatives


class _Gaussian(OneSeries):
    """River's GaussianScorer over a week, by the deviations from the mean that its probability is made of.

    The order is the same, but a probability is 1 to the last bit from 8 deviations on, where bursts still differ.
    """

    def __init__(self, signal: Signal) -> None:
        super().__init__(signal)
        self._model = anomaly.GaussianScorer(window_size=7 * BUCKETS_PER_DAY, grace_period=BUCKETS_PER_DAY)

    def _score_and_learn(self, mentions: float, negatives: float) -> float:
        value = self._value(mentions, negatives)
        usual = self._model.gaussian
        score = abs(value - usual.mu) / usual.sigma if usual.n_samples > 1 and usual.sigma > 0.0 else 0.0
        self._model.learn_one(None, value)
        return float(score)


class _HalfSpaceTrees(OneSeries):
    """River's HalfSpaceTrees behind a running min-max scaler, windows of a day."""

    def __init__(self, signal: Signal) -> None:
        super().__init__(signal)
        self._model = preprocessing.MinMaxScaler() | anomaly.HalfSpaceTrees(
            n_trees=10, height=8, window_size=BUCKETS_PER_DAY, seed=1
        )

    def _score_and_learn(self, mentions: float, negatives: float) -> float:
        x = {"mentions": mentions} if self._signal == "mentions" else {"mentions": mentions, "negatives": negatives}
        score = float(self._model.score_one(x))
        self._model.learn_one(x)
        return score


class _Predictive(OneSeries):
    """River's PredictiveAnomalyDetection: a linear model of hour and the last hours predicts the next sum.

    River's score is the squared error over (mean + n deviations of squared errors), cut at 1. With n = 1000 it is never
    cut, and a threshold on it is a choice of n: .003 stands for River's default of 3.
    """

    def __init__(self, signal: Signal) -> None:
        super().__init__(signal)
        self._past: deque[float] = deque([0.0] * (BUCKETS_PER_DAY + 1), BUCKETS_PER_DAY + 1)
        self._model = anomaly.PredictiveAnomalyDetection(
            preprocessing.StandardScaler() | linear_model.LinearRegression(l2=0.001),
            horizon=1,
            n_std=1000.0,
            warmup_period=BUCKETS_PER_DAY // 2,  # its first scores after that are all 1
        )

    def _score_and_learn(self, mentions: float, negatives: float) -> float:
        # Square roots keep one learning rate stable from one mention an hour to ten thousand.
        value = math.sqrt(max(self._value(mentions, negatives), 0.0))
        angle = 2.0 * math.pi * (self._buckets % BUCKETS_PER_DAY) / BUCKETS_PER_DAY
        x = {
            "hour_ago": self._past[-BUCKETS_PER_HOUR],
            "day_ago": self._past[0],
            "sin": math.sin(angle),
            "cos": math.cos(angle),
        }
        score = float(self._model.score_one(x, value))
        self._model.learn_one(x, value)
        self._past.append(value)
        return score


class _RandomCuts(OneSeries):
    """A robust random cut forest over the sums of four hours in a row, the last hour first.

    A point every half an hour, whose score holds until the next: at every bucket this plain-Python forest would cost
    more than all other peers together.
    """

    _EVERY: Final = BUCKETS_PER_HOUR // 2
    _HOURS: Final = 4

    def __init__(self, signal: Signal) -> None:
        super().__init__(signal)
        length = (self._HOURS - 1) * BUCKETS_PER_HOUR + 1
        self._past: deque[float] = deque([0.0] * length, length)
        self._forest = RandomCutForest(trees=12, points=128, seed=1)
        self._score = 0.0

    def _score_and_learn(self, mentions: float, negatives: float) -> float:
        self._past.append(self._value(mentions, negatives))
        if self._buckets % self._EVERY == 0:
            hours = range(len(self._past) - 1, -1, -BUCKETS_PER_HOUR)
            self._score = self._forest.score_and_learn(tuple(self._past[at] for at in hours))
        return self._score


PEERS: Final[dict[str, Callable[[int, Signal], Peer]]] = {
    "vendor rule, previous 12 h": lambda brands, signal: PreviousHours(brands, hours=12, signal=signal),
    "vendor rule, previous 24 h": lambda brands, signal: PreviousHours(brands, hours=24, signal=signal),
    "River GaussianScorer": lambda brands, signal: PeerOfSeries(brands, lambda: _Gaussian(signal)),
    "River HalfSpaceTrees": lambda brands, signal: PeerOfSeries(brands, lambda: _HalfSpaceTrees(signal)),
    "River PredictiveAnomalyDetection": lambda brands, signal: PeerOfSeries(brands, lambda: _Predictive(signal)),
    "robust random cut forest": lambda brands, signal: PeerOfSeries(brands, lambda: _RandomCuts(signal)),
}
"""By the names that tables show."""


def candidate_thresholds(scores: NDArray[np.floating[Any]], count: int = 60) -> list[float]:
    """Thresholds worth trying, high to low: quantiles of the daily maxima of every brand.

    Args:
        scores: (buckets, brands), at least a day.
        count: how many at most.
    """
    days = len(scores) // BUCKETS_PER_DAY
    maxima = scores[: days * BUCKETS_PER_DAY].reshape(days, BUCKETS_PER_DAY, -1).max(axis=1)
    tail = np.quantile(maxima, 1.0 - np.geomspace(1.0 / maxima.size, 0.5, count))
    return sorted({float(value) for value in tail if value > 0.0}, reverse=True)
