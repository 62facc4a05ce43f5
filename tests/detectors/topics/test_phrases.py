"""Phrases are found word by word, or anywhere in a text without blanks, and count little where they are negated."""

from __future__ import annotations

from importlib.resources import files
from time import process_time

import pytest

from detectors.topics.causes import CAUSES
from detectors.topics.emotions import EMOTIONS
from detectors.topics.phrases import NEGATED, finder
from schemas.text import READ_CHARACTERS, normalised

LANGUAGES = ("de", "en", "es", "fr", "ja", "pt", "zh")
SECTIONS = {"causes": {*CAUSES, "calm", "relief"}, "emotions": {*EMOTIONS}}


def heard(text: str, language: str = "en", name: str = "causes") -> dict[str, tuple[str, float]]:
    found = finder(language, name)
    assert found is not None
    return {each.words: (each.section, each.weight) for each in found.find(normalised(text))}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", SECTIONS)
def test_every_list_has_every_section_and_entries_as_normalised_texts_have_them(language, name):
    lines = files("detectors.topics").joinpath(f"lexicons/{language}/{name}.txt").read_text("utf-8").splitlines()
    assert {line.strip("[]") for line in lines if line.startswith("[")} == SECTIONS[name]
    entries = [entry for line in lines if line[:1] not in ("#", "[") for entry in line.split()[1:]]
    assert [entry for entry in entries if entry != normalised(entry).strip()] == []
    assert all(entry.strip("_*") for entry in entries)


def test_a_word_is_matched_at_its_bounds_and_a_stem_by_its_beginning():
    assert "recalled" in heard("they recalled it")
    assert heard("sharp crates and therapists") == {}


def test_a_plural_is_read_as_its_singular():
    assert heard("more price hikes")["price hikes"] == heard("one price hike")["price hike"]


def test_one_word_may_stand_within_a_phrase_but_no_mark():
    assert "wont even start" in heard("it wont even start")
    assert "won't start" in heard("it won't start")
    assert heard("it caught, fire is nice").get("caught fire") is None


def test_the_longest_phrase_at_a_place_counts_alone():
    assert list(heard("data breach")) == ["data breach"]


def test_entries_in_latin_letters_are_no_part_of_a_longer_word_in_chinese_and_japanese():
    assert "ca" in heard("caに殴られた", "ja")
    assert "ca" not in heard("cat可愛い", "ja")


def test_a_chinese_entry_of_two_parts_lets_a_few_characters_pass():
    assert "刹车突然失灵" in heard("高速上刹车突然失灵", "zh")


@pytest.mark.parametrize(
    ("plain", "negated", "words", "language"),
    [
        ("they were hacked", "they were not hacked", "hacked", "en"),
        ("数据泄露", "没有数据泄露", "数据泄露", "zh"),
        ("流出した", "流出していない", "流出", "ja"),
        ("es gab ein datenleck", "es gab kein datenleck", "datenleck", "de"),
    ],
)
def test_a_negated_phrase_counts_a_fifth(plain, negated, words, language):
    section, weight = heard(plain, language)[words]
    negated_section, negated_weight = heard(negated, language)[words]
    assert negated_section == section
    assert negated_weight == pytest.approx(NEGATED * weight)


@pytest.mark.parametrize("text", ["有没有泄露", "是不是泄露了"])
def test_a_chinese_question_negates_nothing(text):
    assert [weight > 1.0 for _, weight in heard(text, "zh").values()] == [True]


def test_a_negation_ends_with_its_clause():
    assert heard("no, they were hacked")["hacked"] == heard("they were hacked")["hacked"]


@pytest.mark.parametrize("name", ["../en", "", "xx", "en/../en"])
def test_a_language_without_a_list_has_no_finder(name):
    assert finder(name, "causes") is None


@pytest.mark.parametrize(
    "text",
    ["re" * 140, "no " * 93, "刹车" * 140, "流出" * 140, "はがもを" * 70, "a'" * 140, "🤡" * 280, "\ud800" * 280],
)
def test_no_text_takes_long(text):
    for language in LANGUAGES:
        for name in SECTIONS:
            found = finder(language, name)
            assert found is not None
            begin = process_time()
            found.find(text[:READ_CHARACTERS])
            assert process_time() - begin < 0.1
