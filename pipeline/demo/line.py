"""The whole line on one machine: a local Kafka, its topics, a worker, a stream of mentions, the alerts as they arrive.

Everything is real and thrown away afterwards: the broker keeps its data in a folder of its own, made anew each time.
Every part is watched; when one fails, the others are stopped and its last words are shown.
"""

from __future__ import annotations

import contextlib
import http.client
import queue
import re
import shutil
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Self

import msgspec

from pipeline.config.settings import Settings, child_environment
from pipeline.demo.run_guard import alone
from pipeline.errors import TocsinError
from pipeline.kafka.alerts import follow_alerts
from pipeline.kafka.local import LocalKafka
from pipeline.kafka.local.child_process import owned_command
from pipeline.kafka.local.ports import free_port
from pipeline.kafka.publishing import PublishReport, publish
from pipeline.kafka.topics import apply_topics
from pipeline.telemetry.logs import FATAL
from schemas.alert import Alert

READY_SECONDS: Final = 60.0
_SAMPLE: Final = re.compile(r"^tocsin_(\w+?)(?:\{[^}]*\})? ([0-9.e+-]+|\+Inf|NaN)$", re.MULTILINE)


class _LogLine(msgspec.Struct):
    event: str


class Line:
    """Kafka, topics and a worker on this machine; use as a context manager.

    Attributes:
        settings: how to reach them.
        folder: their data and logs.
    """

    def __init__(self, settings: Settings, config: Path | None) -> None:
        self.folder = settings.home / "demo"
        self._running = ExitStack()
        self._kafka = LocalKafka(self.folder / "kafka", 0, jars=settings.home)
        self._settings = settings
        self._config = config
        self._worker: subprocess.Popen[bytes] | None = None
        self.settings = settings

    @property
    def log(self) -> Path:
        """Where the worker logs."""
        return self.folder / "worker.log"

    def __enter__(self) -> Self:
        """Clear what the last run left, and start the broker, owned by us.

        Raises:
            TocsinError: another demo runs in this home.
            BrokerError: the broker does not start.
        """
        with ExitStack() as running:
            running.enter_context(alone(self._settings.home / "demo.lock"))
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True)
            running.callback(self._kafka.stop)
            self._kafka.start(owned=True)
            running.callback(self._stop_worker)
            # Made from defaults alone: what the environment says of a real cluster does not hold here.
            self.settings = Settings.model_construct(
                home=self._settings.home,
                kafka_bootstrap=self._kafka.bootstrap,
                metrics_port=_metrics_port(self._settings.metrics_port),
                config=self._config,
                log_format="json",
                log_level=self._settings.log_level,
            )
            self._running = running.pop_all()
        return self

    def __exit__(self, *exception: object) -> None:
        """Stop the worker, then the broker, each whatever becomes of the other."""
        self._running.close()

    def _stop_worker(self) -> None:
        if self._worker is not None and self._worker.poll() is None:
            self._worker.terminate()
            try:
                self._worker.wait(15)
            except subprocess.TimeoutExpired:
                self._worker.kill()
                self._worker.wait()

    def apply_topics(self) -> int:
        """Create the topics of the catalogue; returns how many."""
        return len(apply_topics(self.settings))

    def start_worker(self) -> None:
        """Start the worker and wait until it owns its partitions.

        Raises:
            TocsinError: it ended, or was not ready in time; with its last words.
        """
        with self.log.open("wb") as log:
            self._worker = subprocess.Popen(
                owned_command([sys.executable, "-m", "pipeline", "worker"]),  # ends with us, even if we are killed
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=child_environment(self.settings),
                start_new_session=True,  # Ctrl-C is ours: the worker is to write its last checkpoint in its own time
            )
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            self.check()
            if self._get("/readyz")[0] == http.client.OK:
                return
            time.sleep(0.1)
        raise TocsinError(f"worker: expected it to be ready within {READY_SECONDS:.0f} s; see {self.log}")

    def check(self) -> None:
        """See that both processes live.

        Raises:
            TocsinError: one has ended; with its last words.
        """
        if self._worker is not None and self._worker.poll() is not None:
            raise TocsinError(
                f"worker: expected it to run, it ended with exit code {self._worker.returncode}: {_last_line(self.log)}"
            )
        if self._kafka.status().pid is None:
            raise TocsinError(f"local Kafka: expected it to run, it ended: {_last_line(self._kafka.log)}")

    def metrics(self) -> dict[str, float]:
        """Sums of the worker's metrics over their labels, by name without the prefix; 0 where it shows none."""
        status, body = self._get("/metrics")
        sums: dict[str, float] = defaultdict(float)
        if status == http.client.OK:
            for name, value in _SAMPLE.findall(body):
                sums[name] += float(value)
        return sums

    def _get(self, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.settings.metrics_port, timeout=5)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        except OSError:
            return 0, ""
        finally:
            connection.close()


