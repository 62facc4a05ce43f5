"""The figures of one worker at one moment, as frozen values.

The event loop, the only reader of the engines, publishes a `WorkerSnapshot` by assigning one
reference. The HTTP threads render that value and nothing else, so every scrape shows figures that belong together.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from pipeline.telemetry.catalogue import MAX_EPISODE_BRANDS, PREFIX
from pipeline.telemetry.readings import BrandReadings, EngineReadings, EpisodeReadings, StatsReadings
from schemas.alert import SEVERITIES

Labels = tuple[str, ...]
Count = tuple[tuple[str, Labels], int]
"""A counter: name of the metric, values of its labels, value."""

SEVERITY_RANK: Final[dict[str, int]] = {severity: -rank for rank, severity in enumerate(SEVERITIES)}
"""The most severe lowest."""


class BrandsShown(msgspec.Struct, frozen=True):
    """What changes only when buckets close, and costs the more the more brands there are.

    Attributes:
        top: the living brands with most mentions in their last closed bucket, most first.
        episodes: every open episode.
        burning: views of brands with an open episode, the most severe first; at most MAX_EPISODE_BRANDS.
    """

    top: tuple[BrandReadings, ...] = ()
    episodes: tuple[EpisodeReadings, ...] = ()
    burning: tuple[tuple[int, BrandReadings], ...] = ()


class PartitionSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """One partition. Moments are Unix seconds; `watermark` is 0.0 before the first mention.

    Attributes:
        moved_at: when a record was last taken in by this process; 0.0 before the first.
        restored: seconds that loading the state took, and the records read for it.
        misplaced: brands that belong on another partition, and how many of them by their category.
    """

    partition: int
    counts: tuple[Count, ...]
    brands: int
    needs_time: bool
    watermark: float
    checkpointed_at: float
    moved_at: float
    lag: int | None
    restored: tuple[float, int] | None
    misplaced: tuple[int, int]
    shown: BrandsShown


class Histogram(msgspec.Struct, frozen=True):
    """Observations by bucket, not cumulative; the last bucket has no upper bound."""

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    sum: float


class WorkerSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """One worker.

    Attributes:
        partitions: those it owns, by number.
        gone: counts of the partitions that it no longer owns.
        lost: by partition, owned or not, records that retention deleted before they were read.
        broker_up: whether a broker answers.
        stages: seconds by stage of the work.
        longest_steps: by stage, the longest time without a turn for anybody else.
        histograms: by name of the metric.
    """

    partitions: tuple[PartitionSnapshot, ...] = ()
    gone: tuple[Count, ...] = ()
    lost: tuple[tuple[int, int], ...] = ()
    broker_up: bool = True
    stages: tuple[tuple[str, float], ...] = ()
    longest_steps: tuple[tuple[str, float], ...] = ()
    histograms: tuple[tuple[str, Histogram], ...] = ()


def counts_of(partition: int, stats: StatsReadings) -> Iterator[Count]:
    """Every counter of an engine."""
    # The engine counts the good ones; the topic's rate, which lag is held against, is both. Refused tombstones and
    # ticks are among the refused: whoever wrote them used up offsets as any producer does.
    consumed = stats.consumed + sum(stats.rejected.values()) + stats.misplaced.get("rerouted", 0)
    yield (PREFIX + "mentions_consumed_total", (str(partition),)), consumed
    yield (PREFIX + "records_skipped_total", ()), stats.skipped
    yield (PREFIX + "mentions_late_total", ()), stats.late
    for labels, count in stats.arrivals.items():
        yield (PREFIX + "mentions_by_arrival_total", tuple(map(str, labels))), count
    yield (PREFIX + "mentions_duplicate_total", ()), stats.duplicates
    yield (PREFIX + "mentions_duplicate_unchecked_total", ()), stats.duplicates_unchecked
    yield (PREFIX + "ticks_total", ()), stats.ticks
    yield (PREFIX + "feedback_total", ()), stats.feedback
    yield (PREFIX + "texts_scored_total", ()), stats.texts_scored
    yield (PREFIX + "texts_unlisted_total", ()), stats.texts_unlisted
    yield (PREFIX + "labels_learned_total", ()), stats.labels_learned
    yield (PREFIX + "labels_left_out_total", ()), stats.labels_left_out
    for cause, count in stats.forgotten.items():
        yield (PREFIX + "brands_forgotten_total", (cause,)), count
    yield (PREFIX + "buckets_closed_total", ()), stats.buckets_closed
    yield (PREFIX + "scores_total", ()), stats.scores
    for language, count in stats.sentiment_drifts.items():
        yield (PREFIX + "sentiment_drifts_total", (language,)), count
    for field, count in stats.fields_dropped.items():
        yield (PREFIX + "mention_fields_dropped_total", (field,)), count
    for outcome, count in stats.misplaced.items():
        yield (PREFIX + "mentions_misplaced_total", (str(outcome),)), count
    for reason, count in stats.rejected.items():
        yield (PREFIX + "mentions_rejected_total", (str(reason),)), count
    for labels, count in stats.alerts.items():
        yield (PREFIX + "alerts_total", tuple(map(str, labels))), count
    for labels, count in stats.suppressed.items():
        yield (PREFIX + "alerts_suppressed_total", tuple(map(str, labels))), count


def brands_shown(engine: EngineReadings, top: int, since: float) -> BrandsShown:
    """Which brands of an engine get series of their own, and its open episodes.

    Args:
        engine: read only.
        top: so many brands with most mentions.
        since: event time, Unix seconds; brands not mentioned since then are not among them.
    """
    episodes = tuple(engine.open_episodes())
    ranks: dict[str, int] = {}
    for episode in episodes:
        rank = SEVERITY_RANK[episode.severity]
        ranks[episode.brand] = min(rank, ranks.get(episode.brand, rank))
    views = {view.brand: view for view in engine.top_brands(top, since)}
    burning = []
    for brand in sorted(ranks, key=lambda brand: (ranks[brand], brand))[:MAX_EPISODE_BRANDS]:
        view = views.get(brand) or engine.brand_view(brand)
        if view is not None:  # None for a category, which has episodes and no view
            burning.append((ranks[brand], view))
    return BrandsShown(tuple(views.values()), episodes, tuple(burning))
