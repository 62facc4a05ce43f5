"""The detector protocol: River's two verbs, and what a stream that must survive a crash needs beside them."""

from __future__ import annotations

import abc
from typing import Any, ClassVar, Self

import msgspec
from river import base

from detectors.brand.model import STATE_VERSION, Assessment, BrandModel, Explanation, ModelState, explain
from detectors.brand.pooled_tail import PooledTail, TailState
from detectors.features import Bucket, bucket_of
from schemas.alert import Kind

_encoder = msgspec.msgpack.Encoder()


class Snapshot(msgspec.Struct, array_like=True):
    """A detector's whole state: that of the brand, and the tail of its daily maxima."""

    model: ModelState
    tail: TailState


_decoder = msgspec.msgpack.Decoder(Snapshot)


class StateVersionError(ValueError):
    """A snapshot that this version cannot restore."""


def encode_state(state: Snapshot) -> bytes:
    """The state as MessagePack; about 1 kB, the same for equal states."""
    return _encoder.encode(state)


def decode_state(payload: bytes) -> Snapshot:
    """The state in a snapshot.

    Raises:
        StateVersionError: it was written by another version, or is no snapshot.
    """
    try:
        state = _decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StateVersionError(f"expected a detector snapshot of version {STATE_VERSION}: {error}") from None
    if state.model.version != STATE_VERSION:
        raise StateVersionError(f"expected a detector snapshot of version {STATE_VERSION}, got {state.model.version}")
    return state


class Detector(base.AnomalyDetector, abc.ABC):
    """A causal onset detector over one brand's buckets, as a River estimator.

    Features are `mentions`, `negatives`, `start` (Unix seconds of the bucket) and `unobserved` (buckets since the last
    one in which the whole feed was silent). `score_one` first lets the time since the last learned bucket pass, then
    scores without learning; `learn_one` learns. Buckets without mentions may be left out.
    """

    kind: ClassVar[Kind]

    def __init__(self) -> None:
        self.model = BrandModel()
        self._assessed: tuple[tuple[int, float, float], Assessment] | None = None

    def score_one(self, x: dict[base.typing.FeatureName, Any]) -> float:
        """How strange the bucket is, in deviations above the ordinary daily maximum; higher is stranger.

        Returns:
            0.0 while warming up, and never less than 0.0.

        Raises:
            ValueError: counts that are negative, infinite, not a number, or a bucket out of order.
        """
        return max(self.assess_one(x).score(self.kind), 0.0)

    def learn_one(self, x: dict[base.typing.FeatureName, Any]) -> None:
        """Learn the bucket.

        Raises:
            ValueError: as score_one.
        """
        bucket = bucket_of(x)
        self.model.learn(self._assess(bucket), bucket.mentions, bucket.negatives)
        self._assessed = None

    def assess_one(self, x: dict[base.typing.FeatureName, Any]) -> Assessment:
        """All three scores of the bucket and what they rest on."""
        return self._assess(bucket_of(x))

    def _assess(self, bucket: Bucket) -> Assessment:
        index = self.model.advance(bucket)
        asked = (index, bucket.mentions, bucket.negatives)
        if self._assessed is None or self._assessed[0] != asked:
            # Kept so that learning what was just scored does not compute it again.
            self._assessed = (asked, self.model.assess(index, bucket.mentions, bucket.negatives))
        return self._assessed[1]

    def explain_one(self, x: dict[base.typing.FeatureName, Any]) -> Explanation:
        """Expected value with its interval, what was observed, and parts that sum to the score."""
        return explain(self.kind, self.assess_one(x))

    @property
    def is_warm(self) -> bool:
        """True once scores mean something."""
        return self.model.is_warm

    def snapshot(self) -> bytes:
        """The whole state; `restore` gives a detector with bit-equal next scores."""
        return encode_state(Snapshot(self.model.state, self.model.tail.state))

    @classmethod
    def restore(cls, payload: bytes) -> Self:
        """A detector from a snapshot.

        Raises:
            StateVersionError: not a snapshot of this version.
        """
        detector = cls()
        snapshot = decode_state(payload)
        detector.model = BrandModel(snapshot.model, PooledTail(snapshot.tail))
        return detector
