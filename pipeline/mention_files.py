"""Recorded mentions in files: JSON lines, plain or gzipped, `-` for standard input."""

from __future__ import annotations

import gzip
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

import msgspec

from pipeline.errors import TocsinError


class _BrandOnly(msgspec.Struct):
    brand: str


_decoder = msgspec.json.Decoder(_BrandOnly)


def record_key(line: bytes) -> bytes | None:
    """The record key of a line: its brand; None where the line names none, which the worker will dead-letter."""
    try:
        return _decoder.decode(line).brand.encode("utf-8", "replace") or None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def open_text(path: str) -> IO[bytes]:
    """A file opened for reading bytes, unzipped where its name ends in .gz.

    Raises:
        TocsinError: the file cannot be read.
    """
    if path == "-":
        return sys.stdin.buffer
    try:
        if path.endswith(".gz"):
            return cast("IO[bytes]", gzip.open(path, "rb"))
        return Path(path).open("rb")
    except OSError as error:
        raise TocsinError(f"{path}: expected a file that can be read: {error.strerror}") from None


def lines(path: str) -> Iterator[bytes]:
    """The lines of a file of mentions without their line ends; empty lines are left out.

    Raises:
        TocsinError: the file cannot be read, or its gzip data is cut or damaged.
    """
    with open_text(path) as stream:
        try:
            for line in stream:
                stripped = line.rstrip(b"\r\n")
                if stripped:
                    yield stripped
        except (EOFError, zlib.error, OSError) as error:
            raise TocsinError(f"{path}: expected whole gzip data: {error}") from None
