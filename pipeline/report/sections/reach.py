"""Where it was told and by whom, and what people felt."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.report.outline import Block, Cell, row, text
from pipeline.report.review import Review
from pipeline.report.sections.course import source_of
from pipeline.report.sections.glance import instant, number
from pipeline.report.spread_course import PLACE_KINDS, Course, courses_of, is_course
from pipeline.report.words import Words
from pipeline.wording import percent
from schemas.evidence import Coordination


def spread(found: Review, words: Words) -> tuple[Block, ...]:
    """Platforms and languages, the first item in the news, the authors of the greatest audience."""
    told = found.spread
    blocks = []
    parts = [
        row(
            words(kind),
            part.name,
            number(part.mentions),
            percent(part.share),
            "" if part.usual_share is None else percent(part.usual_share),
            "" if part.first_seen is None else instant(part.first_seen),
        )
        for kind, several in (("platform", told.platforms), ("language", told.languages))
        for part in several
    ]
    if parts:
        header = ("kind.of.place", "place", "mentions", "share", "usual.share", "first.seen")
        blocks.append(Block(part="table", header=tuple(map(words, header)), rows=tuple(parts)))
    blocks += _course(found, words)
    news = told.first_news
    if news is not None:
        quote = row(Cell(news.excerpt, news.url or ""), source_of(news, words))
        blocks.append(Block(part="quotes", caption=words("first.news"), rows=(quote,)))
    if told.amplifiers:
        rows = tuple(
            row(
                one.author,
                one.platform,
                number(one.audience),
                "" if one.share is None else percent(one.share),
                number(one.posts),
            )
            for one in told.amplifiers
        )
        columns = ("author", "place", "audience", "share", "posts")
        blocks.append(Block(part="table", caption=words("amplifiers"), header=tuple(map(words, columns)), rows=rows))
        blocks += _starter(found, words)
    return (*blocks, *_coordination(told.coordination, words))


def _starter(found: Review, words: Words) -> list[Block]:
    """Who wrote the trigger, where they are not among the amplifiers: it may have come before these were counted."""
    author = next((entry.author for entry in found.timeline if entry.what == "trigger"), "")
    is_missing = author and all(one.author != author for one in found.spread.amplifiers)
    return [text(words("amplifiers.trigger", author))] if is_missing else []


def _coordination(found: Coordination | None, words: Words) -> tuple[Block, ...]:
    """Whether a crowd spoke, or a few, or a campaign."""
    if found is None:
        return ()
    shares = {
        "copies": found.share,
        "top.ten": found.top_ten_share,
        "bursts": found.burst_share,
        "young": found.young_share,
        "nameless": found.nameless_share,
    }
    rows = tuple(row(words(name), percent(share)) for name, share in shares.items() if share is not None)
    return (Block(part="table", caption=words("who.spoke"), header=(words("mentions"), words("share")), rows=rows),)


def _course(found: Review, words: Words) -> tuple[Block, ...]:
    """The shares as one alert after the other told them: a picture, and the same as a table."""
    if not is_course(found.spread_told):
        return ()
    columns = [courses_of(found.spread_told, kind) for kind in PLACE_KINDS]
    rows = tuple(
        row(instant(told.time), *(_shares(courses, place, words) for courses in columns))
        for place, told in enumerate(found.spread_told)
    )
    header = (words("time"), words("platform"), words("language"))
    return (
        Block(part="charts", caption=words("spread.about")),
        Block(part="table", caption=words("spread.course"), header=header, rows=rows),
    )


def _shares(courses: Sequence[Course], place: int, words: Words) -> str:
    told = [(course.name, course.shares[place][1]) for course in courses]
    return words("joined").join(f"{name} {percent(share)}" for name, share in told if share)


def emotions(found: Review, words: Words) -> tuple[Block, ...]:
    """The shares as one alert after the other told them."""
    if not found.feelings:
        return ()
    names = sorted({name for feeling in found.feelings for name in feeling.shares})
    rows = tuple(
        row(instant(feeling.time), *(percent(feeling.shares[name]) if name in feeling.shares else "" for name in names))
        for feeling in found.feelings
    )
    header = (words("time"), *(words.name("emotion", name) for name in names))
    return (
        Block(part="text", rows=(row(words("emotions.about")),)),
        Block(part="table", header=header, rows=rows),
    )
