"""Words of the pages: the same in every language, and all that the pages ask for."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest
from markupsafe import Markup

import pipeline.hub
from detectors.topics.causes import CAUSES
from detectors.topics.emotions import EMOTIONS
from pipeline.hub.words import LANGUAGES, chosen, words_of
from pipeline.report.playbook import DEFAULT_STEPS
from schemas.alert import CHANGES, KINDS, SEVERITIES, TRANSITIONS
from schemas.evidence import TRENDS
from schemas.feedback import FEEDBACK_KINDS, LABELS

SOURCE = Path(pipeline.hub.__file__).parent
ASKED = re.compile(r"""\b(?:t|words|words_for\(request\))\(\s*"([a-z_0-9]+)"\s*[,)]""")


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_every_language_has_the_same_words_with_the_same_places(language):
    english, other = words_of("en"), words_of(language)
    assert english.names() == other.names()
    differ = {name for name in english.names() if places(english._words[name]) != places(other._words[name])}
    assert differ == set()
    same = {name for name in english.names() if english._words[name] == other._words[name]} - {"change_"}
    assert same == set()


def test_all_that_pages_ask_for_has_words():
    asked = {
        name
        for path in [*SOURCE.rglob("*.html"), *SOURCE.rglob("*.py")]
        for name in ASKED.findall(path.read_text(encoding="utf-8"))
    }
    asked |= set(re.findall(r'"(refused_[a-z]+)"', (SOURCE / "feedback.py").read_text(encoding="utf-8")))
    assert len(asked) > 80
    assert asked - words_of("en").names() == set()


def test_every_word_of_a_record_has_words_of_its_own():
    groups = {
        "kind": KINDS,
        "severity": SEVERITIES,
        "transition": TRANSITIONS,
        "change": CHANGES,
        "labelled": LABELS,
        "mark": FEEDBACK_KINDS,
        "cause": CAUSES,
        "emotion": EMOTIONS,
        "trend": TRENDS,
        "step": DEFAULT_STEPS,
    }
    wanted = {f"{group}_{name}" for group, names in groups.items() for name in names}
    assert wanted - words_of("en").names() == set()


def test_a_word_of_a_later_version_is_shown_as_it_is():
    assert words_of("ja").known("kind", "new_kind") == "new kind"


@pytest.mark.parametrize(
    ("asked", "accepted", "found"),
    [
        ("ja", "zh", "ja"),
        ("xx", "zh-Hant;q=0.4, ja-JP;q=0.9", "ja"),
        (None, "de, zh;q=x, fr", "en"),
        (None, "", "en"),
        (None, ",;q=,;;" * 500, "en"),
    ],
)
def test_the_language_is_the_one_asked_for_then_the_browsers_then_english(asked, accepted, found):
    assert chosen(asked, accepted) == found


def test_a_moment_in_a_sentence_stays_markup_and_a_text_beside_it_is_escaped():
    told = words_of("en")("acknowledged_by", name=Markup("<b>Kim</b>"))
    assert told == Markup("Acknowledged by <b>Kim</b>")
    mixed = words_of("en")("negative_now", share=Markup("<i>9 %</i>"), usual="<script>")
    assert mixed == Markup("<i>9 %</i> negative, usually &lt;script&gt;")
    assert not isinstance(words_of("en")("acknowledged_by", name="<b>"), Markup)