class _Background:
    """Work in a thread of its own, which ends soon after `asked_to_stop` is set."""

    def __init__(self, work: Callable[[], None], name: str) -> None:
        self.asked_to_stop = threading.Event()
        self._work = work
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.start = self._thread.start

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def check(self) -> None:
        """Raise what ended the work, if anything did."""
        if self._failure is not None:
            raise self._failure

    def stop(self, seconds: float) -> None:
        """Ask for the end and wait for it, at most so long."""
        self.asked_to_stop.set()
        self._thread.join(seconds)

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001 - handed to the thread that can end the run
            self._failure = error


class Publisher:
    """Publishes beside everything else; `check` raises what went wrong there."""

    def __init__(self, settings: Settings, stages: Iterable[tuple[Iterable[bytes], float | None, bool]]) -> None:
        """Each stage is (lines, speed or None for as fast as it goes, whether a final tick closes it)."""
        self.sent = 0
        self.report: PublishReport | None = None
        self._settings = settings
        self._stages = stages
        self._background = _Background(self._publish, "publisher")
        self.start = self._background.start
        self.check = self._background.check

    @property
    def done(self) -> bool:
        return not self._background.is_alive and self.report is not None

    def stop(self) -> None:
        """End early, and wait until what was sent is acknowledged."""
        self._background.stop(20)

    def _publish(self) -> None:
        report: PublishReport | None = None
        before = 0
        for lines, speed, final_tick in self._stages:
            report = publish(
                self._settings,
                lines,
                speed=speed,
                final_tick=final_tick,
                on_progress=self._progress(before),
                stop=self._background.asked_to_stop,
            )
            before += report.mentions
            self.sent = before
        self.report = report

    def _progress(self, before: int) -> Callable[[int], None]:
        def progress(sent: int) -> None:
            self.sent = before + sent

        return progress


class AlertFollower:
    """Alerts as they arrive, read beside everything else."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._arrived: queue.SimpleQueue[Alert] = queue.SimpleQueue()
        self._background = _Background(self._follow, "alerts")
        self.start = self._background.start

    def arrived(self) -> Iterator[Alert]:
        """What arrived since the last call; raises what ended the reading."""
        with contextlib.suppress(queue.Empty):
            while True:
                yield self._arrived.get_nowait()
        self._background.check()

    def stop(self) -> None:
        self._background.stop(10)

    def _follow(self) -> None:
        for alert in follow_alerts(self._settings, self._background.asked_to_stop.is_set, from_beginning=True):
            self._arrived.put(alert)


def _metrics_port(wanted: int) -> int:
    """The wanted port if it is free, else one that is."""
    try:
        return free_port(wanted)
    except OSError:
        return free_port()


def _last_line(log: Path) -> str:
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        return f"no log at {log}"
    last = lines[-1] if lines else "no message"
    with contextlib.suppress(msgspec.DecodeError):  # a line of another form is shown as it is
        last = msgspec.json.decode(last, type=_LogLine).event.removeprefix(FATAL)
    return f"{last[:500]} (see {log})"
