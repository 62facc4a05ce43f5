"""Who must act, by when and how: the playbook as lines of a message.

These are the operator's own words, from the configuration, and may well call somebody. Drafts of an answer hold words
of posts and were checked by nobody: they are no part of a message.
"""

from __future__ import annotations

from typing import Final

from pipeline.notify.wordings import Wording
from pipeline.wording import time_of_day
from schemas.alert import Alert
from schemas.text import printable

_NAME_CHARACTERS: Final = 100
_STEP_CHARACTERS: Final = 120
_SHOWN_NAMES: Final = 4
_SHOWN_STEPS: Final = 5


def duty(alert: Alert, words: Wording) -> list[str]:
    """The owner first, then who else and where; nothing where nobody must act."""
    playbook = alert.playbook
    if playbook is None or alert.transition == "resolved":
        return []
    owner, by = printable(playbook.owner, _NAME_CHARACTERS), playbook.respond_by
    lines = [words.owner_by.format(owner, time_of_day(by, alert.detected_time)) if by else words.owner.format(owner)]
    for people, label in (
        (playbook.deputies, words.deputies),
        (_one(playbook.spokesperson), words.spokesperson),
        (_one(playbook.legal_reviewer), words.legal_reviewer),
        (playbook.inform, words.inform),
    ):
        named = [printable(one, _NAME_CHARACTERS) for one in people[:_SHOWN_NAMES]]
        lines += [label.format(words.joined.join(named))] if named else []
    if playbook.channel:
        lines.append(words.channel.format(printable(playbook.channel, _NAME_CHARACTERS)))
    if playbook.link:
        lines.append(words.playbook.format(printable(playbook.link, 300)))
    return lines


def _one(person: str | None) -> tuple[str, ...]:
    return (person,) if person else ()


def steps(alert: Alert, words: Wording) -> list[str]:
    """The first steps of the playbook, on one line."""
    playbook = alert.playbook
    if playbook is None or not playbook.steps:
        return []
    shown = [f"({number}) {printable(step.text, _STEP_CHARACTERS)}" for number, step in enumerate(playbook.steps, 1)]
    return [words.steps.format(" ".join(shown[:_SHOWN_STEPS]))]
