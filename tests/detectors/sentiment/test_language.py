"""Which model reads a text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.sentiment import LANGUAGES, language_of
from tests.detectors.sentiment import plain_reader


@pytest.mark.parametrize(
    ("lang", "expected"),
    [
        ("en", "en"),
        ("EN-gb", "en"),
        ("en_US", "en"),
        ("eng", "en"),
        ("zh-Hant-TW", "zh"),
        ("zh_CN", "zh"),
        ("yue", "zh"),
        ("ja-JP", "ja"),
        ("jpn", "ja"),
        ("fr", "other"),
        ("ko", "other"),
        ("x" * 10_000, "other"),
    ],
)
def test_the_primary_subtag_decides_whatever_the_script(lang: str, expected: str) -> None:
    assert language_of("今日は good 很好", lang) == expected


@pytest.mark.parametrize("lang", [None, "", " ", "und", "UND", "mul", "zxx", "qme", "qst", "unknown"])
def test_a_platform_without_a_guess_leaves_it_to_the_script(lang: str | None) -> None:
    assert language_of("今日は晴れです", lang) == "ja"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello world", "en"),
        ("Où est la gare ?", "en"),  # the known limit: Latin letters are read as English
        ("这家店很好", "zh"),
        ("iPhone 太貴了", "zh"),
        ("優の良品，大家都說好，我也這樣覺得真的", "zh"),  # one kana as ornament
        ("今日は", "ja"),
        ("最高の映画", "ja"),
        ("スゴイ", "ja"),
        ("ｽｺﾞｲ", "ja"),
        ("오늘 Acme 최악", "other"),
        ("Ужасный сервис", "other"),
        ("😡😡", "other"),
        ("123 !!!", "other"),
        ("", "other"),
        ("\x00\ud800", "other"),
    ],
)
def test_script_decides_where_no_language_is_given(text: str, expected: str) -> None:
    assert language_of(text, None) == expected


@given(st.text(), st.none() | st.text())
def test_every_text_has_one_of_the_four_models(text: str, lang: str | None) -> None:
    assert language_of(text, lang) in LANGUAGES


LETTERS = st.sampled_from("aéżのァｽー々今日的𠀀Яכ오ก\ud800😡 1あ") | st.characters(exclude_categories=())


@given(st.lists(LETTERS | st.text(LETTERS, max_size=12), max_size=30).map("".join))
def test_script_decides_as_if_every_letter_were_counted(text: str) -> None:
    assert language_of(text, None) == plain_reader.language_by_script(text)
