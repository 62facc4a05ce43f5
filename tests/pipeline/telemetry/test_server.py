"""The server answers what a scraper and a supervisor ask, and survives its clients."""

from __future__ import annotations

import json
import re
import socket
import struct
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from prometheus_client.registry import Collector
from structlog.testing import capture_logs

from pipeline.config.model import Config
from pipeline.config.settings import Settings
from pipeline.errors import ConfigError
from pipeline.telemetry.health import Health
from pipeline.telemetry.server import PAGES, MetricsServer, serve
from pipeline.telemetry.worker_metrics import WorkerMetrics
from tests.fakes.engine import busy_engine

NOW = 1_800_000_000.0


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


class Broken(Collector):
    """Fails to answer while `broken`."""

    broken = False

    def collect(self) -> Iterator[Metric]:
        if self.broken:
            raise RuntimeError("cannot be read")
        yield from ()


def test_a_failed_scrape_is_logged_once_and_the_next_one_answers(capfd: pytest.CaptureFixture[str]) -> None:
    """A scrape that cannot be read ends without an answer, not with a traceback on standard error."""
    metrics, collector = WorkerMetrics(Config()), Broken()
    metrics.registry.register(collector)
    running = serve(Settings(metrics_port=0), metrics, Health())
    try:
        collector.broken = True
        with capture_logs() as logged:
            with pytest.raises(ConnectionError):
                get(running, "/metrics")
            assert get(running, "/healthz")[0] == 200
        assert [line["event"] for line in logged] == ["a request to the metrics server failed"]
        assert capfd.readouterr().err == ""
        collector.broken = False
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


def test_the_root_lists_the_pages(server: MetricsServer) -> None:
    """Who knows only the port finds the rest."""
    status, kind, body = get(server, "/")
    assert (status, kind) == (200, "text/html; charset=utf-8")
    links = re.findall(r'href="([^"]+)"', body)
    assert links == list(PAGES)
    assert all(get(server, path)[0] != 404 for path in links)


def test_other_paths_are_not_found(server: MetricsServer) -> None:
    """Nothing else is served; the answer says what is."""
    status, _, body = get(server, "/metric")
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
