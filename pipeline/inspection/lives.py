"""Episodes as their alerts tell them: when each opened, how grave it became, when it ended."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from schemas.alert import SEVERITIES, Alert, Kind, Scope, Severity


class Life(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One episode from its first alert to its last so far.

    Attributes:
        episode_id: of the episode.
        scope, brand, kind: what it is about.
        onset_time, opened: the first excess, and when it was detected.
        severity: the gravest so far.
        gravest_since: when it became so.
        resolved: when it ended; None while it is open.
    """

    episode_id: str
    scope: Scope = "brand"
    brand: str
    kind: Kind
    onset_time: datetime
    opened: datetime
    severity: Severity
    gravest_since: datetime
    resolved: datetime | None = None


def lives(alerts: Iterable[Alert]) -> list[Life]:
    """The episodes that alerts tell of, in order of opening.

    Args:
        alerts: each episode's in their order. An episode whose opening is not among them begins with its first alert.
    """
    found: dict[str, Life] = {}
    for alert in alerts:
        life = found.get(alert.episode_id)
        if life is None:
            life = found[alert.episode_id] = Life(
                episode_id=alert.episode_id,
                scope=alert.scope,
                brand=alert.brand,
                kind=alert.kind,
                onset_time=alert.onset_time,
                opened=alert.detected_time,
                severity=alert.severity,
                gravest_since=alert.detected_time,
            )
        if SEVERITIES.index(alert.severity) > SEVERITIES.index(life.severity):
            life.severity, life.gravest_since = alert.severity, alert.detected_time
        if alert.transition == "resolved":
            life.resolved = alert.detected_time
    return sorted(found.values(), key=lambda life: (life.opened, life.brand, life.kind))


def open_lives(alerts: Iterable[Alert]) -> list[tuple[Life, Alert]]:
    """The episodes that are open after these alerts, each with its last one; the gravest first, then the oldest.

    Args:
        alerts: in order of detection.
    """
    found = list(alerts)
    last = {alert.episode_id: alert for alert in found}
    still_open = [(life, last[life.episode_id]) for life in lives(found) if life.resolved is None]
    still_open.sort(key=lambda pair: -SEVERITIES.index(pair[0].severity))
    return still_open


def matched(a: Iterable[Life], b: Iterable[Life]) -> list[tuple[Life | None, Life | None]]:
    """Episodes of two runs in pairs: of one scope, brand and kind, and open at the same time; None where there is none.

    Each has one partner at most: the first one, in order of opening, that it overlaps with.
    """
    rows: list[tuple[Life | None, Life | None]] = []
    ours, theirs = _by_subject(a), _by_subject(b)
    for subject in sorted(ours.keys() | theirs.keys()):
        left, right = ours.get(subject, []), theirs.get(subject, [])
        i = j = 0
        while i < len(left) and j < len(right):
            if _is_over_before(left[i], right[j]):
                rows.append((left[i], None))
                i += 1
            elif _is_over_before(right[j], left[i]):
                rows.append((None, right[j]))
                j += 1
            else:
                rows.append((left[i], right[j]))
                i, j = i + 1, j + 1
        rows += [(life, None) for life in left[i:]]
        rows += [(None, life) for life in right[j:]]
    return rows


def _by_subject(found: Iterable[Life]) -> dict[tuple[str, str, str], list[Life]]:
    subjects: dict[tuple[str, str, str], list[Life]] = {}
    for life in sorted(found, key=lambda life: life.opened):
        subjects.setdefault((life.scope, life.brand, life.kind), []).append(life)
    return subjects


def _is_over_before(first: Life, second: Life) -> bool:
    return first.resolved is not None and first.resolved <= second.opened
