"""The Faust application: how Faust is configured, and what it is kept from doing.

Faust gives the consumer group, the assignment and the life cycle. Its per-message path, its tables and its
exactly-once mode are not used: slices (worker.driver.faust_driver) replace the first, aligned transactional
checkpoints (worker.checkpoints) the other two.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import faust
from faust.types import TP

from pipeline.config.model import Config
from pipeline.config.settings import Settings
from pipeline.kafka.clients import aiokafka_options
from pipeline.worker.assignment import Assignment
from pipeline.worker.driver import faust_driver
from pipeline.worker.driver.installation import SCHEME, require_installed

METADATA_MILLISECONDS: Final = 20_000
"""How old our knowledge of the topic may become: partitions that were added are noticed within a minute."""


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
        consumer_metadata_max_age_ms=METADATA_MILLISECONDS,
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


def attach(
    app: Application,
    topic: str,
    assignment: Assignment,
    *,
    close: Callable[[], Awaitable[None]],
    stop_now: Callable[[BaseException, str], Any],
) -> None:
    """Connect Faust's events to the assignment.

    Args:
        app: without an agent.
        topic: of the mentions.
        assignment: gets slices and rebalances.
        close: called before the app leaves the consumer group.
        stop_now: the one way out after an unexpected error.
    """
    mentions = app.topic(topic, schema=faust_driver.SliceSchema(key_type=bytes, value_type=bytes))

    # concurrency=1: the slices of a partition are processed one after the other, in order.
    @app.agent(mentions, concurrency=1, name="tocsin.mentions")
    async def deliver_slices(stream: Any) -> None:
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
        await close()


class Worker(faust.Worker):
    """Faust's worker without its logging, banner, spinner and signal handlers: worker.process has its own."""

    def __init__(self, app: Application) -> None:
        super().__init__(
            app, quiet=True, override_logging=False, redirect_stdouts=False, loop=asyncio.get_running_loop()
        )
        self.spinner = None

    def install_signal_handlers(self) -> None:
        """Nothing."""


def end_offset(app: Application, topic: str, partition: int) -> int | None:
    """The end of a partition as last heard from the broker, None before."""
    try:
        end: int | None = app.consumer.highwater(TP(topic, partition))
    except AssertionError:  # aiokafka's way to say: not assigned at this moment of a rebalance
        return None
    return end


def partition_count(app: Application, topic: str) -> int | None:
    """The number of partitions of a topic as last heard from the broker, None before."""
    try:
        count: int | None = app.consumer.topic_partitions(topic)
    except AttributeError:  # the thread of Faust's consumer has made it, and not started it yet
        return None
    return count


def handed_offset(app: Application, topic: str, partition: int) -> int:
    """The offset after the last record of a partition that Faust has been given, 0 for none."""
    offset: int = app.consumer.handed.get(TP(topic, partition), 0)
    return offset
