"""The time line, and the phases with what people said in each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from pipeline.engine.alerts.meaning import meaning_in
from pipeline.report.outline import Block, Cell, row, text
from pipeline.report.review import Entry, Phase, Review
from pipeline.report.sections.glance import instant, number
from pipeline.report.words import Words
from pipeline.wording import percent
from schemas.evidence import Post

LEAST_SHARE: Final = 0.1
"""Of the emotions: a smaller one is not named."""


def timeline(found: Review, words: Words) -> tuple[Block, ...]:
    """One row for each entry, and what the scores in them are held against."""
    rows = tuple(
        row(instant(entry.time), words(f"entry.{entry.what}"), Cell(_detail(entry, words), entry.url))
        for entry in found.timeline
    )
    table = Block(part="table", header=(words("time"), words("what"), words("detail")), rows=rows)
    return (table, text(meaning_in(found.score_meaning, words.language))) if found.score_meaning else (table,)


def phases(found: Review, words: Words) -> tuple[Block, ...]:
    """A table of counts, then for each phase its words, feelings and voices."""
    if not found.phases:
        return ()
    header = ("phase", "from", "until", "mentions", "expected", "negative.share", "usual")
    table = Block(
        part="table",
        header=tuple(map(words, header)),
        rows=tuple(_counts(phase, words) for phase in found.phases),
    )
    return (table, *(block for phase in found.phases for block in _said(phase, words)))


def source_of(post: Post, words: Words) -> str:
    """Where a post stands and whose it is."""
    return words("joined").join(filter(None, (post.platform, post.author, instant(post.event_time))))


def felt(shares: Mapping[str, float], words: Words) -> str:
    """Emotions with their shares, the strongest first."""
    told = (f"{words.name('emotion', name)} {percent(share)}" for name, share in shares.items() if share >= LEAST_SHARE)
    return words("joined").join(told)


def _counts(phase: Phase, words: Words) -> tuple[Cell, ...]:
    return row(
        words(f"phase.{phase.name}"),
        instant(phase.start),
        instant(phase.end),
        "" if phase.mentions is None else number(phase.mentions),
        "" if phase.expected is None else number(phase.expected),
        "" if phase.negative_share is None else percent(phase.negative_share),
        "" if phase.usual_share is None else percent(phase.usual_share),
    )


def _said(phase: Phase, words: Words) -> list[Block]:
    rows = []
    if phase.terms:
        rows.append(row(words("terms"), words("joined").join(term.text for term in phase.terms)))
    feelings = felt(phase.emotions, words)
    if feelings:
        rows.append(row(words("feelings"), feelings))
    caption = words("colon", words("said"), words(f"phase.{phase.name}"))
    blocks = [Block(part="facts", caption=caption, rows=tuple(rows))] if rows else []
    if phase.voices:
        quotes = tuple(row(Cell(post.excerpt, post.url or ""), source_of(post, words)) for post in phase.voices)
        blocks.append(Block(part="quotes", caption="" if rows else caption, rows=quotes))
    return blocks


def _detail(entry: Entry, words: Words) -> str:
    describe = _DETAILS.get(entry.what)
    parts = [] if describe is None else [describe(entry, words)]
    if entry.text:
        parts.append(words("quoted", entry.text))
    source = [name for name in (entry.platform, entry.author) if name and entry.what != "platform"]
    if entry.figures.get("followers"):
        source.append(words("detail.followers", number(entry.figures["followers"])))
    if source:
        parts.append(words("joined").join(source))
    return "; ".join(filter(None, parts))


def _alert(entry: Entry, words: Words) -> str:
    figures = entry.figures
    window = figures.get("window_minutes")
    counts = (number(figures["mentions"]), number(figures["negatives"]))
    score = (f"{figures['score']:.1f}", words.duration(figures["score_minutes"]), f"{figures['threshold']:.1f}")
    told = (
        words("detail.alert", *counts, *score)
        if window is None
        else words("detail.alert.window", *counts, words.duration(window), *score)
    )
    severity, *changes = entry.tags
    parts = [words.name("severity", severity), told]
    if changes:
        shown = words("joined").join(words.name("change", change) for change in changes)
        parts.append(words("detail.changes", shown))
    return "; ".join(parts)


def _trigger(entry: Entry, words: Words) -> str:
    mentions = entry.figures["mentions"]
    return words("detail.trigger", number(mentions), percent(entry.figures["share"])) if mentions > 1 else ""


def _platform(entry: Entry, words: Words) -> str:
    told = words("detail.platform", number(entry.figures["mentions"]), percent(entry.figures["share"]))
    return words("colon", entry.platform, told)


def _peak(entry: Entry, words: Words) -> str:
    return words("detail.peak", number(entry.figures["mentions"]))


def _label(entry: Entry, words: Words) -> str:
    return words("joined").join(words.name("label", tag) for tag in entry.tags)


def _tags(entry: Entry, words: Words) -> str:
    return words("joined").join(entry.tags)


def _episode(entry: Entry, words: Words) -> str:
    kind, severity, name = entry.tags
    return words("joined").join((words.name("kind", kind), words.name("severity", severity), name))


_DETAILS: Final[Mapping[str, Callable[[Entry, Words], str]]] = MappingProxyType(
    {
        "opened": _alert,
        "updated": _alert,
        "escalated": _alert,
        "resolved": _alert,
        "trigger": _trigger,
        "platform": _platform,
        "peak": _peak,
        "label": _label,
        "step": _tags,
        "answer": _tags,
        "episode": _episode,
    }
)
