"""A real worker as a process of its own, and the oracle that its output is held against.

The oracle is the pure engine over the log as it stands in Kafka. Whatever happened to the workers, what a
read_committed consumer sees afterwards must be what the oracle gives: no alert more, none less, none different.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import msgspec
from kafka import TopicPartition
from kafka.errors import RetriableError

from pipeline.config.model import Config
from pipeline.config.settings import Settings, child_environment
from pipeline.engine.encoding import activity_record, alert_record, dead_letter_record
from pipeline.engine.engine import Engine
from pipeline.engine.records import TICK_HEADER, Record
from pipeline.engine.state import CHECKPOINT_KEY, decode_checkpoint, encode
from pipeline.kafka.clients import admin, consumer, producer, topic_name
from pipeline.kafka.reading import place
from pipeline.telemetry.logs import FATAL
from schemas.feedback import Feedback, decode_feedback

ROOT = Path(__file__).parents[2]
START_SECONDS = 30.0
SETTLE_SECONDS = 60.0
SESSION_SECONDS = 6.0
"""The shortest that a broker allows by default."""
QUICK = "[worker]\nticks = false\ncheckpoint_seconds = 0.3\nmax_poll_records = 50\n"
"""Many small slices and checkpoints, so that a kill meets every phase of them."""

Message = tuple[bytes | None, bytes | None, tuple[tuple[str, bytes], ...]]
"""Key, value and headers of a record."""


def wait_until(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """The first true value of the condition, asked for ten times a second."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.1)


def event_of(line: str) -> str:
    """What a line of a worker's log says: its event where it is JSON, else the line itself."""
    whole = line.startswith("{") and line.endswith("}")  # kill -9 may cut one
    return str(json.loads(line)["event"]) if whole else line


