"""The emotions of a surge are shares of its negative texts that show any; too few show none."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.topics.emotions import EMOTIONS, emotions_of, shares_of
from detectors.topics.told import Told
from tests.detectors.topics.test_causes import TOLD, told


@pytest.mark.parametrize(
    ("text", "language", "emotion"),
    [
        ("i am furious, never again", "en", "anger"),
        ("so scared for my kids, be careful", "en", "fear"),
        ("maggots in it, gross", "en", "disgust"),
        ("heartbroken, rest in peace", "en", "sadness"),
        ("lol what a joke 🤡", "en", "mockery"),
        ("气死我了，退钱", "zh", "anger"),
        ("吓死我了，大家小心", "zh", "fear"),
        ("恶心，想吐", "zh", "disgust"),
        ("一路走好，难过", "zh", "sadness"),
        ("笑死，小丑", "zh", "mockery"),
        ("ふざけんな、許せない", "ja", "anger"),
        ("怖い、気をつけて", "ja", "fear"),
        ("気持ち悪い、吐き気がする", "ja", "disgust"),
        ("悲しい、ご冥福をお祈りします", "ja", "sadness"),
        ("さすがですwww", "ja", "mockery"),
        ("so eine frechheit", "de", "anger"),
        ("j'ai peur", "fr", "fear"),
        ("qué asco", "es", "disgust"),
        ("kkkk que piada", "pt", "mockery"),
    ],
)
def test_a_text_shows_the_emotion_of_its_words(text, language, emotion):
    shares = shares_of(text, language)
    assert max(shares, key=shares.__getitem__) == emotion


def test_the_shares_are_of_the_texts_that_show_an_emotion():
    surge = told("furious", "livid", "outrageous", "so scared", "the shop is on main street", "it arrived today")
    assert emotions_of(surge) == {"anger": 0.75, "fear": 0.25, "disgust": 0.0, "sadness": 0.0, "mockery": 0.0}


def test_texts_that_are_not_negative_show_no_emotion():
    assert emotions_of(told("furious", "livid", "so scared", negatives=0.0)) == {}


def test_two_texts_with_an_emotion_are_too_few():
    assert emotions_of(told("furious", "so scared", "it arrived today")) == {}


def test_a_story_told_a_thousand_times_is_not_the_mood():
    loud = [Told("lol what a joke", "en", 1_000.0, 1_000.0)]
    found = emotions_of([*loud, *told(*(f"{number} times, i am furious" for number in range(30)))])
    assert found["anger"] > found["mockery"]


def test_an_emotion_that_is_denied_counts_little():
    assert shares_of("i am not angry", "en") == {}


@given(st.lists(TOLD, max_size=12), st.randoms())
@settings(max_examples=200, deadline=None)
def test_the_order_of_the_texts_does_not_matter_and_the_shares_sum_to_one(surge, random):
    found = emotions_of(surge)
    shuffled = list(surge)
    random.shuffle(shuffled)
    assert emotions_of(shuffled) == found
    assert found == {} or (tuple(found) == EMOTIONS and sum(found.values()) == pytest.approx(1.0, abs=0.003))
    assert all(0.0 <= share <= 1.0 for share in found.values())
