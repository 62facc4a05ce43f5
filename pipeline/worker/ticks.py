"""Time that passes on a silent partition: tick records, appended by the partition's owner.

Event time moves with mentions. When a partition falls silent its last buckets would stay open and its episodes would
never be resolved, so the owner appends a record that says how far time has gone. It is in the log like any mention:
a replay of the topic sees the same ticks at the same places and gives the same alerts.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import TopicAuthorizationFailedError

from pipeline.engine.records import TICK_HEADER
from pipeline.worker.partition_engine import PartitionEngine

logger = structlog.get_logger("tocsin.worker")


def tick_time(engine: PartitionEngine, now: float) -> float:
    """The event time to announce, Unix seconds: the engine's own, plus the wall time since its last record.

    Never later than now (unless event time already is), so that the tick is not refused for lying in the future.

    Args:
        engine: has seen a mention.
        now: wall clock, Unix seconds.
    """
    passed = max(0.0, now - engine.last_timestamp / 1000)
    return max(engine.event_time, min(engine.event_time + passed, now))


class Ticker:
    """Appends ticks to the mentions topic; falls silent for good when that is not allowed."""

    def __init__(self, options: dict[str, Any], topic: str, wall_clock: Callable[[], float] = time.time) -> None:
        """Connects at the first tick.

        Args:
            options: addresses and security, as pipeline.kafka.clients gives them.
            topic: the mentions topic.
            wall_clock: Unix seconds, which event time is held against.
        """
        self._options = options
        self._topic = topic
        self._wall_clock = wall_clock
        self._producer: AIOKafkaProducer | None = None
        self._allowed = True

    async def tick(self, partition: int, engine: PartitionEngine) -> None:
        """Announce on a partition how far event time has gone.

        A tick written twice, or by an owner that is about to be replaced, changes nothing: time only says what the
        clock says. So ticks need neither transaction nor fencing.

        Raises:
            aiokafka.errors.KafkaError: the broker cannot be reached.
        """
        if not self._allowed:
            return
        if self._producer is None:
            self._producer = AIOKafkaProducer(**(self._options | {"acks": "all", "request_timeout_ms": 30_000}))
            await self._producer.start()
        event_time_ms = int(tick_time(engine, self._wall_clock()) * 1000)
        # `send` refuses a record with neither key nor value; a batch takes it.
        batch = self._producer.create_batch()
        batch.append(timestamp=None, key=None, value=None, headers=[(TICK_HEADER, str(event_time_ms).encode())])
        try:
            await (await self._producer.send_batch(batch, self._topic, partition=partition))
        except TopicAuthorizationFailedError:
            self._allowed = False
            logger.warning(
                "no permission to append ticks: on silent partitions time stands still and episodes stay open; allow "
                "Write on the topic, or set worker.ticks = false",
                topic=self._topic,
            )

    async def close(self) -> None:
        """Close the connection."""
        if self._producer is not None:
            await self._producer.stop()
