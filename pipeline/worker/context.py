"""What the partitions of one worker share."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

import msgspec

from pipeline.config.model import Config
from pipeline.engine.records import FEEDBACK_TOPIC
from pipeline.telemetry.health import Health
from pipeline.telemetry.worker_metrics import WorkerMetrics
from pipeline.worker.driver.gap_reader import GapReader


class TopicNames(msgspec.Struct, frozen=True):
    """Full names of the topics, prefix included; `feedback` is empty where none is read."""

    mentions: str
    alerts: str
    dead_letters: str
    state: str
    activity: str
    feedback: str = ""

    def by_name(self) -> dict[str, str]:
        """Full names by name in the catalogue."""
        found = {
            "mentions": self.mentions,
            "mentions-dlq": self.dead_letters,
            "brand-state": self.state,
            "alerts": self.alerts,
            "brand-activity": self.activity,
        }
        return found | ({FEEDBACK_TOPIC: self.feedback} if self.feedback else {})


def _never_heard(_: int) -> int | None:
    return None


class WorkerContext(msgspec.Struct, frozen=True, kw_only=True):
    """Everything around a partition that is the same for all partitions of a worker.

    Attributes:
        topics: full names.
        topic_ids: of the topics that there are, by name in the catalogue; empty where the broker gives none.
        committed: the group's offsets when the worker started, by partition of mentions.
        config: rhythm of checkpoints, and which brands have a category.
        metrics: records what happens.
        health: gets a heartbeat after every step of a long work.
        gaps: reads what Faust passes over.
        partitions: of mentions, for which the engines are made; 0: not known.
        generation: of the state; a later one than the first was migrated to.
        end_offset: end of a partition of mentions as last heard from the broker, None before.
        one_large: held by the partition that makes a large checkpoint.
        clock: seconds, never going back: the clock of the event loop, whose timers wait by it too.
    """

    topics: TopicNames
    config: Config
    topic_ids: Mapping[str, str] = {}
    committed: Mapping[int, int] = {}
    metrics: WorkerMetrics
    health: Health
    gaps: GapReader
    partitions: int = 0
    generation: int = 1
    end_offset: Callable[[int], int | None] = _never_heard
    one_large: asyncio.Lock = msgspec.field(default_factory=asyncio.Lock)
    clock: Callable[[], float] = time.monotonic
