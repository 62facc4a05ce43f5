"""What is counted of targets is exposed, and the page names every metric and every reason."""

from __future__ import annotations

import re
import socket
import urllib.request
from pathlib import Path

import pytest

from pipeline.config.settings import Settings
from pipeline.errors import ConfigError
from pipeline.notify.decision import Reason
from pipeline.telemetry.notify_metrics import NOTIFY_CATALOGUE, NotifyMetrics, serve_notify_metrics

PAGE = (Path(__file__).parents[3] / "docs" / "notify.md").read_text(encoding="utf-8")


def test_the_page_names_every_metric_and_every_reason_for_which_an_alert_is_not_sent():
    assert set(re.findall(r"\btocsin_notify_[a-z_]+", PAGE)) == {metric.name for metric in NOTIFY_CATALOGUE}
    (reasons,) = re.findall(r"by reason: (.*)", PAGE)
    assert set(re.findall(r"`(\w+)`", reasons)) == set(Reason) - {Reason.SEND}


def test_figures_of_a_target_are_served():
    metrics = NotifyMetrics(["chat", "pager"], clock=lambda: 100.0)
    chat = metrics.targets["chat"]
    chat.delivered(3)
    chat.retried("timeout")
    chat.failed("status_4xx")
    chat.skipped(Reason.QUIET_HOURS, 2)
    chat.waiting(2)
    chat.undelivered(40.0)
    chat.unrecorded(4)
    chat.crashed()
    port = serve_notify_metrics(Settings(), 0, metrics)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    assert {line for line in lines if line.startswith("tocsin") and "_created" not in line} >= {
        'tocsin_notify_delivered_total{target="chat"} 3.0',
        'tocsin_notify_delivered_total{target="pager"} 0.0',
        'tocsin_notify_retried_total{cause="timeout",target="chat"} 1.0',
        'tocsin_notify_failed_total{cause="status_4xx",target="chat"} 1.0',
        'tocsin_notify_skipped_total{reason="quiet_hours",target="chat"} 2.0',
        'tocsin_notify_waiting{target="chat"} 2.0',
        'tocsin_notify_unrecorded{target="chat"} 4.0',
        'tocsin_notify_oldest_undelivered_seconds{target="chat"} 60.0',
        'tocsin_notify_crashes_total{target="chat"} 1.0',
    }
    chat.undelivered(None)
    assert metrics.registry.get_sample_value("tocsin_notify_oldest_undelivered_seconds", {"target": "chat"}) == 0.0


def test_a_port_that_is_taken_is_said():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ConfigError, match=r"--metrics-port=\d+ .* expected an address that is free to listen on"):
            serve_notify_metrics(Settings(), taken.getsockname()[1], NotifyMetrics([]))