class WorkerProcess:
    """`python -m pipeline worker`; may be started again under the same name after it has ended."""

    def __init__(
        self,
        settings: Settings,
        folder: Path,
        instance: str = "w0",
        config: str = "",
        program: Sequence[str] = ("pipeline", "worker"),
    ) -> None:
        self.program = program
        """Module and arguments of the next start."""
        toml = folder / f"{instance}.toml"
        toml.write_text(config)
        mine = settings.model_copy(update={"instance": instance, "config": toml, "metrics_port": 0})
        self.log = folder / f"{instance}.log"
        self._environment = child_environment(mine)
        self._process: subprocess.Popen[bytes] | None = None
        self._read_from = 0

    def start(self) -> None:
        self._read_from = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *self.program],
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "not started"
        return self._process

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def said(self) -> str:
        """What this run has written so far."""
        return self.log.read_bytes()[self._read_from :].decode()

    def events(self, name: str) -> list[dict[str, Any]]:
        """Log lines of this run with that event."""
        lines = (json.loads(line) for line in self.said.splitlines() if line.startswith("{") and line.endswith("}"))
        return [line for line in lines if line.get("event") == name]

    @property
    def errors(self) -> list[str]:
        """The lines of this run that say why it ended, without their prefix; there must be one at most."""
        events = [event_of(line) for line in self.said.splitlines()]
        return [event.removeprefix(FATAL) for event in events if event.startswith(FATAL)]

    def answer(self, path: str) -> tuple[int, str]:
        """Status and body of a path of its HTTP server; status 0 while it does not listen."""
        listening = self.events("listening")
        if not listening:
            return 0, ""
        try:
            with urlopen(f"http://127.0.0.1:{listening[0]['port']}{path}", timeout=2) as response:
                return response.status, response.read().decode()
        except HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except (URLError, ConnectionError, TimeoutError):
            return 0, ""

    def await_ready(self, partitions: int | None = None) -> None:
        """Until /readyz says yes, with so many partitions if given."""

        def ready() -> bool:
            assert self.process.poll() is None, f"the worker ended with {self.process.returncode}: {self.said[-2000:]}"
            status, body = self.answer("/readyz")
            return status == 200 and (partitions is None or len(json.loads(body)["partitions"]) == partitions)

        wait_until(ready, START_SECONDS, "worker ready")

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait()

    def send(self, number: int) -> None:
        self.process.send_signal(number)

    def terminate(self, number: int = signal.SIGTERM) -> tuple[int, float]:
        """Ask it to stop; exit code and seconds until the end."""
        started = time.monotonic()
        self.process.send_signal(number)
        return self.process.wait(30), time.monotonic() - started

    def stop(self) -> None:
        """Ask it to stop, which it must do with exit code 0."""
        code, _ = self.terminate()
        assert code == 0, f"the worker stopped with {code}: {self.said[-2000:]}"

    def await_end(self, seconds: float) -> int:
        """Exit code of a worker that is expected to end by itself."""
        return self.process.wait(seconds)

    def close(self) -> None:
        """Leave no process behind, whatever the test did."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
            self.kill()


@contextmanager
def working(settings: Settings, folder: Path) -> Iterator[WorkerProcess]:
    """A worker that checkpoints and ticks in a hurry; it does not outlive the block."""
    worker = WorkerProcess(settings, folder, config="[worker]\ncheckpoint_seconds = 0.3\ntick_idle_seconds = 1.0\n")
    worker.start()
    try:
        yield worker
    finally:
        worker.close()


@dataclass
class Outcome:
    """What there is per partition: alerts, dead letters and activity in order, the last state of every key."""

    alerts: dict[int, list[Message]] = field(default_factory=dict)
    dead_letters: dict[int, list[Message]] = field(default_factory=dict)
    state: dict[int, dict[bytes, bytes]] = field(default_factory=dict)
    committed: dict[int, int] = field(default_factory=dict)
    activity: dict[int, list[Message]] = field(default_factory=dict)

    @property
    def alert_count(self) -> int:
        return sum(map(len, self.alerts.values()))

    @property
    def dead_letter_count(self) -> int:
        return sum(map(len, self.dead_letters.values()))

    @property
    def activity_count(self) -> int:
        return sum(map(len, self.activity.values()))


def publish(settings: Settings, records: Iterable[Record]) -> int:
    """Write records to mentions (the broker gives offsets and timestamps); how many."""
    count = 0
    with producer(settings, linger_ms=5) as client:
        for record in records:
            client.send(topic_name(settings, "mentions"), record.value, record.key, headers=list(record.headers))
            count += 1
    return count


def read(settings: Settings, name: str) -> dict[int, list[Any]]:
    """Every committed record of a topic by partition."""
    topic = topic_name(settings, name)
    with consumer(settings, max_partition_fetch_bytes=16 << 20) as client:
        partitions = [TopicPartition(topic, number) for number in sorted(client.partitions_for_topic(topic))]
        client.assign(partitions)
        client.seek_to_beginning(*partitions)
        ends = client.end_offsets(partitions)
        found: dict[int, list[Any]] = {partition.partition: [] for partition in partitions}
        while any(client.position(partition) < ends[partition] for partition in partitions):
            for partition, records in client.poll(timeout_ms=200).items():
                found[partition.partition] += records
    return found


@dataclass
class FeedbackFound:
    """One record of alert-feedback: where it stands, and what it says."""

    place: str
    feedback: Feedback


def read_feedback(settings: Settings) -> list[FeedbackFound]:
    """All feedback on the topic."""
    records = [record for found in read(settings, "alert-feedback").values() for record in found]
    return [FeedbackFound(place(record), decode_feedback(record.value)) for record in records]


def committed(settings: Settings) -> dict[int, int]:
    """The group's committed offsets of mentions by partition."""
    with admin(settings) as client:
        try:
            offsets = client.list_group_offsets({settings.group: None})[settings.group]
        except RetriableError:  # a new broker makes its offsets topic when the first group comes
            return {}
    mentions = topic_name(settings, "mentions")
    return {where.partition: at.offset for where, at in offsets.items() if where.topic == mentions and at.offset >= 0}


