"""One session of the demo: a local Kafka, its topics, a worker and a hub on this machine.

Everything is real and discarded afterwards: the broker keeps its data in a folder of its own, emptied at each start.
All processes are checked; when one fails, the others are stopped, and the last line of its log is shown.
"""

from __future__ import annotations

import contextlib
import http.client
import importlib.util
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Self

import msgspec

from pipeline.config.load import load_config
from pipeline.config.settings import PREFIX, Settings, child_environment
from pipeline.demo.naming import with_names
from pipeline.demo.playbook import says_who_acts
from pipeline.demo.run_guard import alone
from pipeline.errors import TocsinError
from pipeline.kafka.local import LocalKafka
from pipeline.kafka.local.child_process import owned_command
from pipeline.kafka.local.ports import free_port
from pipeline.kafka.topics import apply_topics
from pipeline.telemetry.logs import FATAL

READY_SECONDS: Final = 60.0
_SAMPLE: Final = re.compile(r"^tocsin_(\w+?)(?:\{[^}]*\})? ([0-9.e+-]+|\+Inf|NaN)$", re.MULTILINE)
_WATERMARK: Final = re.compile(r"^tocsin_watermark_timestamp_seconds\{[^}]*\} ([0-9.e+-]+)$", re.MULTILINE)


class _LogLine(msgspec.Struct):
    event: str


def environment_script(settings: Settings) -> str:
    """Lines for a shell that let every command reach the broker of these settings, and know its brands and its day."""
    values = {"KAFKA_BOOTSTRAP": settings.kafka_bootstrap, "EVENT_TIME": "true"}
    if settings.config is not None:
        values["CONFIG"] = str(settings.config.absolute())
    return "".join(f"export {PREFIX}{name}={shlex.quote(value)}\n" for name, value in values.items())


