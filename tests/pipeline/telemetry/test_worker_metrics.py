"""What is exposed is the catalogue, counters never go down, and a scrape shows figures that belong together."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config.model import BrandSection, Config, ConfigFile, WorkerConfig
from pipeline.telemetry.catalogue import ALIVE_SECONDS, CATALOGUE, MAX_EPISODE_BRANDS, PREFIX
from pipeline.telemetry.worker_metrics import BRANDS_PACE, BRANDS_SECONDS, PUBLISH_SECONDS, WorkerMetrics
from schemas.rejection import Reason
from tests.fakes import Clock
from tests.fakes.engine import FakeBand, FakeEngine, FakeEpisode, FakeStats, FakeView, busy_engine

NOW = 1_800_000_000.0


def value(metrics: WorkerMetrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def brands_shown(metrics: WorkerMetrics, name: str = "tocsin_brand_mentions") -> set[str]:
    return {
        sample.labels["brand"]
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == name
    }


def test_what_is_exposed_is_the_catalogue() -> None:
    """With busy partitions every metric of the catalogue has a series, with its labels, and no other metric has."""
    metrics = WorkerMetrics(Config())
    metrics.attach(0, busy_engine(0, NOW))
    metrics.consumer_lag(0, 5)
    metrics.checkpoint(0, 0.02, 2000)
    metrics.restored(0, 1.5, 40)
    exposed = {
        family.name + ("_total" if family.type == "counter" else ""): family
        for family in metrics.registry.collect()
        if family.name.startswith(PREFIX)
    }
    assert set(exposed) == {metric.name for metric in CATALOGUE}
    for metric in CATALOGUE:
        family = exposed[metric.name]
        assert family.samples, metric.name
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == {label.name for label in metric.labels}
            for label in metric.labels:
                assert not label.values or sample.labels[label.name] in label.values


def test_closed_lists_are_present_at_zero() -> None:
    """A rate over a series that appears with its first event misses that event: all are there from the start."""
    metrics = WorkerMetrics(Config())
    for reason in Reason:
        assert value(metrics, "tocsin_mentions_rejected_total", reason=reason.value) == 0
    for transition in ("opened", "updated", "escalated", "resolved"):
        labels = {"kind": "crisis", "severity": "critical", "transition": transition}
        assert value(metrics, "tocsin_alerts_total", **labels) == 0
    assert value(metrics, "tocsin_open_episodes", kind="volume_surge", severity="info") == 0
    assert value(metrics, "tocsin_engine_seconds_total", stage="commit") == 0
    assert value(metrics, "tocsin_mentions_late_total") == 0
    assert value(metrics, "tocsin_partitions_assigned") == 0


moves = st.lists(st.tuples(st.sampled_from(["attach", "detach", "work"]), st.integers(0, 2), st.integers(0, 50)))


@given(moves)
def test_counters_never_go_down_and_count_everything_once(steps: list[tuple[str, int, int]]) -> None:
    """Whatever is attached and detached in whatever order, each counter is the sum of all the work done."""
    metrics = WorkerMetrics(Config())
    engines: dict[int, FakeEngine] = {}
    consumed: dict[int, int] = {}
    rejected = 0
    for step, partition, amount in steps:
        if step == "attach":
            engines[partition] = FakeEngine()
            metrics.attach(partition, engines[partition])
        elif step == "detach":
            engines.pop(partition, None)
            metrics.detach(partition)
        elif partition in engines:
            stats = engines[partition].stats
            stats.consumed += amount
            stats.rejected[Reason.TOMBSTONE] = stats.rejected.get(Reason.TOMBSTONE, 0) + amount
            consumed[partition] = consumed.get(partition, 0) + amount
            rejected += amount
            consumed[partition] += amount  # a refused record has been read too
            metrics.refresh(partition)
        for number, count in consumed.items():
            assert value(metrics, "tocsin_mentions_consumed_total", partition=str(number)) == count
        assert value(metrics, "tocsin_mentions_rejected_total", reason="tombstone") == rejected
        assert value(metrics, "tocsin_partitions_assigned") == len(engines)


def test_attaching_the_same_engine_again_changes_nothing() -> None:
    """The worker may say twice that an engine owns a partition without its work counting twice."""
    metrics = WorkerMetrics(Config())
    engine = FakeEngine(FakeStats(consumed=7))
    metrics.attach(1, engine)
    metrics.attach(1, engine)
    assert value(metrics, "tocsin_mentions_consumed_total", partition="1") == 7


def test_gauges_of_a_partition_leave_with_it() -> None:
    """Lag, watermark and state figures of a partition that went to another worker are not left standing here."""
    metrics = WorkerMetrics(Config())
    metrics.attach(3, busy_engine(3, NOW))
    metrics.consumer_lag(3, 5)
    metrics.restored(3, 1.0, 2)
    metrics.detach(3)
    metrics.consumer_lag(3, 9)  # a late message of a task that has not yet stopped
    for metric in CATALOGUE:
        if metric.type == "gauge" and any(label.name == "partition" for label in metric.labels):
            assert value(metrics, metric.name, partition="3") is None, metric.name
    assert value(metrics, "tocsin_open_episodes", kind="crisis", severity="critical") == 0


def test_watermark_lag_and_checkpoint_age_follow_the_clock() -> None:
    """Both are computed when they are asked for, so that they grow while the loop is stuck."""
    clock = Clock(NOW)
    metrics = WorkerMetrics(Config(), wall_clock=clock)
    metrics.attach(0, FakeEngine(watermark=NOW - 120))
    clock.now += 30
    assert value(metrics, "tocsin_watermark_lag_seconds", partition="0") == 150
    assert value(metrics, "tocsin_watermark_timestamp_seconds", partition="0") == NOW - 120
    assert value(metrics, "tocsin_checkpoint_age_seconds", partition="0") == 30
    metrics.checkpoint(0, 0.1, 10)
    clock.now += 4
    assert value(metrics, "tocsin_checkpoint_age_seconds", partition="0") == 4


def test_no_watermark_before_the_first_mention() -> None:
    """A partition that has seen nothing has no lag, rather than one of fifty years."""
    metrics = WorkerMetrics(Config())
    metrics.attach(0, FakeEngine())
    assert value(metrics, "tocsin_watermark_lag_seconds", partition="0") is None


@given(st.lists(st.floats(0, 100, allow_nan=False)))
def test_histogram_buckets_are_cumulative(durations: list[float]) -> None:
    """Each bucket counts the checkpoints at or below its bound; +Inf and _count count them all."""
    metrics = WorkerMetrics(Config())
    for duration in durations:
        metrics.checkpoint(0, duration, 1)
    name = "tocsin_checkpoint_duration_seconds"
    for bound in next(metric for metric in CATALOGUE if metric.name == name).buckets:
        assert value(metrics, name + "_bucket", le=str(bound)) == sum(duration <= bound for duration in durations)
    assert value(metrics, name + "_bucket", le="+Inf") == len(durations)
    assert value(metrics, name + "_count") == len(durations)
    assert value(metrics, name + "_sum") == pytest.approx(sum(durations))


def working(watermark: float = 0.0) -> FakeEngine:
    """An engine that has taken a record."""
    return FakeEngine(FakeStats(consumed=1), watermark)


def test_brands_that_fell_silent_give_their_series_to_living_ones() -> None:
    """By the newest event time of the worker: a partition in which nothing happens any more has no newer one."""
    metrics = WorkerMetrics(Config(ConfigFile(worker=WorkerConfig(top_brands=2))))
    silent, alive = working(NOW - 4 * 86_400), working(NOW)
    last, now = int(silent.watermark) // 300 - 1, int(NOW) // 300 - 1
    silent.views = {f"dead{n}": FakeView(f"dead{n}", mentions=1000.0, bucket=last) for n in range(3)}
    alive.views = {
        "gone": FakeView("gone", mentions=500.0, bucket=now - 13),
        "rare": FakeView("rare", mentions=1.0, bucket=now - 11),
        "live": FakeView("live", mentions=2.0, bucket=now),
    }
    metrics.attach(0, silent)
    metrics.attach(1, alive)
    assert brands_shown(metrics) == {"live", "rare"}
    metrics.detach(1)
    assert brands_shown(metrics) == {"dead0", "dead1"}


def test_where_no_record_comes_any_more_brands_age_by_the_clock() -> None:
    """A whole worker without records knows no newer event time; what burns is shown whatever happens."""
    clock = Clock(NOW)
    metrics = WorkerMetrics(Config(), wall_clock=clock)
    engine = working(NOW)
    engine.views = {name: FakeView(name, bucket=int(NOW) // 300) for name in ("acme", "bolt")}
    engine.episodes = [FakeEpisode("bolt")]
    metrics.attach(0, engine)
    clock.now += ALIVE_SECONDS - 1
    assert brands_shown(metrics) == {"acme", "bolt"}
    clock.now += 2
    metrics.refresh(0)
    assert brands_shown(metrics) == {"bolt"}
    engine.stats.ticks += 1
    metrics.refresh(0)
    assert brands_shown(metrics) == {"acme", "bolt"}


def test_an_open_episode_says_since_when_how_bad_and_what_would_be_normal() -> None:
    """One series for each episode; brands without one have none of these."""
    metrics = WorkerMetrics(Config())
    engine = working(NOW)
    engine.views = {
        "acme": FakeView("acme", band=FakeBand(4.0, 14.0, 0.15)),
        "bolt": FakeView("bolt"),
    }
    engine.episodes = [
        FakeEpisode("acme", onset=NOW - 900, score=9.5, threshold=4.5),
        FakeEpisode("acme", kind="volume_surge", severity="info", onset=NOW - 300, score=7.0, threshold=6.0),
        FakeEpisode("airlines", severity="warning", onset=NOW),
    ]
    metrics.attach(3, engine)
    since = "tocsin_brand_episode_since_timestamp_seconds"
    acme = {"brand": "acme", "kind": "crisis"}
    assert value(metrics, since, partition="3", severity="critical", **acme) == NOW - 900
    assert value(metrics, since, partition="3", severity="warning", brand="airlines", kind="crisis") == NOW
    assert value(metrics, "tocsin_brand_episode_score", **acme) == 9.5
    assert value(metrics, "tocsin_brand_episode_threshold", **acme) == 4.5
    assert value(metrics, "tocsin_brand_episode_threshold", brand="acme", kind="volume_surge") == 6.0
    assert value(metrics, "tocsin_brand_expected_mentions_lower", brand="acme") == 4.0
    assert value(metrics, "tocsin_brand_expected_mentions_upper", brand="acme") == 14.0
    assert value(metrics, "tocsin_brand_expected_negative_share", brand="acme") == 0.15
    assert brands_shown(metrics, since) == {"acme", "airlines"}
    assert brands_shown(metrics, "tocsin_brand_expected_mentions_upper") == {"acme"}


def test_the_hash_of_a_brand_is_that_of_its_alerts() -> None:
    """For each brand shown, and in one label for all brands without a section."""
    file = ConfigFile(brands={"acme": BrandSection(detection={"quiet_minutes": 60})})
    config = Config(file)
    metrics = WorkerMetrics(config)
    engine = working(NOW)
    engine.views = {name: FakeView(name) for name in ("acme", "bolt")}
    metrics.attach(0, engine)
    for brand in ("acme", "bolt"):
        digest = config.brand(brand).config_hash
        assert value(metrics, "tocsin_brand_config_info", brand=brand, hash=digest) == 1
    default = config.brand("bolt").config_hash
    assert value(metrics, "tocsin_config_info", hash=config.hash, default_hash=default) == 1


def test_brand_series_are_those_with_an_episode_and_the_top() -> None:
    """Over all partitions: the brands with most mentions, each brand with an open episode, and a count of the rest."""
    metrics = WorkerMetrics(Config(ConfigFile(worker=WorkerConfig(top_brands=2))))
    first, second = working(), working()
    first.views = {f"a{n}": FakeView(f"a{n}", mentions=n) for n in range(10)}
    second.views = {f"b{n}": FakeView(f"b{n}", mentions=n + 0.5, score=9) for n in range(10)}
    second.episodes = [FakeEpisode("b0"), FakeEpisode("b0", kind="volume_surge", severity="info")]
    metrics.attach(0, first)
    metrics.attach(1, second)
    assert brands_shown(metrics) == {"b9", "a9", "b0"}
    assert value(metrics, "tocsin_brand_score", brand="b0") == 9
    assert value(metrics, "tocsin_brand_series_left_out") == 17
    assert value(metrics, "tocsin_open_episodes", kind="crisis", severity="critical") == 1
    assert value(metrics, "tocsin_open_episodes", kind="volume_surge", severity="info") == 1


def test_brand_series_stay_bounded_when_everything_burns() -> None:
    """Past the bound the most severe episodes keep their series; the gauge of open episodes counts them all."""
    metrics = WorkerMetrics(Config(ConfigFile(worker=WorkerConfig(top_brands=0))))
    names = [f"b{n:05}" for n in range(MAX_EPISODE_BRANDS + 500)]
    engine = FakeEngine(views={name: FakeView(name) for name in names})
    engine.episodes = [FakeEpisode(name, severity="info") for name in names[:-1]] + [FakeEpisode(names[-1])]
    metrics.attach(0, engine)
    shown = brands_shown(metrics)
    assert len(shown) == MAX_EPISODE_BRANDS
    assert brands_shown(metrics, "tocsin_brand_episode_since_timestamp_seconds") == shown
    assert names[-1] in shown
    assert value(metrics, "tocsin_brand_series_left_out") == 500
    assert value(metrics, "tocsin_open_episodes", kind="crisis", severity="info") == MAX_EPISODE_BRANDS + 499


def test_the_configuration_hash_tells_configurations_apart() -> None:
    """Equal configurations give one hash, different ones another: half a deployment is seen."""

    def shown(config: Config) -> str:
        families = WorkerMetrics(config).registry.collect()
        return next(f.samples[0].labels["hash"] for f in families if f.name == "tocsin_config_info")

    assert shown(Config()) == shown(Config(ConfigFile()))
    assert shown(Config()) != shown(Config(ConfigFile(worker=WorkerConfig(top_brands=3))))


def test_what_the_engine_does_is_shown_when_the_loop_publishes_it_and_all_of_it_together() -> None:
    """A scrape in the middle of a step shows the figures before it, none of them from within."""
    metrics = WorkerMetrics(Config())
    engine = FakeEngine(watermark=NOW)
    metrics.attach(0, engine)
    engine.stats.consumed += 3
    engine.stats.late += 1
    engine.watermark += 300
    engine.views["acme"] = FakeView("acme")
    engine.episodes.append(FakeEpisode("acme"))

    def shown() -> tuple[float | None, ...]:
        return (
            value(metrics, "tocsin_mentions_consumed_total", partition="0"),
            value(metrics, "tocsin_mentions_late_total"),
            value(metrics, "tocsin_watermark_timestamp_seconds", partition="0"),
            value(metrics, "tocsin_brands_tracked", partition="0"),
        )

    assert shown() == (0, 0, NOW, 0)
    metrics.refresh(0)
    assert shown() == (3, 1, NOW + 300, 1)


def test_a_scrape_that_has_begun_shows_one_snapshot_to_its_end() -> None:
    """What is published while families are rendered is for the next scrape."""
    metrics = WorkerMetrics(Config())
    engine = FakeEngine()
    metrics.attach(0, engine)
    rendering = iter(metrics.registry.collect())
    first = next(rendering)
    engine.stats.consumed = engine.stats.late = 5
    metrics.refresh(0)
    seen = {sample.name: sample.value for family in (first, *rendering) for sample in family.samples}
    assert (seen["tocsin_mentions_consumed_total"], seen["tocsin_mentions_late_total"]) == (0, 0)
    assert value(metrics, "tocsin_mentions_late_total") == 5


def test_scrapes_from_another_thread_see_figures_that_belong_together() -> None:
    """The loop changes one figure after the other; whatever the moment of the scrape, they are equal."""
    clock = Clock()
    metrics = WorkerMetrics(Config(), clock=clock)
    engine = working()
    metrics.attach(0, engine)
    scrapes: list[tuple[float | None, ...]] = []
    enough = threading.Event()

    def scrape() -> None:
        while len(scrapes) < 50:
            samples = {
                (sample.name, *sample.labels.values()): sample.value
                for family in metrics.registry.collect()
                for sample in family.samples
            }
            names = ("tocsin_mentions_late_total",), ("tocsin_brands_tracked", "0"), ("tocsin_brand_score", "acme")
            scrapes.append(tuple(samples.get(name, 0.0) for name in names))
        enough.set()

    thread = threading.Thread(target=scrape)
    thread.start()
    while not enough.is_set():
        engine.stats.late += 1
        engine.views[f"b{engine.stats.late}"] = FakeView("b", mentions=1)
        engine.views["acme"] = FakeView("acme", score=engine.stats.late)
        engine.views.pop("b1", None)
        engine.stats.buckets_closed += 1
        clock.now += BRANDS_SECONDS
        metrics.refresh(0)
    thread.join()
    assert len(scrapes) == 50
    assert all(late == tracked == score for late, tracked, score in scrapes)
    assert scrapes[-1][0]


def test_a_partition_at_work_is_read_ten_times_a_second_at_most() -> None:
    """Slices of a few mentions come by the hundred."""
    clock = Clock()
    metrics = WorkerMetrics(Config(), clock=clock)
    engine = FakeEngine()
    metrics.attach(0, engine)
    engine.stats.late = 1
    metrics.worked(0)
    assert value(metrics, "tocsin_mentions_late_total") == 0
    clock.now += PUBLISH_SECONDS
    metrics.worked(0)
    assert value(metrics, "tocsin_mentions_late_total") == 1
    metrics.worked(1)  # not attached: nothing to show


class CountedEngine(FakeEngine):
    """Counts how often its brands are read, which takes `seconds` each time."""

    reads = 0
    seconds = 0.0
    clock = Clock()

    def top_brands(self, count: int, since: float = 0.0) -> list[FakeView]:
        self.reads += 1
        self.clock.now += self.seconds
        return super().top_brands(count, since)


def test_brands_are_read_when_a_bucket_has_closed_and_once_a_second_at_most() -> None:
    """Of 100,000 brands the top takes 30 ms of the loop."""
    clock, engine = Clock(), CountedEngine()
    metrics = WorkerMetrics(Config(), clock=clock)
    metrics.attach(0, engine)
    assert engine.reads == 1
    clock.now += BRANDS_SECONDS
    metrics.refresh(0)
    assert engine.reads == 1, "nothing has closed"
    engine.stats.buckets_closed += 1
    metrics.refresh(0)
    assert engine.reads == 2
    engine.stats.buckets_closed += 1
    clock.now += BRANDS_SECONDS / 2
    metrics.refresh(0)
    assert engine.reads == 2
    clock.now += BRANDS_SECONDS / 2
    metrics.refresh(0)
    assert engine.reads == 3


def test_brands_that_take_long_to_read_are_read_less_often() -> None:
    """All partitions together take one part in a hundred of the loop's time."""
    clock = Clock()
    metrics = WorkerMetrics(Config(), clock=clock)
    for partition in range(2):
        engine = CountedEngine()
        engine.clock, engine.seconds = clock, 0.02
        metrics.attach(partition, engine)
    engine.stats.buckets_closed += 1
    clock.now += 2 * BRANDS_PACE * engine.seconds - engine.seconds - 0.01
    metrics.refresh(1)
    assert engine.reads == 1
    clock.now += 0.02
    metrics.refresh(1)
    assert engine.reads == 2


def test_scrapes_beside_a_working_thread_see_counters_only_rise() -> None:
    """Read from another thread while counted and reassigned, the sum never falls below what was seen before."""
    metrics = WorkerMetrics(Config())
    done = threading.Event()
    total = 0

    def work() -> None:
        nonlocal total
        for _ in range(200):
            engine = FakeEngine()
            metrics.attach(0, engine)
            for _ in range(50):
                engine.stats.consumed += 1
                total += 1
            metrics.detach(0)
        done.set()

    thread = threading.Thread(target=work)
    thread.start()
    seen = [0.0]
    while not done.is_set():
        seen.append(value(metrics, "tocsin_mentions_consumed_total", partition="0") or seen[-1])
    thread.join()
    assert seen == sorted(seen)
    assert value(metrics, "tocsin_mentions_consumed_total", partition="0") == total
