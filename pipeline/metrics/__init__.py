"""Metrics of the worker; the only package that imports prometheus_client."""

from __future__ import annotations

from pipeline.metrics.catalogue import CATALOGUE, Metric
from pipeline.metrics.collector import WorkerMetrics
from pipeline.metrics.readings import EngineReadings, StatsReadings
from pipeline.metrics.server import MetricsServer, serve

__all__ = ["CATALOGUE", "EngineReadings", "Metric", "MetricsServer", "StatsReadings", "WorkerMetrics", "serve"]
