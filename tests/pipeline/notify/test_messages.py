"""Messages as people read them: golden texts in three languages and two forms, and what hostile posts cannot do.

The golden texts are files: `python -m tests.pipeline.notify.test_messages` writes them anew.
"""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from unicodedata import category

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engine.alerts.headline import LANGUAGES, headline, language_of
from pipeline.engine.alerts.links import links_of
from pipeline.notify.harmless import harmless
from pipeline.notify.messages import (
    LONG_CHARACTERS,
    SHORT_CHARACTERS,
    Form,
    Style,
    marked_as_test,
    message,
    waiting_message,
)
from pipeline.notify.wordings import WORDINGS
from pipeline.report.words import Words
from schemas.alert import CHANGES, KINDS, Playbook
from schemas.evidence import Recovery
from tests.pipeline.notify.examples import NAMES, example

GOLDEN = Path(__file__).parents[2] / "data" / "notify"
SHOWN = {
    "english": ["english-surge-evidence", "full", "category-crisis-opened", "high-reach-post-updated"],
    "chinese": ["chinese-surge-evidence", "updated-with-changes", "resolved-with-recovery"],
    "japanese": ["japanese-surge-evidence", "sentiment-shift-resolved"],
}
FORMS: tuple[Form, ...] = ("long", "short")
HUB = "https://hub.acme.example"
POST = st.text(st.characters(exclude_categories=["Cs"]), max_size=300) | st.sampled_from(
    [
        "@channel @everyone <!here> <@U123> <at user_id=all>",
        "[click](https://evil.example/x) ![x](http://evil.example) <https://evil.example|text>",
        "https://evil.example www.evil.example evil.example javascript://x ftp://evil.example",
        "\x1b[2J\u202eabc\u2028\nsecond line\r`code` **bold** ||spoiler||",
        "A" * 1_000_000,
    ]
)


def golden(name: str) -> str:
    """Every example of a language, in both forms and, for phones, in English as well."""
    language = {"english": "en", "chinese": "zh", "japanese": "ja"}[name]
    parts = []
    for one in SHOWN[name]:
        for form in FORMS:
            told = message(example(one), Style(language=language, form=form, hub_url=HUB))
            parts.append(f"--- {one}, {form}\n{told.title}\n{told.text}\n")
    waited = waiting_message([example(one) for one in SHOWN[name]], Style(language=language, hub_url=HUB))
    return "\n".join([*parts, f"--- waiting, long\n{waited.title}\n{waited.text}\n"])


@pytest.mark.parametrize("name", SHOWN)
def test_messages_are_the_golden_texts(name):
    assert golden(name) == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("language", [*LANGUAGES, "alert"])
def test_every_example_fits_in_both_forms_and_names_brand_and_page(name, language):
    alert = example(name)
    for form, limit in zip(FORMS, (LONG_CHARACTERS, SHORT_CHARACTERS), strict=True):
        told = message(alert, Style(language=language, form=form, hub_url=HUB))
        assert len(f"{told.title}\n{told.text}") <= limit
        assert alert.brand in told.title
        assert told.link.endswith(alert.episode_id)
        assert f"{HUB}/episodes/{alert.episode_id}" in told.text


def test_the_language_of_an_alert_is_that_of_its_headline():
    for language in LANGUAGES:
        alert = example("english-surge-evidence")
        alert = msgspec.structs.replace(alert, headline=headline(alert, language))
        assert language_of(alert) == language
        assert message(alert, Style()).title.startswith({"en": "WARNING", "zh": "【警告】", "ja": "【警告】"}[language])
        assert headline(alert, language)[:40] in message(alert, Style()).text


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_change_has_words_and_every_label_is_given(language):
    words = WORDINGS[language]
    assert set(words.changes) == set(CHANGES)
    assert set(words.kinds) == set(WORDINGS["en"].kinds)
    assert all(words.changes[one] in message(example("full", changes=(one,)), Style(language=language)).text
               for one in CHANGES)  # fmt: skip


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("en", "lasted 14 h 5 min; calmed down after 12 h 5 min"),
        ("zh", "持续 14 小时 5 分钟；12 小时 5 分钟 后平息"),
        ("ja", "継続 14 時間 5 分。12 時間 5 分 で沈静化"),
    ],
)
def test_what_has_ended_lasted_until_it_was_resolved_and_had_calmed_down_before(language, told):
    alert = example("crisis-resolved", recovery=Recovery(duration_minutes=725))
    alert = msgspec.structs.replace(alert, onset_time=alert.detected_time - timedelta(minutes=845))
    assert told in message(alert, Style(language=language)).text.split("\n")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_kind_has_one_name_in_messages_and_reports(language):
    assert WORDINGS[language].kinds == {kind: Words(language).name("kind", kind) for kind in KINDS}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_long_message_names_who_speaks_and_who_reviews(language):
    playbook = Playbook(owner="duty@acme.example", spokesperson="Kim\u202e", legal_reviewer="legal@acme.example")
    lines = message(example("crisis-opened", playbook=playbook), Style(language=language)).text.split("\n")
    words = WORDINGS[language]
    named = [words.spokesperson.format("Kim\ufffd"), words.legal_reviewer.format("legal@acme.example")]
    assert [line for line in lines if line in named] == named


