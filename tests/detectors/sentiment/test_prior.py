"""What the word lists say before any label, and what hostile texts can do to them."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.sentiment import SentimentModels
from detectors.sentiment.entries import EntryFinder
from detectors.sentiment.lexicon import LIMIT, entries, weights, word_lists
from schemas.text import normalised
from tests.detectors.sentiment.labels import teach

WORD_LANGUAGES = ("en", "de", "es", "fr", "pt")
WEIGHTS = (
    "emoji",
    "zh/words",
    "ja/words",
    "en/hashtags",
    *(f"{language}/{name}" for language in WORD_LANGUAGES for name in ("words", "phrases")),
)
TO_NEGATE = tuple(f"{language}/{name}" for language in WORD_LANGUAGES for name in ("boosters", "negators"))
ENTRIES = (
    "en/common",
    *(f"{language}/{name}" for language in WORD_LANGUAGES for name in ("fillers", "turns", "function")),
)

NEGATIVE = [
    ("en", "worst customer service ever, total scam"),
    ("en", "this is not good, I am so disappointed"),
    ("en", "the buggy app crashed again, unusable garbage"),
    ("zh", "避雷！服务态度差，菜难吃"),
    ("zh", "又翻车了，割韭菜割到我头上"),
    ("zh", "不是很喜欢"),
    ("zh", "没有想象中那么好"),
    ("zh", "退錢！垃圾公司，騙子"),
    ("zh", "某某App崩了"),
    ("ja", "このアプリ最悪、金返せ"),
    ("ja", "また炎上してる、詐欺だろこれ"),
    ("ja", "がっかりした"),
    ("ja", "面白くなかった"),
    ("ja", "美味しくない。二度と行かない"),
    ("other", "😡😡 최악"),
]
POSITIVE = [
    ("en", "I love this phone, best purchase ever"),
    ("en", "not bad at all"),
    ("zh", "服务很好，菜也好吃，推荐"),
    ("zh", "性价比高，超值，下次還會來"),
    ("zh", "没想到这么好吃"),
    ("ja", "神対応すぎて感動した"),
    ("ja", "対応が丁寧で助かりました"),
    ("other", "고마워요 ❤️😍"),
]
NEUTRAL = [
    ("en", "the meeting is on Tuesday"),
    ("zh", "今天去北京出差，飞机差不多三点到"),
    ("ja", "カスタマーサポートに電話したばかり"),
    ("other", "Сегодня вторник"),
    ("en", ""),
]


@pytest.mark.parametrize(("lang", "text"), NEGATIVE)
def test_a_complaint_is_more_likely_negative_than_not(lang: str, text: str) -> None:
    negative, positive = SentimentModels().estimate_one(text, lang)
    assert negative > 0.5 > positive


@pytest.mark.parametrize(("lang", "text"), POSITIVE)
def test_praise_is_more_likely_positive_than_not(lang: str, text: str) -> None:
    negative, positive = SentimentModels().estimate_one(text, lang)
    assert positive > 0.5 > negative


@pytest.mark.parametrize(("lang", "text"), NEUTRAL)
def test_a_text_without_a_telling_word_is_neither(lang: str, text: str) -> None:
    assert SentimentModels().estimate_one(text, lang) == SentimentModels().estimate_one("", lang)


@pytest.mark.parametrize(
    ("lang", "plain", "negated"),
    [
        ("en", "this is good", "this is not good"),
        ("en", "I like it", "I don\u2019t like it"),
        ("zh", "好吃", "并不好吃"),
        ("zh", "值得推荐", "沒有什麼值得推荐"),
        ("ja", "美味しい", "美味しくはない"),
        ("ja", "満足", "満足できません"),
    ],
)
def test_negated_praise_is_more_negative_than_praise(lang: str, plain: str, negated: str) -> None:
    models = SentimentModels()
    assert models.negative_probability(negated, lang) > models.negative_probability(plain, lang)


def test_what_follows_but_weighs_more() -> None:
    models = SentimentModels()
    ends_badly = models.negative_probability("the food was good but the service was bad", "en")
    ends_well = models.negative_probability("the service was bad but the food was good", "en")
    assert ends_badly > ends_well


def test_links_names_and_blanks_carry_no_opinion() -> None:
    models = SentimentModels()
    for lang in ("en", "zh", "ja"):
        silent = models.estimate_one("", lang)
        assert models.estimate_one("https://good.example/love @terrible  ", lang) == silent


def test_html_entities_are_read_as_what_they_stand_for() -> None:
    models = SentimentModels()
    assert models.estimate_one("I don&#39;t like it &#x1F621;", "en") == models.estimate_one(
        "I don't like it \N{POUTING FACE}", "en"
    )


HOSTILE = [
    "",
    "\x00" * 10_000,
    "\ud800" * 10_000,
    "\udc00好\ud800",
    "好" * 10_000,
    "不好" * 5_000,
    "良く" + "く" * 10_000,
    "a " * 5_000,
    "http://" * 1_500,
    "@" * 10_000,
    "&" * 10_000,
    "&#x1F621;" * 1_000,
    "\ufdfa" * 10_000,
    "İ" * 10_000,
    "😡" * 10_000,
    "not " * 2_500,
    "\u202e" * 10_000,
]


def test_a_hostile_text_is_learned_and_answered_by_its_first_2800_characters() -> None:
    """So many may be markup. So it is little dearer than a good one, whatever its script and its marks."""
    models = SentimentModels()
    for text in HOSTILE:
        for lang in (None, "en", "zh", "ja", "other"):
            teach(models, text, lang, -1.0)
            negative, positive = models.estimate_one(text, lang)
            assert 0.0 < negative < 1.0, (text[:6], lang)
            assert 0.0 < positive < 1.0, (text[:6], lang)
            assert models.estimate_one(text[:2_800], lang) == (negative, positive), (text[:6], lang)


@given(st.text(max_size=400), st.sampled_from(["en", "zh", "ja", "other"]))
def test_estimates_are_probabilities_and_repeat_themselves(text: str, lang: str) -> None:
    models = SentimentModels()
    first = models.estimate_one(text, lang)
    assert all(0.0 < probability < 1.0 for probability in first)
    assert models.estimate_one(text, lang) == first
    assert SentimentModels().estimate_one(text, lang) == first
    assert models.negative_probability(text, lang) == first[0]


def test_nothing_past_the_first_280_characters_counts() -> None:
    models = SentimentModels()
    for lang, word, filler in (("en", " terrible", "ab "), ("zh", "垃圾", "中文"), ("ja", "最悪", "東西")):
        text = (filler * 280)[:280]
        assert models.estimate_one(text + word, lang) == models.estimate_one(text, lang)


@pytest.mark.parametrize("name", [*WEIGHTS, *TO_NEGATE])
def test_lists_of_weights_say_whose_they_are_and_hold_them_in_range(name: str) -> None:
    assert "ur own work" in source(name).split("\n\n")[0]
    assert len(weights(name)) >= (30 if name in WEIGHTS else 7)
    assert all(-LIMIT <= weight <= LIMIT for weight in weights(name).values())
    assert name not in WEIGHTS or all(entry == normalised(entry) for entry in weights(name))


@pytest.mark.parametrize("name", ENTRIES)
def test_lists_of_entries_say_whose_they_are(name: str) -> None:
    assert "ur own work" in source(name)
    assert entries(name)
    assert all(entry == normalised(entry) for entry in entries(name))


def source(name: str) -> str:
    return files("detectors.sentiment").joinpath(f"lexicons/{name}.txt").read_text("utf-8")


def test_emoji_are_single_characters() -> None:
    assert {len(entry) for entry in weights("emoji")} == {1}


def test_the_english_list_is_vaders_and_ours() -> None:
    words = word_lists("en").words
    assert words["scam"] < 0  # VADER's
    assert words["overpriced"] < 0  # ours
    assert len(words) > 7_500


def test_vaders_scorer_is_never_imported() -> None:
    program = (
        "import sys; from detectors.sentiment import SentimentModels; SentimentModels().estimate_one('good', 'en');"
        "sys.exit('vaderSentiment.vaderSentiment' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0


@cache
def finder_of(lang: str) -> EntryFinder:
    return EntryFinder({**weights(f"{lang}/words"), **weights("emoji")})


@pytest.mark.parametrize("lang", ["zh", "ja"])
@given(data=st.data())
def test_the_fast_look_for_places_finds_every_entry_of_the_list(lang: str, data: st.DataObject) -> None:
    listed = [*weights(f"{lang}/words"), *weights("emoji")]
    pieces = st.one_of(st.sampled_from(listed), st.text(max_size=3), st.sampled_from("的は不な𠀀"))
    text = "".join(data.draw(st.lists(pieces, max_size=12)))
    begins = {start for entry in listed for start in range(len(text)) if text.startswith(entry, start)}
    assert begins <= set(finder_of(lang).places(text))
