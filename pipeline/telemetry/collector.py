"""Renders the published snapshot as the families of the catalogue, on the thread of the scrape."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, chain, product
from typing import Final

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from pipeline.config.model import Config
from pipeline.telemetry.catalogue import ALIVE_SECONDS, CATALOGUE, MAX_EPISODE_BRANDS
from pipeline.telemetry.readings import BrandReadings
from pipeline.telemetry.snapshot import SEVERITY_RANK, Histogram, Labels, PartitionSnapshot, WorkerSnapshot
from schemas.observation import BUCKET_SECONDS

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
        config: Config,
        version: str,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """Register with a registry of its own, beside the figures of the process.

        Args:
            newest: the published snapshot; called once a scrape, from the thread of the scrape.
            config: what holds, for its hashes and the number of brands that get series of their own.
            version: in tocsin_build_info.
            wall_clock: Unix seconds, for ages and lags: they grow while the loop is stuck.
        """
        self._newest = newest
        self._config = config
        self._version = version
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
        samples["tocsin_config_info"][self._config.hash, self._config.default_hash] = 1
        burning = _add_episodes(samples, snapshot.partitions)
        alive = _alive(snapshot.partitions, self._config.worker.top_brands, now)
        shown = alive | {view.brand: view for view in burning}
        for view in shown.values():
            _add_brand(samples, view)
            samples["tocsin_brand_config_info"][view.brand, self._config.brand(view.brand).config_hash] = 1
        tracked = sum(one.brands for one in snapshot.partitions)
        samples["tocsin_brand_series_left_out"][()] = max(0, tracked - len(shown))
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


def _alive(partitions: Sequence[PartitionSnapshot], top: int, now: float) -> dict[str, BrandReadings]:
    """Over all partitions the brands with most mentions, but for those of which nothing was heard for an hour."""
    newest = max((one.watermark for one in partitions), default=0.0)
    views = {
        view.brand: view
        for one in partitions
        if now - one.moved_at <= ALIVE_SECONDS
        for view in one.shown.top
        if (view.bucket + 1) * BUCKET_SECONDS >= newest - ALIVE_SECONDS
    }
    return dict(sorted(views.items(), key=lambda item: (-item[1].mentions, item[0]))[:top])


def _add_episodes(samples: Samples, partitions: Sequence[PartitionSnapshot]) -> list[BrandReadings]:
    """Open episodes, counted and, of the most severe, one by one; returns the views of their brands."""
    opened = samples["tocsin_open_episodes"]
    rank_of: dict[str, int] = {}
    for one in partitions:
        for episode in one.shown.episodes:
            labels = (episode.kind, episode.severity)
            opened[labels] = opened.get(labels, 0) + 1
            rank = SEVERITY_RANK[episode.severity]
            rank_of[episode.brand] = min(rank, rank_of.get(episode.brand, rank))
    first = set(sorted(rank_of, key=lambda brand: (rank_of[brand], brand))[:MAX_EPISODE_BRANDS])
    for one in partitions:
        for episode in one.shown.episodes:
            if episode.brand in first:
                place = (str(one.partition), episode.brand, episode.kind, episode.severity)
                samples["tocsin_brand_episode_since_timestamp_seconds"][place] = episode.onset
                samples["tocsin_brand_episode_score"][episode.brand, episode.kind] = episode.score
                samples["tocsin_brand_episode_threshold"][episode.brand, episode.kind] = episode.threshold
    return [view for one in partitions for _, view in one.shown.burning if view.brand in first]


def _add_brand(samples: Samples, view: BrandReadings) -> None:
    key = (view.brand,)
    samples["tocsin_brand_mentions"][key] = view.mentions
    samples["tocsin_brand_negatives"][key] = view.negatives
    samples["tocsin_brand_expected_mentions"][key] = view.expected
    samples["tocsin_brand_score"][key] = view.score
    if view.band is not None:
        samples["tocsin_brand_expected_mentions_lower"][key] = view.band.lower
        samples["tocsin_brand_expected_mentions_upper"][key] = view.band.upper
        samples["tocsin_brand_expected_negative_share"][key] = view.band.negative_share


def _cumulative(histogram: Histogram) -> tuple[list[tuple[str, float]], float]:
    names = [*(str(float(bound)) for bound in histogram.bounds), "+Inf"]
    return list(zip(names, map(float, accumulate(histogram.counts)), strict=True)), histogram.sum
