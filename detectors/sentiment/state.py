"""The state of the regressions as named MessagePack chunks, none above about 4 kB."""

from __future__ import annotations

import math
from typing import Final, NoReturn, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.sentiment.drift import DriftState
from detectors.sentiment.hashing import BUCKETS
from detectors.sentiment.language import LANGUAGES
from detectors.sentiment.regression import HashedRegression

_T = TypeVar("_T")

VERSION: Final = 3
"""Version of the layout and of what a bucket means: another hash, bucket count or tokenisation needs another one."""

CHUNK_BUCKETS: Final = 256
CHUNKS: Final = BUCKETS // CHUNK_BUCKETS
_ROW_BYTES: Final = 16
_NOT_SIGNS: Final = np.uint64(0x7FFF_FFFF_7FFF_FFFF)
"""Of two 32-bit floats: -0.0 is as good as 0.0."""
_DIGITS: Final = frozenset("0123456789abcdef")
HEAD: Final = -1
"""Index of the head: the chunk with intercepts, prior weights, label count and the state of the drift test."""


class _Head(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    version: int
    intercepts: tuple[float, float]
    prior_weights: tuple[float, float]
    prior_squares: tuple[float, float]
    labels: int
    drift: DriftState


class _Chunk(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    version: int
    offsets: bytes  # of the buckets in use, within the chunk, rising
    values: (
        bytes  # little-endian 32-bit floats: for each of them negative weight and square, positive weight and square
    )


_encoder: Final = msgspec.msgpack.Encoder()
_head_decoder: Final = msgspec.msgpack.Decoder(_Head)
_chunk_decoder: Final = msgspec.msgpack.Decoder(_Chunk)
_list_decoder: Final = msgspec.msgpack.Decoder(list)


def chunk_name(language: str, index: int) -> str:
    """The name of a chunk: "en/head", "en/00" to "en/ff"."""
    return f"{language}/head" if index == HEAD else f"{language}/{index:02x}"


def parse_name(name: str) -> tuple[str, int]:
    """The language and index in a chunk's name.

    Raises:
        ValueError: this is not the name of a chunk.
    """
    language, _, part = name.partition("/")
    if language in LANGUAGES:
        if part == "head":
            return language, HEAD
        if len(part) == 2 and _DIGITS.issuperset(part) and int(part, 16) < CHUNKS:
            return language, int(part, 16)
    msg = f"sentiment state: expected a chunk name such as 'en/head' or 'en/03', got {name[:40]!r}"
    raise ValueError(msg)


def encode(index: int, negative: HashedRegression, positive: HashedRegression, drift: DriftState) -> bytes:
    """One chunk of the two regressions, encoded; the head holds the drift test too."""
    if index == HEAD:
        return _encoder.encode(
            _Head(
                VERSION,
                (negative.intercept, positive.intercept),
                (negative.prior_weight, positive.prior_weight),
                (negative.prior_square, positive.prior_square),
                negative.labels,
                drift,
            )
        )
    rows = np.empty((CHUNK_BUCKETS, 4), "<f4")
    for column, numbers in enumerate(_columns(index, negative, positive)):
        rows[:, column] = numbers
    bits = rows.view("<u8")  # two numbers each: a quarter of the time of any() over a row
    used = np.flatnonzero((bits[:, 0] | bits[:, 1]) & _NOT_SIGNS)
    return _encoder.encode(_Chunk(VERSION, used.astype(np.uint8).tobytes(), rows[used].tobytes()))


def decode(
    name: str, index: int, payload: bytes, negative: HashedRegression, positive: HashedRegression
) -> DriftState | None:
    """Restore one chunk of the two regressions; what it does not contain becomes zero.

    Returns:
        The drift test of a head, None for any other chunk.

    Raises:
        ValueError: this version has not written the payload; the regressions are then unchanged.
    """
    _check_version(name, payload)
    if index == HEAD:
        head = _decoded(_head_decoder, name, payload)
        drift = head.drift
        numbers = (*head.intercepts, *head.prior_weights, *head.prior_squares, drift.mean, drift.total, drift.lowest)
        if not all(map(math.isfinite, numbers)) or min(*head.prior_squares, head.labels, drift.labels) < 0:
            _refuse(name, "finite numbers, squares and labels not below 0")
        negative.intercept, positive.intercept = head.intercepts
        negative.prior_weight, positive.prior_weight = head.prior_weights
        negative.prior_square, positive.prior_square = head.prior_squares
        negative.labels = positive.labels = head.labels
        return drift
    chunk = _decoded(_chunk_decoder, name, payload)
    offsets = np.frombuffer(chunk.offsets, np.uint8)
    if len(chunk.values) != _ROW_BYTES * len(offsets) or (offsets[:-1] >= offsets[1:]).any():
        _refuse(name, "four floats for each of some rising offsets")
    values = np.frombuffer(chunk.values, "<f4").reshape(-1, 4)
    if not np.isfinite(values).all() or (values[:, 1::2] < 0).any():
        _refuse(name, "finite weights and squares not below 0")
    for column, target in enumerate(_columns(index, negative, positive)):
        target[:] = 0.0
        target[offsets] = values[:, column]
    return None


def _columns(index: int, negative: HashedRegression, positive: HashedRegression) -> tuple[NDArray[np.float32], ...]:
    """Views of one chunk's part of the arrays, in the order in which a row holds them."""
    part = slice(index * CHUNK_BUCKETS, (index + 1) * CHUNK_BUCKETS)
    return negative.weights[part], negative.squares[part], positive.weights[part], positive.squares[part]


def _check_version(name: str, payload: bytes) -> None:
    fields = _decoded(_list_decoder, name, payload)
    if not fields or fields[0] != VERSION:
        found = repr(fields[0])[:20] if fields else "nothing"
        msg = (
            f"sentiment state {name}: expected version {VERSION}, got {found}; "
            "it was written by another release: replay the mentions or start that release"
        )
        raise ValueError(msg)


def _decoded(decoder: msgspec.msgpack.Decoder[_T], name: str, payload: bytes) -> _T:
    try:
        return decoder.decode(payload)
    except (
        msgspec.DecodeError,
        UnicodeDecodeError,
        RecursionError,
    ) as error:  # damaged text and nesting have their own
        msg = f"sentiment state {name}: not a chunk of version {VERSION}: {error}"
        raise ValueError(msg) from error


def _refuse(name: str, expected: str) -> NoReturn:
    msg = f"sentiment state {name}: expected {expected}; the record is damaged"
    raise ValueError(msg)
