"""By when somebody is to act, as an alert says it."""

from __future__ import annotations

from schemas.alert import Alert


def due_of(alert: Alert) -> int | None:
    """The deadline in Unix seconds, None where the alert tells of none.

    Later alerts of an episode leave out a deadline that has passed, so the earliest that any of them tells holds. An
    alert that nobody acted in time tells one too: it is at its own time at the latest.
    """
    if alert.playbook is not None and alert.playbook.respond_by is not None:
        return int(alert.playbook.respond_by.timestamp())
    return int(alert.detected_time.timestamp()) if "unanswered" in alert.changes else None
