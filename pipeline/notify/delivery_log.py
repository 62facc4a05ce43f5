"""Who was told, onto the topic `alert-deliveries`: beside the deliveries, which never wait for it.

A delivery is remembered together with what is to be written of it, and forgotten there once the broker has it. So
none is lost; after a crash in between one is written twice, with the same id.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Final

import structlog

from pipeline.config.settings import Settings
from pipeline.errors import TocsinError
from pipeline.kafka.deliveries import delivery_writer
from pipeline.notify.decision import Reason
from pipeline.notify.targets.contract import Delivered, Refused
from schemas.alert import Alert
from schemas.delivery import MAX_WHY_CHARACTERS, Delivery, new_delivery
from schemas.moments import moment
from schemas.text import printable

IDLE_SECONDS: Final = 30.0
"""Without anything to write, after which the connection is closed."""
FIRST_BACK_OFF: Final = 1.0
LONGEST_BACK_OFF: Final = 300.0

Write = Callable[[Sequence[Delivery]], None]
Open = Callable[[Settings], AbstractContextManager[Write]]

logger = structlog.get_logger("tocsin.notify")


def deliveries_of(
    target: tuple[str, str],
    outcome: Delivered | Refused,
    alerts: Sequence[Alert],
    waited: Mapping[str, Reason],
    now: float,
) -> list[Delivery]:
    """What is to be written of one message.

    Args:
        target: its name and its type.
        outcome: what became of the message.
        alerts: that it told.
        waited: why they came late, by id, of those that did.
        now: Unix seconds.
    """
    why = None
    if isinstance(outcome, Refused):
        # Without what the service itself says after the status: it may name people.
        why = printable(outcome.why.partition(":")[0], MAX_WHY_CHARACTERS)
    return [
        new_delivery(
            alert,
            target=target,
            time=moment(round(now, 3)),
            outcome="delivered" if why is None else "refused",
            why=why,
            waited=waited.get(alert.id),
            together=len(alerts) if len(alerts) > 1 else None,
        )
        for alert in alerts
    ]


class Handover:
    """What one target was told, on its way from its courier, in whose thread these methods are called, to the log."""

    def __init__(self, batches: queue.SimpleQueue[_Batch | None]) -> None:
        """Nothing is on its way."""
        self._batches = batches
        self._written: queue.SimpleQueue[list[str]] = queue.SimpleQueue()
        self.in_hand = False

    def offer(self, deliveries: list[Delivery]) -> None:
        """Have them written; not before those in hand are."""
        if deliveries:
            self.in_hand = True
            self._batches.put(_Batch(deliveries, self._written))

    def written(self, seconds: float = 0.0) -> list[str]:
        """Ids that the broker has by now, waiting so long for those in hand; each is told once."""
        if not self.in_hand:
            return []
        try:
            found = self._written.get(timeout=seconds) if seconds else self._written.get_nowait()
        except queue.Empty:
            return []
        self.in_hand = False
        return found


class _Batch:
    """Deliveries to one target, and where it is told that they are written."""

    def __init__(self, deliveries: list[Delivery], written: queue.SimpleQueue[list[str]]) -> None:
        self.deliveries = deliveries
        self._written = written

    def done(self) -> None:
        self._written.put([one.id for one in self.deliveries])


class DeliveryLog:
    """Writes in a thread of its own what the targets were told. What cannot be written is tried again."""

    def __init__(self, settings: Settings, targets: Iterable[str], connect: Open = delivery_writer) -> None:
        """Nothing is written before `run`."""
        self._settings, self._connect = settings, connect
        self._batches: queue.SimpleQueue[_Batch | None] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._batch: _Batch | None = None
        self._problem = ""
        self.targets = {name: Handover(self._batches) for name in targets}

    def stop(self) -> None:
        """Let `run` return once it has tried to write what was offered."""
        self._stopped.set()
        self._batches.put(None)

    def run(self) -> None:
        """Until stopped."""
        pause = FIRST_BACK_OFF
        while self._take(None):
            try:
                self._write()
                pause = FIRST_BACK_OFF
            except TocsinError as error:
                self._say(printable(str(error), 1000))
            except Exception:
                logger.exception("an unexpected error; who was told is tried again to be recorded")
            if self._batch is not None:
                if self._stopped.wait(pause):
                    return
                pause = min(2 * pause, LONGEST_BACK_OFF)

    def _write(self) -> None:
        """Write what is offered until nothing has been for a while."""
        with self._connect(self._settings) as write:
            while self._take(IDLE_SECONDS):
                assert self._batch is not None
                write(self._batch.deliveries)
                self._batch.done()
                self._batch = None
                self._say("")

    def _take(self, seconds: float | None) -> bool:
        """Have the next batch in hand, also one that could not be written; False where none comes, or at the stop."""
        if self._batch is None and not (self._stopped.is_set() and self._batches.empty()):
            try:
                self._batch = self._batches.get(timeout=seconds)
            except queue.Empty:
                return False
        return self._batch is not None

    def _say(self, problem: str) -> None:
        """Log that nothing can be written, or that it can again: once, however often it is tried."""
        if problem and problem != self._problem:
            logger.warning(
                "who was told is not recorded; alerts are delivered all the same, and it is tried again", why=problem
            )
        elif self._problem and not problem:
            logger.info("who was told is recorded again")
        self._problem = problem
