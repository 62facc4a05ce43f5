"""Which model reads a text: its script and words outweigh the tag that came with it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.sentiment import LANGUAGES, language_at_a_glance, language_of
from schemas.text import normalised
from tests.detectors.sentiment import plain_reader

TEXT = {
    "en": "the screen broke after two days and nobody answers",
    "de": "der Bildschirm ist nach zwei Tagen kaputt und niemand antwortet",
    "es": "la pantalla se rompió en dos días y nadie me responde, qué vergüenza",
    "fr": "l'écran est cassé après deux jours et personne ne répond",
    "pt": "a tela quebrou em dois dias e ninguém me responde, não recomendo",
    "zh": "屏幕用了两天就坏了，没人理",
    "ja": "二日で画面が壊れた。返事もない",
    "other": "экран сломался через два дня",
}
TAGS = {
    "en": ("en", "EN-gb", "en_US", "EN_us", "eng", "English", "english (US)", "en-US,en;q=0.9", "us"),
    "zh": ("zh", "zh-Hant-TW", "zh-Hant-HK", "zh_CN", "yue", "cn", "tw", "Chinese", "Simplified Chinese", "中文"),
    "ja": ("ja", "ja-JP", "jpn", "jp", "JP", "Japanese", "日本語"),
    "de": ("de", "de-AT", "ger", "German", "Deutsch"),
    "es": ("es", "es-419", "spa", "Spanish", "español"),
    "fr": ("fr", "fr_CA", "fre", "French", "français"),
    "pt": ("pt", "pt-BR", "por", "Portuguese", "português"),
    "other": ("ru", "ko", "it", "kr", "tlh", "Russian"),
}
NO_TAGS = (None, "", " ", "und", "UND", "und-Latn", "mul", "zxx", "qme", "qst", "unknown", "auto", "n/a", "x" * 10_000)


def language(text: str, lang: str | None) -> str:
    return language_of(normalised(text), lang)


@pytest.mark.parametrize(("expected", "tag"), [(name, tag) for name, tags in TAGS.items() for tag in tags])
def test_a_tag_is_understood_however_a_platform_writes_it(expected: str, tag: str) -> None:
    """A text without letters leaves it to the tag alone."""
    assert language("123 😡", tag) == expected


@pytest.mark.parametrize("tag", NO_TAGS)
@pytest.mark.parametrize("name", TEXT)
def test_a_platform_without_a_guess_leaves_it_to_the_text(name: str, tag: str | None) -> None:
    assert language(TEXT[name], tag) == name


@pytest.mark.parametrize("tag", [tags[0] for tags in TAGS.values()])
@pytest.mark.parametrize("name", ["zh", "ja", "other"])
def test_the_script_outweighs_the_tag(name: str, tag: str) -> None:
    assert language(TEXT[name], tag) == name


@pytest.mark.parametrize("tag", ["zh", "ja"])
@pytest.mark.parametrize("name", ["en", "de", "es", "fr", "pt"])
def test_a_text_in_latin_letters_is_neither_chinese_nor_japanese(name: str, tag: str) -> None:
    assert language(TEXT[name], tag) == name


@pytest.mark.parametrize("tag", ["en", "de", "es", "fr", "pt", "it"])
@pytest.mark.parametrize("name", ["en", "de", "es", "fr", "pt"])
def test_words_that_are_plainly_of_another_language_outweigh_the_tag(name: str, tag: str) -> None:
    assert language(TEXT[name], tag) == name


@pytest.mark.parametrize("tag", ["en", "de", "es", "fr", "pt"])
def test_among_latin_letters_the_tag_decides_where_words_do_not_tell(tag: str) -> None:
    assert language("acme 3000 blorp", tag) == tag


@pytest.mark.parametrize(
    ("text", "lang", "expected"),
    [
        ("I love 寿司 from this place so much", "en", "en"),
        ("iPhone 太貴了", "en", "zh"),
        ("iPhone 太貴了", None, "zh"),
        ("優の良品，大家都說好，我也這樣覺得真的", None, "zh"),  # one kana as ornament
        ("最高", "ja", "ja"),
        ("最高", None, "zh"),
        ("非常没有意思", "ja", "zh"),
        ("今日は good 很好", "en", "ja"),
        ("最高の映画", None, "ja"),
        ("スゴイ", "en", "ja"),
        ("ｽｺﾞｲ", "en", "ja"),
        ("오늘 Acme 최악", "en", "other"),
        ("123 !!!", None, "other"),
        ("", None, "other"),
        ("", "en", "en"),
        ("\x00\ud800", None, "other"),
        ("<p>最悪。もう<br>二度と買わない</p>", "en", "ja"),
        ("&#26368;&#24746;&#12290;&#12418;&#12358;&#36023;&#12431;&#12394;&#12356;", "en", "ja"),
        ("What a great café", None, "en"),
        ("questo servizio è pessimo e non risponde mai", None, "other"),
        ("pelayanan ini tidak bagus dan sangat lama", None, "other"),
    ],
)
def test_a_text_has_the_language_of_its_letters_and_words(text: str, lang: str | None, expected: str) -> None:
    assert language(text, lang) == expected
    assert language_at_a_glance(text, lang) in (None, expected)


@given(st.text(), st.none() | st.text())
def test_every_text_has_one_of_the_models(text: str, lang: str | None) -> None:
    assert language(text, lang) in LANGUAGES


LETTERS = st.sampled_from("aéжのァｽー々今日的𠀀Яכ오ก\ud800😡 1あ") | st.characters(exclude_categories=())
MIXED = st.lists(LETTERS | st.text(LETTERS, max_size=12), max_size=30).map("".join)


@given(MIXED)
def test_script_decides_as_if_every_letter_were_counted(text: str) -> None:
    text = normalised(text)
    script = plain_reader.script(text)
    found = language_of(text, None)
    assert found == script or (script == "latin" and found not in {"zh", "ja"}) or (not script and found == "other")


WORDS = st.lists(st.sampled_from([word for text in TEXT.values() for word in text.split()]), max_size=20).map(" ".join)


@given(MIXED | WORDS | st.text(), st.sampled_from(["en", "zh", "ja", "de", None]))
def test_what_is_plain_at_a_glance_is_what_a_long_look_finds(text: str, lang: str | None) -> None:
    """But for a text tagged English whose foreign words stand at none of the signs that are looked for."""
    glance = language_at_a_glance(text, lang)
    if glance is not None and (lang != "en" or re.search("[^\x00-\x7f]", text[:280]) is None):
        assert glance == language(text, lang)
