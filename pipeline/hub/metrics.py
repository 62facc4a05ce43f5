"""What the hub tells Prometheus, in a registry of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector


class HubMetrics:
    """Counters of requests and feedback, and gauges that are read when they are asked for."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "tocsin_hub_requests", "Requests by page and status.", ["page", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "tocsin_hub_request_seconds",
            "Time to answer a request.",
            ["page"],
            buckets=(0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0),
            registry=self.registry,
        )
        self.feedback = Counter("tocsin_hub_feedback", "Feedback recorded, by kind.", ["kind"], registry=self.registry)

    def add_gauges(self, read: Callable[[], Iterable[tuple[str, str, float]]]) -> None:
        """Ask for gauges at each scrape: name, meaning, value."""
        self.registry.register(_Gauges(read))

    def text(self) -> tuple[bytes, str]:
        """All of it for Prometheus, and its content type."""
        return generate_latest(self.registry), CONTENT_TYPE_LATEST


class _Readings(Protocol):
    def __call__(self) -> Iterable[tuple[str, str, float]]: ...


class _Gauges(Collector):
    def __init__(self, read: _Readings) -> None:
        self._read = read

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """The gauges as they are now."""
        for name, meaning, value in self._read():
            yield GaugeMetricFamily(name, meaning, value=value)
