"""The charts of the pages, with their words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from markupsafe import Markup

from pipeline.hub.brand_view import BrandView
from pipeline.hub.charts import Chart, Charts, Mark, Name, Shade
from pipeline.hub.episode_view import EpisodeView, Happening, happenings
from pipeline.hub.now_view import SPARK_STEP, NowView
from pipeline.hub.rendering import count, percent, tenths
from pipeline.hub.series import Point
from pipeline.hub.small_charts import Span, Strip, sparkline, strips_chart
from pipeline.hub.store.retention import DAY, HOUR
from pipeline.hub.words import Words
from pipeline.report.review import SpreadTold
from pipeline.report.spread_course import PLACE_KINDS, Course, courses_of, is_course, spread_told
from schemas.alert import Alert, PlaybookStep
from schemas.evidence import Post
from schemas.feedback import Feedback
from schemas.text import printable

_ROW_HEIGHT: Final = 30
_PLACE_CHARACTERS: Final = 18
"""Of a platform's name above its strip: a phone shows it beside the shares."""


class EpisodeDrawings(msgspec.Struct, frozen=True):
    """Charts of an episode, one above the other, and the numbered marks in them.

    `spread` are charts of platforms and of languages with their titles, from `spread_told`; none where fewer than two
    alerts tell where it was said.
    """

    charts: Charts
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
    threshold = view.episode.alert.score.threshold
    score_caption = words("chart_score", threshold=tenths(threshold))
    charts = [
        _volume_chart(view.points, view.step, words),
        _chart("share", words("chart_share"), words("chart_share"), ("share", "usual"), words),
    ]
    if any(point.score is not None for point in view.points):
        charts.append(_chart("score", score_caption, score_caption, ("score", "threshold"), words))
    told = spread_told(view.alerts)
    return EpisodeDrawings(
        charts=Charts(
            charts=charts,
            points=view.points,
            step=view.step,
            since=view.since,
            until=view.until,
            texts=_texts(words),
            marks=marks,
            threshold=threshold,
        ),
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


def brand_charts(view: BrandView, words: Words) -> Charts:
    """Activity of a brand with its episodes as shaded stretches."""
    shades = [
        Shade(
            one.onset,
            view.until if one.resolved is None else one.resolved,
            one.severity,
            words("chart_episode", kind=words.known("kind", one.kind), severity=words.known("severity", one.severity)),
        )
        for one in view.episodes
    ]
    return Charts(
        charts=[_volume_chart(view.points, view.step, words, *(("episode",) if shades else ()))],
        points=view.points,
        step=view.step,
        since=view.points[0].start if view.points else view.since,
        until=view.until,
        texts=_texts(words),
        shades=shades,
    )


def _volume_chart(points: Sequence[Point], step: int, words: Words, *more: str) -> Chart:
    legend = ("mentions", "negatives", "band", "expected", *more)
    return _chart("volume", words("chart_volume"), _volume_title(points, step, words), legend, words)


def _chart(name: Name, caption: str, label: str, legend: Sequence[str], words: Words) -> Chart:
    return Chart(name, caption, label, {one: words(f"legend_{one}") for one in legend})


def _texts(words: Words) -> Mapping[str, str]:
    """What is said of a point; the script puts in the values."""
    return {
        "range": words("chart_range", lower="{lower}", upper="{upper}"),
        "share": words("share_usual", share="{share}", usual="{usual}"),
        "score": words("chart_score_threshold", score="{score}", threshold="{threshold}"),
    }


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
