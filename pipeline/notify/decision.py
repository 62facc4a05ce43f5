"""Whether an alert goes to a target now, later or never, and why. Pure: the clock is an argument."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from pipeline.notify.config import TargetSection
from schemas.alert import Alert

SECONDS_PER_HOUR: Final = 3600.0


class Reason(StrEnum):
    """What is done with an alert and why; the values are metric labels and are added, never renamed."""

    SEND = "send"
    """It is delivered now."""
    ALREADY_DELIVERED = "already_delivered"
    """This target has it: it is read again after a restart."""
    OTHER_BRAND = "other_brand"
    """Its brand and category are none of `brands` and `categories`."""
    OTHER_KIND = "other_kind"
    """Its kind is none of `kinds`."""
    OTHER_TRANSITION = "other_transition"
    """Its transition is none of `transitions`."""
    OTHER_LANGUAGE = "other_language"
    """Most of its mentions are in none of `languages`."""
    BELOW_SEVERITY = "below_severity"
    """Its severity is below `min_severity`, and the episode was not told."""
    NOT_TOLD = "not_told"
    """It is over, and the target never heard that it had begun."""
    INCIDENT_OPEN = "incident_open"
    """It is over, but another episode of the same incident is open under the same key."""
    TOO_OLD = "too_old"
    """It is older than `max_age_hours`: what is still open is told once everything has been read."""
    QUIET_HOURS = "quiet_hours"
    """It waits for the end of the quiet hours."""
    RATE_LIMITED = "rate_limited"
    """`rate_per_hour` is used up: it waits for room."""
    SUPERSEDED = "superseded"
    """It waited, and something later of the same episode was delivered instead, or the episode ended untold."""
    REFUSED = "refused"
    """The target does not take it, and would not the next time."""
    UNREADABLE = "unreadable"
    """The record is no alert."""


HELD: Final = frozenset({Reason.TOO_OLD, Reason.QUIET_HOURS, Reason.RATE_LIMITED})
"""Reasons for which an alert is kept, to be told later."""


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """What a target has been told so far.

    Attributes:
        delivered: it has this very alert.
        told: it was told of the episode, and not yet of its end.
        shared: another told episode has the same dedup key.
        recent: deliveries within the last hour.
    """

    delivered: bool = False
    told: bool = False
    shared: bool = False
    recent: int = 0


def decide(section: TargetSection, alert: Alert, past: Past, *, now: float, published: float) -> Reason:
    """What to do with an alert.

    Args:
        section: what the target wants.
        alert: of any age.
        past: what the target knows.
        now: Unix seconds.
        published: when the alert was written to its topic, in Unix seconds.
    """
    if past.delivered:
        return Reason.ALREADY_DELIVERED
    is_old = now - published > section.max_age_hours * SECONDS_PER_HOUR
    unwanted = _unwanted(section, alert, past, is_old=is_old)
    if unwanted is not None:
        return unwanted
    if alert.transition == "resolved" and section.closes:
        return Reason.INCIDENT_OPEN if past.shared and section.type == "pagerduty" else Reason.SEND
    if is_old:
        return Reason.TOO_OLD
    return _timing(section, alert, past, now)


def may_send(section: TargetSection, *, recent: int, now: float) -> bool:
    """Whether what waits may be delivered."""
    return not (section.quiet and section.quiet.holds(now)) and recent < section.rate


def _unwanted(section: TargetSection, alert: Alert, past: Past, *, is_old: bool) -> Reason | None:
    """Why the target does not want to hear it at all, None where it does.

    What it was told of it hears to the end, whatever became of severity and languages. What is over and was never told
    is no news to people; a pager is told all the same unless it is old, for it may have been opened before our memory
    was lost.
    """
    over = alert.transition == "resolved"
    unwanted = {
        Reason.OTHER_BRAND: not _is_of_its_brands(section, alert),
        Reason.OTHER_KIND: bool(section.kinds) and alert.kind not in section.kinds,
        Reason.OTHER_TRANSITION: bool(section.transitions) and alert.transition not in section.transitions,
        Reason.BELOW_SEVERITY: not past.told and alert.severity not in section.severities,
        Reason.OTHER_LANGUAGE: (
            not past.told and bool(section.languages) and main_language(alert) not in section.languages
        ),
        Reason.NOT_TOLD: not past.told and over and (is_old or not section.closes),
    }
    return next((reason for reason, holds in unwanted.items() if holds), None)


def _is_of_its_brands(section: TargetSection, alert: Alert) -> bool:
    if not section.brands and not section.categories:
        return True
    category = alert.brand if alert.scope == "category" else alert.category
    return (alert.scope == "brand" and alert.brand in section.brands) or category in section.categories


def _timing(section: TargetSection, alert: Alert, past: Past, now: float) -> Reason:
    """Now or later. A critical episode wakes people up; that it goes on does not use up more than the rate allows."""
    critical = alert.severity == "critical" and alert.transition != "resolved"
    if not critical and section.quiet is not None and section.quiet.holds(now):
        return Reason.QUIET_HOURS
    if not (critical and alert.transition in {"opened", "escalated"}) and past.recent >= section.rate:
        return Reason.RATE_LIMITED
    return Reason.SEND


def main_language(alert: Alert) -> str:
    """The language of most of its mentions, "" where none is known."""
    known = {name: count for name, count in alert.evidence.languages.items() if name != "other"}
    return max(known, key=lambda name: (known[name], name)) if known else ""


def dedup_key(alert: Alert) -> str:
    """The key under which a pager keeps what the alert is about: the incident, as docs/contracts.md asks."""
    return alert.incident_id or alert.episode_id
