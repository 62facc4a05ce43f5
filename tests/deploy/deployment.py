"""The files under deploy/ as values, and what a PromQL expression speaks of."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from pipeline.telemetry.catalogue import CATALOGUE
from pipeline.telemetry.notify_metrics import NOTIFY_CATALOGUE

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
RULE_FILES = sorted((DEPLOY / "prometheus" / "rules").glob("*.yml"))
DASHBOARDS = sorted((DEPLOY / "grafana" / "dashboards").glob("*.json"))

EXPOSED = {
    series: metric
    for metric in (*CATALOGUE, *NOTIFY_CATALOGUE)
    for series in (
        [metric.name + suffix for suffix in ("_bucket", "_sum", "_count")]
        if metric.type == "histogram"
        else [metric.name]
    )
}
"""Every series name on /metrics that is ours."""

FOREIGN = {
    "up",
    "ALERTS",
    "process_start_time_seconds",
    "process_resident_memory_bytes",
    "process_cpu_seconds_total",
    "process_open_fds",
}
"""Series of Prometheus itself and of prometheus_client's process collector."""

_KEYWORDS = {"and", "or", "unless", "by", "on", "without", "ignoring", "group_left", "group_right", "bool", "offset"}
_GROUPING = re.compile(r"\b(by|on|without|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_NAME = re.compile(r"\b[a-zA-Z_][\w:]*\b(?!\s*\()")
_SELECTOR = re.compile(r"\b([a-zA-Z_][\w:]*)\{([^}]*)\}")
_MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')


class Expression(NamedTuple):
    """A PromQL expression and where it stands."""

    where: str
    promql: str


def load_yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def rules() -> Iterator[dict[str, Any]]:
    for path in RULE_FILES:
        for group in load_yaml(path)["groups"]:
            yield from group["rules"]


def alerting_rules() -> dict[str, dict[str, Any]]:
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def recorded_names() -> set[str]:
    return {rule["record"] for rule in rules() if "record" in rule}


def rule_expressions() -> list[Expression]:
    return [Expression(f"rule {rule.get('alert') or rule['record']}", rule["expr"]) for rule in rules()]


def dashboards() -> dict[str, dict[str, Any]]:
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in DASHBOARDS}


def panels(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    """Panels that show something; rows are headings."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def panel_expressions() -> list[Expression]:
    return [
        Expression(f"{name}: {panel['title']}", target["expr"])
        for name, dashboard in dashboards().items()
        for panel in panels(dashboard)
        for target in panel["targets"]
    ]


def series_names(promql: str) -> set[str]:
    """Names of the series that an expression reads."""
    bare = re.sub(r'"[^"]*"', "", promql)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", " ", bare)
    bare = _GROUPING.sub(" ", bare)
    return set(_NAME.findall(bare)) - _KEYWORDS


def matchers(promql: str) -> Iterator[tuple[str, str, str, str]]:
    """(series, label, operator, value) of every label matcher."""
    for series, inside in _SELECTOR.findall(promql):
        for label, operator, value in _MATCHER.findall(inside):
            yield series, label, operator, value


def grouping_labels(promql: str) -> set[str]:
    """Labels named in by (...), on (...) and the like."""
    return {label.strip() for _, labels in _GROUPING.findall(promql) for label in labels.split(",") if label.strip()}
