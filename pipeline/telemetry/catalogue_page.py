"""docs/metrics.md: the catalogue as a page."""

from __future__ import annotations

from pipeline.telemetry.catalogue import CATALOGUE
from pipeline.telemetry.metric import Label


def catalogue_markdown() -> str:
    """The page in Markdown."""
    lines = [
        "# Metrics",
        "",
        "Everything the worker exposes on `/metrics` beside the usual `process_*` and `python_*` series.",
        "Written by `python -m pipeline.telemetry > docs/metrics.md` from `telemetry/catalogue.py`; do not edit.",
    ]
    for metric in CATALOGUE:
        lines += ["", f"## {metric.name}", "", metric.meaning, "", f"- Type: {metric.type}", f"- Unit: {metric.unit}"]
        lines += [f"- Label `{label.name}`: {_bound(label)}" for label in metric.labels]
        if metric.buckets:
            lines.append(f"- Buckets: {', '.join(f'{bound:g}' for bound in metric.buckets)}")
        if metric.diagnostic:
            lines.append("- In no rule or panel: for reading by hand.")
        lines.append(f"- When it is bad: {metric.remedy}")
    return "\n".join(lines) + "\n"


def _bound(label: Label) -> str:
    return ", ".join(f"`{value}`" for value in label.values) if label.values else label.bound
