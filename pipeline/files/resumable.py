"""A file that several attempts write: FILE.part holds what is there so far, FILE.part.json says what it is.

The caller appends, and then notes what the file holds up to there. Whoever comes later cuts off what was appended after
the last note, and goes on. The file gets its name when it is whole.
"""

from __future__ import annotations

import fcntl
import gzip
import os
from pathlib import Path
from typing import IO, Final, Self

from pipeline.errors import TocsinError
from pipeline.files.output import COMPRESSION

_NOTE: Final = ".part.json"


class ResumableFile:
    """An unfinished file, held by one process at a time while its block lasts.

    Each appended piece is a gzip member of its own where the name ends in .gz: the bytes do not tell whether the file
    was written in one attempt.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(path.name + ".part")
        self._note = path.with_name(path.name + _NOTE)
        self._open: IO[bytes] | None = None

    def __enter__(self) -> Self:
        """Open it.

        Raises:
            TocsinError: it cannot be written, or another process is writing it.
        """
        try:
            # Opened without cutting it: its content may be that of an earlier attempt, or of another process.
            self._open = os.fdopen(os.open(self._part, os.O_RDWR | os.O_CREAT, 0o644), "r+b")
            fcntl.flock(self._open, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._stream.close()
            raise TocsinError(
                f"{self}: expected to be the only one to write it, got another process that does"
            ) from None
        except OSError as error:
            raise self._unwritable(error) from None
        return self

    def __exit__(self, *_: object) -> None:
        """Close it; what is empty and unnoted is removed."""
        self._stream.close()
        if not self._note.exists() and self._part.exists() and not self._part.stat().st_size:
            self._part.unlink()

    def __str__(self) -> str:
        """The name of the unfinished file, for messages."""
        return str(self._part)

    @property
    def size(self) -> int:
        """Bytes that it has now."""
        return os.fstat(self._stream.fileno()).st_size

    def read_note(self) -> bytes | None:
        """The last note; None where there is none."""
        try:
            return self._note.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise TocsinError(f"{self._note}: expected a file that can be read: {error.strerror}") from None

    def drop_note(self) -> None:
        """Forget what earlier attempts have written."""
        self._note.unlink(missing_ok=True)

    def cut(self, size: int) -> None:
        """Keep so many bytes, and append after them."""
        self._stream.truncate(size)
        self._stream.seek(size)

    def append(self, data: bytes) -> int:
        """Append a piece, and wait until the device has it.

        Returns:
            The bytes that the file has now.

        Raises:
            TocsinError: the device takes no more.
        """
        packed = gzip.compress(data, COMPRESSION, mtime=0) if self._path.suffix == ".gz" and data else data
        try:
            self._stream.write(packed)
            self._stream.flush()
            os.fsync(self._stream.fileno())
        except OSError as error:
            raise self._unwritable(error) from None
        return self._stream.tell()

    def note(self, content: bytes) -> None:
        """Say what the file holds, instead of what the last note said.

        Raises:
            TocsinError: as `append`.
        """
        fresh = self._note.with_name(self._note.name + ".new")
        try:
            with fresh.open("wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            fresh.replace(self._note)
        except OSError as error:
            raise self._unwritable(error) from None

    def finish(self) -> None:
        """Give the file its name.

        Raises:
            TocsinError: it cannot have it.
        """
        try:
            self._part.replace(self._path)
            self._note.unlink(missing_ok=True)
        except OSError as error:
            raise self._unwritable(error) from None

    @property
    def _stream(self) -> IO[bytes]:
        assert self._open is not None, "not entered"
        return self._open

    def _unwritable(self, error: OSError) -> TocsinError:
        return TocsinError(
            f"{self._path}: expected a file that can be written in an existing directory: {error.strerror}"
        )