class DemoSession:
    """A broker and a worker that live as long as the block; use as a context manager.

    Attributes:
        settings: how to reach them.
        folder: where their data and logs are.
        told: what of the names and the address of the hub the given configuration has kept out, for people; "" if all
            hold.
        plays_own: whether the playbook is the demo's own.
    """

    def __init__(
        self, settings: Settings, config: Path | None, names: Mapping[str, Mapping[str, str]], playbook: str
    ) -> None:
        """Nothing runs yet.

        Args:
            settings: as the environment gives them.
            config: of the worker; None for the defaults.
            names: by brand and language what people call it, where `config` does not say.
            playbook: with names, the section `playbook`, where `config` has none of any kind.
        """
        self.folder = settings.home / "demo"
        self._running = ExitStack()
        self._kafka = LocalKafka(self.folder / "kafka", 0, jars=settings.jars)
        self._settings = settings
        self._config = config
        self._names = names
        self._playbook = playbook
        self._worker: subprocess.Popen[bytes] | None = None
        self._hub: subprocess.Popen[bytes] | None = None
        self.settings = settings
        self.told = ""
        self.plays_own = False

    @property
    def log(self) -> Path:
        """The worker's log file."""
        return self.folder / "worker.log"

    @property
    def hub_log(self) -> Path:
        """The hub's log file."""
        return self.folder / "hub.log"

    @property
    def environment(self) -> Path:
        """A file for other shells: with it every command of `tocsin` reaches this demo."""
        return self.folder / "env"

    def __enter__(self) -> Self:
        """Remove what the last session left, and start the broker, which ends with us.

        Raises:
            TocsinError: another demo runs in this home.
            BrokerError: the broker does not start.
        """
        with ExitStack() as running:
            running.enter_context(alone(self._settings.home / "demo.lock"))
            given = self._given() if self._names else ""
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True)
            hub_port = _wanted_or_free(self._settings.hub_port)
            if self._names:
                self._name_brands(given, hub_port)
            running.callback(self._kafka.stop)
            self._kafka.start(owned=True)
            running.callback(lambda: _stop(self._worker))
            running.callback(lambda: _stop(self._hub))
            # Made from defaults alone: what the environment says of a real cluster does not hold here.
            self.settings = Settings.model_construct(
                home=self._settings.home,
                kafka_bootstrap=self._kafka.bootstrap,
                metrics_port=_wanted_or_free(self._settings.metrics_port),
                hub_port=hub_port,
                hub_store=self.folder / "hub.sqlite",
                config=self._config,
                log_format="json",
                log_level=self._settings.log_level,
            )
            self.environment.write_text(environment_script(self.settings), encoding="utf-8")
            self._running = running.pop_all()
        return self

    def _given(self) -> str:
        """The text of the given configuration, "" without one; it may lie in the folder that the session begins anew.

        Raises:
            ConfigError: the given configuration does not hold.
        """
        if self._config is None:
            return ""
        load_config(self._config)  # what is wrong in it is said of it, not of the copy
        return self._config.read_text(encoding="utf-8")

    def _name_brands(self, given: str, hub_port: int) -> None:
        """Let the worker know names, the hub's address and who acts: what it is given is extended in a copy of it."""
        hub = f"http://127.0.0.1:{hub_port}/episodes/{{episode_id}}"
        self.plays_own = not says_who_acts(given)
        extended, self.told = with_names(given, self._names, hub, self._playbook)
        self._config = self.folder / "brands.toml"
        self._config.write_text(extended, encoding="utf-8")

    def __exit__(self, *exception: object) -> None:
        """Stop the hub, the worker, then the broker, even if stopping one fails."""
        self._running.close()

    def apply_topics(self) -> int:
        """Create the topics of the catalogue; returns how many."""
        return len(apply_topics(self.settings))

    def start_worker(self) -> None:
        """Start the worker and wait until it owns its partitions.

        Raises:
            TocsinError: it ended, or was not ready in time; with the last line of its log.
        """
        self._worker = self._start(["worker"], self.log)
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            self.check()
            if self._get("/readyz")[0] == http.client.OK:
                return
            time.sleep(0.1)
        raise TocsinError(f"worker: expected it to be ready within {READY_SECONDS:.0f} s; see {self.log}")

    def start_hub(self) -> str:
        """Start the hub; returns its address, which answers soon, or "" where its libraries are not installed."""
        if importlib.util.find_spec("starlette") is None:
            return ""
        self._hub = self._start(["hub", "--event-time"], self.hub_log)
        return f"http://127.0.0.1:{self.settings.hub_port}/"

    def _start(self, command: list[str], log: Path) -> subprocess.Popen[bytes]:
        with log.open("wb") as file:
            return subprocess.Popen(
                owned_command([sys.executable, "-m", "pipeline", *command]),  # ends with us, even if we are killed
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                env=child_environment(self.settings),
                start_new_session=True,  # Ctrl-C is ours: the worker is to write its last checkpoint in its own time
            )

    def check(self) -> None:
        """Check that all processes run.

        Raises:
            TocsinError: one has ended; with the last line of its log.
        """
        if self._worker is not None and self._worker.poll() is not None:
            raise TocsinError(
                f"worker: expected it to run, it ended with exit code {self._worker.returncode}: {_last_line(self.log)}"
            )
        if self._hub is not None and self._hub.poll() is not None:
            raise TocsinError(
                f"hub: expected it to run, it ended with exit code {self._hub.returncode}: {_last_line(self.hub_log)}"
            )
        if self._kafka.status().pid is None:
            raise TocsinError(f"local Kafka: expected it to run, it ended: {_last_line(self._kafka.log)}")

    def metrics(self) -> dict[str, float]:
        """The worker's metrics summed over their labels, by name without the prefix; 0 where there is no sample."""
        status, body = self._get("/metrics")
        sums: dict[str, float] = defaultdict(float)
        if status == http.client.OK:
            for name, value in _SAMPLE.findall(body):
                sums[name] += float(value)
        return sums

    def watermark(self) -> float | None:
        """Event time that the worker has come to in every partition, Unix seconds; None where none is known."""
        status, body = self._get("/metrics")
        found = _WATERMARK.findall(body) if status == http.client.OK else []
        return min(map(float, found), default=None)

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


def _stop(process: subprocess.Popen[bytes] | None) -> None:
    if process is not None and process.poll() is None:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wanted_or_free(wanted: int) -> int:
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
