"""Rules, dashboards, runbooks and the catalogue speak of the same metrics."""

from __future__ import annotations

import re

from pipeline.telemetry.catalogue import CATALOGUE
from pipeline.telemetry.notify_metrics import NOTIFY_CATALOGUE
from tests.deploy.deployment import (
    DEPLOY,
    EXPOSED,
    FOREIGN,
    ROOT,
    grouping_labels,
    matchers,
    panel_expressions,
    recorded_names,
    rule_expressions,
    series_names,
)

TARGET_LABELS = {"job", "instance"}
EXPRESSIONS = rule_expressions() + panel_expressions()


def test_names_are_read_out_of_expressions() -> None:
    """The reader that the other tests rest on finds every series and nothing else."""
    promql = (
        'sum by (kind) (rate(tocsin_a_total{kind="b_c"}[5m])) / on (job) group_left (x) (tocsin:r:s > 0) or vector(0)'
        " unless histogram_quantile(0.5, sum by (le)(rate(tocsin_h_bucket[1m]))) offset 5m"
    )
    assert series_names(promql) == {"tocsin_a_total", "tocsin:r:s", "tocsin_h_bucket"}
    assert list(matchers(promql)) == [("tocsin_a_total", "kind", "=", "b_c")]
    assert grouping_labels(promql) == {"kind", "job", "x", "le"}


def test_every_series_is_exposed_or_recorded() -> None:
    """No rule and no panel reads a series that does not exist."""
    known = set(EXPOSED) | FOREIGN | recorded_names()
    for where, promql in EXPRESSIONS:
        names = series_names(promql)
        assert names, where
        assert names <= known, where


def test_every_label_exists_with_that_value() -> None:
    """A matcher on a label that the metric lacks, or on a value outside its list, would silently match nothing."""
    known = {label.name for metric in EXPOSED.values() for label in metric.labels} | TARGET_LABELS | {"le"}
    for where, promql in EXPRESSIONS:
        assert grouping_labels(promql) <= known, where
        for series, name, operator, value in matchers(promql):
            if series not in EXPOSED or name in TARGET_LABELS:
                continue
            label = next((label for label in EXPOSED[series].labels if label.name == name), None)
            assert label is not None, f"{where}: {series} has no label {name}"
            if operator in {"=", "!="} and label.values:
                assert value in label.values, where


def test_every_metric_is_used_or_declared_diagnostic() -> None:
    """A metric that nobody looks at is either for reading by hand, and says so, or should not be there."""
    used = {
        EXPOSED[name].name for expression in EXPRESSIONS for name in series_names(expression.promql) if name in EXPOSED
    }
    for metric in CATALOGUE:
        assert (metric.name in used) != metric.diagnostic, metric.name


def test_every_recorded_series_is_used() -> None:
    """A recording rule without a reader is work for nothing."""
    used = {name for expression in EXPRESSIONS for name in series_names(expression.promql)}
    assert recorded_names() <= used


def test_runbooks_and_pages_name_existing_metrics() -> None:
    """What a runbook tells people to look at exists; so do the alerts that the catalogue points to."""
    pages = sorted((DEPLOY / "runbooks").glob("*.md")) + sorted((ROOT / "docs").glob("*.md"))
    known = set(EXPOSED) | {metric.name for metric in (*CATALOGUE, *NOTIFY_CATALOGUE)}
    for page in pages:
        named = set(re.findall(r"\btocsin_[a-z_]+\b", page.read_text(encoding="utf-8")))
        assert named <= known, page.name
    alerts = {path.stem for path in (DEPLOY / "runbooks").glob("*.md")}
    for metric in CATALOGUE:
        assert set(re.findall(r"\bTocsin[A-Z]\w+", metric.meaning + metric.remedy)) <= alerts
