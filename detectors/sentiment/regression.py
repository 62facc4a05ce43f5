"""Logistic regression on hashed features with AdaGrad: River's recursion, its state in plain arrays.

River's own `LogisticRegression(AdaGrad)` keeps weights and accumulators in dictionaries of 64-bit floats: megabytes
per language once all buckets are in use, and no public way to restore them. Here they are two arrays of 32-bit floats,
256 kB each, that are written as they are, in chunks. A test compares this recursion with River's.
"""

from __future__ import annotations

from math import exp, fsum, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.sentiment.hashing import BUCKETS, Buckets

LEARNING_RATE: Final = 0.6
EPSILON: Final = 0.03
"""Added to the squared gradients, so that the first label of a word does not move its weight by the whole rate."""
INTERCEPT_RATE: Final = 0.01
_MAX_LOGIT: Final = 30.0
_EPSILONS: Final = np.complex64(complex(EPSILON, EPSILON))


class HashedRegression:
    """P(target) of a text from its prior polarity and its feature buckets.

    All features of a text have the value 1 / sqrt(number of features), so that long texts do not weigh more.
    Without labels the weights are zero and the probability is the prior's own: logistic(intercept + slope * prior).
    """

    __slots__ = ("intercept", "labels", "prior_square", "prior_weight", "squares", "weights")

    def __init__(self, intercept: float, prior_weight: float) -> None:
        self.intercept = intercept
        self.prior_weight = prior_weight
        self.prior_square = 0.0
        self.labels = 0
        self.weights = np.zeros(BUCKETS, np.float32)
        self.squares = np.zeros(BUCKETS, np.float32)

    def predict(self, prior: float, buckets: Buckets) -> float:
        """Probability of the target."""
        return logistic(self._logit(prior, buckets))

    def learn(self, prior: float, buckets: Buckets, *, target: bool) -> float:
        """One step of stochastic gradient descent on the log loss.

        Returns:
            The error before the step: prediction less target, -1..1.
        """
        error = logistic(self._logit(prior, buckets)) - target
        self.learn_prior(prior, error)
        if not len(buckets):
            return error
        gradient = error / sqrt(len(buckets))
        totals = self.squares[buckets] + np.float32(gradient * gradient)
        self.squares[buckets] = totals
        self.weights[buckets] -= np.float32(LEARNING_RATE * gradient) / np.sqrt(totals + np.float32(EPSILON))
        return error

    def learn_prior(self, prior: float, error: float) -> None:
        """The part of a step that is not about features: intercept, weight of the prior, number of labels."""
        self.intercept -= INTERCEPT_RATE * error
        self.labels += 1
        gradient = error * prior
        if gradient:
            self.prior_square += gradient * gradient
            self.prior_weight -= LEARNING_RATE / sqrt(self.prior_square + EPSILON) * gradient

    def reopen(self) -> None:
        """Let the next labels move the weights as much as the first ones did. What was learned stays until then."""
        self.prior_square = 0.0
        self.squares.fill(0.0)

    def _logit(self, prior: float, buckets: Buckets) -> float:
        logit = self.intercept + self.prior_weight * prior
        if self.labels and len(buckets):
            # fsum is exact: neither the order of the buckets nor the processor's vector width can matter.
            logit += fsum(self.weights[buckets].tolist()) / sqrt(len(buckets))
        return logit


class RegressionPair:
    """Two regressions on the same features, their weights side by side: one walk through memory for both.

    It predicts and learns, to the last bit, what the two do alone. The real parts of the complex numbers
    are the first one's and the imaginary parts the second one's: complex numbers are added and subtracted part by part.
    """

    __slots__ = ("_squares", "_weights", "first", "second")

    def __init__(self, first: HashedRegression, second: HashedRegression) -> None:
        """Two regressions that have learned nothing yet; their arrays become views of the pair's.

        Args:
            first: one.
            second: another.
        """
        self.first = first
        self.second = second
        self._weights = np.zeros(BUCKETS, np.complex64)
        self._squares = np.zeros(BUCKETS, np.complex64)
        first.weights, second.weights = self._weights.real, self._weights.imag
        first.squares, second.squares = self._squares.real, self._squares.imag

    def predict(self, prior: float, buckets: Buckets) -> tuple[float, float]:
        """Probabilities of the two targets."""
        first, second = self._logits(prior, buckets, self._weights[buckets])
        return logistic(first), logistic(second)

    def learn(self, prior: float, buckets: Buckets, *, first: bool, second: bool) -> tuple[float, float]:
        """One step of both.

        Args:
            prior: prior polarity of the text.
            buckets: its features.
            first: target of the first one.
            second: target of the second one.

        Returns:
            The errors before the step, each prediction less target, -1..1.
        """
        weights = self._weights[buckets]
        logits = self._logits(prior, buckets, weights)
        error, other = logistic(logits[0]) - first, logistic(logits[1]) - second
        self.first.learn_prior(prior, error)
        self.second.learn_prior(prior, other)
        count = len(buckets)
        if not count:
            return error, other
        root = sqrt(count)
        gradient, other_gradient = error / root, other / root
        totals = self._squares[buckets]
        totals += np.complex64(complex(gradient * gradient, other_gradient * other_gradient))
        self._squares[buckets] = totals
        totals += _EPSILONS
        steps = totals.view(np.float32)
        np.sqrt(steps, out=steps)
        firsts, seconds = steps[::2], steps[1::2]
        np.divide(np.float32(LEARNING_RATE * gradient), firsts, out=firsts)
        np.divide(np.float32(LEARNING_RATE * other_gradient), seconds, out=seconds)
        weights -= totals
        self._weights[buckets] = weights
        return error, other

    def _logits(self, prior: float, buckets: Buckets, weights: NDArray[np.complex64]) -> tuple[float, float]:
        one, two = self.first, self.second
        first, second = one.intercept + one.prior_weight * prior, two.intercept + two.prior_weight * prior
        if one.labels and len(buckets):
            # fsum is exact: neither the order of the buckets nor the processor's vector width can matter.
            parts = weights.view(np.float32).tolist()
            root = sqrt(len(buckets))
            first += fsum(parts[::2]) / root
            second += fsum(parts[1::2]) / root
        return first, second


def logistic(logit: float) -> float:
    """1 / (1 + e^-logit), kept away from 0 and 1."""
    if not -_MAX_LOGIT <= logit <= _MAX_LOGIT:
        logit = _MAX_LOGIT if logit > 0.0 else -_MAX_LOGIT
    return 1.0 / (1.0 + exp(-logit))
