"""What resembled it before, and what can be learnt for the next time."""

from __future__ import annotations

from pipeline.report.outline import Block, Cell, row, text
from pipeline.report.playbook import DEFAULT_STEPS
from pipeline.report.review import Earlier, Review, Setting
from pipeline.report.sections.glance import instant, number
from pipeline.report.words import Words


def earlier(found: Review, words: Words) -> tuple[Block, ...]:
    """The earlier episodes most like this one."""
    if not found.earlier:
        return (text(words("earlier.none")),)
    header = ("opened", "episode", "likeness", "shared.terms", "peak.per.hour", "excess", "half_life")
    rows = tuple(_resembling(one, found.brand, words) for one in found.earlier)
    return (text(words("earlier.about")), Block(part="table", header=tuple(map(words, header)), rows=rows))


def playbook(found: Review, words: Words) -> tuple[Block, ...]:
    """The steps of the checklist, and which of them were done."""
    if not found.steps:
        return ()
    rows = tuple(
        row(
            Cell(one.id, is_code=True),
            one.text or (words(f"step.{one.id}") if one.id in DEFAULT_STEPS else ""),
            words("not.done") if one.done is None else instant(one.done),
            one.author,
        )
        for one in found.steps
    )
    table = Block(part="table", header=tuple(map(words, ("step", "detail", "done", "author"))), rows=rows)
    is_default = not any(one.text for one in found.steps)
    return (text(words("steps.default")), table) if is_default else (table,)


def lessons(found: Review, words: Words) -> tuple[Block, ...]:
    """How early the alarm was against what it might have known, and what other settings would have said."""
    times = found.times
    told = [
        ("lesson.early", times.onset_to_alert),
        ("lesson.trigger", times.trigger_to_alert),
        ("lesson.news.before" if (times.news_to_alert or 0.0) >= 0 else "lesson.news.after", times.news_to_alert),
        ("lesson.peak.after" if (times.alert_to_peak or 0.0) >= 0 else "lesson.peak.before", times.alert_to_peak),
    ]
    blocks = [text(words(key, words.duration(minutes))) for key, minutes in told if minutes is not None]
    if found.settings:
        header = ("setting", "would.open", "earlier.by", "others.opened")
        rows = tuple(_setting(one, words) for one in found.settings)
        blocks.append(text(words("lesson.settings")))
        blocks.append(Block(part="table", header=tuple(map(words, header)), rows=rows))
    return tuple(blocks)


def _resembling(one: Earlier, brand: str, words: Words) -> tuple[Cell, ...]:
    shared = words("joined").join((*one.shared_terms, *([words("same.cause")] if one.same_cause else [])))
    half_life = None if one.recovery is None else one.recovery.half_life_minutes
    return row(
        words("joined").join((instant(one.opened), *([one.brand] if one.brand != brand else []))),
        Cell(one.episode_id, is_code=True),
        "" if one.likeness is None else f"{one.likeness:.2f}",
        shared,
        "" if one.peak_per_hour is None else number(one.peak_per_hour),
        "" if one.excess_negatives is None else number(one.excess_negatives),
        "" if half_life is None else words.duration(half_life),
    )


def _setting(one: Setting, words: Words) -> tuple[Cell, ...]:
    gained = one.minutes_earlier
    return row(
        Cell(f"{one.key} = {one.value:g}", is_code=True),
        words("not.opened") if one.opened is None else instant(one.opened),
        "" if gained is None else ("-" if gained < 0 else "") + words.duration(gained),
        number(one.other_episodes),
    )