def test_without_a_hub_of_its_own_a_target_links_to_that_of_the_alert():
    alert = example("english-surge-evidence")
    assert message(alert, Style()).link == alert.links["hub"]
    assert message(alert, Style(hub_url=HUB)).link == f"{HUB}/episodes/{alert.episode_id}"
    assert alert.links["search"] in message(alert, Style()).text


def test_what_has_ended_calls_nobody_to_act_and_a_test_says_that_it_is_one():
    playbook = Playbook(owner="duty@acme.example")
    assert "duty@acme.example" in message(example("crisis-opened", playbook=playbook), Style()).text
    over = message(example("crisis-resolved", playbook=playbook), Style())
    assert "duty" not in over.text
    marked = marked_as_test(over, "en")
    assert all(text.startswith("TEST, nothing has happened: ") for text in (marked.title, marked.text, marked.sentence))


def hostile(text: str):
    """An alert in which everything that a post or its author can choose says the same."""
    alert = example("english-surge-evidence")
    evidence = alert.evidence
    replace = msgspec.structs.replace
    evidence = replace(
        evidence,
        terms=tuple(replace(one, text=text) for one in evidence.terms),
        triggers=tuple(replace(one, excerpt=text, author=text, platform=text, url=text) for one in evidence.triggers),
        amplifiers=tuple(replace(one, author=text, platform=text) for one in evidence.amplifiers),
        cause=replace(evidence.cause, name=text) if evidence.cause else None,
        emotions={text: 0.9},
    )
    alert = replace(alert, evidence=evidence, headline=f"Crisis about acme: 220 mentions, about “{text}”.")
    alert = replace(alert, playbook=Playbook(owner="duty officer", drafts={"en": text}))
    return replace(alert, links=links_of(alert, {"search": "https://search.example/?q={term}"}, "acme"))


@given(POST, st.sampled_from([*LANGUAGES, "alert"]), st.sampled_from(["short", "long"]))
def test_a_post_calls_nobody_links_nowhere_and_makes_no_message_longer(text, language, form):
    alert = hostile(text)
    told = message(alert, Style(language=language, form=form, hub_url=HUB))
    shown = f"{told.title}\n{told.text}"
    assert len(shown) <= (SHORT_CHARACTERS if form == "short" else LONG_CHARACTERS)
    ours = shown.replace(f"{HUB}/episodes/{alert.episode_id}", "")
    for address in alert.links.values():
        assert re.fullmatch(r"https://search\.example/\?q=[\w.~%-]*", address, re.ASCII)
        ours = ours.replace(address, "")
    assert not set(ours) & set("@<>[]`|") - set("[]"), ours
    assert not re.search(r"\[(?![.:]?(\]|…))|\]\(", ours)
    assert "://" not in ours
    assert not re.search(r"\S\.[^\W\d_]", ours)
    assert {category(one) for one in ours if one not in "\n\u200c\u200d"} & {"Cc", "Cf", "Cs", "Zl", "Zp"} == set()
    assert told.text.count("\n") <= 13


@given(st.text(max_size=200), st.integers(2, 100))
def test_what_is_harmless_stays_so_and_within_its_limit(text, limit):
    once = harmless(text, limit)
    assert len(once) <= limit
    assert "\n" not in once


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for language in SHOWN:
        (GOLDEN / f"{language}.txt").write_text(golden(language), encoding="utf-8")
