"""What is said of a metric: its name, its labels with their bounds, its meaning, and what to do when it is bad."""

from __future__ import annotations

from typing import Literal

import msgspec

MetricType = Literal["counter", "gauge", "histogram"]


class Label(msgspec.Struct, frozen=True):
    """A label and what bounds it: the full list of its values, or a sentence where only their number is known."""

    name: str
    values: tuple[str, ...] = ()
    bound: str = ""


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """One metric family.

    `name` is the full name as PromQL writes it (counters end in _total). `buckets` are the upper bounds of a
    histogram. `diagnostic` marks a metric that no rule or panel uses: it is read by hand.
    """

    name: str
    type: MetricType
    unit: str
    labels: tuple[Label, ...] = ()
    meaning: str
    remedy: str
    buckets: tuple[float, ...] = ()
    diagnostic: bool = False
