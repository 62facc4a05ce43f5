"""What sets a surge apart is named, whoever copies it, however it is written, in whatever order it comes."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.sentiment import LANGUAGES
from detectors.topics.terms import MOST_CHARACTERS, MOST_TEXTS, Term, terms
from detectors.topics.told import Told
from detectors.topics.usual import Usual
from schemas.text import printable

ORDINARY = {
    "en": [
        "The new kettle looks lovely in green",
        "Lovely kettle, quick parcel",
        "My kettle came with a green parcel ribbon",
    ],
    "zh": ["新水壶颜色漂亮", "快递很快，水壶漂亮", "水壶包装漂亮，快递员热情"],
    "ja": ["新しいケトルの色が綺麗", "配達が早い、ケトルも綺麗", "ケトルの包装が綺麗で配達員も親切"],
}
CRISIS = {
    "en": [
        "The lid exploded, my hand is burnt",
        "Exploded lid again!",
        "Why has a lid exploded",
        "lid exploded. Refund?",
    ],
    "zh": ["壶盖爆炸，手被烫伤", "又是壶盖爆炸！", "为什么壶盖爆炸了", "壶盖爆炸，要求退款"],
    "ja": ["ケトルが爆発して火傷した", "また爆発した！", "なぜ爆発するのか", "爆発しました。返金は？"],
}
NAMED = {"en": "lid exploded", "zh": "爆炸", "ja": "爆発"}
PIECES = [
    "battery",
    "Acme",
    "acme's",
    "swelling",
    "#AcmeFail",
    "#fire#",
    "电池",
    "鼓包",
    "アクメ",
    "バッテリー",
    " ",
    "! ",
    "\u202e",
    "<b>",
    "15",
]

told_texts = st.builds(
    Told,
    st.lists(st.sampled_from(PIECES), max_size=8).map("".join) | st.text(max_size=40),
    st.sampled_from(LANGUAGES),
    st.integers(1, 600).map(float),
    st.integers(0, 600).map(float),
)


def usual(language: str, times: int = 20) -> Usual:
    learned = Usual()
    for _ in range(times):
        for text in ORDINARY[language]:
            learned.learn(text, language)
    return learned


def told(texts: list[str], language: str, mentions: float = 1.0) -> list[Told]:
    return [Told(text, language, mentions, 0.0) for text in texts]


def words(found: list[Term]) -> list[str]:
    return [term.text for term in found]


@pytest.mark.parametrize("language", ["en", "zh", "ja"])
def test_what_happened_is_named_first_and_what_is_always_said_is_not(language):
    found = words(terms(told(CRISIS[language] + ORDINARY[language], language), usual(language)))
    assert NAMED[language] in found[0]
    assert not {"kettle", "lovely", "水壶", "漂亮", "ケトル", "綺麗"} & set(found)


@pytest.mark.parametrize("language", ["en", "zh", "ja"])
def test_a_brand_without_a_background_is_told_what_is_said_most(language):
    assert NAMED[language] in terms(told(CRISIS[language], language), None)[0].text


def test_one_story_copied_many_times_counts_but_leaves_room_for_others():
    copied = Told("Grandmother hospitalised by boiling handle melting suddenly overnight", "en", 500.0, 0.0)
    found = terms([copied, *told(CRISIS["en"], "en")], usual("en"))
    assert "lid exploded" in words(found)
    of_the_copy = [term for term in found if term.mentions == 500.0]
    assert 1 <= len(of_the_copy) <= 3


def test_a_term_says_how_many_mentions_carry_it_and_how_many_of_these_are_negative():
    surge = [Told("burnt fingers", "en", 30.0, 24.0), Told("these burnt fingers hurt", "en", 10.0, 6.0)]
    surge += told(ORDINARY["en"], "en", 20.0)
    found = {term.text: term for term in terms(surge, usual("en"))}["burnt fingers"]
    assert (found.mentions, found.share, found.negative_share) == (40.0, 0.4, 0.75)


def test_a_word_that_stands_in_a_phrase_alone_is_not_shown_beside_it():
    found = words(terms(told(["battery swelling now", "battery swelling", "See: battery swelling"], "en"), None))
    assert found == ["battery swelling"]


@pytest.mark.parametrize("name", ["Acme", "ACME", "@acme", "#Acme", "ａｃｍｅ"])
@pytest.mark.parametrize("text", ["Acme recall", "ACME's recall", "#acme recall", "acme: recall"])
def test_names_of_the_brand_are_left_out_however_they_are_written(name, text):
    assert words(terms(told([text, text + "!"], "en"), None, leave_out=[name])) == ["recall"]


@pytest.mark.parametrize("text", ["Acme Corp recall", "AcmeCorp recall", "acme-corp recall", "#acme_corp recall"])
def test_a_name_of_two_words_is_left_out_however_they_are_joined(text):
    assert words(terms(told([text, text + "!"], "en"), None, leave_out=["Acme Corp"])) == ["recall"]


def test_a_hashtag_that_says_more_than_the_name_is_kept_whole():
    assert "#acmefail" in words(terms(told(["#AcmeFail", "So #acmefail"], "en"), None, leave_out=["acme"]))
    assert "#壶盖爆炸" in words(terms(told(["#壶盖爆炸#", "看 #壶盖爆炸# 吧"], "zh"), None))


def test_numbers_stand_beside_a_word_but_not_alone():
    found = words(terms(told(["error 500 at login", "login gives error 500", "error 500!", "500 500"], "en"), None))
    assert "error 500" in found
    assert "500" not in found


def test_addresses_accounts_and_cashtags_are_no_topics():
    texts = ["recall https://acme.example/recall @press $ACME", "@press $ACME recall www.acme.example"]
    assert words(terms(told(texts, "en"), None)) == ["recall"]


def test_a_language_without_stop_words_works():
    assert "otzyv" in words(terms(told(["otzyv chaynika", "snova otzyv", "otzyv!"], "other"), None))
    assert "batterij" in words(terms(told(["batterij stuk", "de batterij"], "nl"), None))


def test_a_background_of_function_words_alone_is_a_background():
    learned = Usual()
    for _ in range(200):
        learned.learn("it is what it is", "en")
    surge = told(["recall", "a recall"], "en")
    assert terms(surge, learned)[0].z > terms(surge, None)[0].z


def test_without_texts_or_mentions_there_are_no_terms():
    assert terms([], None) == []
    assert terms([Told("battery", "en", 0.0, 0.0), Told("battery", "en", float("nan"), 0.0)], None) == []


@given(st.lists(told_texts, max_size=12), st.randoms(use_true_random=False))
def test_the_order_of_the_texts_does_not_matter(texts: list[Told], rng: random.Random):
    shuffled = [*texts]
    rng.shuffle(shuffled)
    assert terms(shuffled, usual("en", 1)) == terms(texts, usual("en", 1))


@given(st.lists(told_texts, max_size=12), st.integers(0, 12))
def test_terms_are_few_short_and_safe_to_show_and_their_shares_are_shares(texts: list[Told], limit: int):
    found = terms(texts, None, limit=limit)
    assert len(found) <= limit
    for term in found:
        assert 1 < len(term.text) <= MOST_CHARACTERS
        assert term.text == printable(term.text, MOST_CHARACTERS)
        assert 0.0 < term.share <= 1.0
        assert 0.0 <= term.negative_share <= 1.0
    assert len(set(words(found))) == len(found)


@given(st.lists(told_texts, max_size=12))
def test_names_never_appear_but_within_a_hashtag_that_says_more(texts: list[Told]):
    for text in words(terms(texts, None, leave_out=["ACME", "アクメ", "电池"])):
        assert text not in {"#acme", "#アクメ", "#电池"}
        if not text.startswith("#"):
            assert "acme" not in text.split()
            assert "アクメ" not in text
            assert "电池" not in text


@settings(max_examples=20)
@given(st.text(max_size=3000), st.sampled_from(["en", "zh", "ja", "other"]))
def test_no_text_and_no_name_is_too_odd(text: str, language: str):
    surge = told([text, text[::-1], text * 2], language)
    for term in terms(surge, usual("en", 1), leave_out=[text, text[:3], "", "(", "["]):
        assert len(term.text) <= MOST_CHARACTERS


def test_of_many_texts_those_of_the_most_mentions_are_read():
    surge = [Told(f"rumour number{n}", "en", 1.0, 0.0) for n in range(2 * MOST_TEXTS)]
    surge += told(["recall announced", "announced recall"], "en", 2000.0)
    assert "recall" in words(terms(surge, None))
