"""The outcome of a demo run: which crises were detected, how soon, and which alarms nothing explains."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from pipeline.simulation import Labels
from pipeline.wording import counted
from schemas.alert import Alert


def label_lines(labels: Labels, alerts: Iterable[Alert], passed: float) -> list[str]:
    """One line for each labelled event, and one for the crisis alarms that no event explains.

    Args:
        labels: labels of the simulated stream.
        alerts: alerts that arrived.
        passed: event time reached, Unix seconds; an event after it is listed as not yet reached.
    """
    crises = [alert for alert in alerts if (alert.scope, alert.kind, alert.transition) == ("brand", "crisis", "opened")]
    lines = []
    explained: set[str] = set()
    for label in labels.labels:
        onset = label.onset_time or label.trigger_time
        fired = [alert for alert in crises if alert.brand == label.brand and alert.detected_time > label.trigger_time]
        what = f"{label.shape} crisis" if label.kind == "crisis" else label.kind
        if onset.timestamp() > passed:
            lines.append(f"{label.brand}: {what}, not yet reached")
        elif label.kind == "crisis" and fired:
            minutes = round((fired[0].detected_time - onset).total_seconds() / 60)
            delay = f"{counted(abs(minutes), 'minute')} {'before' if minutes < 0 else 'after'} onset"
            lines.append(f"{label.brand}: {what} from {onset:%d %b %H:%M} UTC, detected {delay}")
        elif label.kind == "crisis":
            lines.append(f"{label.brand}: {what} from {onset:%d %b %H:%M} UTC, not detected (so far)")
        elif fired:
            lines.append(f"{label.brand}: {what}, a crisis alarm fired: WRONG")
        else:
            lines.append(f"{label.brand}: {what} from {onset:%d %b %H:%M} UTC, no crisis alarm: right")
        explained.update(alert.id for alert in fired)
    others = [alert for alert in crises if alert.id not in explained]
    years = len(labels.brands) * max(passed - labels.start.timestamp(), 0.0) / (365.25 * 86_400)
    lines.append(
        f"{counted(len(others), 'crisis alarm')} on brands without a crisis, in {years:.1f} brand-years"
        + (f" ({', '.join(sorted({alert.brand for alert in others}))})" if others else "")
    )
    return lines


class MentionCounts(msgspec.Struct, frozen=True):
    """The worker's counts of the mentions of a file, ticks left out.

    Attributes:
        consumed: mentions read, refused ones included.
        refused: mentions that became dead letters.
        late: mentions that arrived after their bucket was closed.
        duplicate: mentions that had arrived before.
        complete: whether every mention and every tick has been read.
    """

    consumed: int
    refused: int
    late: int
    duplicate: int
    complete: bool


def mention_counts(sums: Mapping[str, float], mentions: int, ticks: int) -> MentionCounts:
    """The counts of a file from the sums of the worker's metrics.

    Args:
        sums: sums by metric name without the prefix.
        mentions: number of mentions published.
        ticks: number of ticks published after them; a refused one counts in the metrics as a mention read and rejected.
    """
    consumed, rejected, late, duplicate = (
        int(sums[f"mentions_{name}_total"]) for name in ("consumed", "rejected", "late", "duplicate")
    )
    passed = min(int(sums["ticks_total"]), ticks)
    refused_ticks = min(ticks - passed, max(consumed - mentions, 0))
    complete = consumed + passed >= mentions + ticks
    return MentionCounts(consumed - refused_ticks, rejected - refused_ticks, late, duplicate, complete)


def count_line(alerts: Iterable[Alert]) -> str:
    """The number of alerts by kind and transition, in one line."""
    numbers = Counter((alert.kind, alert.transition) for alert in alerts)
    parts = []
    for (kind, transition), number in sorted(numbers.items()):
        plural = "crises" if kind == "crisis" else ""
        parts.append(f"{counted(number, kind.replace('_', ' '), plural)} {transition}")
    return ", ".join(parts) or "none"
