"""Recorded traffic through the very engine that runs live: no Kafka, the same alerts, byte for byte.

Mentions are dealt to partitions as `tocsin publish` deals them, so that watermarks, categories and per-partition
models are those of the live worker with as many partitions.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Final

import msgspec

from pipeline.config.model import Config
from pipeline.engine.engine import Engine
from pipeline.engine.records import TICK_HEADER, DeadLetter, Record, closing_tick_milliseconds
from pipeline.kafka.partitioning import partition_of_brand
from schemas.alert import Alert
from schemas.mention import record_key
from schemas.observation import Observation

BATCH_LINES: Final = 20_000


class ReplayReport(msgspec.Struct):
    """What went in and what came out; alerts in order of event time."""

    mentions: int = 0
    late: int = 0
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
    engines = [Engine(partition, config) for partition in range(partitions)]
    report = ReplayReport()
    timestamp = int(now.timestamp() * 1000)
    offsets = [0] * partitions
    lines_of: Counter[bytes | None] = Counter()
    for batch in _batches(lines):
        dealt: list[list[Record]] = [[] for _ in range(partitions)]
        for line in batch:
            key = record_key(line)
            p = partition_of_brand(config, key, partitions)
            dealt[p].append(Record(offsets[p], timestamp, key, line))
            offsets[p] += 1
            lines_of[key] += 1
        for engine, records in zip(engines, dealt, strict=True):
            _run(engine, records, report)
        if on_progress:
            on_progress(len(batch))
    if flush:
        latest = max(engine.event_time for engine in engines)
        if latest:
            tick = str(closing_tick_milliseconds(latest, config.engine.allowed_lateness_seconds, timestamp)).encode()
            for engine, offset in zip(engines, offsets, strict=True):
                _run(engine, [Record(offset, timestamp, None, None, ((TICK_HEADER, tick),))], report)
    # A brand counts when not every line of it was refused; lines without a key were.
    lines_of.subtract(letter.record.key for letter in report.dead_letters)
    report.brands_seen = sum(count > 0 for count in lines_of.values())
    return _finish(report, engines)


def replay_observations(
    rows: Iterable[Observation],
    config: Config,
    *,
    flush: bool = True,
    on_progress: Callable[[int], None] | None = None,
) -> ReplayReport:
    """Replay aggregated history in order of `start`; buckets without a row count as zero."""
    engine = Engine(0, config)
    report = ReplayReport()
    pending: list[Observation] = []
    seen: set[str] = set()
    start = None
    for row in rows:
        seen.add(row.brand)
        if row.start != start and len(pending) >= BATCH_LINES:
            _run_observations(engine, pending, report, on_progress)
            pending = []
        start = row.start
        pending.append(row)
    _run_observations(engine, pending, report, on_progress)
    if flush and engine.event_time:
        # Each row is a whole bucket, the last one too: it may close whatever the clock says.
        milliseconds = closing_tick_milliseconds(engine.event_time, config.engine.allowed_lateness_seconds, sys.maxsize)
        tick = ((TICK_HEADER, str(milliseconds).encode()),)
        _run(engine, [Record(engine.next_offset, milliseconds, None, None, tick)], report)
    report.brands_seen = len(seen)
    return _finish(report, [engine])


def _batches(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    for line in lines:
        batch.append(line)
        if len(batch) >= BATCH_LINES:
            yield batch
            batch = []
    if batch:
        yield batch


def _run(engine: Engine, records: list[Record], report: ReplayReport) -> None:
    outputs = engine.process(records)
    engine.discard_changes()
    report.alerts += outputs.alerts
    report.dead_letters += outputs.dead_letters


def _run_observations(
    engine: Engine, rows: list[Observation], report: ReplayReport, on_progress: Callable[[int], None] | None
) -> None:
    engine.ingest_observations(rows)
    engine.close_due()
    engine.discard_changes()
    report.alerts += engine.take_outputs().alerts
    if on_progress:
        on_progress(len(rows))


def _finish(report: ReplayReport, engines: list[Engine]) -> ReplayReport:
    report.mentions = sum(engine.stats.consumed for engine in engines)
    report.late = sum(engine.stats.late for engine in engines)
    report.duplicates = sum(engine.stats.duplicates for engine in engines)
    report.buckets_closed = sum(engine.stats.buckets_closed for engine in engines)
    report.brands_known = sum(engine.brands for engine in engines)
    for engine in engines:
        report.suppressed.update(engine.stats.suppressed)
        report.fields_dropped.update(engine.stats.fields_dropped)
    report.alerts.sort(key=_by_time)
    return report


def _by_time(alert: Alert) -> tuple[datetime, str]:
    return (alert.detected_time, alert.brand)  # the sort is stable within a brand
