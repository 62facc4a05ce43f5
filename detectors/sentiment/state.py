"""State of the regressions as named MessagePack chunks, none above about 4 kB."""

from __future__ import annotations

import math
import struct
from itertools import pairwise
from typing import Final, NoReturn, TypeVar

import msgspec

from detectors.sentiment.hashing import BUCKETS
from detectors.sentiment.language import LANGUAGES
from detectors.sentiment.regression import HashedRegression

_T = TypeVar("_T")

VERSION: Final = 1
"""Of the layout and of what a bucket means: another hash, bucket count or tokenisation needs another version."""

CHUNK_BUCKETS: Final = 256
CHUNKS: Final = BUCKETS // CHUNK_BUCKETS
HEAD: Final = -1
"""Index of the chunk with intercepts, prior weights and label counts."""


class _Head(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    version: int
    intercepts: tuple[float, float]
    prior_weights: tuple[float, float]
    prior_squares: tuple[float, float]
    labels: int


class _Chunk(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    version: int
    offsets: bytes  # of the buckets in use, within the chunk, rising
    values: (
        bytes  # little-endian 32-bit floats: for each of them negative weight and square, positive weight and square
    )


_encoder: Final = msgspec.msgpack.Encoder()
_head_decoder: Final = msgspec.msgpack.Decoder(_Head)
_chunk_decoder: Final = msgspec.msgpack.Decoder(_Chunk)


def chunk_name(language: str, index: int) -> str:
    """Name of a chunk: "en/head", "en/00" to "en/63"."""
    return f"{language}/head" if index == HEAD else f"{language}/{index:02d}"


def parse_name(name: str) -> tuple[str, int]:
    """Language and index of a chunk's name.

    Raises:
        ValueError: no chunk has this name.
    """
    language, _, part = name.partition("/")
    if language in LANGUAGES:
        if part == "head":
            return language, HEAD
        if len(part) == 2 and part.isascii() and part.isdecimal() and int(part) < CHUNKS:
            return language, int(part)
    msg = f"sentiment state: expected a chunk name such as 'en/head' or 'en/03', got {name[:40]!r}"
    raise ValueError(msg)


def encode(index: int, negative: HashedRegression, positive: HashedRegression) -> bytes:
    """One chunk of the two regressions."""
    if index == HEAD:
        return _encoder.encode(
            _Head(
                VERSION,
                (negative.intercept, positive.intercept),
                (negative.prior_weight, positive.prior_weight),
                (negative.prior_square, positive.prior_square),
                negative.labels,
            )
        )
    start = index * CHUNK_BUCKETS
    stop = start + CHUNK_BUCKETS
    columns = (
        negative.weights[start:stop],
        negative.squares[start:stop],
        positive.weights[start:stop],
        positive.squares[start:stop],
    )
    used = [(offset, row) for offset, row in enumerate(zip(*columns, strict=True)) if any(row)]
    values = [value for _, row in used for value in row]
    return _encoder.encode(
        _Chunk(VERSION, bytes(offset for offset, _ in used), struct.pack(f"<{len(values)}f", *values))
    )


def decode(name: str, index: int, payload: bytes, negative: HashedRegression, positive: HashedRegression) -> None:
    """Puts one chunk into the two regressions; what it does not mention becomes zero.

    Raises:
        ValueError: the payload is none that this version wrote; the regressions are then unchanged.
    """
    _check_version(name, payload)
    if index == HEAD:
        head = _decoded(_head_decoder, name, payload)
        numbers = (*head.intercepts, *head.prior_weights, *head.prior_squares)
        if not all(map(math.isfinite, numbers)) or min(head.prior_squares) < 0 or head.labels < 0:
            _refuse(name, "finite numbers, squares and labels not below 0")
        negative.intercept, positive.intercept = head.intercepts
        negative.prior_weight, positive.prior_weight = head.prior_weights
        negative.prior_square, positive.prior_square = head.prior_squares
        negative.labels = positive.labels = head.labels
        return
    chunk = _decoded(_chunk_decoder, name, payload)
    offsets = chunk.offsets
    if len(chunk.values) != 16 * len(offsets) or any(a >= b for a, b in pairwise(offsets)):
        _refuse(name, "four floats for each of some rising offsets")
    values = struct.unpack(f"<{4 * len(offsets)}f", chunk.values)
    if not all(map(math.isfinite, values)) or any(value < 0 for value in values[1::2]):
        _refuse(name, "finite weights and squares not below 0")
    arrays = (negative.weights, negative.squares, positive.weights, positive.squares)
    start = index * CHUNK_BUCKETS
    for column, target in enumerate(arrays):
        for bucket in range(start, start + CHUNK_BUCKETS):
            target[bucket] = 0.0
        for offset, value in zip(offsets, values[column::4], strict=True):
            target[start + offset] = value


def _check_version(name: str, payload: bytes) -> None:
    fields = _decoded(msgspec.msgpack.Decoder(list), name, payload)
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
    except msgspec.DecodeError as error:
        msg = f"sentiment state {name}: not a chunk of version {VERSION}: {error}"
        raise ValueError(msg) from error


def _refuse(name: str, expected: str) -> NoReturn:
    msg = f"sentiment state {name}: expected {expected}; the record is damaged"
    raise ValueError(msg)
