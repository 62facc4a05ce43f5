"""What people say and do, on its way to the topic alert-feedback: the only thing that a request can write."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Protocol

import msgspec

from pipeline.config.settings import Settings
from pipeline.hub.store.writer import Change, Incoming, Writer
from pipeline.kafka.feedback import write_feedback
from pipeline.report.playbook import checklist_of
from schemas.alert import Alert, PlaybookStep
from schemas.feedback import FEEDBACK_KINDS, Feedback, FeedbackKind, Label, new_feedback
from schemas.moments import moment
from schemas.text import replace_lone_surrogates

_MAX_ANSWER_AGE_SECONDS: Final = 366 * 86_400


class Sink(Protocol):
    """Where feedback goes."""

    def send(self, said: Feedback) -> None:
        """Return when it is safe.

        Raises:
            BrokerError: it is not.
        """


class StoreSink:
    """Keeps feedback in the store alone: for a recording, of which there is no topic."""

    def __init__(self, writer: Writer, on_change: Callable[[Change], None]) -> None:
        self._writer = writer
        self._on_change = on_change

    def send(self, said: Feedback) -> None:
        """Store it."""
        self._on_change(self._writer.apply(Incoming(feedback=[said])))


class TopicSink:
    """Writes to the topic; when the brokers have it, to the store as well, so that the next page shows it."""

    def __init__(self, settings: Settings, store: StoreSink) -> None:
        self._settings = settings
        self._store = store

    def send(self, said: Feedback) -> None:
        """Write it; return when all replicas that are in sync have it.

        Raises:
            BrokerError: they may not have it.
        """
        write_feedback(self._settings, said)
        self._store.send(said)


def feedback_of_form(form: Mapping[str, Any], alerts: Sequence[Alert], author: str, now: datetime) -> Feedback:
    """What a form says about an episode.

    Args:
        form: its fields as they came.
        alerts: of the episode that it is about, in order.
        author: who says it.
        now: when.

    Raises:
        ValueError: a field breaks a rule of the record; the message names it.
    """
    fields = {name: replace_lone_surrogates(str(value)).strip() for name, value in form.items()}
    kind = fields.get("kind", "")
    known: FeedbackKind | None = next((one for one in FEEDBACK_KINDS if one == kind), None)
    if known is None:
        raise ValueError(f"expected one of {', '.join(FEEDBACK_KINDS)} as the kind of feedback")
    label: Label | None = None
    if known == "label":
        label = msgspec.convert(fields.get("label"), Label)
    is_answer = known == "answer"
    checklist = checklist_of(alerts)
    return new_feedback(
        alerts[-1],
        known,
        author=author,
        time=_published(fields.get("published", ""), now) if is_answer else now,
        note=fields.get("note"),
        label=label,
        url=fields.get("url") if is_answer else None,
        step=_step(fields.get("step", ""), checklist) if known == "step" else None,
    )


def _step(step: str, checklist: Sequence[PlaybookStep]) -> str:
    """The id of a step of the checklist."""
    known = [one.id for one in checklist]
    if step not in known:
        raise ValueError(f"expected a step of the checklist ({', '.join(known) or 'it has none'})")
    return step


def _published(text: str, now: datetime) -> datetime:
    """When an answer was published; now where nothing is said."""
    if not text:
        return now
    found = datetime.fromisoformat(text)
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    if found > now or (now - found).total_seconds() > _MAX_ANSWER_AGE_SECONDS:
        raise ValueError("expected the time of the answer to be in the last year, not in the future")
    return found


class Clock:
    """What time it is for people: the wall clock's, or, where the events are of another time, theirs."""

    def __init__(self, *, by_events: bool, watermark: Callable[[], int]) -> None:
        self._by_events = by_events
        self._watermark = watermark

    def now(self) -> datetime:
        """The moment, to the second."""
        seen = self._watermark() if self._by_events else 0
        return moment(seen or int(time.time()))  # before the first activity nobody knows the time of the events
