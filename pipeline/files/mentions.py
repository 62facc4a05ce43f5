"""Files of recorded mentions: JSON lines, plain or gzipped, `-` for standard input."""

from __future__ import annotations

import gzip
import stat
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Final, cast

from pipeline.errors import TocsinError

_TELL_LINES: Final = 1000
"""Lines between two reports of how far a file has been read."""
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


def total_bytes(paths: Sequence[str]) -> int | None:
    """Bytes of all the files as they lie on disk; None where one of them cannot say, such as standard input.

    Raises:
        TocsinError: a file is not there.
    """
    total = 0
    for path in paths:
        try:
            status = None if path == "-" else Path(path).stat()
        except OSError as error:
            raise TocsinError(f"{path}: expected a file that can be read: {error.strerror}") from None
        if status is None or not stat.S_ISREG(status.st_mode):
            return None
        total += status.st_size
    return total


def lines(path: str, on_bytes: Callable[[int], None] | None = None) -> Iterator[bytes]:
    """The lines of a file of mentions without their line ends; empty lines are left out.

    Args:
        path: of the file.
        on_bytes: told now and then how many more bytes of the file, as it lies on disk, have been read.

    Raises:
        TocsinError: the file cannot be read, a line is longer than MAX_LINE_BYTES, or its gzip data are incomplete.
    """
    with open_text(path) as stream:
        on_disk = getattr(stream, "fileobj", stream)  # of a gzip file what lies on disk, not what is in it
        told = 0
        try:
            for number, line in enumerate(iter(partial(stream.readline, MAX_LINE_BYTES + 1), b""), 1):
                if on_bytes and number % _TELL_LINES == 0:
                    at = on_disk.tell()
                    on_bytes(at - told)
                    told = at
                if len(line) > MAX_LINE_BYTES:
                    raise TocsinError(f"{path}: line {number}: expected at most {MAX_LINE_BYTES:,} bytes, got more")
                stripped = line.rstrip(b"\r\n")
                if stripped:
                    yield stripped
            if on_bytes:
                on_bytes(on_disk.tell() - told)
        except (EOFError, zlib.error, OSError) as error:
            raise TocsinError(f"{path}: expected complete gzip data: {error}") from None
