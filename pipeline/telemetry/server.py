"""The pages of one worker, listed at /; served from a daemon thread so that a stuck loop still answers."""

from __future__ import annotations

import sys
import threading
from http import HTTPStatus
from http.server import ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import urlsplit

import structlog
from prometheus_client.exposition import MetricsHandler

from pipeline.config.settings import PREFIX, Settings
from pipeline.errors import ConfigError
from pipeline.telemetry.health import Health, HealthReport
from pipeline.telemetry.worker_metrics import WorkerMetrics

PAGES: Final = {
    "/metrics": "figures for Prometheus; docs/metrics.md explains each",
    "/healthz": "is this worker alive? 200 or 503, with the reason",
    "/readyz": "does it own its partitions, with their state loaded? 200 or 503, with the reason",
}

logger = structlog.get_logger("tocsin.metrics")


_LINKS: Final = "".join(f'<li><a href="{path}">{path}</a>: {what}</li>\n' for path, what in PAGES.items())
_INDEX: Final = f"<!doctype html><title>Tocsin worker</title><h1>Tocsin worker</h1>\n<ul>\n{_LINKS}</ul>\n".encode()


class MetricsServer:
    """A running server. `port` is the one bound, which matters when the setting was 0."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self._server = server
        self.port = int(server.server_address[1])
        self._thread = threading.Thread(target=server.serve_forever, name="tocsin-metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop answering and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def serve(settings: Settings, metrics: WorkerMetrics, health: Health) -> MetricsServer:
    """Start serving on the configured address.

    Raises:
        ConfigError: the address cannot be bound.
    """

    class Handler(_Handler):
        registry = metrics.registry
        worker_health = health

    try:
        server = _Server((settings.metrics_host, settings.metrics_port), Handler)
    except OSError as error:
        raise ConfigError(
            f"environment: {PREFIX}METRICS_PORT={settings.metrics_port} (on {settings.metrics_host!r}): "
            f"expected an address that is free to listen on: {error.strerror}; set {PREFIX}METRICS_PORT to another "
            "port, or to 0 for any free one"
        ) from None
    return MetricsServer(server)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_port = False

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - socketserver's signature
        """A client that went away is no fault; anything else is logged, and the next request is answered."""
        error = sys.exception()
        if not isinstance(error, ConnectionError | TimeoutError):
            logger.error("a request to the metrics server failed", client=client_address[0], exc_info=error)


class _Handler(MetricsHandler):
    worker_health: Health
    timeout = 10  # a client that says nothing does not keep its thread

    def do_GET(self) -> None:  # noqa: N802 - the name that http.server calls
        """Answer one of the pages, or list them."""
        path = urlsplit(self.path).path
        if path == "/metrics":
            super().do_GET()
        elif path == "/healthz":
            self._answer_health(self.worker_health.alive())
        elif path == "/readyz":
            self._answer_health(self.worker_health.readiness())
        elif path == "/":
            self._answer(HTTPStatus.OK, "text/html; charset=utf-8", _INDEX)
        else:
            self.send_error(HTTPStatus.NOT_FOUND, explain=f"expected one of / {' '.join(PAGES)}")

    def _answer_health(self, report: HealthReport) -> None:
        status = HTTPStatus.OK if report.ok else HTTPStatus.SERVICE_UNAVAILABLE
        self._answer(status, "application/json", report.line())

    def _answer(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)
