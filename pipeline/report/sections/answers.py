"""The brand's answers and what followed them; never more than the interval says."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.report.effect import Difference, Ratio
from pipeline.report.outline import Block, Cell, row, text
from pipeline.report.review import Answer, Review
from pipeline.report.sections.glance import instant, number
from pipeline.report.words import Words
from pipeline.wording import percent


def answers(found: Review, words: Words) -> tuple[Block, ...]:
    """How effects are told, a warning where the first one fed the fire, and the facts of each answer and own post."""
    if not found.answers and not found.own_posts:
        return ()
    fed = any(one.is_first and one.effect.verdict == "fed" for one in found.answers)
    warning = [text(words("first.fed"))] if fed else []
    if found.backfired is not None:
        warning.append(text(words("backfired", instant(found.backfired))))
    return (text(words("answers.about")), *warning, *facts_of(found.answers, found.own_posts, words))


def facts_of(answers: Sequence[Answer], own_posts: Sequence[Answer], words: Words) -> tuple[Block, ...]:
    """What was answered and posted, and what followed each with its interval, in order of time."""
    named = [(one, "answer") for one in answers] + [(one, "entry.own_post") for one in own_posts]
    return tuple(_facts(one, words(name), words) for one, name in sorted(named, key=lambda one: one[0].time))


def _facts(one: Answer, name: str, words: Words) -> Block:
    effect = one.effect
    rows = [row(name, Cell(one.text or one.url or words("unknown"), one.url))]
    rows.append(row(words("verdict"), words(f"verdict.{effect.verdict}")))
    if effect.negatives is not None:
        rows.append(row(words("negatives.against"), _ratio(effect.negatives, words)))
    if effect.mentions is not None:
        rows.append(row(words("mentions.against"), _ratio(effect.mentions, words)))
    if effect.share is not None:
        rows.append(row(words("share.change"), _difference(effect.share, words)))
    if effect.before_minutes:
        lengths = f"{words.duration(effect.before_minutes)} / {words.duration(effect.after_minutes)}"
        rows.append(row(words("window"), lengths))
    if one.others_within:
        rows.append(row("", words("others.within", one.others_within)))
    caption = words("by", instant(one.time), words("joined").join(filter(None, (one.author, one.language))))
    return Block(part="facts", caption=caption, rows=tuple(rows))


def _ratio(ratio: Ratio, words: Words) -> str:
    times = (f"{value:.2f}" for value in (ratio.value, ratio.lower, ratio.upper))
    return words("ratio", number(ratio.counted), number(ratio.expected), *times)


def _difference(share: Difference, words: Words) -> str:
    points = (f"{100 * value:+.0f}" for value in (share.value, share.lower, share.upper))
    return words("share.value", percent(share.before), percent(share.after), *points)
