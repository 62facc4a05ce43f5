"""What the playbook asked for, and what of it was done."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from pipeline.report.review import Due, Step
from pipeline.report.shown import EXCERPT_CHARACTERS, NAME_CHARACTERS, line
from schemas.alert import Alert, PlaybookStep
from schemas.feedback import Feedback

DEFAULT_STEPS: Final = (
    "verify-facts",
    "read-trigger",
    "decide-tone",
    "legal-review",
    "publish",
    "tell-staff",
    "watch-reaction",
    "follow-up",
)
"""Ids of the checklist where no playbook has one of its own; its words are those of `step.ID` in every language."""
CALM_KINDS: Final = ("volume_surge",)
"""Kinds without a negative side, which ask for no answer: they have no checklist of their own accord."""


def due_of(alerts: Sequence[Alert], said: Sequence[Feedback], known_until: datetime) -> Due | None:
    """By when somebody was to act, and whether somebody did; None where the playbook sets no time.

    Args:
        alerts: of the episode, in order.
        said: about it, in order of time.
        known_until: the end of what is known.
    """
    by = next((one.playbook.respond_by for one in alerts if one.playbook and one.playbook.respond_by), None)
    if by is None:
        return None
    acted = first_deed(said)
    late = None if acted is None else late_minutes(by, acted.time)
    if alerts[-1].transition == "resolved" and alerts[-1].detected_time <= by and (acted is None or late is not None):
        return Due(by=by)  # it was over before the time was, and nobody had to act any more
    if acted is None:
        return Due(by=by, kept=False if known_until > by else None)
    return Due(by=by, kept=late is None, deed="answer" if acted.kind == "answer" else "acknowledged", late_minutes=late)


def first_deed(said: Iterable[Feedback]) -> Feedback | None:
    """The first acknowledgement or answer, which both keep a deadline; `said` is in order of time."""
    return next((one for one in said if one.kind in {"acknowledged", "answer"}), None)


def late_minutes(by: datetime, acted: datetime) -> int | None:
    """Minutes after a deadline, a begun one as a whole one; None where it was kept."""
    return math.ceil((acted - by).total_seconds() / 60.0) if acted > by else None


def checklist_of(alerts: Sequence[Alert]) -> tuple[PlaybookStep, ...]:
    """The steps of the last playbook that names some, else the default ones without a text.

    Args:
        alerts: of the episode, in order.
    """
    named = next((one.playbook.steps for one in reversed(alerts) if one.playbook and one.playbook.steps), ())
    if named or alerts[-1].kind in CALM_KINDS:
        return named
    return tuple(PlaybookStep(id=step, text="") for step in DEFAULT_STEPS)


def steps_of(alerts: Sequence[Alert], said: Sequence[Feedback]) -> tuple[Step, ...]:
    """The steps of the checklist in its order, then those that were done and it does not name.

    Args:
        alerts: of the episode, in order.
        said: about it, in order of time; of a step that was done twice the first time counts.
    """
    texts = {step.id: line(step.text, EXCERPT_CHARACTERS) for step in checklist_of(alerts)}
    done: dict[str, Feedback] = {}
    for one in said:
        if one.kind == "step" and one.step is not None:
            done.setdefault(one.step, one)
    found = []
    for name in dict.fromkeys((*texts, *done)):
        told = done.get(name)
        found.append(
            Step(
                id=line(name, NAME_CHARACTERS),
                text=texts.get(name, ""),
                done=None if told is None else told.time,
                author="" if told is None else line(told.author, NAME_CHARACTERS),
            )
        )
    return tuple(found)
