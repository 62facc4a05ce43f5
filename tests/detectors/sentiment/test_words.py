"""What a reader of words remembers of the texts it has read: it saves time, changes no answer and is bounded."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.sentiment.lexicon import weights, word_lists
from detectors.sentiment.words import _GENERATION, WordReader


def reader() -> WordReader:
    return WordReader(word_lists("en"), weights("emoji"))


def remembered(reader: WordReader) -> list[str]:
    """Read without features or with them."""
    with_parts = reader._tokens_with_parts
    return [*reader._tokens, *reader._tokens._before, *with_parts, *with_parts._before]


@pytest.mark.parametrize("with_features", [False, True])
def test_however_many_different_words_are_read_few_are_remembered(with_features: bool) -> None:
    """Order numbers and invented words never come again; a reader lives as long as its process."""
    flooded = reader()
    for first in range(0, 5 * _GENERATION, 50):
        flooded.read(" ".join(f"order{number}" for number in range(first, first + 50)), with_features=with_features)
    assert _GENERATION <= len(remembered(flooded)) <= 2 * _GENERATION


def test_words_in_use_outlast_a_flood_of_others() -> None:
    flooded = reader()
    for number in range(3 * _GENERATION):
        flooded.read(f"terrible service {number}", with_features=False)
    assert {"terrible", "service"} <= set(flooded._tokens)


def test_a_token_too_long_to_be_a_word_is_not_remembered() -> None:
    """Ten thousand long ones would be tens of megabytes."""
    flooded = reader()
    flooded.read("x" * 41 + " \U0001f525" * 3 + " " + "y" * 40, with_features=True)
    assert sorted(remembered(flooded)) == ["y" * 40, "\U0001f525"]


@settings(max_examples=50)
@given(
    st.lists(st.sampled_from(["good", "not", "but", "BAD!", "\U0001f525", "#fail", "z" * 60, "", "x1"]), max_size=12)
)
def test_what_was_read_before_changes_no_answer(words: list[str]) -> None:
    text = " ".join(words)
    fresh, used = reader(), reader()
    used.read("good bad not but x1 #fail " + "z" * 60, with_features=True)
    used.read(text, with_features=True)
    prior, buckets = fresh.read(text, with_features=True)
    again, same_buckets = used.read(text, with_features=True)
    assert prior == again
    assert buckets.tolist() == same_buckets.tolist()
