"""The catalogue says of every metric what it is and what to do, and docs/metrics.md says the same."""

from __future__ import annotations

from pathlib import Path

from pipeline.telemetry.catalogue import CATALOGUE, PREFIX
from pipeline.telemetry.catalogue_page import catalogue_markdown

ROOT = Path(__file__).parents[3]


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


def test_the_page_is_current() -> None:
    """docs/metrics.md is what the catalogue says: `python -m pipeline.telemetry > docs/metrics.md` after a change."""
    assert (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8") == catalogue_markdown()
