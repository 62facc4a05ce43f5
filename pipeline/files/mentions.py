"""Files of recorded mentions: JSON lines, plain or gzipped, `-` for standard input."""

from __future__ import annotations

import gzip
import stat
import sys
import zlib
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import chain
from pathlib import Path
from typing import IO, Final, cast

import msgspec

from pipeline.errors import TocsinError
from pipeline.files.recording import (
    RecordedRecord,
    RecordingError,
    RecordingHeader,
    decode_record,
    header_of,
    mention_in,
)

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


class MentionsFile(msgspec.Struct, frozen=True):
    """An open file of mentions, to be read once, by one of the two.

    Attributes:
        header: of a recording (pipeline.files.recording); None where the file is none.
        lines: the mentions, one each; of a recording as they stood on the topic, and nothing else.
        records: the records of a recording; empty where the file is none.
    """

    header: RecordingHeader | None
    lines: Iterator[bytes]
    records: Iterator[RecordedRecord]


def lines(path: str, on_bytes: Callable[[int], None] | None = None) -> Iterator[bytes]:
    """The mentions of a file without their line ends and the byte order mark; empty lines are left out.

    Args:
        path: of the file.
        on_bytes: told now and then how many more bytes of the file, as it lies on disk, have been read.

    Raises:
        TocsinError: the file cannot be read, a line is longer than MAX_LINE_BYTES, or its gzip data are incomplete.
    """
    yield from open_mentions(path, on_bytes).lines


def open_mentions(path: str, on_bytes: Callable[[int], None] | None = None) -> MentionsFile:
    """A file of mentions or a recording.

    Args:
        path: of the file.
        on_bytes: as of `lines`.

    Raises:
        TocsinError: as `lines`, here or from the iterators.
    """
    found = _raw_lines(path, on_bytes)
    first = next(found, None)
    try:
        header = None if first is None else header_of(first)
    except RecordingError as error:
        raise TocsinError(f"{path}: line 1: {error}") from None
    if header is None:
        return MentionsFile(None, found if first is None else chain([first], found), iter(()))
    records = _records(path, found)
    mentions = (mention for record in records if (mention := mention_in(record)) is not None)
    return MentionsFile(header, mentions, records)


def _records(path: str, found: Iterator[bytes]) -> Iterator[RecordedRecord]:
    for number, line in enumerate(found, 2):
        try:
            yield decode_record(line)
        except RecordingError as error:
            raise TocsinError(f"{path}: line {number}: {error}") from None


def _raw_lines(path: str, on_bytes: Callable[[int], None] | None) -> Iterator[bytes]:
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
                stripped = (line.removeprefix(BOM_UTF8) if number == 1 else line).rstrip(b"\r\n")
                if stripped:
                    yield stripped
            if on_bytes:
                on_bytes(on_disk.tell() - told)
        except (EOFError, zlib.error, OSError) as error:
            raise TocsinError(f"{path}: expected complete gzip data: {error}") from None
