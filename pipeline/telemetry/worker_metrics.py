"""The metrics of a worker: its event loop records what happens, reads its engines, and publishes frozen snapshots."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable
from importlib.metadata import version
from typing import Final

from prometheus_client import CollectorRegistry

from pipeline.config.model import Config
from pipeline.telemetry.catalogue import ALIVE_SECONDS, CATALOGUE
from pipeline.telemetry.collector import SnapshotCollector
from pipeline.telemetry.readings import EngineReadings
from pipeline.telemetry.snapshot import (
    BrandsShown,
    Histogram,
    Labels,
    PartitionSnapshot,
    WorkerSnapshot,
    brands_shown,
    counts_of,
)

PUBLISH_SECONDS: Final = 0.1
"""Shortest time between two readings of a partition that is at work: one takes some 30 us."""
BRANDS_SECONDS: Final = 1.0
"""The same for its brands, which are asked for only after buckets have closed or brands have come."""
BRANDS_PACE: Final = 100.0
"""Reading the brands of all partitions takes at most one part in so many of the loop's time."""


class _Partition:
    """What is known of one partition that the worker owns, beside what its engine knows."""

    def __init__(self, engine: EngineReadings, now: float) -> None:
        self.engine = engine
        self.checkpointed_at = now
        self.moved = 0
        self.moved_at = 0.0
        self.lag: int | None = None
        self.restored: tuple[float, int] | None = None
        self.misplaced = (0, 0)
        self.shown = BrandsShown()
        self.brands_mark: object = None
        self.brands_due = 0.0
        self.read_at = 0.0
        self.snapshot: PartitionSnapshot | None = None


class _Histogram:
    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def frozen(self) -> Histogram:
        return Histogram(self.bounds, tuple(self.counts), self.sum)


