"""What every target can do, and what can become of a delivery."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

import msgspec

from pipeline.notify.messages import Message
from schemas.alert import Alert

CAUSES: Final = (
    "answer",
    "connection",
    "crash",
    "library",
    "status_3xx",
    "status_429",
    "status_4xx",
    "status_5xx",
    "timeout",
    "tls",
)
"""Why a delivery did not succeed: values of a metric's label."""


class Delivered(msgspec.Struct, frozen=True):
    """The target has taken it."""


class Retry(msgspec.Struct, frozen=True):
    """It may go well the next time.

    Attributes:
        cause: one of CAUSES.
        why: for the log: one line without addresses and secrets.
        after: seconds that the target asks to wait, None where it says nothing.
    """

    cause: str
    why: str
    after: float | None = None


class Refused(msgspec.Struct, frozen=True):
    """The target does not take this message and would not the next time. Fields as of Retry."""

    cause: str
    why: str


Outcome = Delivered | Retry | Refused


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be told.

    Attributes:
        alert: the transition.
        message: the same in words.
        previous: the last alert that the target was told of the same episode, None where there was none.
        free_key: the dedup key under which the target knew the episode, where that is another one now and no other
            episode needs it: it is to be closed.
    """

    alert: Alert
    message: Message
    previous: Alert | None = None
    free_key: str | None = None


class OneByOne:
    """The part of a target that wants what had to wait one by one, and that forgets nothing."""

    def deliver_waiting(self, alerts: Sequence[Alert], message: Message) -> Outcome | None:  # noqa: ARG002 - see Target
        """See Target."""
        return None

    def remind(self, alerts: Sequence[Alert]) -> Outcome | None:  # noqa: ARG002 - see Target
        """See Target."""
        return None


class Target(Protocol):
    """A service that takes notices. Not for use by two threads."""

    def deliver(self, notice: Notice) -> Outcome:
        """Tell one transition."""
        ...

    def deliver_waiting(self, alerts: Sequence[Alert], message: Message) -> Outcome | None:
        """Tell several alerts that had to wait as one message; None where the target wants them one by one."""
        ...

    def remind(self, alerts: Sequence[Alert]) -> Outcome | None:
        """Say again what is open, where a target forgets; None where it does not."""
        ...
