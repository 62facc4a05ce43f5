"""Publishing of recorded or simulated mentions to the mentions topic, all of them or an error, at a chosen pace."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from pipeline.config.load import load_config
from pipeline.config.model import Config, EngineConfig
from pipeline.config.settings import Settings
from pipeline.engine.records import TICK_HEADER, closing_tick_milliseconds
from pipeline.errors import BrokerError, TocsinError
from pipeline.kafka.clients import broker_errors, explain, producer, topic_name
from pipeline.kafka.partitioning import partition_of
from pipeline.kafka.topics import partition_count
from schemas.mention import decode_mention, event_seconds, record_key
from schemas.rejection import Rejected

MAX_RECORD_BYTES: Final = 1_048_576
"""Maximum size that the mentions topic accepts (max.message.bytes in the catalogue)."""
MAX_LINE_BYTES: Final = MAX_RECORD_BYTES - 1024  # room for key and framing
_IN_FLIGHT: Final = 20_000
"""Maximum of records that wait for their acknowledgement: kafka-python bounds its memory by nothing else."""
_PROGRESS_SECONDS: Final = 0.1
_NAP_SECONDS: Final = 0.002
"""Minimum time to sleep for: being earlier by less does not matter."""


class PublishReport(msgspec.Struct, frozen=True):
    """The outcome of publishing.

    Attributes:
        mentions: lines sent, each acknowledged by the broker.
        without_brand: lines sent that name no brand; the worker will dead-letter them.
        seconds: wall time from the first to the last acknowledgement.
        latest_event_time: the largest event time that the worker accepts, Unix seconds; 0.0 when no final tick was
            asked for or none was found.
        ticks: tick records appended at the end.
        ended_milliseconds: the wall clock after the last acknowledgement and before the ticks, Unix milliseconds.
    """

    mentions: int
    without_brand: int
    seconds: float
    latest_event_time: float
    ticks: int
    ended_milliseconds: int


class LineError(TocsinError):
    """A line that cannot be published.

    Attributes:
        problem: what is wrong with it, without its number.
    """

    def __init__(self, number: int, problem: str) -> None:
        super().__init__(f"line {number}: {problem}")
        self.problem = problem


def publish(
    settings: Settings,
    lines: Iterable[bytes],
    *,
    rate: float | None = None,
    speed: float | None = None,
    final_tick: bool = False,
    require_brand: bool = False,
    on_progress: Callable[[int], None] | None = None,
    stop: threading.Event | None = None,
) -> PublishReport:
    """Send every line to the mentions topic, keyed by its brand, and wait until all are acknowledged.

    Brands of a category go to the partition of their category, all others to that of their key.

    Args:
        settings: where to.
        lines: mentions as JSON, in event-time order. A line that names no brand goes out as it is, without a key.
        rate: mentions per second.
        speed: seconds of event time per second (3600: an hour of event time per second). With neither, as fast as
            possible.
        final_tick: afterwards send every partition a tick, so that all open buckets close that are over by now; the
            configuration of the settings says how long a bucket stays open.
        require_brand: whether a line that names no brand is an error.
        on_progress: called with the number of mentions sent so far, some ten times per second.
        stop: when set, publishing ends early, cleanly and without the final tick.

    Raises:
        BrokerError: no broker, no topic, or a mention that was not acknowledged.
        ConfigError: the configuration breaks a rule.
        LineError: a line is too large, or names no brand though it must; the lines before it were sent.
    """
    config = load_config(settings.config)
    engine = config.engine
    topic = topic_name(settings, "mentions")
    partitions = partition_count(settings, "mentions")
    stop = stop or threading.Event()
    options = {
        "linger_ms": 5,
        "batch_size": 131_072,
        "max_request_size": MAX_RECORD_BYTES,
        "value_serializer": value_or_null(),
    }
    sent = without_brand = ticks = 0
    latest = 0.0
    with producer(settings, **options) as client:
        acknowledgements = _Acknowledgements(settings)
        pace = _Pace(rate, speed, stop)
        began = time.monotonic()
        reported = began
        with broker_errors(settings, f"write to {topic}"):
            for line in lines:
                happened = event_seconds(line) if final_tick or speed else None
                pace.wait(sent, happened)
                if stop.is_set():
                    break
                if final_tick and happened is not None and latest < happened and _is_accepted(line, happened, engine):
                    latest = happened
                key = _checked_key(line, sent + 1, topic, require_brand=require_brand)
                without_brand += key is None
                acknowledgements.expect(client.send(topic, line, key, partition=partition_for(config, key, partitions)))
                sent += 1
                if on_progress and time.monotonic() - reported >= _PROGRESS_SECONDS:
                    reported = time.monotonic()
                    on_progress(sent)
            acknowledgements.await_all()
            seconds = time.monotonic() - began
            ended = int(time.time() * 1000)
            if final_tick and latest and not stop.is_set():
                tick = closing_tick_milliseconds(latest, engine.allowed_lateness_seconds, ended)
                header = (TICK_HEADER, str(tick).encode())
                ticks = partitions
                for number in range(partitions):
                    acknowledgements.expect(client.send(topic, NULL, headers=[header], partition=number))
                acknowledgements.await_all()
    if on_progress:
        on_progress(sent)
    return PublishReport(sent, without_brand, seconds, latest, ticks, ended)


def _checked_key(line: bytes, number: int, topic: str, *, require_brand: bool) -> bytes | None:
    """The record key of a line, None where it names no brand.

    Raises:
        LineError: the line is too large, or names no brand though it must.
    """
    key = record_key(line)
    if key is None and require_brand:
        raise LineError(number, 'expected a JSON object with a text "brand", got none')
    if len(line) > MAX_LINE_BYTES:
        raise LineError(number, f"expected at most {MAX_LINE_BYTES:,} bytes, which {topic} takes, got {len(line):,}")
    return key


def partition_for(config: Config, key: bytes | None, partitions: int) -> int | None:
    """The partition of a category's brand; None leaves it to Kafka's partitioner: by the key, or any without one."""
    category = config.category_of(key.decode("utf-8", "replace")) if key else None
    return partition_of(category.encode(), partitions) if category else None


def _is_accepted(line: bytes, happened: float, engine: EngineConfig) -> bool:
    """Whether the worker will accept the line; one that it refuses does not advance event time."""
    if happened > time.time() + engine.future_tolerance_seconds:
        return False
    try:
        decode_mention(line)
    except Rejected:
        return False
    return True


class _Acknowledgements:
    """Records sent and not yet acknowledged: bounded, and every failure is raised."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._waiting: deque[Any] = deque()
        # A record may wait for others before it and be sent again; kafka-python gives up on it by itself before this.
        self._timeout = 3 * settings.kafka_timeout_seconds

    def expect(self, future: Any) -> None:
        self._waiting.append(future)
        while self._waiting and self._waiting[0].is_done:
            self._check(self._waiting.popleft())
        if len(self._waiting) >= _IN_FLIGHT:
            self._check(self._waiting.popleft())

    def await_all(self) -> None:
        while self._waiting:
            self._check(self._waiting.popleft())

    def _check(self, future: Any) -> None:
        from kafka.errors import KafkaError

        try:
            future.get(self._timeout)
        except KafkaError as error:
            raise BrokerError(
                f"{self._settings.kafka_bootstrap}: a mention was not acknowledged: {explain(self._settings, error)}"
            ) from error


class _Pace:
    """The pace of sending: a number of mentions per second, or a multiple of event time."""

    def __init__(self, rate: float | None, speed: float | None, stop: threading.Event) -> None:
        self._rate = rate
        self._speed = speed
        self._stop = stop
        self._began = time.monotonic()
        self._first: float | None = None

    def wait(self, sent: int, happened: float | None) -> None:
        due = 0.0
        if self._rate:
            due = sent / self._rate
        elif self._speed and happened is not None:
            if self._first is None:
                self._first = happened
                self._began = time.monotonic()  # however long the first line was waited for, no haste follows
            due = (happened - self._first) / self._speed
        ahead = self._began + due - time.monotonic()
        if due and ahead > _NAP_SECONDS:
            self._stop.wait(ahead)


NULL: Final = object()
"""Stands for a null value where a producer is made with `value_or_null`."""


def value_or_null() -> Any:
    """A serializer that turns NULL into a null value: kafka-python refuses a record with neither key nor value."""
    from kafka.serializer import Serializer

    class ValueOrNull(Serializer):
        def serialize(self, topic: str, headers: list[tuple[str, bytes]], data: Any) -> bytes | None:  # noqa: ARG002 - its own
            return None if data is NULL else data

    return ValueOrNull()
