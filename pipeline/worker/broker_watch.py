"""Asks the brokers every few seconds: do they answer, and are the topics still those that the worker started on?

A thread of its own asks, because kafka-python blocks; what it hears is judged on the event loop. An idle worker has no
other way to notice: a fetch that nobody answers looks like silence, and a new topic of the same name like an old one.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any, Final

import structlog

from pipeline.config.settings import Settings
from pipeline.errors import BrokerError, TocsinError
from pipeline.kafka.clients import admin, broker_errors
from pipeline.kafka.existing_topics import Existing, glance
from pipeline.telemetry.health import Health
from pipeline.telemetry.worker_metrics import WorkerMetrics
from pipeline.worker.topic_identity import recreated

LOOK_SECONDS: Final = 5.0
SUSPICION_SECONDS: Final = 1.0
"""Until the next look after one that found a fault: of several brokers one may be behind the others."""
ANSWER_SECONDS: Final = 8.0
"""Longest wait for an answer: with LOOK_SECONDS, a broker that is away is said to be within 15 s."""
LOOKS_MISSING: Final = 3
"""So many looks in a row a topic is not there before it counts as deleted."""

Look = Callable[[], Mapping[str, Existing | None]]
"""The topics by full name, None for one that is not there; those of which the broker does not speak are left out."""

logger = structlog.get_logger("tocsin.worker")


class BrokerLook:
    """One connection that is kept, and made anew after a failure. For one thread."""

    def __init__(self, settings: Settings, names: tuple[str, ...]) -> None:
        """Connects at the first look.

        Args:
            settings: where the brokers are.
            names: full names of the topics.
        """
        seconds = min(ANSWER_SECONDS, settings.kafka_timeout_seconds)
        self._settings = settings.model_copy(update={"kafka_timeout_seconds": seconds})
        self._names = names
        self._stack = ExitStack()
        self._client: Any = None

    def __call__(self) -> Mapping[str, Existing | None]:
        """Look once.

        Raises:
            BrokerError: no broker answers, or refuses us.
        """
        try:
            if self._client is None:
                self._client = self._stack.enter_context(admin(self._settings))
            with broker_errors(self._settings, "read the topics"):
                return glance(self._client, self._names)
        except TocsinError:
            self._client = None
            self._stack.close()
            raise


class BrokerWatch:
    """Judges what is heard. Everything but the looking itself runs on one event loop."""

    def __init__(
        self,
        look: Look,
        known: Mapping[str, Existing],
        *,
        health: Health,
        metrics: WorkerMetrics,
        stop_now: Callable[[BaseException, str], Any],
    ) -> None:
        """Nothing has been looked at.

        Args:
            look: asks the brokers; called in a thread.
            known: the topics that the worker started on, by full name.
            health: gets the reason while no broker answers.
            metrics: whether one does.
            stop_now: the one way out after an unexpected error.
        """
        self._look = look
        self._known = known
        self._health = health
        self._metrics = metrics
        self._stop_now = stop_now
        self._missing: Counter[str] = Counter()
        self._suspicion: str | None = None
        self._away: str | None = None
        self._closed = threading.Event()

    def start(self) -> None:
        """Look every LOOK_SECONDS until `close`. To be called on the event loop."""
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._keep_looking, args=(loop,), name="broker-watch", daemon=True).start()

    def close(self) -> None:
        """No further look begins; one that is under way is not waited for."""
        self._closed.set()

    def _keep_looking(self, loop: asyncio.AbstractEventLoop) -> None:
        while not self._closed.wait(LOOK_SECONDS if self._suspicion is None else SUSPICION_SECONDS):
            try:
                seen = self._look()
            except TocsinError as error:
                self._tell(loop, self.away, str(error))
            except BaseException as error:  # noqa: BLE001 - nothing unexpected may pass unseen: crash-only
                self._tell(loop, self._stop_now, error, "looking at the brokers")
            else:
                self._tell(loop, self.heard, seen)

    def _tell(self, loop: asyncio.AbstractEventLoop, whom: Callable[..., Any], *what: Any) -> None:
        if not self._closed.is_set() and not loop.is_closed():
            loop.call_soon_threadsafe(whom, *what)

    def away(self, why: str) -> None:
        """No broker answers."""
        if self._away is None:
            logger.error("no broker answers", why=why)
        self._away = why
        self._health.broker_away(why)
        self._metrics.broker_up(up=False)

    def heard(self, seen: Mapping[str, Existing | None]) -> None:
        """A broker has answered; a fault that is found twice in a row ends the worker.

        Args:
            seen: the topics as they are now.
        """
        if self._away is not None:
            logger.info("a broker answers again")
        self._away = None
        self._health.broker_away(None)
        self._metrics.broker_up(up=True)
        fault = self._fault(seen)
        if fault is not None and fault == self._suspicion:
            self._stop_now(BrokerError(fault), "topics")
        self._suspicion = fault

    def _fault(self, seen: Mapping[str, Existing | None]) -> str | None:
        for name, known in self._known.items():
            if name not in seen:
                continue
            now = seen[name]
            self._missing[name] = self._missing[name] + 1 if now is None else 0
            if now is not None:
                why = recreated(name, known, now)
                if why is not None:
                    return why
            elif self._missing[name] >= LOOKS_MISSING:
                return (
                    f"{name}: expected the topic, got none: it was deleted while the worker ran; `tocsin topics apply` "
                    'makes another, and docs/delivery.md, "When a topic was created again", says how to go on'
                )
        return None
