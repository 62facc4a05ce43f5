"""What a demo run amounted to: were the right brands rung for, how soon, and were the others left in peace?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from pipeline.simulation import Labels
from pipeline.wording import counted
from schemas.alert import Alert


def label_lines(labels: Labels, alerts: Iterable[Alert], passed: float) -> list[str]:
    """One line for each thing that was simulated, and one for alarms that nothing explains.

    Args:
        labels: the truth.
        alerts: what arrived.
        passed: event time that has passed, Unix seconds; what lies later is said to be still to come.
    """
    crises = [alert for alert in alerts if (alert.scope, alert.kind, alert.transition) == ("brand", "crisis", "opened")]
    lines = []
    explained: set[str] = set()
    for label in labels.labels:
        onset = label.onset_time or label.trigger_time
        rung = [alert for alert in crises if alert.brand == label.brand and alert.detected_time > label.trigger_time]
        what = f"{label.shape} crisis" if label.kind == "crisis" else label.kind
        if onset.timestamp() > passed:
            lines.append(f"{label.brand}: {what}, not yet reached")
        elif label.kind == "crisis" and rung:
            minutes = round((rung[0].detected_time - onset).total_seconds() / 60)
            later = counted(minutes, "minute")
            lines.append(f"{label.brand}: {what} from {onset:%d %b %H:%M} UTC, rung for {later} after its onset")
        elif label.kind == "crisis":
            lines.append(f"{label.brand}: {what} from {onset:%d %b %H:%M} UTC, not rung for (so far)")
        elif rung:
            lines.append(f"{label.brand}: {what}, rung for as a crisis: WRONG")
        else:
            lines.append(f"{label.brand}: {what} from {onset:%d %b %H:%M} UTC, no crisis alarm: right")
        explained.update(alert.id for alert in rung)
    others = [alert for alert in crises if alert.id not in explained]
    years = len(labels.brands) * max(passed - labels.start.timestamp(), 0.0) / (365.25 * 86_400)
    lines.append(
        f"{counted(len(others), 'crisis alarm')} on brands without a crisis, in {years:.1f} brand-years"
        + (f" ({', '.join(sorted({alert.brand for alert in others}))})" if others else "")
    )
    return lines


class MentionCounts(msgspec.Struct, frozen=True):
    """What the worker made of a file; ticks are no mentions.

    Attributes:
        consumed: mentions read, refused ones included.
        refused: those that became dead letters.
        late: those that came after their bucket was closed.
        duplicate: those that had come before.
        complete: whether every mention and every tick has been read.
    """

    consumed: int
    refused: int
    late: int
    duplicate: int
    complete: bool


def mention_counts(sums: Mapping[str, float], mentions: int, ticks: int) -> MentionCounts:
    """Counts of a file from the sums of the worker's metrics.

    Args:
        sums: by metric name without the prefix.
        mentions: published.
        ticks: published after them; one that is refused counts as a mention read and rejected.
    """
    consumed, rejected, late, duplicate = (
        int(sums[f"mentions_{name}_total"]) for name in ("consumed", "rejected", "late", "duplicate")
    )
    passed = min(int(sums["ticks_total"]), ticks)
    refused_ticks = min(ticks - passed, max(consumed - mentions, 0))
    complete = consumed + passed >= mentions + ticks
    return MentionCounts(consumed - refused_ticks, rejected - refused_ticks, late, duplicate, complete)


def count_line(alerts: Iterable[Alert]) -> str:
    """Alerts by kind and transition, in one line."""
    numbers = Counter((alert.kind, alert.transition) for alert in alerts)
    parts = []
    for (kind, transition), number in sorted(numbers.items()):
        plural = "crises" if kind == "crisis" else ""
        parts.append(f"{counted(number, kind.replace('_', ' '), plural)} {transition}")
    return ", ".join(parts) or "none"
