"""What a worker sees of its partitions once a second, and what it does about silence."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from pipeline.config.model import Config, ConfigFile, WorkerConfig
from pipeline.telemetry.health import HEARTBEAT_LIMIT_SECONDS, Health
from pipeline.telemetry.worker_metrics import WorkerMetrics
from pipeline.worker.heartbeat import BEAT_SECONDS, COUNTED, Heartbeat
from pipeline.worker.partition import Partition
from pipeline.worker.stall import STALL_SECONDS
from pipeline.worker.watch import WATCH_SECONDS, Watch
from tests.fakes import Clock, run_virtual
from tests.fakes.engine import OffsetEngine
from tests.pipeline.worker.fake_partition import make_partition, mentions, slice_of

IDLE_SECONDS = 20


class Ticker:
    """Remembers on which partitions it has ticked."""

    def __init__(self) -> None:
        self.ticks: list[int] = []

    async def tick(self, partition: int, engine: Any) -> None:
        self.ticks.append(partition)


class Watched:
    """A watch over one open partition, whose engine waits for event time to pass."""

    def __init__(self, *, ticks: bool = True) -> None:
        config = Config(ConfigFile(worker=WorkerConfig(ticks=ticks, tick_idle_seconds=IDLE_SECONDS)))
        self.clock = Clock()
        self.health = Health(self.clock)
        self.metrics = WorkerMetrics(config, clock=self.clock)
        self.engine = OffsetEngine(event_time=1_800_000_000.0)
        self.ticker = Ticker()
        self.handed = 0
        self.partition: Partition = make_partition(
            3, engine=self.engine, metrics=self.metrics, clock=self.clock, end_offset=lambda _: 10
        )
        self.watch = Watch(
            open_partitions=lambda: [self.partition],
            handed=lambda _: self.handed,
            ticker=self.ticker,  # type: ignore[arg-type]  # no broker
            config=config,
            health=self.health,
            beat=Heartbeat(lambda: self.metrics.published, self.clock).beat,
            clock=self.clock,
        )
        run_virtual(self.partition.open(), self.clock)

    def look(self) -> None:
        run_virtual(self.watch.look(), self.clock)


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_figures_are_published_once_a_second_without_a_slice(watched: Watched) -> None:
    watched.engine.ingest(mentions(0, 4))
    watched.look()
    value = watched.metrics.registry.get_sample_value
    assert value("tocsin_consumer_lag_records", {"partition": "3"}) == 6
    assert value("tocsin_waiting_for_time", {"partition": "3"}) == 1


def test_looking_is_the_heartbeat_of_the_loop(watched: Watched) -> None:
    watched.clock.now += HEARTBEAT_LIMIT_SECONDS + 1
    assert not watched.health.alive().ok

    async def run() -> None:
        looking = asyncio.create_task(watched.watch.keep_looking())
        await asyncio.sleep(3 * HEARTBEAT_LIMIT_SECONDS)
        looking.cancel()

    run_virtual(run(), watched.clock)
    report = watched.health.alive()
    assert report.ok
    assert report.heartbeat_age_seconds <= WATCH_SECONDS


def test_a_line_every_minute_tells_what_was_counted_in_it(watched: Watched) -> None:
    """Increases, not sums; what a partition counted that has left meanwhile is among them."""
    stats = watched.engine.stats

    def minute() -> list[Any]:
        watched.clock.now += BEAT_SECONDS / 2
        with capture_logs() as logged:
            watched.look()
            watched.clock.now += BEAT_SECONDS / 2
            watched.look()
        return [line for line in logged if line["event"] == "heartbeat"]

    stats.consumed, stats.late = 100, 3
    stats.rejected = {"malformed_json": 2}
    stats.alerts = {("crisis", "critical", "opened"): 1}
    (first,) = minute()
    assert {name: first[name] for name in COUNTED} == {
        "records": 102,
        "refused": 2,
        "late": 3,
        "duplicate": 0,
        "buckets_closed": 0,
        "alerts": 1,
    }
    assert (first["seconds"], first["partitions"], first["lag"]) == (60, [3], 10)
    stats.consumed += 7
    watched.metrics.detach(3)
    (second,) = minute()
    assert (second["records"], second["alerts"], second["partitions"]) == (7, 0, [])


def test_work_that_stands_still_is_reported_until_it_goes_on(watched: Watched) -> None:
    watched.handed = 5
    watched.look()
    watched.clock.now += STALL_SECONDS + 1
    watched.look()
    assert watched.health.alive().why == "mentions[3]: mentions wait, and none has been ingested for 61 s"
    run_virtual(watched.partition.accept(slice_of(*mentions(0, 5))), watched.clock)
    watched.look()
    assert watched.health.alive().ok


def test_a_silent_partition_that_waits_for_time_gets_a_tick_and_then_has_time_to_read_it(watched: Watched) -> None:
    watched.look()
    assert watched.ticker.ticks == []
    watched.clock.now += IDLE_SECONDS
    watched.look()
    watched.look()
    assert watched.ticker.ticks == [3]
    watched.clock.now += IDLE_SECONDS
    watched.look()
    assert watched.ticker.ticks == [3, 3]


@pytest.mark.parametrize("why", ["ticks are off", "nothing waits", "no mention has come"])
def test_no_tick_where_it_is_not_wanted_or_says_nothing(why: str) -> None:
    watched = Watched(ticks=why != "ticks are off")
    watched.engine.needs_time = why != "nothing waits"
    if why == "no mention has come":
        watched.engine.event_time = 0.0
    watched.clock.now += IDLE_SECONDS
    watched.look()
    assert watched.ticker.ticks == []
