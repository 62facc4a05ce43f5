"""A real Prometheus that scrapes one address, with the project's own configuration and rules."""

from __future__ import annotations

import json
import math
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
import yaml

from tests.deploy.deployment import DEPLOY, load_yaml

DEADLINE_SECONDS = 60.0
T = TypeVar("T")

needs_prometheus = pytest.mark.skipif(
    shutil.which("prometheus") is None, reason="prometheus is not on PATH (Debian package: prometheus)"
)


class Prometheus:
    """The HTTP API of a running server."""

    def __init__(self, address: str) -> None:
        self.address = address

    def get(self, path: str, parameters: dict[str, str] | None = None) -> Any:
        """`data` of an API answer. Raises AssertionError with Prometheus's own words when it is an error."""
        query = urllib.parse.urlencode(parameters or {})
        try:
            with urllib.request.urlopen(f"http://{self.address}/api/v1/{path}?{query}", timeout=30) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            with error:
                raise AssertionError(f"{path}?{query}: {error.read().decode()}") from None

    def values(self, promql: str) -> list[float]:
        """Values of the series that an expression gives now, NaN left out."""
        result = self.get("query", {"query": promql})["result"]
        return [value for series in result if not math.isnan(value := float(series["value"][1]))]

    def await_value(self, promql: str) -> float:
        """The first value that the expression gives, as soon as it gives one."""
        return wait_for(lambda: self.values(promql) or None, f"a value of {promql}")[0]

    def rules(self) -> list[dict[str, Any]]:
        return [rule for group in self.get("rules")["groups"] for rule in group["rules"]]


def wait_for(probe: Callable[[], T | None], what: str, seconds: float = DEADLINE_SECONDS) -> T:
    """What the probe gives once it is not None; fails with `what` when it never is."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = probe()
        if found is not None:
            return found
        time.sleep(0.2)
    pytest.fail(f"waited {seconds:.0f} s for {what}")


@contextmanager
def prometheus(folder: Path, target: str) -> Iterator[Prometheus]:
    """Start Prometheus on a free port with its data in `folder`; scraping and rules run every second.

    The configuration is deploy/prometheus/prometheus.yml with another rhythm and another way to find the worker.
    """
    config = load_yaml(DEPLOY / "prometheus" / "prometheus.yml")
    config["global"] |= {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(DEPLOY / "prometheus" / pattern) for pattern in config["rule_files"]]
    config["alerting"] = {}
    config["scrape_configs"] = [
        {key: value for key, value in job.items() if key != "dns_sd_configs"}
        | {"static_configs": [{"targets": [target]}]}
        for job in config["scrape_configs"]
        if job["job_name"] == "tocsin"
    ]
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    log = folder / "prometheus.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={path}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={address}",
                "--log.level=warn",
            ],
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_for(lambda: _ready(address, process, log), "Prometheus to be ready")
        yield Prometheus(address)
    finally:
        process.terminate()
        process.wait(timeout=30)


def _ready(address: str, process: subprocess.Popen[bytes], log: Path) -> bool | None:
    if process.poll() is not None:
        pytest.fail(f"prometheus ended with {process.returncode}: {log.read_text(encoding='utf-8')[-2000:]}")
    try:
        with urllib.request.urlopen(f"http://{address}/-/ready", timeout=5) as answer:
            return True if answer.status == 200 else None
    except OSError:
        return None
