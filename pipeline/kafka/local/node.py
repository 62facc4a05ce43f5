"""The process of the local broker: started, asked whether it answers, stopped; safe to kill at any time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Self

import msgspec

from pipeline.errors import BrokerError
from pipeline.kafka.local.child_process import owned_command
from pipeline.kafka.local.jars import KAFKA_VERSION, Progress, class_path, java, show_progress
from pipeline.kafka.local.ports import free_port
from pipeline.kafka.local.properties import CLUSTER_ID, LOGGING_PROPERTIES, server_properties
from pipeline.kafka.probe import NotKafkaError, probe

_POLL_SECONDS: Final = 0.05
_JAVA_OPTIONS: Final = (
    "-Xms128m",
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:+ExitOnOutOfMemoryError",
    "--enable-native-access=ALL-UNNAMED",
    "--sun-misc-unsafe-memory-access=allow",
    "-Djava.awt.headless=true",
)


class Status(msgspec.Struct, frozen=True):
    """The status of a local broker.

    Attributes:
        pid: its process id, None when it does not run.
        port: port that it listens on, or listened on last; 0 when it never ran.
        answers: whether it answers requests.
    """

    pid: int | None
    port: int
    answers: bool


class _Owner(msgspec.Struct, frozen=True):
    pid: int
    port: int


class LocalKafka:
    """A single-node Apache Kafka under one folder.

    The folder holds the data, the properties, the log and a lock that the Java process itself holds while it lives,
    so that a pid left behind by a crash or a reboot can never be taken for a running broker.
    """

    def __init__(
        self,
        home: Path,
        port: int = 9092,
        controller_port: int = 0,
        properties: Mapping[str, str] | None = None,
        *,
        format_arguments: Sequence[str] = (),
        jars: Path | None = None,
        progress: Progress = show_progress,
    ) -> None:
        """Describe the broker; nothing is touched before `start`.

        Args:
            home: its folder.
            port: port on 127.0.0.1; 0 takes a free one at the first start and keeps it.
            controller_port: port of its controller; 0 takes a free one at each start.
            properties: broker properties of Kafka that override ours; listeners are added.
            format_arguments: more arguments for formatting the storage, such as --add-scram.
            jars: folder of the jars; default `home`.
            progress: called during the download of the jars.
        """
        self.home = home.resolve()
        self.port = port
        self._controller_port = controller_port
        self._properties = dict(properties or {})
        self._format_arguments = list(format_arguments)
        self._jars = jars or self.home
        self._progress = progress
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        """The address for clients, host:port."""
        return f"127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """The broker's log of warnings and errors; each start empties it."""
        return self.home / "kafka.log"

    def start(self, timeout: float = 60.0, *, owned: bool = False) -> bool:
        """Start the broker and wait until it answers.

        Args:
            timeout: seconds to wait for the first answer.
            owned: the broker ends with us (on Linux by the kernel, when the calling thread ends; elsewhere by `stop`).

        Returns:
            False when it was running already, and was left as it is.

        Raises:
            BrokerError: the local extra is missing, a port is taken, or it did not answer; with the end of its log.
        """
        self.home.mkdir(parents=True, exist_ok=True)
        with self._lock_file.open("ab") as lock:
            if not self._locks_within(0.2, lock.fileno()):
                self._join(timeout)
                return False
            self._owner_file.unlink(missing_ok=True)
            self.port = _port(self.port)
            command = self._prepare(_port(self._controller_port))
            if owned:
                command = owned_command(command)
            with self.log.open("wb") as output:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    cwd=self.home,
                    start_new_session=True,  # Ctrl-C on our terminal is ours to handle, not the broker's
                    pass_fds=[lock.fileno()],  # Java holds the lock from now on, whatever becomes of us
                )
            self._owner_file.write_bytes(msgspec.json.encode(_Owner(self._process.pid, self.port)))
        try:
            self._await_answer(timeout)
        except BaseException:
            self.kill()
            raise
        return True

    def stop(self, timeout: float = 20.0) -> bool:
        """Stop the broker: SIGTERM, and SIGKILL when it has not ended after `timeout` seconds.

        Returns:
            False when none was running.
        """
        return self._end(((signal.SIGTERM, timeout), (signal.SIGKILL, 10.0)))

    def kill(self) -> bool:
        """End the broker without warning, as a power failure would; `start` brings it back with its data.

        Returns:
            False when none was running.
        """
        return self._end(((signal.SIGKILL, 10.0),))

    def status(self) -> Status:
        """Whether the broker runs and answers; changes nothing."""
        owner = self._owner()
        port = owner.port if owner else 0
        if owner is None or not self._is_running():
            return Status(None, port, answers=False)
        return Status(owner.pid, port, answers=_answers(port))

    def __enter__(self) -> Self:
        """Start the broker, owned by us."""
        self.start(owned=True)
        return self

    def __exit__(self, *exception: object) -> None:
        """Stop the broker."""
        self.stop()

    @property
    def _lock_file(self) -> Path:
        return self.home / "kafka.lock"

    @property
    def _owner_file(self) -> Path:
        return self.home / "kafka.json"

    def _owner(self) -> _Owner | None:
        try:
            return msgspec.json.decode(self._owner_file.read_bytes(), type=_Owner)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def _is_running(self) -> bool:
        if not self._lock_file.exists():
            return False
        with self._lock_file.open("ab") as lock:
            return not _lock(lock.fileno())

    def _locks_within(self, seconds: float, descriptor: int) -> bool:
        """Take the lock, which is free when no broker runs; a look by `status` holds it for an instant."""
        deadline = time.monotonic() + seconds
        while not _lock(descriptor):
            if time.monotonic() >= deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def _join(self, timeout: float) -> None:
        """Take the running broker as ours."""
        owner = self._owner()
        if owner is None:
            raise BrokerError(f"{self.home}: another start or stop of the local Kafka is under way; try again")
        if self.port not in {0, owner.port}:
            raise BrokerError(
                f"expected to start the local Kafka on port {self.port}, but the one in {self.home} runs on port "
                f"{owner.port}: stop it first, or choose another home"
            )
        self.port = owner.port
        self._await_answer(timeout)

    def _prepare(self, controller_port: int) -> list[str]:
        """Write the broker's files, format its storage once, and return the command that runs it."""
        program = [str(java()), "-cp", class_path(self._jars, self._progress)]
        data, properties, logging = (self.home / name for name in ("data", "server.properties", "log4j2.properties"))
        properties.write_text(server_properties(data, self.port, controller_port, self._properties))
        logging.write_text(LOGGING_PROPERTIES)
        program.append(f"-Dlog4j2.configurationFile={logging}")
        formatted = self.home / "formatted"
        if not formatted.exists():
            command = [*program, "kafka.tools.StorageTool", "format", "--ignore-formatted", "--cluster-id", CLUSTER_ID]
            command += ["--config", str(properties), *self._format_arguments]
            result = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
            if result.returncode:
                raise BrokerError(f"{data}: the storage could not be formatted: {_tail(result.stdout + result.stderr)}")
            formatted.write_text(KAFKA_VERSION + "\n")
        return [*program, *_JAVA_OPTIONS, "kafka.Kafka", str(properties)]

    def _await_answer(self, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while not _answers(self.port):
            if not self._is_running():
                raise BrokerError(f"the local Kafka ended while starting; the end of {self.log}:\n{self._log_tail()}")
            if time.monotonic() >= deadline:
                raise BrokerError(
                    f"expected the local Kafka to answer on port {self.port} within {timeout:g} s, got no answer; "
                    f"the end of {self.log}:\n{self._log_tail()}"
                )
            time.sleep(_POLL_SECONDS)

    def _end(self, steps: Sequence[tuple[signal.Signals, float]]) -> bool:
        if not self._lock_file.exists():
            return False
        with self._lock_file.open("ab") as lock:
            ended = _lock(lock.fileno())
            was_running = not ended
            for number, seconds in steps:
                if ended:
                    break
                owner = self._owner()
                if owner is not None:
                    # The lock was held a moment ago, so the pid is the broker's and not that of a later process.
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(owner.pid, number)
                ended = self._locks_within(seconds, lock.fileno())
            if not ended:
                raise BrokerError(f"{self.home}: expected the local Kafka to end, but it still runs after SIGKILL")
        if self._process is not None:
            self._process.wait()
            self._process = None
        return was_running

    def _log_tail(self) -> str:
        return _tail(self.log.read_text(errors="replace")) if self.log.exists() else "(no log)"


def _tail(text: str, lines: int = 15) -> str:
    return "\n".join(text.strip().splitlines()[-lines:]) or "(empty)"


def _lock(descriptor: int) -> bool:
    """Take the exclusive lock if nobody holds it. It belongs to the open file, so a child that inherits it keeps it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _port(wanted: int) -> int:
    try:
        return free_port(wanted)
    except OSError as error:
        raise BrokerError(
            f"expected port {wanted} of 127.0.0.1 to be free, got: {error.strerror}; "
            "stop what listens there, or choose another with --port"
        ) from None


def _answers(port: int) -> bool:
    try:
        probe("127.0.0.1", port, 0.5)
    except (OSError, NotKafkaError):
        return False
    return True
