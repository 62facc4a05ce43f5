"""The Faust application: what Faust is told, and what it is kept from doing.

Faust gives the consumer group, the assignment and the life cycle. Its per-message path, its tables and its
exactly-once mode are not used: slices (worker.driver.faust_driver) replace the first, aligned transactional
checkpoints (worker.partition) the other two.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import faust
import structlog
from faust.types import TP

from pipeline.config.model import Config
from pipeline.config.settings import Settings
from pipeline.kafka.clients import aiokafka_options, topic_name, user_of
from pipeline.telemetry.health import Health
from pipeline.telemetry.server import serve
from pipeline.telemetry.worker_metrics import WorkerMetrics
from pipeline.worker.assignment import Assignment
from pipeline.worker.driver import faust_driver
from pipeline.worker.driver.installation import SCHEME, require_installed
from pipeline.worker.exit import crash, stop_late
from pipeline.worker.garbage import CycleCollector
from pipeline.worker.partition import PartitionEngine, TopicNames

STOP_SECONDS: Final = 5.0
"""From SIGTERM to the end of the process, last checkpoint included."""
LAST_CHECKPOINT_SECONDS: Final = 3.0

logger = structlog.get_logger("tocsin.worker")


class Application(faust.App):
    """A Faust app that leaves nothing on the disk."""

    def _create_directories(self) -> None:
        """Nothing: no table, no data directory."""


def create_app(settings: Settings, config: Config) -> Application:
    """The app without its agent: see `attach`."""
    require_installed("the Faust application")
    options = aiokafka_options(settings)
    return Application(
        settings.group,
        broker=[f"{SCHEME}://{address}" for address in options["bootstrap_servers"]],
        broker_credentials=_credentials(options),
        broker_client_id=f"tocsin-{settings.instance}",
        # Static membership: a worker that comes back within the session gets its partitions back without a rebalance
        # (1.7 s from kill -9 to the first mention, against the whole session timeout).
        consumer_group_instance_id=settings.instance,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=4 << 20,
        broker_max_poll_records=config.worker.max_poll_records,
        broker_commit_interval=1.0,
        broker_session_timeout=settings.group_session_timeout_seconds,
        broker_heartbeat_interval=min(1.0, settings.group_session_timeout_seconds / 3),
        broker_request_timeout=max(40.0, settings.group_session_timeout_seconds),
        ConsumerScheduler=faust_driver.SliceScheduler,
        # Slices waiting for the agent, not records: Faust's default of 4096 would hold 16 million records in memory.
        stream_buffer_maxsize=16,
        # Acknowledged is what is in a checkpoint, seconds later: a rebalance must not wait for that.
        stream_wait_empty=False,
        store="memory://",
        table_standby_replicas=0,
        topic_disable_leader=True,
        topic_allow_declare=False,
        web_enabled=False,
        worker_redirect_stdouts=False,
    )


def _credentials(options: dict[str, Any]) -> Any:
    """The same security for Faust's consumer as for our own clients."""
    protocol, context = options.get("security_protocol", "PLAINTEXT"), options.get("ssl_context")
    if protocol.startswith("SASL"):
        return faust.SASLCredentials(
            mechanism=options["sasl_mechanism"],
            username=options["sasl_plain_username"],
            password=options["sasl_plain_password"],
            ssl_context=context,
        )
    return faust.SSLCredentials(context) if protocol == "SSL" else None


def attach(app: Application, topic: str, assignment: Assignment, stop_now: Callable[[BaseException, str], Any]) -> None:
    """Connect Faust's events to the assignment."""
    mentions = app.topic(topic, schema=faust_driver.SliceSchema(key_type=bytes, value_type=bytes))

    # concurrency=1: the slices of a partition are folded in one after the other, in order.
    @app.agent(mentions, concurrency=1, name="tocsin.mentions")
    async def fold_slices(stream: Any) -> None:
        try:
            async for event in stream.noack().events():
                await assignment.deliver(event)
        except (asyncio.CancelledError, GeneratorExit):
            raise
        except BaseException as error:  # noqa: BLE001 - what leaves an agent is logged, skipped and committed by Faust
            stop_now(error, topic)

    @app.on_partitions_revoked.connect
    async def revoked(*_: Any, **__: Any) -> None:  # which ones need not be asked: in the eager protocol it is all
        await assignment.revoked()

    @app.on_partitions_assigned.connect
    async def assigned(_: Any, partitions: set[TP], **__: Any) -> None:
        await assignment.assigned({one.partition for one in partitions if one.topic == topic})

    @app.on_before_shutdown.connect
    async def stopping(_: Any, **__: Any) -> None:
        await assignment.close(LAST_CHECKPOINT_SECONDS)


