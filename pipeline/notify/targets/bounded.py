"""A bound for deliveries as a whole: a target that neither answers nor fails holds a thread of its own, not ours."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from pipeline.notify.messages import Message
from pipeline.notify.targets.contract import Notice, Outcome, Retry, Target
from schemas.alert import Alert


class Bounded:
    """A target whose every call ends in time, or is left to itself.

    Time-outs of sockets begin anew with every byte, and name resolution has none: an answer of a byte a second would
    last for ever. While a call that was left to itself goes on, no second one begins.
    """

    def __init__(self, target: Target, seconds: float) -> None:
        self._target = target
        self._seconds = seconds
        self._running: threading.Thread | None = None

    def deliver(self, notice: Notice) -> Outcome:
        """See the contract."""
        outcome = self._call(partial(self._target.deliver, notice))
        assert outcome is not None
        return outcome

    def deliver_waiting(self, alerts: Sequence[Alert], message: Message) -> Outcome | None:
        """See the contract."""
        return self._call(partial(self._target.deliver_waiting, alerts, message))

    def remind(self, alerts: Sequence[Alert]) -> Outcome | None:
        """See the contract."""
        return self._call(partial(self._target.remind, alerts))

    def _call(self, call: Callable[[], Outcome | None]) -> Outcome | None:
        if self._running is not None and self._running.is_alive():
            return Retry("timeout", "the delivery before this one has still not ended")
        results: list[Any] = []
        self._running = threading.Thread(target=_run, args=(call, results), name="tocsin-delivery", daemon=True)
        self._running.start()
        self._running.join(self._seconds)
        if not results:
            return Retry("timeout", f"the delivery did not end within {self._seconds:g} s")
        if isinstance(results[0], BaseException):
            raise results[0]
        outcome: Outcome | None = results[0]
        return outcome


def _run(call: Callable[[], Outcome | None], results: list[Any]) -> None:
    try:
        results.append(call())
    except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
        results.append(error)
