"""How people complain in English posts: hashtags, waiting customers, words with two meanings, bare denials."""

from __future__ import annotations

import pytest

from detectors.sentiment import SentimentModels
from detectors.sentiment.hashtags import HashtagReader


def negative(text: str, models: SentimentModels | None = None) -> float:
    return (models or SentimentModels()).negative_probability(text, "en")


SILENT = negative("")


@pytest.mark.parametrize(
    "text",
    [
        "still waiting for my bag",
        "third time this week I had to call",
        "they hung up on me",
        "my flight is delayed again",
        "I want a refund",
        "on hold for two hours",
        "charged twice for one order",
        "my package never showed up",
        "your app is down again",
        "unhelpful and condescending staff",
        "what the hell is going on",
        "who cares",
        "not at all satisfied",
        "not really good",
        "I don't think it's good",
        "it didn't help",
    ],
)
def test_a_customers_complaint_is_negative(text: str) -> None:
    assert negative(text) > 0.5


@pytest.mark.parametrize(
    "tag",
    ["#WorstServiceEver", "#neveragain", "#notgood", "#stillwaiting", "#boycottblorp", "#blorpfail", "#blorpsucks."],
)
def test_a_hashtag_is_read_as_its_words(tag: str) -> None:
    assert negative(f"flying with blorp {tag}") > 0.5


@pytest.mark.parametrize("tag", ["#painting", "#firefox", "#fireworks", "#blorp", "#blorpiverse", "#" + "a" * 60])
def test_a_hashtag_of_other_words_says_nothing(tag: str) -> None:
    assert negative(tag) == SILENT


def test_a_hashtag_of_praise_is_positive() -> None:
    _, positive = SentimentModels().estimate_one("#happybirthday blorp", "en")
    assert positive > 0.5


def test_a_hashtag_is_split_into_the_fewest_words() -> None:
    reader = HashtagReader(
        ["the", "rapist", "therapist", "best", "bestever", "ever"], {"stop*": -1.0, "stopwatch*": 0.0}
    )
    assert reader.split("therapist") == ["therapist"]
    assert reader.split("thebestever") == ["the", "bestever"]
    assert reader.split("thebestof") == []
    assert (reader.weight_of_part("stopblorp"), reader.weight_of_part("stopwatches")) == (-1.0, 0.0)


@pytest.mark.parametrize(
    "text",
    [
        "please",
        "help me find the gate",
        "sunglasses like this",
        "Manchester United shares",
        "honestly, sure",
        "dear all",
    ],
)
def test_words_of_politeness_and_names_are_no_praise(text: str) -> None:
    negative_probability, positive = SentimentModels().estimate_one(text, "en")
    assert positive < 0.5 > negative_probability


@pytest.mark.parametrize("text", ["that is pretty bad", "kind of awful", "please fix this awful app"])
def test_a_softener_does_not_make_a_complaint_milder_than_neutral(text: str) -> None:
    assert negative(text) > 0.5


@pytest.mark.parametrize(
    "text", ["watching Suicide Squad tonight", "The Walking Dead is on", "Star Wars at nine", "hell yeah"]
)
def test_names_of_works_and_cheers_are_no_complaints(text: str) -> None:
    assert negative(text) <= SILENT


def test_a_bare_denial_leans_to_a_complaint() -> None:
    assert SILENT < negative("they didn't pick up the phone") < negative("they are awful on the phone")


def test_an_emoticon_means_the_same_however_wide_its_mouth() -> None:
    assert negative("blorp :((((") == negative("blorp :(") > SILENT > negative("blorp :-)))")


def test_one_bad_word_says_less_the_longer_the_text() -> None:
    long = "the bag was blue and there was a sad story about it on the radio at noon on the day before"
    assert negative("a sad story") > negative(long) > SILENT


@pytest.mark.parametrize(
    ("taught", "other", "alike"),
    [
        ("blorp is here?", "blorp is here", "some words?"),
        ("news https://t.example/a", "news", "words https://t.example/b"),
        ("blorping", "quiet", "blorped"),
        ("terrible blorp", "blorp", "awful"),
    ],
)
def test_labels_of_some_texts_tell_of_others_with_the_same_traits(taught: str, other: str, alike: str) -> None:
    """A mark, an address, the stem of a word, a very bad word: not the words themselves."""
    models, opposite = SentimentModels(), SentimentModels()
    for _ in range(20):
        models.learn_one(taught, "en", negative=True)
        models.learn_one(other, "en", negative=False)
        opposite.learn_one(taught, "en", negative=False)
        opposite.learn_one(other, "en", negative=True)
    assert negative(alike, models) > negative(alike, opposite)
