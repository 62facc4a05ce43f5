"""Renders the published snapshot as the families of the catalogue, on the thread of the scrape."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate, chain, product
from typing import Final

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from pipeline.telemetry.catalogue import CATALOGUE, MAX_EPISODE_BRANDS
from pipeline.telemetry.readings import BrandReadings
from pipeline.telemetry.snapshot import Histogram, Labels, PartitionSnapshot, WorkerSnapshot

Samples = dict[str, dict[Labels, float]]

_FAMILIES: Final[dict[str, Callable[..., Metric]]] = {
    "counter": CounterMetricFamily,
    "gauge": GaugeMetricFamily,
    "histogram": HistogramMetricFamily,
}


class SnapshotCollector(Collector):
    """A collector of prometheus_client over whatever snapshot is the newest."""

    def __init__(
        self,
        newest: Callable[[], WorkerSnapshot],
        *,
        top: int,
        version: str,
        config_hash: str,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """Register with a registry of its own, beside the figures of the process.

        Args:
            newest: the published snapshot; called once a scrape, from the thread of the scrape.
            top: brands with most mentions that get series of their own.
            version: in tocsin_build_info.
            config_hash: in tocsin_config_info.
            wall_clock: Unix seconds, for ages and lags: they grow while the loop is stuck.
        """
        self._newest = newest
        self._top = top
        self._version = version
        self._config_hash = config_hash
        self._wall_clock = wall_clock
        self.registry = CollectorRegistry()
        self.registry.register(self)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)

    def describe(self) -> Iterator[Metric]:
        """The families without samples, for the registry's check of names."""
        for metric in CATALOGUE:
            yield _FAMILIES[metric.type](metric.name, metric.meaning, labels=[label.name for label in metric.labels])

    def collect(self) -> Iterator[Metric]:
        """Render one snapshot; called by the registry at each scrape."""
        snapshot = self._newest()
        samples = self._samples(snapshot)
        histograms = dict(snapshot.histograms)
        for metric, family in zip(CATALOGUE, self.describe(), strict=True):
            if isinstance(family, HistogramMetricFamily):
                family.add_metric([], *_cumulative(histograms[metric.name]))
            elif isinstance(family, CounterMetricFamily | GaugeMetricFamily):
                zeros: dict[Labels, float] = {}
                if all(label.values for label in metric.labels):
                    zeros = dict.fromkeys(product(*(label.values for label in metric.labels)), 0.0)
                for labels, value in (zeros | samples.get(metric.name, {})).items():
                    family.add_metric(list(labels), value)
            yield family

    def _samples(self, snapshot: WorkerSnapshot) -> Samples:
        now = self._wall_clock()
        samples: Samples = defaultdict(dict)
        counts: Counter[tuple[str, Labels]] = Counter()
        for (name, labels), count in chain(snapshot.gone, *(one.counts for one in snapshot.partitions)):
            counts[name, labels] += count
        for (name, labels), count in counts.items():
            samples[name][labels] = count
        for one in snapshot.partitions:
            _add_partition(samples, one, now)
        samples["tocsin_engine_seconds_total"] = {(stage,): seconds for stage, seconds in snapshot.stages}
        samples["tocsin_engine_longest_step_seconds"] = {(stage,): seconds for stage, seconds in snapshot.longest_steps}
        samples["tocsin_partitions_assigned"][()] = len(snapshot.partitions)
        lost = {one.partition: 0 for one in snapshot.partitions} | dict(snapshot.lost)
        samples["tocsin_mentions_lost_total"] = {(str(partition),): records for partition, records in lost.items()}
        samples["tocsin_broker_up"][()] = snapshot.broker_up
        samples["tocsin_build_info"][(self._version,)] = 1
        samples["tocsin_config_info"][(self._config_hash,)] = 1
        _add_brands(samples, snapshot.partitions, self._top)
        return samples


def _add_partition(samples: Samples, one: PartitionSnapshot, now: float) -> None:
    key = (str(one.partition),)
    samples["tocsin_brands_tracked"][key] = one.brands
    samples["tocsin_waiting_for_time"][key] = one.needs_time
    samples["tocsin_checkpoint_age_seconds"][key] = max(0.0, now - one.checkpointed_at)
    samples["tocsin_brands_misplaced"][key], samples["tocsin_category_brands_misplaced"][key] = one.misplaced
    if one.watermark > 0.0:
        samples["tocsin_watermark_timestamp_seconds"][key] = one.watermark
        samples["tocsin_watermark_lag_seconds"][key] = now - one.watermark
    if one.lag is not None:
        samples["tocsin_consumer_lag_records"][key] = one.lag
    if one.restored is not None:
        samples["tocsin_state_restore_seconds"][key], samples["tocsin_state_restored_records"][key] = one.restored


def _add_brands(samples: Samples, partitions: Iterable[PartitionSnapshot], top: int) -> None:
    """Over all partitions: the brands with most mentions, those with an open episode, and how many have no series."""
    views: dict[str, BrandReadings] = {}
    burning: list[tuple[int, BrandReadings]] = []
    tracked = 0
    for one in partitions:
        tracked += one.brands
        views |= {view.brand: view for view in one.shown.top}
        burning += one.shown.burning
        for episode in one.shown.episodes:
            opened = samples["tocsin_open_episodes"]
            labels = (episode.kind, episode.severity)
            opened[labels] = opened.get(labels, 0) + 1
    shown = dict(sorted(views.items(), key=lambda item: (-item[1].mentions, item[0]))[:top])
    burning.sort(key=lambda entry: (entry[0], entry[1].brand))
    shown |= {view.brand: view for _, view in burning[:MAX_EPISODE_BRANDS]}
    for brand, view in shown.items():
        samples["tocsin_brand_mentions"][(brand,)] = view.mentions
        samples["tocsin_brand_negatives"][(brand,)] = view.negatives
        samples["tocsin_brand_expected_mentions"][(brand,)] = view.expected
        samples["tocsin_brand_score"][(brand,)] = view.score
    samples["tocsin_brand_series_left_out"][()] = max(0, tracked - len(shown))


def _cumulative(histogram: Histogram) -> tuple[list[tuple[str, float]], float]:
    names = [*(str(float(bound)) for bound in histogram.bounds), "+Inf"]
    return list(zip(names, map(float, accumulate(histogram.counts)), strict=True)), histogram.sum
