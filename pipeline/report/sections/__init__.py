"""The sections of a report in the words of one language, from a review."""

from __future__ import annotations

from pipeline.report.outline import Block, Outline, Section, text
from pipeline.report.review import Review
from pipeline.report.sections.answers import answers
from pipeline.report.sections.course import phases, timeline
from pipeline.report.sections.glance import glance, instant
from pipeline.report.sections.learning import earlier, lessons, playbook
from pipeline.report.sections.reach import emotions, spread
from pipeline.report.sections.told import told
from pipeline.report.sections.trail import trail
from pipeline.report.words import Words


def outline_of(found: Review, language: str) -> Outline:
    """The report of one episode; sections of which nothing is known are left out.

    Args:
        found: the review.
        language: one of pipeline.report.words.LANGUAGES.
    """
    words = Words(language)
    charts = (Block(part="charts"), text(words("charts.about"))) if found.points else ()
    parts = (
        ("glance", glance(found, words)),
        ("charts", charts),
        ("timeline", timeline(found, words)),
        ("phases", phases(found, words)),
        ("spread", spread(found, words)),
        ("emotions", emotions(found, words)),
        ("answers", answers(found, words)),
        ("playbook", playbook(found, words)),
        ("earlier", earlier(found, words)),
        ("lessons", lessons(found, words)),
        ("told", told(found, words)),
        ("trail", trail(found, words)),
    )
    return Outline(
        title=words("title", found.headlines.get(language, found.brand)),
        subtitle=words(
            "subtitle",
            words.name("kind", found.kind),
            words.name("severity", found.severity),
            found.episode_id,
            instant(found.known_until),
        ),
        language=language,
        sections=tuple(Section(name=name, title=words(name), blocks=blocks) for name, blocks in parts if blocks),
    )
