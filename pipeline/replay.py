"""Recorded traffic through the very engine that runs live: no Kafka, the same alerts, byte for byte.

Mentions are dealt to partitions as `tocsin publish` deals them, so that watermarks, categories and per-partition
models are those of the live worker with as many partitions.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final, TypeVar

import msgspec

from pipeline.config.model import Config
from pipeline.engine.alerts.brand_alert import ClosedBucket
from pipeline.engine.engine import Engine
from pipeline.engine.records import TICK_HEADER, DeadLetter, Outputs, Record, SourceRecord, closing_tick_milliseconds
from pipeline.errors import TocsinError
from pipeline.files.mentions import open_mentions
from pipeline.files.observations import holds_observations, read_observations
from pipeline.files.recording import RecordedRecord
from pipeline.kafka.partitioning import partition_of_brand
from schemas.activity import Activity
from schemas.alert import Alert
from schemas.catalogue import topics
from schemas.mention import record_key
from schemas.moments import moment
from schemas.observation import Observation

BATCH_LINES: Final = 20_000

T = TypeVar("T")


class ReplayReport(msgspec.Struct):
    """What went in and what came out; alerts in order of event time."""

    mentions: int = 0
    late: int = 0
    awaited: int = 0
    duplicates: int = 0
    alerts: list[Alert] = msgspec.field(default_factory=list)
    dead_letters: list[DeadLetter] = msgspec.field(default_factory=list)
    suppressed: Counter[tuple[str, str]] = msgspec.field(default_factory=Counter)
    """Openings that did not happen, by kind and reason."""
    fields_dropped: Counter[str] = msgspec.field(default_factory=Counter)
    """Fields of mentions that were dropped or cut, by name."""
    buckets_closed: int = 0
    brands_seen: int = 0
    """Brands of which something was taken, those forgotten since among them."""
    brands_known: int = 0
    """Brands that the engines still know at the end."""
    brands_warming_up: int = 0
    """Those of them whose scores do not mean anything yet, so that they cannot have alerts."""


def replay_mentions(
    lines: Iterable[bytes],
    config: Config,
    *,
    partitions: int,
    now: datetime,
    flush: bool = True,
    on_progress: Callable[[int], None] | None = None,
) -> ReplayReport:
    """Replay mentions in the order of the lines.

    Args:
        lines: JSON, one mention each, in the order of their arrival.
        config: detection and behaviour.
        partitions: partitions of the mentions topic that is stood for.
        now: stands for the record timestamp: event times after it are refused, as the worker refuses them.
        flush: end with a tick on every partition that closes all open buckets that are over by `now`, as
            `publish --final-tick` does.
        on_progress: called with the number of lines after each batch.
    """
    replay = Replay(config, partitions=partitions, now=now)
    for batch in _batches(lines):
        replay.take_lines(batch)
        if on_progress:
            on_progress(len(batch))
    return replay.end(flush=flush)


class Replay:
    """The engines of a topic's partitions under one configuration, fed with lines, with records, or with observations.

    Attributes:
        engines: by partition.
        report: what has come out so far; complete after `end`.
    """

    def __init__(
        self,
        config: Config,
        *,
        partitions: int,
        now: datetime,
        observe: Callable[[ClosedBucket], None] | None = None,
        only: int | None = None,
        on_activity: Callable[[list[Activity]], None] | None = None,
    ) -> None:
        """Engines that have seen nothing.

        Args:
            config: detection and behaviour.
            partitions: as of `replay_mentions`.
            now: the same.
            observe: as of Engine.
            only: the partition that is run; all by default.
            on_activity: given the records of brand-activity as buckets close, all of them where worker.activity is
                off; None: there are none.
        """
        told = config.worker.activity if config.worker.activity != "off" else "all"
        self.engines = [
            Engine(
                partition,
                config,
                partitions=partitions,
                observe=observe,
                activity="off" if on_activity is None else told,
            )
            for partition in range(partitions)
        ]
        self._on_activity = on_activity
        self.report = ReplayReport()
        self._config = config
        self._timestamp = int(now.timestamp() * 1000)
        self._has_rows = False
        self._only = only
        self._lines_of: Counter[bytes | None] = Counter()

    def take(self, batch: Batch) -> None:
        """Take a batch of `open_inputs`."""
        if batch.lines:
            self.take_lines(batch.lines)
        if batch.records:
            self.take_records(batch.records)
        if batch.rows:
            self.take_rows(batch.rows)

    def take_lines(self, lines: Iterable[bytes]) -> None:
        """Take mentions, each as a record of the partition of its brand."""
        partitions = len(self.engines)
        offsets = [engine.next_offset for engine in self.engines]
        dealt: list[list[SourceRecord]] = [[] for _ in range(partitions)]
        for line in lines:
            key = record_key(line)
            p = partition_of_brand(self._config, key, partitions)
            dealt[p].append(Record(offsets[p], self._timestamp, key, line))
            offsets[p] += 1
            self._lines_of[key] += 1
        self._run(dealt)

    def take_records(self, records: Iterable[RecordedRecord]) -> None:
        """Take records of a recording.

        Raises:
            TocsinError: a record of a partition that the topic did not have.
        """
        partitions = len(self.engines)
        dealt: list[list[SourceRecord]] = [[] for _ in range(partitions)]
        for record in records:
            if record.partition >= partitions:
                raise TocsinError(
                    f"expected records of {partitions} partitions, got one of partition {record.partition}"
                )
            dealt[record.partition].append(record)
            if record.value is not None:
                self._lines_of[record.key] += 1
        self._run(dealt)

    def take_rows(self, rows: Sequence[Observation]) -> None:
        """Take aggregated history in order of `start`; one engine sees all of it."""
        engine = self.engines[0]
        self._has_rows = True
        engine.ingest_observations(rows)
        engine.close_due()
        engine.discard_changes()
        self._keep(engine.take_outputs())
        self._lines_of.update(row.brand.encode() for row in rows)

    def names(self) -> list[str]:
        """Brands that the input has named so far, whether or not they were taken."""
        return [key.decode("utf-8", "replace") for key in self._lines_of if key]

    def end(self, *, flush: bool) -> ReplayReport:
        """Count what is left; with `flush`, after a tick that closes what is over."""
        latest = max(engine.event_time for engine in self.engines)
        if flush and latest:
            # A row is a whole bucket, the last one too: it may close whatever the clock says.
            now = sys.maxsize if self._has_rows else self._timestamp
            tick = closing_tick_milliseconds(latest, self._config.engine.allowed_lateness_seconds, now)
            header = ((TICK_HEADER, str(tick).encode()),)
            timestamp = tick if self._has_rows else self._timestamp
            self._run([[Record(engine.next_offset, timestamp, None, None, header)] for engine in self.engines])
        # A brand counts when not every line of it was refused; lines without a key were.
        self._lines_of.subtract(letter.record.key for letter in self.report.dead_letters)
        self.report.brands_seen = sum(count > 0 for count in self._lines_of.values())
        return _finish(self.report, self.engines)

    def _run(self, dealt: Sequence[Sequence[SourceRecord]]) -> None:
        for engine, records in zip(self.engines, dealt, strict=True):
            if self._only not in {None, engine.partition}:
                continue
            outputs = engine.process(records)
            engine.discard_changes()
            self._keep(outputs)

    def _keep(self, outputs: Outputs) -> None:
        self.report.alerts += outputs.alerts
        self.report.dead_letters += outputs.dead_letters
        if self._on_activity is not None and outputs.activity:
            self._on_activity(outputs.activity)


class Batch(msgspec.Struct, frozen=True):
    """A part of an input: lines of mentions, records of a recording, or rows of observations."""

    lines: Sequence[bytes] = ()
    records: Sequence[RecordedRecord] = ()
    rows: Sequence[Observation] = ()

    def __len__(self) -> int:
        return len(self.lines) + len(self.records) + len(self.rows)


class Inputs(msgspec.Struct, frozen=True):
    """What is replayed.

    Attributes:
        total: lines, records or rows, as far as it is known.
        partitions: of the topic that is stood for.
        batches: in order, to be read once.
        has_rows: whether they are of observations.
    """

    total: int | None
    partitions: int
    batches: Iterator[Batch]
    has_rows: bool = False


def open_inputs(files: Sequence[str], partitions: int | None, on_bytes: Callable[[int], None] | None = None) -> Inputs:
    """Files of mentions, recordings, or observations (.csv, .csv.gz, or activity).

    Args:
        files: all of one sort; - is standard input.
        partitions: of the topic that is stood for. None takes those of the recording, or of the catalogue; a number
            deals the mentions of a recording anew.
        on_bytes: told now and then how many more bytes of mentions or recordings have been read.

    Raises:
        TocsinError: a file cannot be read, or not all are of one sort.
    """
    tabular = list(map(holds_observations, files))
    if all(tabular):
        rows = read_observations(files)
        return Inputs(len(rows), 1, (Batch(rows=batch) for batch in _batches_of_rows(rows)), has_rows=True)
    if any(tabular):
        raise TocsinError("expected either mentions (.jsonl) or observations (.csv, activity), got both")
    opened = [open_mentions(file, on_bytes) for file in files]
    headers = [found.header for found in opened if found.header]
    if headers and partitions is None:
        if len(headers) < len(files) or len({header.partitions for header in headers}) > 1:
            raise TocsinError(
                "expected recordings of topics with equal partitions, or mentions, got both; --partitions N mixes them"
            )
        records = (record for found in opened for record in found.records)
        return inputs_of_records(records, headers[0].partitions, None)
    lines = (line for found in opened for line in found.lines)
    return Inputs(
        None,
        partitions or topics()["mentions"].partitions,
        (Batch(lines=some) for some in _batches(lines)),
    )


def inputs_of_records(records: Iterable[RecordedRecord], partitions: int, total: int | None) -> Inputs:
    """Records of a topic with so many partitions; `total` of them, as far as it is known."""
    return Inputs(total, partitions, (Batch(records=some) for some in _batches(records)))


def _batches_of_rows(rows: Iterable[Observation]) -> Iterator[list[Observation]]:
    """Batches that end with a bucket."""
    batch: list[Observation] = []
    for row in rows:
        if len(batch) >= BATCH_LINES and row.start != batch[-1].start:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def replay_observations(
    rows: Iterable[Observation],
    config: Config,
    *,
    flush: bool = True,
    on_progress: Callable[[int], None] | None = None,
) -> ReplayReport:
    """Replay aggregated history in order of `start`; buckets without a row count as zero."""
    replay = Replay(config, partitions=1, now=moment(0.0))
    for batch in _batches_of_rows(rows):
        replay.take_rows(batch)
        if on_progress:
            on_progress(len(batch))
    return replay.end(flush=flush)


def _batches(items: Iterable[T]) -> Iterator[list[T]]:
    batch: list[T] = []
    for item in items:
        batch.append(item)
        if len(batch) >= BATCH_LINES:
            yield batch
            batch = []
    if batch:
        yield batch


def _finish(report: ReplayReport, engines: list[Engine]) -> ReplayReport:
    report.mentions = sum(engine.stats.consumed for engine in engines)
    report.late = sum(engine.stats.late for engine in engines)
    report.awaited = sum(engine.stats.awaited for engine in engines)
    report.duplicates = sum(engine.stats.duplicates for engine in engines)
    report.buckets_closed = sum(engine.stats.buckets_closed for engine in engines)
    report.brands_known = sum(engine.brands for engine in engines)
    report.brands_warming_up = sum(engine.brands_warming_up for engine in engines)
    for engine in engines:
        report.suppressed.update(engine.stats.suppressed)
        report.fields_dropped.update(engine.stats.fields_dropped)
    report.alerts.sort(key=_by_time)
    return report


def _by_time(alert: Alert) -> tuple[datetime, str]:
    return (alert.detected_time, alert.brand)  # the sort is stable within a brand
