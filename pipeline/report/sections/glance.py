"""The section that is read first: when, how much, how long, how fast we were."""

from __future__ import annotations

from datetime import UTC, datetime

from pipeline.engine.alerts.surge_evidence import USUAL_AGAIN
from pipeline.report.outline import Block, Cell, row, text
from pipeline.report.review import After, Due, Review
from pipeline.report.told import first_told
from pipeline.report.words import Words
from pipeline.wording import percent


def instant(moment: datetime) -> str:
    """A moment in UTC, to the minute."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"


def number(value: float) -> str:
    """A count as people write it: whole, or with one digit below ten."""
    return f"{value:,.0f}" if abs(value) >= 10 or value == round(value) else f"{value:.1f}"


def glance(found: Review, words: Words) -> tuple[Block, ...]:
    """Facts, and what is missing."""
    rows = [
        *_beginning(found, words),
        *_size(found, words),
        *_end(found, words),
        *_response(found, words),
        *_judgement(found, words),
    ]
    missing = [
        text(words(key))
        for key, is_so in (("opening.missing", found.opening_missing), ("activity.missing", found.activity_missing))
        if is_so
    ]
    facts = tuple(row(words(name), value) for name, value in rows)
    ids = tuple(Cell(name, is_code=True) for name in found.incident)
    listed = (row(words("incident"), *ids[:1]), *(row("", one) for one in ids[1:])) if ids else ()
    return (Block(part="facts", rows=(*facts, *listed)), *missing)


def _beginning(found: Review, words: Words) -> list[tuple[str, str]]:
    onset = instant(found.onset)
    if found.onset_earliest is not None and found.onset_latest is not None:
        onset = words("onset.between", onset, instant(found.onset_earliest), instant(found.onset_latest))
    opened = instant(found.opened)
    if found.times.onset_to_alert is not None:
        opened = words("after.onset", opened, words.duration(found.times.onset_to_alert))
    rows = [("onset", onset), ("opened", opened)]
    if found.cause:
        named = words.name("cause", found.cause)
        rows.append(("cause", f"{named} ({percent(found.cause_confidence or 0.0)})"))
    return rows


def _size(found: Review, words: Words) -> list[tuple[str, str]]:
    rows = []
    peak, excess = found.peak, found.excess
    if peak is not None and peak.expected is not None and peak.negatives is not None:
        figures = (number(peak.mentions), number(peak.expected), number(peak.negatives))
        rows.append(("peak", words("peak.expected", instant(peak.start), *figures)))
    elif peak is not None:
        rows.append(("peak", words("peak.value", instant(peak.start), number(peak.mentions))))
    if excess is not None:
        figures = (number(excess.excess), number(excess.negatives), number(excess.expected_negatives))
        rows.append(("excess", words("excess.value", *figures, instant(excess.until))))
    return rows


def _end(found: Review, words: Words) -> list[tuple[str, str]]:
    calm = found.calm
    half_life, back, told = calm.half_life_minutes, calm.share_back_minutes, calm.told
    if found.activity_missing and told is not None:
        half_life, back = told.half_life_minutes, told.share_back_minutes
    rows = [("resolved", words("still.open") if found.resolved is None else instant(found.resolved))]
    if not found.activity_missing or told is not None:
        rows += [
            ("half_life", _lasting(words, "half_life", half_life)),
            ("share_back", _lasting(words, "share_back", back, f"{USUAL_AGAIN:g}")),
        ]
    if calm.agrees is False and told is not None:
        said = (
            words("unknown") if value is None else words.duration(value)
            for value in (told.half_life_minutes, told.share_back_minutes)
        )
        rows.append(("differs", words("differs.value", *said)))
    held = words(f"held.{calm.held}")
    return [*rows, ("held", held if calm.after is None else words("held.after", held, _after(calm.after, words)))]


def _after(after: After, words: Words) -> str:
    """What was counted afterwards against what was usual at the onset, and what that rests on."""
    volume, usual = after.mentions_per_day, after.usual_per_day
    parts = []
    if volume is not None and usual is not None:
        parts.append(words("held.volume", number(volume), number(usual)))
    elif volume is not None:
        parts.append(words("held.mentions", number(volume)))
    if after.negative_share is not None:
        parts.append(words("held.share", percent(after.negative_share), percent(after.usual_share)))
    parts.append(words(f"held.by.{after.rests_on}", instant(after.since), instant(after.until)))
    return words("joined").join(parts)


def _lasting(words: Words, key: str, minutes: int | None, *rule: str) -> str:
    return words(f"{key}.none", *rule) if minutes is None else words(f"{key}.value", words.duration(minutes), *rule)


def _response(found: Review, words: Words) -> list[tuple[str, str]]:
    """Time to tell, to acknowledge and to answer; without the opening only whether it was done is known."""
    rows = []
    first = first_told(found.told)
    if first is not None:
        rows.append(("told.after", _after_alarm(found.times.alert_to_told, first, words)))
    for name, minutes, done, never in (
        ("acknowledged.after", found.times.alert_to_acknowledged, "acknowledged", "never.acknowledged"),
        ("answered.after", found.times.alert_to_answer, "answer", "never.answered"),
    ):
        first = next((entry.time for entry in found.timeline if entry.what == done), None)
        if first is None:
            rows.append((name, words(never)))
        else:
            rows.append((name, _after_alarm(minutes, first, words)))
    if found.due is not None:
        rows.append(("due", _due(found.due, words, is_over=found.resolved is not None)))
    return rows


def _after_alarm(minutes: float | None, time: datetime, words: Words) -> str:
    if minutes is None:
        return instant(time)
    return words("after.alarm" if minutes >= 0 else "before.alarm", words.duration(minutes))


def _due(due: Due, words: Words, *, is_over: bool) -> str:
    if due.late_minutes is not None:
        return words(f"due.late.{due.deed}", instant(due.by), words.duration(due.late_minutes))
    unknown = "due.over" if is_over else "due.open"
    return words({True: "due.kept", False: "due.missed", None: unknown}[due.kept], instant(due.by))


def _judgement(found: Review, words: Words) -> list[tuple[str, str]]:
    if not found.labels:
        return []
    said = (
        words.name("label", label) if count == 1 else words("count.times", words.name("label", label), count)
        for label, count in found.labels.items()
    )
    return [("labels", words("joined").join(said))]
