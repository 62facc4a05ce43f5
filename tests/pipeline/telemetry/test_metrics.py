"""The catalogue is closed, counters never go down, and the server answers what a scraper and a supervisor ask."""

from __future__ import annotations

import json
import socket
import struct
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from structlog.testing import capture_logs

from pipeline.config.model import Config, ConfigFile, WorkerConfig
from pipeline.config.settings import Settings
from pipeline.errors import ConfigError
from pipeline.telemetry.catalogue import CATALOGUE, MAX_EPISODE_BRANDS, PREFIX, catalogue_markdown
from pipeline.telemetry.collector import WorkerMetrics
from pipeline.telemetry.health import Health
from pipeline.telemetry.server import MetricsServer, serve
from schemas.rejection import Reason
from tests.pipeline.worker.fake_engine import FakeEngine, FakeEpisode, FakeStats, FakeView, busy_engine

ROOT = Path(__file__).parents[3]
NOW = 1_800_000_000.0


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


def value(metrics: WorkerMetrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def brands_shown(metrics: WorkerMetrics, name: str = "tocsin_brand_mentions") -> set[str]:
    return {
        sample.labels["brand"]
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == name
    }


def test_names_say_type_and_unit_and_every_metric_says_what_to_do() -> None:
    """Counters end in _total, nothing else does; names are unique; labels are bounded; remedies are sentences."""
    names = [metric.name for metric in CATALOGUE]
    assert len(names) == len(set(names))
    for metric in CATALOGUE:
        assert metric.name.startswith(PREFIX)
        assert metric.name.endswith("_total") == (metric.type == "counter")
        assert metric.meaning.endswith(".")
        assert metric.remedy.endswith(".")
        assert bool(metric.buckets) == (metric.type == "histogram")
        assert list(metric.buckets) == sorted(set(metric.buckets))
        for label in metric.labels:
            assert bool(label.values) != bool(label.bound)


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
    clock = Clock()
    metrics = WorkerMetrics(Config(), clock)
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


def test_brand_series_are_those_with_an_episode_and_the_top() -> None:
    """Over all partitions: the brands with most mentions, each brand with an open episode, and a count of the rest."""
    metrics = WorkerMetrics(Config(ConfigFile(worker=WorkerConfig(top_brands=2))))
    first = FakeEngine(views={f"a{n}": FakeView(f"a{n}", mentions=n) for n in range(10)})
    second = FakeEngine(views={f"b{n}": FakeView(f"b{n}", mentions=n + 0.5, score=9) for n in range(10)})
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


class GrowingEngine(FakeEngine):
    """Iterates its dictionaries in Python, so that a writer in another thread can come in between."""

    def top_brands(self, count: int) -> list[FakeView]:
        found = []
        for view in self.views.values():
            found.append(view)
            if self.torn:
                self.torn -= 1
                self.views[f"new{self.torn}"] = FakeView(f"new{self.torn}")
        return found[:count]

    torn = 0


def test_a_scrape_survives_a_loop_that_changes_the_dictionaries() -> None:
    """A read that the loop tears is read again, and the scrape answers."""
    engine = GrowingEngine(views={"a": FakeView("a"), "b": FakeView("b")})
    engine.torn = 3
    metrics = WorkerMetrics(Config())
    metrics.attach(0, engine)
    assert {"a", "b", "new0"} <= brands_shown(metrics)


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


def test_the_page_is_current() -> None:
    """docs/metrics.md is what the catalogue says: `python -m pipeline.telemetry > docs/metrics.md` after a change."""
    assert (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8") == catalogue_markdown()


@pytest.fixture
def health() -> Health:
    return Health()


@pytest.fixture
def server(health: Health) -> Iterator[MetricsServer]:
    metrics = WorkerMetrics(Config())
    metrics.attach(0, busy_engine(0, NOW))
    running = serve(Settings(metrics_port=0), metrics, health)
    yield running
    running.close()


def get(server: MetricsServer, path: str, accept: str = "*/*") -> tuple[int, str, str]:
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}{path}", headers={"Accept": accept})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["Content-Type"], error.read().decode()


def test_metrics_are_served_in_both_formats(server: MetricsServer) -> None:
    """The classic text by default and OpenMetrics when asked; both parse, and process figures are among them."""
    status, kind, text = get(server, "/metrics")
    assert status == 200
    assert kind.startswith("text/plain")
    names = {family.name for family in parse_text(text)}
    assert {"tocsin_mentions_consumed", "process_resident_memory_bytes", "python_info"} <= names
    status, kind, text = get(server, "/metrics", accept="application/openmetrics-text; version=1.0.0")
    assert status == 200
    assert kind.startswith("application/openmetrics-text")
    parsed = parse_openmetrics(text)  # type: ignore[no-untyped-call]  # the parser has no annotations
    assert {family.name for family in parsed} >= {"tocsin_mentions_consumed"}
    assert text.endswith("# EOF\n")


def test_health_and_readiness_answer_one_line(server: MetricsServer, health: Health) -> None:
    """200 while all is well, 503 with the reason when it is not, one line of JSON each time."""
    assert get(server, "/healthz")[0] == 200
    status, kind, body = get(server, "/readyz")
    assert (status, kind) == (503, "application/json")
    assert json.loads(body)["why"] == "starting"
    assert body.count("\n") == 1
    health.ready([1, 0])
    status, _, body = get(server, "/readyz")
    assert status == 200
    assert json.loads(body)["partitions"] == [0, 1]
    health.fail("the broker is gone\nfor good")
    status, _, body = get(server, "/healthz")
    assert status == 503
    assert body.count("\n") == 1
    assert get(server, "/readyz")[0] == 503


class BrokenEngine(FakeEngine):
    """Fails to answer while `broken`."""

    broken = True

    def top_brands(self, count: int) -> list[FakeView]:
        if self.broken:
            raise RuntimeError("dictionary changed size during iteration")
        return super().top_brands(count)


def test_a_failed_scrape_is_logged_once_and_the_next_one_answers(capfd: pytest.CaptureFixture[str]) -> None:
    """A scrape that cannot be read ends without an answer, not with a traceback on standard error."""
    engine = BrokenEngine()
    metrics = WorkerMetrics(Config())
    metrics.attach(0, engine)
    running = serve(Settings(metrics_port=0), metrics, Health())
    try:
        with capture_logs() as logged:
            with pytest.raises(ConnectionError):
                get(running, "/metrics")
            assert get(running, "/healthz")[0] == 200
        assert [line["event"] for line in logged] == ["a request to the metrics server failed"]
        assert capfd.readouterr().err == ""
        engine.broken = False
        assert get(running, "/metrics")[0] == 200
    finally:
        running.close()


def test_a_client_that_goes_away_is_no_fault(server: MetricsServer, capfd: pytest.CaptureFixture[str]) -> None:
    """A scraper that resets the connection leaves no trace, and others are answered."""
    with capture_logs() as logged:
        for _ in range(5):
            client = socket.create_connection(("127.0.0.1", server.port), timeout=5)
            client.sendall(b"GET /metrics HTTP/1.1\r\n")
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
        assert get(server, "/metrics")[0] == 200
    assert logged == []
    assert capfd.readouterr().err == ""


def test_other_paths_are_not_found(server: MetricsServer) -> None:
    """Nothing else is served; the answer says what is."""
    status, _, body = get(server, "/")
    assert status == 404
    assert "/metrics" in body


def test_a_taken_port_is_one_clear_line(server: MetricsServer) -> None:
    """A second worker on the same machine is told which variable to change."""
    with pytest.raises(ConfigError, match=f"TOCSIN_METRICS_PORT={server.port}") as caught:
        serve(Settings(metrics_port=server.port), WorkerMetrics(Config()), Health())
    assert "\n" not in str(caught.value)


def test_a_host_that_is_not_ours_is_one_clear_line() -> None:
    """An address of another machine is refused with the setting's value."""
    with pytest.raises(ConfigError, match=r"192\.0\.2\.1"):
        serve(Settings(metrics_host="192.0.2.1", metrics_port=0), WorkerMetrics(Config()), Health())


def test_close_frees_the_port_and_ends_the_thread() -> None:
    """After close nothing listens and no thread of the server is left."""
    running = serve(Settings(metrics_port=0), WorkerMetrics(Config()), Health())
    running.close()
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", running.port), timeout=5):
        pass
    assert not [thread for thread in threading.enumerate() if thread.name == "tocsin-metrics"]


def test_unless_told_otherwise_metrics_and_health_answer_this_machine_only() -> None:
    """127.0.0.2 is this machine too, but an address of its own: only a server on all addresses would answer there."""
    assert Settings().metrics_host == "127.0.0.1"
    running = serve(Settings(metrics_port=0), WorkerMetrics(Config()), Health())
    try:
        socket.create_connection(("127.0.0.1", running.port), 5).close()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", running.port), 5)
    finally:
        running.close()