def settle(settings: Settings, workers: Iterable[WorkerProcess], seconds: float = SETTLE_SECONDS) -> None:
    """Until the workers have committed all of mentions as they are now; ticks may follow meanwhile."""
    ends = {number: records[-1].offset + 1 for number, records in read(settings, "mentions").items() if records}
    workers = list(workers)

    def done() -> bool:
        for worker in workers:
            assert worker.process.poll() is None, f"the worker ended: {worker.said[-2000:]}"
        found = committed(settings)
        return all(found.get(number, -1) >= end for number, end in ends.items())

    wait_until(done, seconds, "all of mentions committed")


def outcome(settings: Settings) -> Outcome:
    """What a read_committed consumer finds."""
    state: dict[int, dict[bytes, bytes]] = {}
    for number, records in read(settings, "brand-state").items():
        latest = {record.key: record.value for record in records}
        state[number] = {key: _of_any_topic(key, value) for key, value in latest.items() if value is not None}
    return Outcome(
        {number: list(map(_message, records)) for number, records in read(settings, "alerts").items()},
        {number: list(map(_message, records)) for number, records in read(settings, "mentions-dlq").items()},
        state,
        committed(settings),
        {number: list(map(_message, records)) for number, records in read(settings, "brand-activity").items()},
    )


def _of_any_topic(key: bytes, value: bytes) -> bytes:
    """A state record without the ids of this cluster's topics, which no oracle can know."""
    if key != CHECKPOINT_KEY:
        return value
    return encode(msgspec.structs.replace(decode_checkpoint(key, value), topic_ids={}))


def oracle(settings: Settings, config: Config | None = None, log: dict[int, list[Any]] | None = None) -> Outcome:
    """What the pure engine makes of the log, which is read unless given."""
    result = Outcome()
    log = log or _without_unread_ticks(read(settings, "mentions"), committed(settings))
    for number, records in log.items():
        engine = Engine(number, config or Config(), partitions=len(log), topic=topic_name(settings, "mentions"))
        outputs = engine.process(records)
        result.alerts[number] = list(map(_message, map(alert_record, outputs.alerts)))
        result.dead_letters[number] = list(map(_message, map(dead_letter_record, outputs.dead_letters)))
        result.activity[number] = list(map(_message, map(activity_record, outputs.activity)))
        result.state[number] = {key: value for key, value in engine.snapshot() if value is not None}
        if records:
            result.committed[number] = records[-1].offset + 1
    return result


def _without_unread_ticks(log: dict[int, list[Any]], committed: dict[int, int]) -> dict[int, list[Any]]:
    """A worker that is stopped may have appended a tick that it does not read any more."""
    for number, records in log.items():
        while records and records[-1].offset >= committed.get(number, 0) and _is_tick(records[-1]):
            records.pop()
    return log


def _is_tick(record: Any) -> bool:
    return any(name == TICK_HEADER for name, _ in record.headers)


def _message(record: Any) -> Message:
    return record.key, record.value, tuple((name, bytes(value)) for name, value in record.headers)


def difference(got: Outcome, want: Outcome) -> str:
    """Where two outcomes differ, in a few lines; empty when they are equal."""
    lines = []
    for name in ("alerts", "dead_letters", "activity"):
        for number, expected in getattr(want, name).items():
            found = getattr(got, name).get(number, [])
            if found != expected:
                first = next(
                    (n for n, pair in enumerate(zip(found, expected, strict=False)) if pair[0] != pair[1]), None
                )
                lines.append(f"{name}[{number}]: {len(found)} instead of {len(expected)}, first difference at {first}")
                if first is not None:
                    lines.append(f"  got  {found[first]}\n  want {expected[first]}")
    for number, state in want.state.items():
        found_state = got.state.get(number, {})
        keys = [key for key in state.keys() | found_state.keys() if state.get(key) != found_state.get(key)]
        lines += [
            f"state[{number}][{key!r}]\n  got  {found_state.get(key)!r:.600}\n  want {state.get(key)!r:.600}"
            for key in sorted(keys)
        ]
    if got.committed != want.committed:
        lines.append(f"committed {got.committed} instead of {want.committed}")
    return "\n".join(lines)
