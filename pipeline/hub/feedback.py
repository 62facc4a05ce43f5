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
from schemas.alert import Alert
from schemas.feedback import FEEDBACK_KINDS, LABELS, Feedback, FeedbackKind, Label, new_feedback
from schemas.moments import moment
from schemas.text import replace_lone_surrogates

_MAX_ANSWER_AGE_SECONDS: Final = 366 * 86_400
_MAX_NOTE: Final = 2000
_MAX_URL: Final = 2048


class RefusedFormError(ValueError):
    """A form that cannot be recorded; `word` names the sentence of the pages that says why."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


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
        RefusedFormError: a field is missing or breaks a rule.
    """
    fields = {name: replace_lone_surrogates(str(value)).strip() for name, value in form.items()}
    kind = fields.get("kind", "")
    known: FeedbackKind | None = next((one for one in FEEDBACK_KINDS if one == kind), None)
    checklist = checklist_of(alerts)
    fault = _fault(kind, fields, author, [one.id for one in checklist])
    if known is None or fault:
        raise RefusedFormError(fault or "refused_other")
    label: Label | None = next((one for one in LABELS if one == fields.get("label")), None)
    is_answer = known == "answer"
    try:
        return new_feedback(
            alerts[-1],
            known,
            author=author,
            time=_published(fields.get("published", ""), now) if is_answer else now,
            note=fields.get("note"),
            label=label if known == "label" else None,
            url=fields.get("url") if is_answer else None,
            step=fields.get("step") if known == "step" else None,
        )
    except msgspec.ValidationError:  # a rule of the record that no sentence below is about
        raise RefusedFormError("refused_other") from None


def _fault(kind: str, fields: Mapping[str, str], author: str, steps: Sequence[str]) -> str:
    """The sentence that says what of a form cannot be recorded, nothing where all can."""
    note, url = fields.get("note", ""), fields.get("url", "")
    rules = {
        "refused_name": not author,
        "refused_long": len(note) > _MAX_NOTE or len(url) > _MAX_URL,
        "refused_note": kind == "note" and not note,
        "refused_answer": kind == "answer" and not note and not url,
        "refused_address": kind == "answer" and bool(url) and not url.startswith(("https://", "http://")),
        "refused_label": kind == "label" and fields.get("label") not in LABELS,
        "refused_step": kind == "step" and fields.get("step") not in steps,
    }
    return next((word for word, is_broken in rules.items() if is_broken), "")


def _published(text: str, now: datetime) -> datetime:
    """When an answer was published; now where nothing is said."""
    if not text:
        return now
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise RefusedFormError("refused_time") from None
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    if found > now or (now - found).total_seconds() > _MAX_ANSWER_AGE_SECONDS:
        raise RefusedFormError("refused_time")
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
