"""The workers of a scenario, and the supervisor that starts again what ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import psutil

from pipeline.config.settings import Settings
from tests.integration.worker_process import WorkerProcess, event_of

CONFIG: Final = "[worker]\nticks = false\ncheckpoint_seconds = 0.3\nmax_poll_records = 200\n"
"""Small slices and frequent checkpoints, so that a fault meets every phase of them."""
PRODUCT: Final = ("pipeline", "worker")
DYNAMIC: Final = ("tests.torture.faulty_worker", "--dynamic")
STOP_SECONDS: Final = 5.0
"""What SIGTERM is promised to take at most."""


class TortureError(AssertionError):
    """A promise that was not kept: what was expected and got."""


class Workers:
    """Worker processes by name."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.exits: list[str] = []
        """The last line of every worker that ended without having been asked to."""
        self.longest_stop = 0.0
        """Seconds that the slowest SIGTERM took."""
        self._settings = settings
        self._folder = folder
        self._workers: dict[str, WorkerProcess] = {}

    def start(self, name: str, program: Iterable[str] = PRODUCT) -> WorkerProcess:
        """Start a worker, again under its old name if it has ended."""
        worker = self._workers.get(name)
        if worker is None:
            worker = self._workers[name] = WorkerProcess(self._settings, self._folder, name, CONFIG)
        assert not worker.is_running, f"{name} runs already"
        worker.program = tuple(program)
        worker.start()
        return worker

    def __getitem__(self, name: str) -> WorkerProcess:
        return self._workers[name]

    @property
    def running(self) -> list[str]:
        """Names of the workers that are alive, or should be."""
        return sorted(self._workers)

    def kill(self, name: str) -> None:
        """kill -9."""
        self._workers[name].kill()

    def stop(self, name: str) -> None:
        """SIGTERM, which must end it with code 0 in time; then it is forgotten."""
        worker = self._workers.pop(name)
        code, seconds = worker.terminate()
        self.longest_stop = max(self.longest_stop, seconds)
        if code != 0 or seconds > STOP_SECONDS:
            raise TortureError(
                f"{name}: expected SIGTERM to end it with code 0 within {STOP_SECONDS:g} s, got code {code} after "
                f"{seconds:.1f} s: {last_line(worker)}"
            )

    def forget(self, name: str) -> WorkerProcess:
        """A worker that has ended and is not to be started again."""
        return self._workers.pop(name)

    def supervise(self) -> None:
        """Start again every worker that has ended by itself, which must have said why in one line."""
        for name, worker in self._workers.items():
            code = worker.process.poll()
            if code is not None:
                line = last_line(worker)
                self.exits.append(f"{name}: code {code}: {line}")
                if code != 1 or not line.startswith("tocsin: error: "):
                    raise TortureError(f"{name}: expected to end with code 1 and one line, got {code}: {line}")
                worker.start()

    def await_condition(self, condition: Callable[[], Any], seconds: float, what: str) -> None:
        """Until it holds, with the supervisor at work.

        Raises:
            TortureError: not in that time.
        """
        deadline = time.monotonic() + seconds
        while not condition():
            self.supervise()
            if time.monotonic() > deadline:
                raise TortureError(f"not within {seconds:g} s: {what}")
            time.sleep(0.1)

    def close(self) -> None:
        """Leave no process behind."""
        for worker in self._workers.values():
            worker.close()


def last_line(worker: WorkerProcess) -> str:
    """What the last line of a worker's run says, empty if it has said nothing."""
    lines = worker.said.strip().splitlines()
    return event_of(lines[-1]) if lines else ""


def end_of(process: int) -> bool:
    """Whether a process of that id is gone."""
    return not psutil.pid_exists(process)
