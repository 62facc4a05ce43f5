"""Small damages to good inputs: what reaches deeper into a decoder than noise does."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Final

MAX_BYTES: Final = 1 << 16
_TOKENS: Final = [
    *(token.encode() for token in ("null", "NaN", "-0", "1e999", "-1", "[", "{", "}", '"', "\\ud800", "\\u0000", "\n")),
    *(token.encode() for token in ("9" * 30, "2026-02-30T25:61:61Z", "\u202e", "\ufeff", "=", ",", "\r", "\x00|\x00")),
    *(bytes([number]) for number in (0x00, 0x7F, 0x80, 0x91, 0xC0, 0xC1, 0xCA, 0xDD, 0xDF, 0xFF)),
    b"[" * 500,
    b"\x91" * 500,
    b"\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00",
    b"\xcf" + b"\xff" * 8,
]


def mutated(seed: bytes, dice: random.Random) -> bytes:
    """The seed with some small damages, at most MAX_BYTES long."""
    data = bytearray(seed)
    for _ in range(dice.choice((1, 1, 2, 4, 8))):
        dice.choice(_MUTATIONS)(data, dice)
    return bytes(data[:MAX_BYTES])


def _flip(data: bytearray, dice: random.Random) -> None:
    if data:
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)


def _replace(data: bytearray, dice: random.Random) -> None:
    at = dice.randrange(len(data) + 1)
    token = dice.choice(_TOKENS)
    data[at : at + len(token)] = token


def _insert(data: bytearray, dice: random.Random) -> None:
    at = dice.randrange(len(data) + 1)
    data[at:at] = dice.choice(_TOKENS)


def _remove(data: bytearray, dice: random.Random) -> None:
    at = dice.randrange(len(data) + 1)
    del data[at : at + dice.choice((1, 2, 8, 64))]


def _repeat(data: bytearray, dice: random.Random) -> None:
    at = dice.randrange(len(data) + 1)
    part = bytes(data[at : at + dice.choice((1, 8, 64, 512))])
    data[at:at] = part * dice.choice((1, 2, 20))


def _cut(data: bytearray, dice: random.Random) -> None:
    del data[dice.randrange(len(data) + 1) :]


_MUTATIONS: Final[Sequence[Callable[[bytearray, random.Random], None]]] = (
    _flip,
    _flip,
    _replace,
    _insert,
    _remove,
    _repeat,
    _cut,
)