class WorkerMetrics:
    """Metrics of one worker process. Its methods are for the event loop; only `registry` is for other threads."""

    def __init__(
        self,
        config: Config,
        *,
        wall_clock: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Expose the catalogue at zero.

        Args:
            config: for worker.top_brands and the hash in tocsin_config_info.
            wall_clock: Unix seconds, for what is shown.
            clock: seconds of the event loop, for when the engines are read.
        """
        self._wall_clock = wall_clock
        self._clock = clock
        self._top = config.worker.top_brands
        self._partitions: dict[int, _Partition] = {}
        self._gone: Counter[tuple[str, Labels]] = Counter()
        self._lost: Counter[int] = Counter()
        self._broker_up = True
        self._stages: dict[str, float] = {}
        self._longest_steps: dict[str, float] = {}
        self._histograms = {
            metric.name: _Histogram(metric.buckets) for metric in CATALOGUE if metric.type == "histogram"
        }
        self._published = WorkerSnapshot()
        self._publish()
        self.registry: CollectorRegistry = SnapshotCollector(
            lambda: self._published,
            config=config,
            version=version("tocsin"),
            wall_clock=wall_clock,
        ).registry
        """Renders the newest snapshot; may be asked from any thread."""

    @property
    def published(self) -> WorkerSnapshot:
        """The newest figures."""
        return self._published

    def attach(self, partition: int, engine: EngineReadings) -> None:
        """From now on this engine speaks for the partition; one that did so before is detached."""
        current = self._partitions.get(partition)
        if current is None or current.engine is not engine:
            self._retire(partition)
            self._partitions[partition] = _Partition(engine, self._wall_clock())
        self.refresh(partition)

    def detach(self, partition: int) -> None:
        """The partition is gone: its gauges disappear, its counts stay in the sums."""
        self._retire(partition)
        self._publish()

    def consumer_lag(self, partition: int, records: int) -> None:
        """Records between the last one ingested and the end of an attached partition."""
        if partition in self._partitions:
            self._partitions[partition].lag = records

    def checkpoint(self, partition: int, seconds: float, size_bytes: int) -> None:
        """A checkpoint of the partition has been committed. What it holds is shown before its offset is committed."""
        self._histograms["tocsin_checkpoint_duration_seconds"].observe(seconds)
        self._histograms["tocsin_checkpoint_bytes"].observe(size_bytes)
        if partition in self._partitions:
            self._partitions[partition].checkpointed_at = self._wall_clock()
        self.refresh(partition)

    def restored(self, partition: int, seconds: float, records: int) -> None:
        """The state of an attached partition has been loaded."""
        if partition in self._partitions:
            self._partitions[partition].restored = (seconds, records)
            self.refresh(partition)

    def misplaced(self, partition: int, brands: int, categorised: int) -> None:
        """Set how many brands of an attached partition belong on another, and how many of them by their category."""
        if partition in self._partitions:
            self._partitions[partition].misplaced = (brands, categorised)

    def lost(self, partition: int, records: int) -> None:
        """Retention has deleted so many more records of a partition before they were read."""
        self._lost[partition] += records
        self._publish()

    def broker_up(self, *, up: bool) -> None:
        """Whether a broker answers."""
        if up != self._broker_up:
            self._broker_up = up
            self._publish()

    def engine_seconds(self, stage: str, seconds: float) -> None:
        """Add time spent in a stage (one of catalogue.STAGES)."""
        self._stages[stage] = self._stages.get(stage, 0.0) + seconds

    def engine_step(self, stage: str, seconds: float) -> None:
        """Add time in which nothing else on the event loop had its turn: `engine_seconds`, and the longest of them."""
        self._stages[stage] = self._stages.get(stage, 0.0) + seconds
        if seconds > self._longest_steps.get(stage, 0.0):
            self._longest_steps[stage] = seconds

    def worked(self, partition: int) -> None:
        """The partition's engine has moved: show it, unless that was done just now."""
        known = self._partitions.get(partition)
        if known is not None and self._clock() - known.read_at >= PUBLISH_SECONDS:
            self.refresh(partition)

    def refresh(self, partition: int) -> None:
        """Read an attached partition's engine, which must not be in the middle of a step, and show it."""
        known = self._partitions.get(partition)
        if known is not None:
            self._read(partition, known)
        self._publish()

    def _read(self, partition: int, known: _Partition) -> None:
        engine = known.engine
        known.read_at = self._clock()
        moved = engine.stats.consumed + engine.stats.ticks + engine.stats.feedback
        if moved != known.moved:
            known.moved, known.moved_at = moved, self._wall_clock()
        self._read_brands(known)
        known.snapshot = PartitionSnapshot(
            partition=partition,
            counts=tuple(counts_of(partition, engine.stats)),
            brands=engine.brands,
            needs_time=engine.needs_time,
            watermark=engine.watermark,
            checkpointed_at=known.checkpointed_at,
            moved_at=known.moved_at,
            lag=known.lag,
            restored=known.restored,
            misplaced=known.misplaced,
            shown=known.shown,
        )

    def _read_brands(self, known: _Partition) -> None:
        """Views of brands and episodes: they change when buckets close, which episodes that open or end do too."""
        stats = known.engine.stats
        mark = (stats.buckets_closed, sum(stats.alerts.values()), known.engine.brands)
        started = self._clock()
        if mark == known.brands_mark or started < known.brands_due:
            return
        known.brands_mark = mark
        newest = max(other.engine.watermark for other in self._partitions.values())
        known.shown = brands_shown(known.engine, self._top, newest - ALIVE_SECONDS)
        taken = self._clock() - started
        known.brands_due = started + max(BRANDS_SECONDS, BRANDS_PACE * len(self._partitions) * taken)

    def _retire(self, partition: int) -> None:
        known = self._partitions.pop(partition, None)
        if known is not None:
            self._gone.update(dict(counts_of(partition, known.engine.stats)))

    def _publish(self) -> None:
        """One assignment: a scrape that is being rendered meanwhile keeps the snapshot that it has begun with."""
        partitions = (self._partitions[number].snapshot for number in sorted(self._partitions))
        self._published = WorkerSnapshot(
            partitions=tuple(snapshot for snapshot in partitions if snapshot is not None),
            gone=tuple(self._gone.items()),
            lost=tuple(self._lost.items()),
            broker_up=self._broker_up,
            stages=tuple(self._stages.items()),
            longest_steps=tuple(self._longest_steps.items()),
            histograms=tuple((name, histogram.frozen()) for name, histogram in self._histograms.items()),
        )
