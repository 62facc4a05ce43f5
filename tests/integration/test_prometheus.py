"""A real Prometheus scrapes what the worker serves: every rule evaluates, and every panel shows something."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.config.model import Config
from pipeline.config.settings import Settings
from pipeline.engine.records import Record
from pipeline.telemetry.catalogue import BURNING, CATALOGUE
from pipeline.telemetry.health import Health
from pipeline.telemetry.readings import EngineReadings
from pipeline.telemetry.server import serve
from pipeline.telemetry.worker_metrics import WorkerMetrics
from schemas.mention import Mention, encode_mention
from schemas.moments import moment
from tests.deploy.deployment import (
    DEPLOY,
    dashboards,
    load_yaml,
    panel_expressions,
    recorded_names,
    rules,
    series_names,
)
from tests.fakes.engine import FakeEngine, FakeEpisode, FakeStats, busy_engine
from tests.integration.prometheus_server import Prometheus, needs_prometheus, prometheus, wait_for
from tests.integration.worker_process import WorkerProcess, publish

pytestmark = [pytest.mark.integration, needs_prometheus]

ROUND_SECONDS = 0.2
BRANDS = 40
CRISES = "tocsin:brand_crisis_since:last"
BURNING_BRANDS = {CRISES, "tocsin:brand_high_reach_post_since:last"}
OF_EPISODES = {metric.name for metric in CATALOGUE if BURNING in metric.labels}
"""Series that are there only while an episode is open."""
GRAFANA = {"$__rate_interval": "10s", "$brand": ".*"}
"""What Grafana puts in for its variables, at a scrape interval of one second."""


def grafana(promql: str) -> str:
    for variable, value in GRAFANA.items():
        promql = promql.replace(variable, value)
    assert "$" not in promql
    return promql


def mentions(offsets: Iterator[int], count: int) -> list[Record]:
    """Mentions, three seconds of event time apart, and a record that is refused."""
    records = []
    for _ in range(count):
        offset = next(offsets)
        event_time = moment(time.time() - 864_000 + 3 * offset)
        brand = f"brand-{offset % BRANDS}"
        mention = Mention(
            id=str(offset), brand=brand, text="what a terrible day", event_time=event_time, platform="forum"
        )
        records.append(Record(offset, int(time.time() * 1000), brand.encode(), encode_mention(mention)))
    return [*records, Record(next(offsets), int(time.time() * 1000), b"brand-1", b"{")]


@contextmanager
def scraped(metrics: WorkerMetrics, folder: Path) -> Iterator[Prometheus]:
    """A Prometheus that scrapes these metrics over HTTP."""
    server = serve(Settings(metrics_port=0), metrics, Health())
    try:
        with prometheus(folder, f"127.0.0.1:{server.port}") as running:
            yield running
    finally:
        server.close()


def assert_all_evaluates(server: Prometheus) -> None:
    """Every rule evaluates without error; every panel and every dashboard variable gets data."""

    def settled() -> bool | None:
        """Each rule has run, and the slowest of the recorded series, the ratios, are there."""
        ran = all(rule["health"] != "unknown" for rule in server.rules())
        names = (name for name in recorded_names() if name not in BURNING_BRANDS)
        return True if ran and all(server.values(name) for name in names) else None

    server.await_value('sum_over_time(up{job="tocsin"}[1m]) > 10')
    wait_for(settled, "every rule to have run")
    found = server.rules()
    assert {rule["name"] for rule in found} == {rule.get("alert") or rule["record"] for rule in rules()}
    assert {rule["name"]: rule.get("lastError", "") for rule in found} == {rule["name"]: "" for rule in found}
    lasting = (one for one in panel_expressions() if not series_names(one.promql) & OF_EPISODES)
    assert [one.where for one in lasting if not server.values(grafana(one.promql))] == []
    for dashboard in dashboards().values():
        for variable in dashboard["templating"]["list"]:
            if variable["type"] == "query":
                series, label = variable["query"]["query"].removeprefix("label_values(").removesuffix(")").split(", ")
                assert server.get(f"label/{label}/values", {"match[]": series}), variable["name"]
    (target,) = server.get("targets")["activeTargets"]
    assert (target["health"], target["lastError"]) == ("up", "")


@contextmanager
def published(settings: Settings) -> Iterator[None]:
    """Mentions that keep arriving on the topic."""
    stop = threading.Event()

    def endless() -> Iterator[Record]:
        offsets = itertools.count()
        while not stop.wait(ROUND_SECONDS):
            yield from mentions(offsets, 200)

    thread = threading.Thread(target=publish, args=(settings, endless()))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_every_rule_and_every_panel_works_on_a_running_worker(cluster_settings: Settings, tmp_path: Path) -> None:
    """While a worker reads mentions from a real Kafka, no rule is in error, no panel is empty and nothing rings."""
    worker = WorkerProcess(cluster_settings, tmp_path, config="[worker]\ncheckpoint_seconds = 0.5\n")
    worker.start()
    try:
        worker.await_ready(partitions=4)
        port = worker.events("listening")[0]["port"]
        with published(cluster_settings), prometheus(tmp_path, f"127.0.0.1:{port}") as server:
            assert_all_evaluates(server)
            assert server.await_value("sum(tocsin_partitions_assigned)") == 4
            assert server.await_value('sum(tocsin_mentions_rejected_total{reason="malformed_json"})') > 0
            assert server.await_value("sum(tocsin_buckets_closed_total)") > 0
            assert server.await_value("count(tocsin_brand_mentions)") == Config().worker.top_brands
            assert server.await_value("tocsin_brand_series_left_out") == BRANDS - Config().worker.top_brands
            assert server.values('ALERTS{alertstate="firing"}') == []
    finally:
        worker.close()


def test_an_open_crisis_rings_and_stops(tmp_path: Path) -> None:
    """From an episode in the engine to a firing alert in Prometheus, and back when it is resolved."""
    metrics = WorkerMetrics(Config())
    engine = FakeEngine(FakeStats(consumed=1), views=busy_engine(0, 0.0).views)
    partition_engine: EngineReadings = engine
    metrics.attach(0, partition_engine)
    firing = 'ALERTS{alertname="TocsinCrisisOpen",alertstate="firing",severity="critical",brand="brand-0-3"}'
    runbooks = load_yaml(DEPLOY / "prometheus" / "prometheus.yml")["global"]["external_labels"]["runbooks"]
    with scraped(metrics, tmp_path) as server:
        server.await_value("tocsin:open_crises:sum")
        assert server.values(firing) == []
        engine.episodes.append(FakeEpisode("brand-0-3"))
        engine.stats.buckets_closed += 1
        metrics.refresh(0)
        server.await_value(firing)
        (alert,) = [alert for alert in server.get("alerts")["alerts"] if "brand" in alert["labels"]]
        assert alert["annotations"]["summary"].startswith("Crisis of brand-0-3 (critical) since 2027-01-15 07:45")
        assert "13 mentions in five minutes, 8.0 expected; " in alert["annotations"]["description"]
        assert "score 9.0, threshold 4.5." in alert["annotations"]["description"]
        assert alert["annotations"]["runbook_url"] == f"{runbooks}/TocsinCrisisOpen.md"
        for series in ("since_timestamp_seconds", "score", "threshold"):
            assert server.values(f'tocsin_brand_episode_{series}{{brand="brand-0-3"}}')
        assert server.values('tocsin_brand_score{brand="brand-0-3"}') == [0.5]
        engine.episodes.clear()
        engine.stats.buckets_closed += 1
        metrics.refresh(0)
        wait_for(lambda: True if not server.values(CRISES) else None, "the crisis to end")
