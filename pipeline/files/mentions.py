"""Files of recorded mentions: JSON lines, plain or gzipped, `-` for standard input."""

from __future__ import annotations

import gzip
import sys
import zlib
from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Final, cast

from pipeline.errors import TocsinError

MAX_LINE_BYTES: Final = 16 << 20
"""Maximum size of a line, far above any mention: gzip can compress gigabytes of one line into a small file."""


def check_sources(paths: Sequence[str]) -> None:
    """Check that standard input is named once at most, because it can be read only once.

    Raises:
        TocsinError: it is named twice.
    """
    if paths.count("-") > 1:
        raise TocsinError(f"-: expected standard input once at most, got it {paths.count('-')} times")


@contextmanager
def open_text(path: str) -> Iterator[IO[bytes]]:
    """A file opened for reading bytes, decompressed if its name ends in .gz; standard input stays open.

    Raises:
        TocsinError: the file cannot be read.
    """
    if path == "-":
        yield sys.stdin.buffer
        return
    with _opened(path) as stream:
        yield stream


def _opened(path: str) -> IO[bytes]:
    try:
        if path.endswith(".gz"):
            return cast("IO[bytes]", gzip.open(path, "rb"))
        return Path(path).open("rb")
    except OSError as error:
        raise TocsinError(f"{path}: expected a file that can be read: {error.strerror}") from None


def lines(path: str) -> Iterator[bytes]:
    """The lines of a file of mentions without their line ends and the byte order mark; empty lines are left out.

    Raises:
        TocsinError: the file cannot be read, a line is longer than MAX_LINE_BYTES, or its gzip data are incomplete.
    """
    with open_text(path) as stream:
        try:
            for number, line in enumerate(iter(partial(stream.readline, MAX_LINE_BYTES + 1), b""), 1):
                if len(line) > MAX_LINE_BYTES:
                    raise TocsinError(f"{path}: line {number}: expected at most {MAX_LINE_BYTES:,} bytes, got more")
                stripped = (line.removeprefix(BOM_UTF8) if number == 1 else line).rstrip(b"\r\n")
                if stripped:
                    yield stripped
        except (EOFError, zlib.error, OSError) as error:
            raise TocsinError(f"{path}: expected complete gzip data: {error}") from None
