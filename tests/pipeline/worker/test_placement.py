"""A brand that lies on another partition than its category's is told of: it is judged alone."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from structlog.testing import capture_logs

from pipeline.config.model import BrandSection, Config, ConfigFile
from pipeline.engine.engine import Engine
from pipeline.kafka.partitioning import partition_of
from pipeline.telemetry.health import Health
from pipeline.telemetry.worker_metrics import WorkerMetrics
from pipeline.worker import partition as partition_module
from pipeline.worker.driver.gap_reader import GapReader
from pipeline.worker.partition import Partition, TopicNames
from pipeline.worker.state_loader import LoadedState
from tests.pipeline.mention_streams import mention, record

CONFIG = Config(ConfigFile(brands={name: BrandSection(category="airlines") for name in ("acme", "bolt")}))
HOME = partition_of(b"airlines", 4)


class Transactions:
    """A partition's producer, as far as opening goes."""

    async def start(self) -> None:
        return

    def encode(self, *_: Any) -> Any:
        return SimpleNamespace(size=0, batches=[])


def work(number: int, monkeypatch: Any) -> tuple[float | None, list[dict[str, Any]]]:
    """Open a partition of four and fold in mentions of a categorised brand twice and of another: gauge and log."""

    async def nothing_stored(*_: Any) -> LoadedState:
        return LoadedState({}, 0, 0, 10, 4)

    monkeypatch.setattr(partition_module, "load_state", nothing_stored)
    metrics = WorkerMetrics(CONFIG)
    partition = Partition(
        number=number,
        engine=Engine(number, CONFIG),
        transactions=Transactions(),  # type: ignore[arg-type]  # no broker is needed to look at names
        gaps=GapReader({}, "mentions"),  # no gap is met here, and it connects at the first
        topics=TopicNames("mentions", "alerts", "mentions-dlq", "brand-state"),
        config=CONFIG.worker,
        metrics=metrics,
        health=Health(),
    )
    slices = [
        [record(0, mention(brand="acme"), b"acme"), record(1, mention(brand="cora"), b"cora")],
        [record(2, mention(brand="bolt"), b"bolt"), record(3, mention(brand="acme", id="2"), b"acme")],
    ]

    async def run() -> None:
        await partition.open({})
        for records in slices:
            await partition.accept(SimpleNamespace(message=SimpleNamespace(value=records), value=None))

    with capture_logs() as logs:
        asyncio.run(run())
    metrics.refresh(number)
    gauge = metrics.registry.get_sample_value("tocsin_category_brands_misplaced", {"partition": str(number)})
    return gauge, [dict(entry) for entry in logs if entry["log_level"] == "warning"]


def test_a_misplaced_brand_is_counted_and_told_once_a_category(monkeypatch):
    gauge, warnings = work((HOME + 1) % 4, monkeypatch)
    assert gauge == 2
    (warning,) = warnings
    assert (warning["brand"], warning["category"], warning["expected_partition"]) == ("acme", "airlines", HOME)


def test_a_brand_at_home_is_no_matter(monkeypatch):
    assert work(HOME, monkeypatch) == (0, [])
