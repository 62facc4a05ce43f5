"""Logistic regression on hashed features with AdaGrad: River's recursion, its state in plain arrays.

River's own `LogisticRegression(AdaGrad)` keeps weights and accumulators in dictionaries of 64-bit floats: megabytes
per language once all buckets are in use, and no public way to restore them. Here they are two arrays of 32-bit floats,
128 kB each, that are written as they are, in chunks. A test compares this recursion with River's.
"""

from __future__ import annotations

from math import exp, fsum, sqrt
from typing import Final

import numpy as np

from detectors.sentiment.hashing import BUCKETS, Buckets

LEARNING_RATE: Final = 0.6
EPSILON: Final = 0.03
"""Added to the squared gradients, so that the first label of a word does not move its weight by the whole rate."""
INTERCEPT_RATE: Final = 0.01
_MAX_LOGIT: Final = 30.0


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
        self.intercept -= INTERCEPT_RATE * error
        self.labels += 1
        gradient = error * prior
        if gradient:
            self.prior_square += gradient * gradient
            self.prior_weight -= LEARNING_RATE / sqrt(self.prior_square + EPSILON) * gradient
        if not len(buckets):
            return error
        gradient = error / sqrt(len(buckets))
        totals = self.squares[buckets] + np.float32(gradient * gradient)
        self.squares[buckets] = totals
        self.weights[buckets] -= np.float32(LEARNING_RATE * gradient) / np.sqrt(totals + np.float32(EPSILON))
        return error

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


def logistic(logit: float) -> float:
    """1 / (1 + e^-logit), kept away from 0 and 1."""
    if not -_MAX_LOGIT <= logit <= _MAX_LOGIT:
        logit = _MAX_LOGIT if logit > 0.0 else -_MAX_LOGIT
    return 1.0 / (1.0 + exp(-logit))
