"""What `tocsin notify` exposes to Prometheus: one series a target, and where it serves them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server

from pipeline.config.settings import Settings
from pipeline.errors import ConfigError
from pipeline.telemetry.metric import Label, Metric

_TARGET: Final = Label("target", bound="the targets of the configuration")

NOTIFY_CATALOGUE: Final[tuple[Metric, ...]] = (
    Metric(
        name="tocsin_notify_delivered_total",
        type="counter",
        unit="alerts",
        labels=(_TARGET,),
        meaning="Alerts that the target has taken, alone or with others in one message.",
        remedy="Flat while alerts come: see skipped and retried.",
    ),
    Metric(
        name="tocsin_notify_failed_total",
        type="counter",
        unit="alerts",
        labels=(_TARGET, Label("cause", bound="the causes of a failed delivery")),
        meaning="Alerts that the target refuses for good; they are logged and not tried again.",
        remedy="Read the log of that target: its answer says what it does not take.",
    ),
    Metric(
        name="tocsin_notify_retried_total",
        type="counter",
        unit="deliveries",
        labels=(_TARGET, Label("cause", bound="the causes of a failed delivery")),
        meaning="Deliveries that failed and are tried again.",
        remedy="Look at the target; status_4xx is a wrong address or key, status_3xx an address that has moved.",
    ),
    Metric(
        name="tocsin_notify_skipped_total",
        type="counter",
        unit="alerts",
        labels=(_TARGET, Label("reason", bound="the reasons of a decision")),
        meaning="Alerts that were not delivered when they came, by reason; some of them are delivered later.",
        remedy="docs/notify.md lists the reasons.",
    ),
    Metric(
        name="tocsin_notify_crashes_total",
        type="counter",
        unit="crashes",
        labels=(_TARGET,),
        meaning="Unexpected errors of a target's loop, Kafka's absence included; it starts again.",
        remedy="Read the log of that target.",
    ),
    Metric(
        name="tocsin_notify_waiting",
        type="gauge",
        unit="alerts",
        labels=(_TARGET,),
        meaning="Alerts that are kept for later: quiet hours, rate limit, too old.",
        remedy="Growing by day: raise rate_per_hour or min_severity.",
    ),
    Metric(
        name="tocsin_notify_unrecorded",
        type="gauge",
        unit="deliveries",
        labels=(_TARGET,),
        meaning="Deliveries that are not yet on alert-deliveries; they are kept and written when it takes them.",
        remedy="Above 0 for a minute: the log says why; `tocsin topics apply`, or Write on that topic is missing.",
    ),
    Metric(
        name="tocsin_notify_oldest_undelivered_seconds",
        type="gauge",
        unit="seconds",
        labels=(_TARGET,),
        meaning="Age of the alert that is being tried; 0 where none is.",
        remedy="Above a minute the target is down or refuses us: see retried.",
    ),
)


class NotifyMetrics:
    """The figures of all targets. The methods may be called from any thread."""

    def __init__(self, targets: Iterable[str], clock: Callable[[], float] = time.time) -> None:
        self.registry = CollectorRegistry()
        self._kinds: dict[str, Counter | Gauge] = {}
        for metric in NOTIFY_CATALOGUE:
            kind = Counter if metric.type == "counter" else Gauge
            labels = [label.name for label in metric.labels]
            self._kinds[metric.name] = kind(metric.name, metric.meaning, labels, registry=self.registry)
        self._clock = clock
        self.targets = {name: TargetMetrics(name, self) for name in targets}

    def count(self, name: str, amount: float, *labels: str) -> None:
        """Add to a counter of the catalogue."""
        found = self._kinds[name]
        assert isinstance(found, Counter)
        found.labels(*labels).inc(amount)

    def gauge(self, name: str, *labels: str) -> Gauge:
        """One series of a gauge of the catalogue."""
        found = self._kinds[name]
        assert isinstance(found, Gauge)
        return found.labels(*labels)

    def age(self, since: float | None) -> float:
        """Seconds since a moment; 0 for none."""
        return 0.0 if since is None else max(self._clock() - since, 0.0)


class TargetMetrics:
    """The figures of one target."""

    def __init__(self, name: str, metrics: NotifyMetrics) -> None:
        self._name, self._metrics = name, metrics
        self._since: float | None = None
        metrics.count("tocsin_notify_delivered_total", 0, name)
        metrics.count("tocsin_notify_crashes_total", 0, name)
        metrics.gauge("tocsin_notify_oldest_undelivered_seconds", name).set_function(lambda: metrics.age(self._since))

    def delivered(self, alerts: int) -> None:
        """Alerts that the target has taken."""
        self._metrics.count("tocsin_notify_delivered_total", alerts, self._name)

    def retried(self, cause: str) -> None:
        """A delivery that is tried again."""
        self._metrics.count("tocsin_notify_retried_total", 1, self._name, cause)

    def failed(self, cause: str) -> None:
        """An alert that the target refuses for good."""
        self._metrics.count("tocsin_notify_failed_total", 1, self._name, cause)

    def skipped(self, reason: str, alerts: int = 1) -> None:
        """Alerts that were not delivered at once, and why."""
        self._metrics.count("tocsin_notify_skipped_total", alerts, self._name, str(reason))

    def crashed(self) -> None:
        """An unexpected error of its loop."""
        self._metrics.count("tocsin_notify_crashes_total", 1, self._name)

    def waiting(self, alerts: int) -> None:
        """How many alerts are kept for later."""
        self._metrics.gauge("tocsin_notify_waiting", self._name).set(alerts)

    def unrecorded(self, deliveries: int) -> None:
        """How many deliveries are not yet on their topic."""
        self._metrics.gauge("tocsin_notify_unrecorded", self._name).set(deliveries)

    def undelivered(self, since: float | None) -> None:
        """When the alert was published that is tried now, in Unix seconds; None where there is none."""
        self._since = since


def serve_notify_metrics(settings: Settings, port: int, metrics: NotifyMetrics) -> int:
    """Serve /metrics on the metrics host of the settings, for as long as the process lives.

    Returns:
        The port, which matters where it was 0.

    Raises:
        ConfigError: the address cannot be bound.
    """
    try:
        server, _ = start_http_server(port, settings.metrics_host, metrics.registry)
    except OSError as error:
        raise ConfigError(
            f"--metrics-port={port} (on {settings.metrics_host!r}): expected an address that is free to listen on: "
            f"{error.strerror}; 0 takes any free port"
        ) from None
    return int(server.server_port)
