"""Guards of a run: it shares its folder with no other, and it stops what it started, however it is asked to end."""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.config.settings import PREFIX
from pipeline.errors import TocsinError


@contextmanager
def stoppable() -> Iterator[None]:
    """SIGTERM, and SIGHUP of a terminal that was closed, end the block as Ctrl-C does: every part is stopped.

    Only the first signal does: a shell and its terminal both send SIGHUP, and the second must not interrupt the
    stopping. Under nohup SIGHUP stays ignored.
    """
    numbers = [n for n in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(n) is not signal.SIG_IGN]

    def interrupt(*_: object) -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    previous = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextmanager
def alone(lock_file: Path) -> Iterator[None]:
    """Hold the lock of a home; the kernel releases it when this process ends, however it ends.

    Raises:
        TocsinError: another process holds it; the message names it.
    """
    lock_file.parent.mkdir(parents=True, exist_ok=True)
    with lock_file.open("a+", encoding="ascii") as lock:
        try:
            fcntl.flock(lock.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise TocsinError(
                f"{lock_file}: expected no other demo in this home, process {lock.read(20).strip() or 'unknown'} runs "
                f"one; stop it, or run a second one elsewhere with {PREFIX}HOME=FOLDER"
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield
