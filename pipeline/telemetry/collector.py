"""Collects the catalogue at scrape time: plain ints are read from the engines, nothing is counted twice.

The loop pays nothing for metrics of the engine: it adds to ints that it needs anyway, and the HTTP thread reads them.
"""

from __future__ import annotations

import hashlib
import threading
import time
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from importlib.metadata import version
from itertools import accumulate, product
from typing import Final, TypeVar

import msgspec
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from pipeline.config.model import Config
from pipeline.telemetry.catalogue import CATALOGUE, MAX_EPISODE_BRANDS, PREFIX
from pipeline.telemetry.readings import BrandReadings, EngineReadings, StatsReadings
from schemas.alert import SEVERITIES

Labels = tuple[str, ...]
Samples = dict[str, dict[Labels, float]]

_READ_TRIES: Final = 8
_SEVERITY_RANK: Final[dict[str, int]] = {severity: -rank for rank, severity in enumerate(SEVERITIES)}
T = TypeVar("T")


class _Partition:
    """What the worker has said about one partition it owns."""

    def __init__(self, engine: EngineReadings, now: float) -> None:
        self.engine = engine
        self.checkpointed_at = now
        self.lag: int | None = None
        self.restored: tuple[float, int] | None = None
        self.misplaced = 0


class WorkerMetrics(Collector):
    """Metrics of one worker process, on a registry of its own. Every method may be called from any thread."""

    def __init__(self, config: Config, clock: Callable[[], float] = time.time) -> None:
        """Expose the catalogue at zero.

        Args:
            config: for worker.top_brands and the hash in tocsin_config_info.
            clock: wall clock, Unix seconds.
        """
        self._clock = clock
        self._top = config.worker.top_brands
        document = msgspec.json.encode(config.document(), order="sorted")
        self._config_hash = hashlib.sha256(document).hexdigest()[:12]
        self._version = version("tocsin")
        self._lock = threading.Lock()
        self._partitions: dict[int, _Partition] = {}
        self._detached: Counter[tuple[str, Labels]] = Counter()
        self._stages: dict[str, float] = defaultdict(float)
        self._longest: dict[str, float] = defaultdict(float)
        self._distributions = {
            metric.name: _Distribution(metric.buckets) for metric in CATALOGUE if metric.type == "histogram"
        }
        self.registry = CollectorRegistry()
        self.registry.register(self)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)

    def attach(self, partition: int, engine: EngineReadings) -> None:
        """From now on this engine speaks for the partition; one that did so before is detached."""
        with self._lock:
            current = self._partitions.get(partition)
            if current is not None and current.engine is engine:
                return
            self._retire(partition)
            self._partitions[partition] = _Partition(engine, self._clock())

    def detach(self, partition: int) -> None:
        """The partition is gone: its gauges disappear, its counts stay in the sums. The engine must be at rest."""
        with self._lock:
            self._retire(partition)

    def consumer_lag(self, partition: int, records: int) -> None:
        """Records between the last one folded in and the end of an attached partition."""
        with self._lock:
            if partition in self._partitions:
                self._partitions[partition].lag = records

    def checkpoint(self, partition: int, seconds: float, size_bytes: int) -> None:
        """A checkpoint of the partition has been committed."""
        with self._lock:
            if partition in self._partitions:
                self._partitions[partition].checkpointed_at = self._clock()
            self._distributions["tocsin_checkpoint_duration_seconds"].observe(seconds)
            self._distributions["tocsin_checkpoint_bytes"].observe(size_bytes)

    def restored(self, partition: int, seconds: float, records: int) -> None:
        """The state of an attached partition has been loaded."""
        with self._lock:
            if partition in self._partitions:
                self._partitions[partition].restored = (seconds, records)

    def misplaced(self, partition: int, brands: int) -> None:
        """So many brands of an attached partition lie on another partition than their category's."""
        with self._lock:
            if partition in self._partitions:
                self._partitions[partition].misplaced = brands

    def engine_seconds(self, stage: str, seconds: float) -> None:
        """Add time spent in a stage (one of catalogue.STAGES)."""
        with self._lock:
            self._stages[stage] += seconds

    def engine_step(self, stage: str, seconds: float) -> None:
        """Add time in which nothing else on the event loop had its turn: `engine_seconds`, and the longest of them."""
        with self._lock:
            self._stages[stage] += seconds
            self._longest[stage] = max(self._longest[stage], seconds)

    def describe(self) -> Iterator[Metric]:
        """The families without samples, for the registry's check of names."""
        for metric in CATALOGUE:
            yield _FAMILIES[metric.type](metric.name, metric.meaning, labels=[label.name for label in metric.labels])

    def collect(self) -> Iterator[Metric]:
        """Read everything once; called by the registry at each scrape."""
        samples, distributions = self._read()
        for metric, family in zip(CATALOGUE, self.describe(), strict=True):
            if isinstance(family, HistogramMetricFamily):
                family.add_metric([], *distributions[metric.name])
            elif isinstance(family, CounterMetricFamily | GaugeMetricFamily):
                zeros: dict[Labels, float] = {}
                if all(label.values for label in metric.labels):
                    zeros = dict.fromkeys(product(*(label.values for label in metric.labels)), 0.0)
                for labels, value in (zeros | samples.get(metric.name, {})).items():
                    family.add_metric(list(labels), value)
            yield family

    def _read(self) -> tuple[Samples, dict[str, tuple[list[tuple[str, float]], float]]]:
        # Under the lock only what the loop writes is copied; engines are read outside it, so that a scrape of many
        # brands never holds up a checkpoint.
        with self._lock:
            partitions = sorted(self._partitions.items())
            lags = {number: state.lag for number, state in partitions}
            checkpoints = {number: state.checkpointed_at for number, state in partitions}
            restores = {number: state.restored for number, state in partitions}
            misplaced = {number: state.misplaced for number, state in partitions}
            counts = self._detached.copy()
            stages = dict(self._stages)
            longest = dict(self._longest)
            distributions = {name: distribution.reading() for name, distribution in self._distributions.items()}
        now = self._clock()
        samples: Samples = defaultdict(dict)
        for number, state in partitions:
            key = (str(number),)
            counts.update(dict(_steady(partial(_counts, number, state.engine.stats))))
            samples["tocsin_brands_tracked"][key] = state.engine.brands
            samples["tocsin_waiting_for_time"][key] = state.engine.needs_time
            samples["tocsin_checkpoint_age_seconds"][key] = max(0.0, now - checkpoints[number])
            if state.engine.watermark > 0.0:
                samples["tocsin_watermark_timestamp_seconds"][key] = state.engine.watermark
                samples["tocsin_watermark_lag_seconds"][key] = now - state.engine.watermark
            samples["tocsin_category_brands_misplaced"][key] = misplaced[number]
            lag, restored = lags[number], restores[number]
            if lag is not None:
                samples["tocsin_consumer_lag_records"][key] = lag
            if restored is not None:
                samples["tocsin_state_restore_seconds"][key] = restored[0]
                samples["tocsin_state_restored_records"][key] = restored[1]
        for (name, labels), count in counts.items():
            samples[name][labels] = count
        samples["tocsin_engine_seconds_total"] = {(stage,): seconds for stage, seconds in stages.items()}
        samples["tocsin_engine_longest_step_seconds"] = {(stage,): seconds for stage, seconds in longest.items()}
        samples["tocsin_partitions_assigned"][()] = len(partitions)
        samples["tocsin_build_info"][(self._version,)] = 1
        samples["tocsin_config_info"][(self._config_hash,)] = 1
        self._read_brands([state.engine for _, state in partitions], samples)
        return samples, distributions

    def _read_brands(self, engines: list[EngineReadings], samples: Samples) -> None:
        views: dict[str, BrandReadings] = {}
        burning: list[tuple[int, str, EngineReadings]] = []
        for engine in engines:
            for view in _steady(partial(engine.top_brands, self._top)):
                views[view.brand] = view
            for episode in _steady(engine.open_episodes):
                labels = (episode.kind, episode.severity)
                opened = samples["tocsin_open_episodes"]
                opened[labels] = opened.get(labels, 0) + 1
                burning.append((_SEVERITY_RANK[episode.severity], episode.brand, engine))
        shown = dict(sorted(views.items(), key=lambda item: (-item[1].mentions, item[0]))[: self._top])
        owners = {brand: engine for _, brand, engine in sorted(burning, key=lambda entry: entry[:2])}
        for brand, engine in list(owners.items())[:MAX_EPISODE_BRANDS]:
            found = views.get(brand) or engine.brand_view(brand)
            if found is not None:
                shown[brand] = found
        for brand, view in shown.items():
            samples["tocsin_brand_mentions"][(brand,)] = view.mentions
            samples["tocsin_brand_negatives"][(brand,)] = view.negatives
            samples["tocsin_brand_expected_mentions"][(brand,)] = view.expected
            samples["tocsin_brand_score"][(brand,)] = view.score
        tracked = sum(engine.brands for engine in engines)
        samples["tocsin_brand_series_left_out"][()] = max(0, tracked - len(shown))

    def _retire(self, partition: int) -> None:
        state = self._partitions.pop(partition, None)
        if state is not None:
            self._detached.update(dict(_counts(partition, state.engine.stats)))


class _Distribution:
    """Counts of a histogram; the worker's lock guards it."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def reading(self) -> tuple[list[tuple[str, float]], float]:
        names = [*(str(float(bound)) for bound in self._bounds), "+Inf"]
        return list(zip(names, map(float, accumulate(self._counts)), strict=True)), self._sum


_FAMILIES: Final[dict[str, Callable[..., Metric]]] = {
    "counter": CounterMetricFamily,
    "gauge": GaugeMetricFamily,
    "histogram": HistogramMetricFamily,
}


def _counts(partition: int, stats: StatsReadings) -> Iterator[tuple[tuple[str, Labels], int]]:
    """Every counter of an engine by metric name and label values."""
    rejected = list(stats.rejected.items())
    # The engine counts the good ones; the topic's rate, which lag is held against, is both. Refused tombstones and
    # ticks are among the refused: whoever wrote them used up offsets as any producer does.
    consumed = stats.consumed + sum(count for _, count in rejected)
    yield (PREFIX + "mentions_consumed_total", (str(partition),)), consumed
    yield (PREFIX + "records_skipped_total", ()), stats.skipped
    yield (PREFIX + "mentions_late_total", ()), stats.late
    yield (PREFIX + "mentions_duplicate_total", ()), stats.duplicates
    yield (PREFIX + "mentions_duplicate_unchecked_total", ()), stats.duplicates_unchecked
    yield (PREFIX + "ticks_total", ()), stats.ticks
    yield (PREFIX + "texts_scored_total", ()), stats.texts_scored
    yield (PREFIX + "labels_learned_total", ()), stats.labels_learned
    yield (PREFIX + "labels_left_out_total", ()), stats.labels_left_out
    for forgotten, count in list(stats.forgotten.items()):
        yield (PREFIX + "brands_forgotten_total", (forgotten,)), count
    yield (PREFIX + "buckets_closed_total", ()), stats.buckets_closed
    yield (PREFIX + "scores_total", ()), stats.scores
    for language, count in list(stats.sentiment_drifts.items()):
        yield (PREFIX + "sentiment_drifts_total", (language,)), count
    for reason, count in rejected:
        yield (PREFIX + "mentions_rejected_total", (str(reason),)), count
    for labels, count in list(stats.alerts.items()):
        yield (PREFIX + "alerts_total", tuple(map(str, labels))), count
    for labels, count in list(stats.suppressed.items()):
        yield (PREFIX + "alerts_suppressed_total", tuple(map(str, labels))), count


def _steady(read: Callable[[], Iterable[T]]) -> list[T]:
    """Read a container that the loop may be changing: one that grows under the iteration raises, then read again.

    Raises:
        RuntimeError: it changed in every try; the scrape fails and the next one reads again.
    """
    for _ in range(_READ_TRIES - 1):
        try:
            return list(read())
        except RuntimeError:
            time.sleep(0)  # let the loop finish what it is doing
    return list(read())
