"""The background of a brand: bounded, exact for what it is often told, forgetful of what is over."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.topics.usual import MOST_BYTES, MOST_WORDS, Usual

texts = st.lists(st.tuples(st.text(max_size=60) | st.just("kettle lid"), st.sampled_from(["en", "zh", "ja", "other"])))


def learned(rows: list[tuple[str, str]]) -> Usual:
    usual = Usual()
    for text, language in rows:
        usual.learn(text, language)
    return usual


def flooded(texts: int) -> Usual:
    """Every fifth text speaks of the kettle; each has ten words that never come again."""
    usual = Usual()
    for n in range(texts):
        usual.learn(" ".join(f"w{n}x{k}" for k in range(10)) + (" kettle" if n % 5 == 0 else ""), "en")
    return usual


def test_a_text_counts_each_of_its_words_once_and_no_function_word():
    usual = learned([("The kettle, the KETTLE and #kettle", "en"), ("my kettle's lid", "en")])
    assert (usual.texts, usual.count("kettle"), usual.count("lid"), usual.count("the")) == (2, 2.0, 1.0, 0.0)


@pytest.mark.parametrize(
    ("text", "language", "word"), [("水壶的颜色漂亮", "zh", "颜色"), ("ケトルの色が綺麗", "ja", "ケトル")]
)
def test_texts_without_blanks_are_counted_by_their_words(text, language, word):
    assert learned([(text, language)]).count(word) == 1.0


@given(texts)
def test_what_is_packed_is_unpacked_and_learns_on_alike(rows: list[tuple[str, str]]):
    usual = learned(rows)
    copy = Usual.from_bytes(usual.to_bytes())
    assert copy.to_bytes() == usual.to_bytes()
    for same in (usual, copy):
        same.learn("a kettle with a lid", "en")
    assert copy.to_bytes() == usual.to_bytes()
    assert copy.count("kettle") == usual.count("kettle")


def test_a_brand_without_texts_costs_nothing():
    assert Usual().to_bytes() == b""
    assert Usual.from_bytes(b"").texts == 0


def test_however_much_is_learned_a_kibibyte_holds_it():
    usual = flooded(2_000)
    assert len(usual) == MOST_WORDS
    assert len(usual.to_bytes()) == MOST_BYTES <= 1024
    assert Usual.from_bytes(usual.to_bytes()).to_bytes() == usual.to_bytes()


def test_what_is_often_said_outlives_words_that_never_come_again():
    usual = flooded(700)
    assert usual.count("kettle") == pytest.approx(usual.texts / 5, rel=0.1)


def test_what_everybody_says_counts_as_all_texts():
    usual = learned([("kettle", "en")] * 600)
    assert usual.count("kettle") == usual.texts == 600


def test_what_is_over_is_forgotten_by_halves():
    usual = learned([("kettle", "en")] * 200)
    before = usual.count("kettle") / usual.texts
    for _ in range(2_000):
        usual.learn("toaster", "en")
    assert usual.count("kettle") / usual.texts < before / 20


def test_one_text_adds_one_to_a_word_however_often_it_says_it():
    assert learned([("kettle " * 40, "en")]).count("kettle") == 1.0


@pytest.mark.parametrize(
    "packed",
    [b"\1", b"\1\0\0\0\1", b"\0\0\0\0", b"\1\0\0\0\2\0\1\0\1\1", b"\1\0\0\0\1\0\0", b"\xff\xff\0\0", b"\1\0" * 600],
)
def test_other_bytes_are_refused(packed):
    with pytest.raises(ValueError, match="usual words of a brand"):
        Usual.from_bytes(packed)
