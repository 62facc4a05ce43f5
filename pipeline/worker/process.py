"""The process of one worker: what it is put together from, and how it ends."""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import structlog

from pipeline.config.model import Config
from pipeline.config.settings import Settings
from pipeline.engine.alerts.surge_evidence import preload
from pipeline.engine.records import FEEDBACK_TOPIC
from pipeline.kafka.clients import aiokafka_options, topic_name, user_of
from pipeline.kafka.existing_topics import Existing
from pipeline.telemetry.health import Health
from pipeline.telemetry.server import PAGES, serve
from pipeline.telemetry.worker_metrics import WorkerMetrics
from pipeline.worker import app as faust_app
from pipeline.worker.assignment import Assignment
from pipeline.worker.broker_watch import BrokerLook, BrokerWatch
from pipeline.worker.context import TopicNames, WorkerContext
from pipeline.worker.driver.gap_reader import GapReader
from pipeline.worker.exit import crash, stop_late
from pipeline.worker.feedback import FeedbackRelay
from pipeline.worker.garbage import CycleCollector
from pipeline.worker.growth import watch_partitions
from pipeline.worker.heartbeat import Heartbeat
from pipeline.worker.partition import Partition
from pipeline.worker.partition_engine import PartitionEngine
from pipeline.worker.state_loader import load_state
from pipeline.worker.ticks import Ticker
from pipeline.worker.transaction import PartitionTransactions
from pipeline.worker.watch import Watch

STOP_SECONDS: Final = 5.0
"""From SIGTERM to the end of the process, last checkpoint included."""
LAST_CHECKPOINT_SECONDS: Final = 3.0

logger = structlog.get_logger("tocsin.worker")


async def run_worker(
    settings: Settings,
    config: Config,
    engine: Callable[[int], PartitionEngine],
    topics: Mapping[str, Existing],
    committed: Mapping[int, int],
) -> None:
    """Work until SIGTERM, SIGINT or SIGHUP, then write the last checkpoint and return.

    driver.installation.install() must have been called. Any unexpected error ends the process from within, with one
    line and exit code 1.

    Args:
        settings: addresses, secrets and names.
        config: detection and behaviour.
        engine: makes the engine of a partition.
        topics: as they were verified, by name in the catalogue.
        committed: the group's offsets of mentions by partition.

    Raises:
        ConfigError: the address of /metrics is taken.
        NotInstalledError: `install` was not called.
    """
    # Services log under the module of their class: what comes from pipeline.* is Faust speaking through our subclasses.
    logging.getLogger("pipeline").setLevel(logging.WARNING)
    clock = time.monotonic  # of the event loop too
    health, metrics = Health(clock), WorkerMetrics(config, clock=clock)
    cycles = CycleCollector(partial(metrics.engine_step, "collect"), clock)
    preload()  # before anybody waits for the event loop
    app = faust_app.create_app(settings, config)
    server = serve(settings, metrics, health)
    logger.info("listening", host=settings.metrics_host, port=server.port, paths=" ".join(PAGES))

    def stop_now(error: BaseException, where: str) -> Any:
        crash(error, where, health, user_of(settings))

    names = TopicNames(
        mentions=topic_name(settings, "mentions"),
        alerts=topic_name(settings, "alerts"),
        dead_letters=topic_name(settings, "mentions-dlq"),
        state=topic_name(settings, "brand-state"),
        activity=topic_name(settings, "brand-activity"),
        feedback=topic_name(settings, FEEDBACK_TOPIC) if config.worker.relays_feedback else "",
    )
    partitions = topics["mentions"].partitions
    known = {full: topics[name] for name, full in names.by_name().items() if name in topics}
    options = aiokafka_options(settings)
    gaps, ticker = GapReader(options, names.mentions), Ticker(options, names.mentions)
    context = WorkerContext(
        topics=names,
        config=config,
        topic_ids={name: topic.id for name, topic in topics.items() if topic.id},
        committed=committed,
        metrics=metrics,
        health=health,
        gaps=gaps,
        partitions=partitions,
        generation=settings.state_generation,
        end_offset=partial(faust_app.end_offset, app, names.mentions),
        clock=clock,
    )

    def make_partition(number: int) -> Partition:
        # The transactional id is named after the topics, not the group: whoever writes this state fences whoever wrote
        # it before, even where a second group was started on the same topics by mistake.
        transactional_id = f"{settings.topic_prefix}tocsin-{number}"
        return Partition(
            number,
            engine=engine(number),
            load=partial(load_state, options, names.state, names.mentions, number, health.heartbeat),
            transactions=PartitionTransactions(options, transactional_id, number),
            context=context,
        )

    assignment = Assignment(topic=names.mentions, partition=make_partition, health=health, crash=stop_now)
    watch = Watch(
        open_partitions=assignment.open_partitions,
        handed=partial(faust_app.handed_offset, app, names.mentions),
        ticker=ticker,
        config=config,
        health=health,
        beat=Heartbeat(lambda: metrics.published, clock).beat,
        clock=clock,
    )

    relay = FeedbackRelay(
        options,
        feedback=topic_name(settings, FEEDBACK_TOPIC),
        feedback_id=context.topic_ids.get(FEEDBACK_TOPIC, ""),
        mentions=names.mentions,
        open_partitions=assignment.open_partitions,
    )

    brokers = BrokerWatch(BrokerLook(settings, tuple(known)), known, health=health, metrics=metrics, stop_now=stop_now)

    async def close() -> None:
        if await assignment.close(LAST_CHECKPOINT_SECONDS):
            await asyncio.gather(ticker.close(), gaps.close(), relay.close())

    faust_app.attach(app, names.mentions, assignment, close=close, stop_now=stop_now)
    stop = _stop_signal()
    cycles.take_over()
    brokers.start()
    worker = faust_app.Worker(app)
    running = asyncio.create_task(worker.start())
    growth = watch_partitions(names.mentions, partitions, partial(faust_app.partition_count, app, names.mentions))
    serving = (
        running,
        asyncio.create_task(watch.keep_looking()),
        asyncio.create_task(cycles.keep_looking()),
        asyncio.create_task(growth),
        *([asyncio.create_task(relay.keep_relaying())] if config.worker.relays_feedback else []),
    )
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait((*serving, stopping), return_when=asyncio.FIRST_COMPLETED)
    for task in serving:
        if task.done():
            ended = task.exception() or worker.crash_reason or RuntimeError("ended without being asked to")
            stop_now(ended, "worker")
    brokers.close()
    for task in serving[1:]:
        task.cancel()
    await worker.stop()
    running.cancel()
    server.close()
    logger.info("stopped")


def _stop_signal() -> asyncio.Event:
    """Set by SIGTERM, SIGINT or SIGHUP. From then on the process ends in time, whatever hangs: nothing can be lost.

    Under nohup SIGHUP stays ignored.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_signal(number: int) -> None:
        if not stop.is_set():
            logger.info("stopping", signal=signal.Signals(number).name)
            deadline = threading.Timer(STOP_SECONDS - 0.3, stop_late)
            deadline.daemon = True
            deadline.start()
            stop.set()

    def heard(number: int, _: object) -> None:
        # Not by the loop's own handlers: it would take them back when it closes, and a second SIGTERM while Python
        # ends would then kill the process that has done everything right.
        if not loop.is_closed():
            loop.call_soon_threadsafe(on_signal, number)

    numbers = [signal.SIGTERM, signal.SIGINT]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    for number in numbers:
        signal.signal(number, heard)
    return stop
