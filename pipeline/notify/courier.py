"""One target's loop: the next alert is decided upon, delivered or kept, remembered, and only then done with."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Final, Protocol

import msgspec
import structlog

from pipeline.notify.config import TargetSection
from pipeline.notify.decision import HELD, SECONDS_PER_HOUR, Reason, decide, dedup_key, may_send
from pipeline.notify.delivery_log import Handover, deliveries_of
from pipeline.notify.memory import Held, Memory
from pipeline.notify.messages import Style, message, waiting_message
from pipeline.notify.source import Incoming, Source
from pipeline.notify.targets.contract import Delivered, Notice, Outcome, Refused, Retry, Target
from schemas.alert import Alert
from schemas.delivery import Delivery

POLL_SECONDS: Final = 0.5
REMIND_SECONDS: Final = 60.0
FIRST_BACK_OFF: Final = 1.0
LONGEST_BACK_OFF: Final = 300.0
_AT_ONCE: Final = 500
"""Records of deliveries that are written at once."""

logger = structlog.get_logger("tocsin.notify")


class Observer(Protocol):
    """What is counted of one target."""

    def delivered(self, alerts: int) -> None:
        """Alerts that the target has taken."""

    def retried(self, cause: str) -> None:
        """A delivery that is tried again."""

    def failed(self, cause: str) -> None:
        """An alert that the target refuses for good."""

    def skipped(self, reason: Reason, alerts: int = 1) -> None:
        """Alerts that were not delivered at once, and why."""

    def waiting(self, alerts: int) -> None:
        """How many alerts are kept for later."""

    def undelivered(self, since: float | None) -> None:
        """When the alert was published that is tried now, in Unix seconds; None where there is none."""

    def unrecorded(self, deliveries: int) -> None:
        """How many deliveries are not yet on their topic."""


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """What is fixed of a target: its name, its section of the configuration, how its messages look."""

    name: str
    section: TargetSection
    style: Style


class Courier:
    """Carries alerts to one target, in their order. A delivery that fails holds this target alone."""

    def __init__(
        self,
        profile: Profile,
        target: Target,
        memory: Memory,
        observer: Observer,
        *,
        clock: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
        log: Handover | None = None,
    ) -> None:
        """Nothing is carried yet. Without a `log` it rehearses: its target sends nothing, so nothing is recorded."""
        self._profile = profile
        self._target = target
        self._memory = memory
        self._observer = observer
        self._clock = clock
        self._chance = chance
        self._log = log
        self._pending: Incoming | None = None
        self._failures = 0
        self._not_before = float("-inf")
        self._reminded_at = self._forgot_at = float("-inf")
        interrupted = memory.interrupted()
        if interrupted:
            logger.info("may be told twice: their delivery was interrupted", target=profile.name, alerts=interrupted)
        observer.waiting(memory.held_count())

    def forget_pending(self) -> None:
        """The source is another one now, which hands out again what was not done with."""
        self._pending = None

    def step(self, source: Source) -> float:
        """Do the next thing that is due, for a second or for as long as one delivery takes.

        Returns:
            Seconds to wait before the next step; 0 where it may follow at once.
        """
        self.record()
        now = self._clock()
        if now < self._not_before:
            return min(self._not_before - now, POLL_SECONDS)
        if self._pending is None:
            self._pending = source.next(POLL_SECONDS)
        idle = self._pending is None
        if self._pending is not None:
            self._observer.undelivered(self._pending.published)
            if self._is_done(self._pending):
                source.done(self._pending)
                self._pending = None
                self._observer.undelivered(None)
        if self._clock() >= self._not_before:
            self._tell_what_waited(source, idle=idle)
            self._remind()
            self._forget()
        self._observer.waiting(self._memory.held_count())
        return 0.0

    def record(self, seconds: float = 0.0) -> None:
        """Have it written who was told, and forget what is; in the end wait so long for it."""
        if self._log is None:
            return
        self._note_written(0.0)
        if not self._log.in_hand:
            self._log.offer(self._memory.unrecorded(_AT_ONCE))
        if seconds:
            self._note_written(seconds)
        self._observer.unrecorded(self._memory.unrecorded_count())

    def _note_written(self, seconds: float) -> None:
        written = self._log.written(seconds) if self._log else []
        if written:
            self._memory.recorded(written)

    def _is_done(self, incoming: Incoming) -> bool:
        """Decide upon a record and act; False where it has to be tried again."""
        alert, now = incoming.alert, self._clock()
        if alert is None:
            logger.error("a record is no alert", target=self._profile.name, place=incoming.place, why=incoming.problem)
            self._observer.skipped(Reason.UNREADABLE)
            return True
        past = self._memory.past(alert, now)
        reason = decide(self._profile.section, alert, past, now=now, published=incoming.published)
        if reason is Reason.SEND:
            return self._deliver(alert)
        self._observer.skipped(reason)
        if reason in HELD:
            self._memory.hold(alert, reason, incoming.published)
        elif alert.transition == "resolved" and reason is not Reason.ALREADY_DELIVERED:
            self._superseded(self._memory.ended(alert, now))
        return True

    def _deliver(self, alert: Alert) -> bool:
        """Tell one alert; False where it has to be tried again."""
        told = self._memory.told(alert.episode_id)
        key, previous = told or (dedup_key(alert), None)
        is_free = key != dedup_key(alert) and not self._memory.is_shared(key, alert.episode_id)
        notice = Notice(
            alert=alert,
            message=message(alert, self._profile.style),
            previous=previous,
            free_key=key if is_free else None,
        )
        self._memory.attempt([alert])
        return self._concluded(self._target.deliver(notice), [alert])

    def _concluded(self, outcome: Outcome, alerts: list[Alert]) -> bool:
        """Remember what became of one delivery; False where it has to be tried again."""
        now = self._clock()
        known = {"target": self._profile.name, "alerts": [alert.id for alert in alerts]}
        if isinstance(outcome, Retry):
            self._back_off(outcome, now)
            wait = round(self._not_before - now, 1)
            logger.warning("not delivered", why=outcome.why, tried_again_in_seconds=wait, **known)
            return False
        self._failures = 0
        records = self._records(outcome, alerts, now)
        if isinstance(outcome, Delivered):
            self._superseded(self._memory.delivered(alerts, now, records))
            self._observer.delivered(len(alerts))
            if self._log is not None:
                logger.info("delivered", brands=[alert.brand for alert in alerts], **known)
            return True
        for number, alert in enumerate(alerts):
            self._memory.give_up(alert, now, records[number : number + 1])
            self._observer.failed(outcome.cause)
        self._observer.skipped(Reason.REFUSED, len(alerts))
        logger.error("refused, and not tried again", why=outcome.why, **known)
        return True

    def _records(self, outcome: Delivered | Refused, alerts: list[Alert], now: float) -> list[Delivery]:
        if self._log is None:
            return []
        target = (self._profile.name, self._profile.section.type)
        return deliveries_of(target, outcome, alerts, self._memory.waited(alerts), now)

    def _back_off(self, outcome: Retry, now: float) -> None:
        self._failures += 1
        longest = min(FIRST_BACK_OFF * 2.0 ** min(self._failures - 1, 20), LONGEST_BACK_OFF)
        # Between a half and the whole of it, so that those who failed together do not come back together.
        wait = longest * (0.5 + self._chance() / 2) if outcome.after is None else max(outcome.after, FIRST_BACK_OFF)
        self._not_before = now + wait
        self._observer.retried(outcome.cause)

    def _superseded(self, alerts: int) -> None:
        if alerts:
            self._observer.skipped(Reason.SUPERSEDED, alerts)

    def _tell_what_waited(self, source: Source, *, idle: bool) -> None:
        """Deliver what is kept, as the last of every episode, once the reasons to keep it are gone.

        What is too old waits until all is read: the end of its episode may come yet.
        """
        if not self._memory.held_count() or not self._may_send():
            return
        if self._memory.held_count(Reason.TOO_OLD) and not (idle and source.is_caught_up()):
            return
        alerts = _last_of_episodes(self._memory.held())
        if len(alerts) > 1:
            self._memory.attempt(alerts)
            outcome = self._target.deliver_waiting(alerts, waiting_message(alerts, self._profile.style))
            if isinstance(outcome, Delivered | Retry):
                self._concluded(outcome, alerts)
                return
            # None: it wants them one by one. Refused: one of them is at fault, and the others are not lost with it.
        for alert in alerts:
            if not self._may_send() or not self._deliver(alert):
                return

    def _may_send(self) -> bool:
        now = self._clock()
        return may_send(self._profile.section, recent=self._memory.recent(now), now=now)

    def _remind(self) -> None:
        """Say again what is open, to a target that forgets."""
        now = self._clock()
        if now - self._reminded_at < REMIND_SECONDS:
            return
        self._reminded_at = now
        outcome = self._target.remind(self._memory.open_alerts())
        if isinstance(outcome, Retry | Refused):
            self._observer.retried(outcome.cause)
            logger.warning("not reminded of what is open", target=self._profile.name, why=outcome.why)

    def _forget(self) -> None:
        """Keep the memory small."""
        now = self._clock()
        if now - self._forgot_at >= SECONDS_PER_HOUR:
            self._forgot_at = now
            self._memory.forget(now)


def _last_of_episodes(held: list[Held]) -> list[Alert]:
    last: dict[str, Alert] = {}
    for one in held:
        last.pop(one.alert.episode_id, None)
        last[one.alert.episode_id] = one.alert
    return list(last.values())
