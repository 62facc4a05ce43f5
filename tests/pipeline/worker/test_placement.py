"""A brand that lies on another partition than its category's is told of: it is judged alone."""

from __future__ import annotations

import asyncio
from typing import Any

from structlog.testing import capture_logs

from pipeline.config.model import BrandSection, Config, ConfigFile
from pipeline.engine.engine import Engine
from pipeline.kafka.partitioning import partition_of
from pipeline.telemetry.worker_metrics import WorkerMetrics
from tests.pipeline.mention_streams import mention, record
from tests.pipeline.worker.fake_partition import make_partition, slice_of

CONFIG = Config(ConfigFile(brands={name: BrandSection(category="airlines") for name in ("acme", "bolt")}))
HOME = partition_of(b"airlines", 4)


def work(number: int) -> tuple[float | None, list[dict[str, Any]]]:
    """Open a partition of four and process mentions of a categorised brand twice and of another: gauge and log."""
    metrics = WorkerMetrics(CONFIG)
    partition = make_partition(number, engine=Engine(number, CONFIG), metrics=metrics)
    slices = [
        [record(0, mention(brand="acme"), b"acme"), record(1, mention(brand="cora"), b"cora")],
        [record(2, mention(brand="bolt"), b"bolt"), record(3, mention(brand="acme", id="2"), b"acme")],
    ]

    async def run() -> None:
        await partition.open()
        for records in slices:
            await partition.accept(slice_of(*records))
        partition.report()

    with capture_logs() as logs:
        asyncio.run(run())
    gauge = metrics.registry.get_sample_value("tocsin_category_brands_misplaced", {"partition": str(number)})
    return gauge, [dict(entry) for entry in logs if entry["log_level"] == "warning"]


def test_a_misplaced_brand_is_counted_and_told_once_a_category() -> None:
    gauge, warnings = work((HOME + 1) % 4)
    assert gauge == 2
    (warning,) = warnings
    assert (warning["brand"], warning["category"], warning["expected_partition"]) == ("acme", "airlines", HOME)


def test_a_brand_at_home_is_no_matter() -> None:
    assert work(HOME) == (0, [])
