"""The playbook of an alert: what is configured for its case, its drafts filled in from the evidence."""

from __future__ import annotations

from datetime import datetime

import msgspec

from pipeline.config.playbooks import PlaybookConfig
from pipeline.wording import time_of_day
from schemas.alert import Alert, Playbook, PlaybookStep, Severity
from schemas.text import printable

MAX_DRAFT_CHARACTERS = 2000
MAX_DRAFT_BYTES = 10_240
"""Of all drafts of an alert, filled in: whoever writes a field a hundred times must not make an alert too large."""


def playbook_of(configured: PlaybookConfig | None, severity: Severity, respond_by: datetime | None) -> Playbook | None:
    """What is configured, the drafts as they stand; None where nothing is.

    Args:
        configured: for the case of the alert.
        severity: of the episode.
        respond_by: when somebody must have acted; None where that is not configured or over.
    """
    if configured is None:
        return None
    return Playbook(
        owner=configured.owner,
        link=configured.link,
        respond_by=respond_by,
        deputies=configured.deputies or (),
        spokesperson=configured.spokesperson,
        legal_reviewer=configured.legal_reviewer,
        inform=(configured.inform or {}).get(severity, ()),
        channel=configured.channel,
        steps=tuple(PlaybookStep(id=step.id, text=step.text) for step in configured.steps or ()),
        drafts={str(language): text for language, text in (configured.drafts or {}).items()},
    )


def filled_drafts(alert: Alert, name: str) -> dict[str, str]:
    """The drafts of an alert's playbook with their fields filled in; as they stand those for which there is no room.

    Args:
        alert: with all its other fields.
        name: what people call the brand.
    """
    if alert.playbook is None or not alert.playbook.drafts:
        return {}
    terms, cause, counts = alert.evidence.terms, alert.evidence.cause, alert.since_onset
    values = {
        "brand": alert.brand,
        "cause": "" if cause is None else printable(cause.name, 64).replace("_", " "),
        "mentions": f"{alert.observed.mentions if counts is None else counts.mentions:,.0f}",
        "name": printable(name, 64),
        "since": time_of_day(alert.onset_time, alert.detected_time),
        "term": printable(terms[0].text, 64) if terms else "",
    }
    drafts, room = dict(alert.playbook.drafts), MAX_DRAFT_BYTES
    for language, text in drafts.items():
        filled = text.format_map(values)[:MAX_DRAFT_CHARACTERS]
        size = len(msgspec.json.encode(filled))
        if size <= room:
            drafts[language] = filled
            room -= size
    return drafts
