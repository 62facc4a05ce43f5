"""The charts of the pages, with their words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec
from markupsafe import Markup

from pipeline.hub.brand_view import BrandView
from pipeline.hub.charts import Mark, Span, Strip, score_chart, share_chart, sparkline, strips_chart, volume_chart
from pipeline.hub.episode_view import EpisodeView, Happening, happenings
from pipeline.hub.now_view import SPARK_STEP, NowView
from pipeline.hub.rendering import count, percent, tenths
from pipeline.hub.series import Point
from pipeline.hub.store.retention import DAY, HOUR
from pipeline.hub.words import Words
from pipeline.report.review import SpreadTold
from pipeline.report.spread_course import PLACE_KINDS, Course, courses_of, is_course, spread_told
from schemas.alert import Alert, PlaybookStep
from schemas.evidence import Post
from schemas.feedback import Feedback
from schemas.moments import moment
from schemas.text import printable

_ROW_HEIGHT: Final = 30
_PLACE_CHARACTERS: Final = 18
"""Of a platform's name above its strip: a phone shows it beside the shares."""


class EpisodeDrawings(msgspec.Struct, frozen=True):
    """Charts of an episode, one above the other, and the numbered marks in them.

    `spread` are charts of platforms and of languages with their titles, from `spread_told`; none where fewer than two
    alerts tell where it was said.
    """

    volume: Markup
    share: Markup
    score: Markup | None
    marks: list[tuple[Mark, Happening]]
    spread: list[tuple[str, Markup]]
    spread_told: Sequence[SpreadTold]


def sparks(view: NowView, words: Words) -> dict[str, Markup]:
    """The small charts of the page Now, by episode."""
    span = Span(view.since, view.until)
    return {
        card.episode.episode_id: sparkline(card.points, span, step=SPARK_STEP, title=_spark_title(card.points, words))
        for card in view.burning
        if card.points
    }


def _spark_title(points: Sequence[Point], words: Words) -> str:
    last = points[-1]
    return words("spark_title", mentions=count(last.mentions), lower=count(last.lower), upper=count(last.upper))


def episode_drawings(view: EpisodeView, words: Words) -> EpisodeDrawings:
    """Volume, negative share and score of an episode with its marks."""
    happened = happenings(view)
    marks = [
        Mark(happening.time.timestamp(), number, happening.kind, happening_words(happening, words, view.checklist))
        for number, happening in enumerate(happened, 1)
    ]
    span = Span(view.since, view.until)
    alert = view.episode.alert
    has_score = any(point.score is not None for point in view.points)
    threshold = alert.score.threshold
    step = view.step
    told = spread_told(view.alerts)
    return EpisodeDrawings(
        volume=volume_chart(
            view.points, span, marks, step=step, title=_volume_title(view.points, step, words), tips=_tips(words)
        ),
        share=share_chart(view.points, span, marks, step=step, title=words("chart_share")),
        score=score_chart(
            view.points,
            span,
            marks,
            step=step,
            title=words("chart_score", threshold=f"{threshold:.1f}"),
            threshold=threshold,
        )
        if has_score
        else None,
        marks=list(zip(marks, happened, strict=True)),
        spread=_spread_charts(view, told, words),
        spread_told=told,
    )


def _spread_charts(view: EpisodeView, told: Sequence[SpreadTold], words: Words) -> list[tuple[str, Markup]]:
    if not is_course(told):
        return []
    span = Span(view.episode.onset, view.until if view.episode.resolved is None else told[-1].time.timestamp())
    found = []
    for kind in PLACE_KINDS:
        courses = courses_of(told, kind)
        strips = [
            Strip(_place_words(one, words), [(time.timestamp(), share) for time, share in one.shares], one.usual)
            for one in courses
        ]
        title = words("chart_spread", places=words(kind), list="; ".join(_course_words(one, words) for one in courses))
        if strips:
            found.append((words(kind), strips_chart(strips, span, title=title)))
    return found


def _place_words(course: Course, words: Words) -> str:
    """The name of a place, in a direction of its own, with its last share."""
    name = f"\u2068{printable(course.name, _PLACE_CHARACTERS)}\u2069"
    if course.last is None:
        return name
    if course.usual is None:
        return f"{name} {percent(course.last)}"
    return f"{name} {words('share_usual', share=percent(course.last), usual=percent(course.usual))}"


def _course_words(course: Course, words: Words) -> str:
    known = [share for _, share in course.shares if share is not None]
    return words(
        "chart_spread_place",
        name=printable(course.name, _PLACE_CHARACTERS),
        first=percent(known[0]),
        last=percent(known[-1]),
        most=percent(max(known)),
    )


def brand_chart(view: BrandView, words: Words) -> Markup:
    """Activity of a brand with its episodes as marks."""
    marks = [
        Mark(episode.opened, number, "alert", words.known("kind", episode.kind))
        for number, episode in enumerate(view.episodes, 1)
    ]
    span = Span(view.points[0].start if view.points else view.since, view.until)
    title = _volume_title(view.points, view.step, words)
    return volume_chart(view.points, span, marks, step=view.step, title=title, tips=_tips(words))


def compared_sparks(view: BrandView, words: Words) -> dict[str, Markup]:
    """Two days of each brand that is compared, by its name."""
    span = Span(view.until - 2 * DAY, view.until)
    return {
        one.brand: sparkline(one.points, span, step=HOUR, title=_spark_title(one.points, words), height=_ROW_HEIGHT)
        for one in view.compared
        if one.points
    }


def step_words(step: PlaybookStep, words: Words) -> str:
    """What is to be done in a step; the usual ones have words in every language."""
    return step.text or words.known("step", step.id)


def happening_words(happening: Happening, words: Words, checklist: Sequence[PlaybookStep]) -> str:
    """What a mark of the time line says."""
    subject = happening.subject
    if isinstance(subject, Alert):
        return words(
            "mark_alert",
            transition=words.known("transition", subject.transition),
            severity=words.known("severity", subject.severity),
            score=tenths(subject.score.value),
            window=words.duration((subject.window.end - subject.window.start).total_seconds()),
        )
    if isinstance(subject, Feedback):
        label = words.known("labelled", subject.label) if subject.label else ""
        name = printable(subject.author, 64)
        known = {one.id: printable(step_words(one, words), 120) for one in checklist}
        step = known.get(subject.step or "", subject.step or "")
        return words(f"mark_{subject.kind}", name=name, label=label, step=step)
    if isinstance(subject, Post):
        return words(f"mark_{happening.kind}", source=printable(subject.author or subject.platform, 60))
    return words(f"mark_{happening.kind}")


def _volume_title(points: Sequence[Point], step: int, words: Words) -> str:
    most = max(points, key=lambda point: point.mentions, default=None)
    if most is None:
        return words("no_activity")
    return words("chart_volume_words", step=words.duration(step), most=count(most.mentions), upper=count(most.upper))


def _tips(words: Words) -> Callable[[Point], str]:
    def tip(point: Point) -> str:
        return words(
            "chart_tip",
            time=f"{moment(point.start):%m-%d %H:%M}",
            mentions=count(point.mentions),
            negatives=count(point.negatives),
            lower=count(point.lower),
            upper=count(point.upper),
        )

    return tip
