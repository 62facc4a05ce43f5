"""Output files: they get their names only when they are complete."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, cast

from pipeline.errors import TocsinError

COMPRESSION: Final = 4  # mentions repeat themselves: higher levels cost time and save little


@contextmanager
def new_file(path: Path) -> Iterator[IO[bytes]]:
    """A file that gets its name only when it is complete; compressed, without a time stamp, when its name ends in .gz.

    A path that exists and is no ordinary file (a pipe, /dev/null) is written to directly.

    Raises:
        TocsinError: it cannot be written.
    """
    in_place = path.exists() and not path.is_file()
    unfinished = path if in_place else path.with_name(path.name + ".part")
    try:
        with unfinished.open("wb") as raw:
            if path.suffix == ".gz":
                with gzip.GzipFile("", "wb", COMPRESSION, raw, mtime=0) as packed:
                    yield cast("IO[bytes]", packed)
            else:
                yield raw
        if not in_place:
            unfinished.replace(path)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise TocsinError(
            f"{path}: expected a file that can be written in an existing directory: {error.strerror}"
        ) from None
    finally:
        if not in_place:
            unfinished.unlink(missing_ok=True)


@contextmanager
def new_file_or_stdout(path: str) -> Iterator[IO[bytes]]:
    """A new file, or standard output for -, which stays open."""
    if path == "-":
        yield sys.stdout.buffer
    else:
        with new_file(Path(path)) as stream:
            yield stream


def write_lines(stream: IO[bytes], path: str, lines: Iterable[bytes]) -> None:
    """Write lines, and flush them to the device.

    Raises:
        TocsinError: the device accepts no more.
    """
    try:
        stream.writelines(line + b"\n" for line in lines)
        stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        name = "stdout" if path == "-" else path
        raise TocsinError(f"{name}: expected output that can be written, got: {error.strerror}") from None


def is_same_file(a: str, b: str) -> bool:
    """Whether two paths lead to the same file; - is no file."""
    if "-" in {a, b}:
        return False
    first, second = Path(a), Path(b)
    if first.exists() and second.exists():
        return first.samefile(second)
    return first.resolve() == second.resolve()
