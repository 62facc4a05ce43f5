"""A brand that lies on another partition than it belongs on is told of: it is judged apart from itself."""

from __future__ import annotations

import asyncio
import zlib
from typing import Any

from structlog.testing import capture_logs

from pipeline.config.model import BrandSection, Config, ConfigFile
from pipeline.engine.engine import Engine
from pipeline.kafka.partitioning import partition_of
from pipeline.telemetry.worker_metrics import WorkerMetrics
from pipeline.worker.placement import PAUSE_SECONDS, PlacementReport
from tests.pipeline.mention_streams import mention, record
from tests.pipeline.worker.fake_partition import make_partition, slice_of

CONFIG = Config(ConfigFile(brands={name: BrandSection(category="airlines") for name in ("acme", "bolt")}))
HOME = partition_of(b"airlines", 4)
AWAY = next(number for number in range(4) if number not in {HOME, partition_of(b"cora", 4)})


def work(number: int) -> tuple[list[float | None], list[dict[str, Any]]]:
    """Open a partition of four and process mentions of a categorised brand twice and of another: gauges and log."""
    metrics = WorkerMetrics(CONFIG)
    engine = Engine(number, CONFIG, partitions=4)
    partition = make_partition(number, engine=engine, metrics=metrics, config=CONFIG)
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
    names = ("tocsin_brands_misplaced", "tocsin_category_brands_misplaced")
    gauges = [metrics.registry.get_sample_value(name, {"partition": str(number)}) for name in names]
    return gauges, [dict(entry) for entry in logs if entry["log_level"] == "warning"]


def test_a_misplaced_brand_of_a_category_is_counted_and_told_once_a_category() -> None:
    gauges, (warning, other) = work(AWAY)
    assert gauges == [3, 2]
    assert (warning["brand"], warning["category"], warning["expected_partition"]) == ("acme", "airlines", HOME)
    assert other["new"] == ["cora"]


def test_a_brand_at_home_is_no_matter() -> None:
    gauges, warnings = work(HOME)
    assert gauges[1] == 0
    assert not [warning for warning in warnings if "category" in warning]


def test_the_line_names_the_setting_of_the_producer_and_comes_once_a_minute() -> None:
    now = 0.0
    seen: dict[str, int] = {}
    report = PlacementReport(1, 4, Config(), lambda: now)
    keys = [name for name in map("brand-{}".format, range(200)) if zlib.crc32(name.encode()) % 4 == 1]
    with capture_logs() as logs:
        for key in keys:
            if partition_of(key.encode(), 4) != 1:
                seen[key] = partition_of(key.encode(), 4)
            report.look(seen)
        (first,) = logs
        assert "partitioner=murmur2_random" in first["producer"]
        assert first["treatment"] == "warn"
        now = PAUSE_SECONDS
        report.look(seen)
        report.look(seen)
    _, second = logs
    assert second["brands"] == len(seen)
    assert len(second["new"]) == 5