class Worker(faust.Worker):
    """Faust's worker without its logging, banner, spinner and signal handlers: `run_worker` has its own."""

    def __init__(self, app: Application) -> None:
        super().__init__(
            app, quiet=True, override_logging=False, redirect_stdouts=False, loop=asyncio.get_running_loop()
        )
        self.spinner = None

    def install_signal_handlers(self) -> None:
        """Nothing."""


async def run_worker(settings: Settings, config: Config, engine: Callable[[int], PartitionEngine]) -> None:
    """Work until SIGTERM or SIGINT, then write the last checkpoint and return.

    Any unexpected error ends the process from within, with one line and exit code 1.

    Args:
        settings: addresses, secrets and names.
        config: detection and behaviour.
        engine: makes the engine of a partition.

    Raises:
        ConfigError: the address of /metrics is taken, or Faust's compiled extension is missing.
    """
    # Services log under the module of their class: what comes from pipeline.* is Faust speaking through our subclasses.
    logging.getLogger("pipeline").setLevel(logging.WARNING)
    health, metrics = Health(), WorkerMetrics(config)
    cycles = CycleCollector(partial(metrics.engine_step, "collect"))
    server = serve(settings, metrics, health)
    logger.info("listening", host=settings.metrics_host, port=server.port, paths="/metrics /healthz /readyz")

    def stop_now(error: BaseException, where: str) -> Any:
        crash(error, where, health, user_of(settings))

    topics = TopicNames(*(topic_name(settings, name) for name in ("mentions", "alerts", "mentions-dlq", "brand-state")))
    app = create_app(settings, config)

    def end_offset(partition: int) -> int | None:
        try:
            end: int | None = app.consumer.highwater(TP(topics.mentions, partition))
        except AssertionError:  # aiokafka's way to say: not assigned at this moment of a rebalance
            return None
        return end

    def handed(partition: int) -> int:
        offset: int = app.consumer.handed.get(TP(topics.mentions, partition), 0)
        return offset

    assignment = Assignment(
        options=aiokafka_options(settings),
        # Named after the topics, not the group: whoever writes this state fences whoever wrote it before, even where
        # a second group was started on the same topics by mistake.
        transactional_id_prefix=f"{settings.topic_prefix}tocsin",
        topics=topics,
        config=config,
        engine=engine,
        end_offset=end_offset,
        handed=handed,
        metrics=metrics,
        health=health,
        crash=stop_now,
    )
    attach(app, topics.mentions, assignment, stop_now)
    stop = _stop_signal()
    cycles.take_over()
    worker = Worker(app)
    running = asyncio.create_task(worker.start())
    watching = asyncio.create_task(assignment.watch())
    collecting = asyncio.create_task(cycles.keep_looking())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait((running, watching, collecting, stopping), return_when=asyncio.FIRST_COMPLETED)
    for task in (running, watching, collecting):
        if task.done():
            ended = task.exception() or worker.crash_reason or RuntimeError("ended without being asked to")
            stop_now(ended, "worker")
    watching.cancel()
    collecting.cancel()
    await worker.stop()
    running.cancel()
    server.close()
    logger.info("stopped")


def _stop_signal() -> asyncio.Event:
    """Set by SIGTERM or SIGINT. From then on the process ends in time, whatever hangs: nothing can be lost by it."""
    stop = asyncio.Event()

    def on_signal(number: int) -> None:
        if not stop.is_set():
            logger.info("stopping", signal=signal.Signals(number).name)
            deadline = threading.Timer(STOP_SECONDS - 0.3, stop_late)
            deadline.daemon = True
            deadline.start()
            stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, on_signal, number)
    return stop
