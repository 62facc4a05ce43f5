"""State chunks: complete, bounded, restored bit for bit, refused when damaged."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from detectors.sentiment import SentimentModels
from detectors.sentiment.state import CHUNKS, VERSION
from tests.detectors.sentiment.labels import teach

words = st.sampled_from(["blorp", "bad", "good", "最悪", "良い", "差", "好", "😡", "ну", "the", "x y z"])
texts = st.lists(words, max_size=8).map(" ".join)
langs = st.sampled_from([None, "en", "zh", "ja", "ru"])
labelled = st.lists(st.tuples(texts, langs, st.floats(-1, 1)), max_size=25)


def restored(chunks: dict[str, bytes]) -> SentimentModels:
    models = SentimentModels()
    for name, payload in chunks.items():
        models.restore(name, payload)
    return models


@settings(max_examples=60, deadline=None)
@given(labelled, st.integers(1, 7), labelled)
def test_the_last_chunk_of_each_name_restores_bit_equal_models(
    taught: list[tuple[str, str | None, float]], every: int, later: list[tuple[str, str | None, float]]
) -> None:
    models = SentimentModels()
    log: dict[str, bytes] = {}
    for number, sample in enumerate(taught):
        teach(models, *sample)
        if number % every == 0:
            log |= dict(models.changed())
    log |= dict(models.changed())
    twin = restored(log)
    assert twin.changed() == []
    for text, lang, sentiment in later:
        assert twin.estimate_one(text, lang) == models.estimate_one(text, lang)
        teach(models, text, lang, sentiment)
        teach(twin, text, lang, sentiment)
    for text, lang, _ in taught:
        assert twin.estimate_one(text, lang) == models.estimate_one(text, lang)
    assert twin.changed() == models.changed()


def test_chunks_are_bounded_in_number_and_size_however_much_is_learned() -> None:
    models = SentimentModels()
    for number in range(3_000):
        text = " ".join(f"w{number * 40 + i}" for i in range(40))
        teach(models, text, "en", -1.0 if number % 2 else 1.0)
    chunks = dict(models.changed())
    assert len(chunks) == CHUNKS + 1
    assert max(map(len, chunks.values())) < 4_500
    twin = restored(chunks)
    assert twin.estimate_one("w1 w2 w3 good", "en") == models.estimate_one("w1 w2 w3 good", "en")


def test_only_what_changed_is_given_and_only_once() -> None:
    models = SentimentModels()
    assert models.changed() == []
    teach(models, "hmm", "en", -1.0)
    names = [name for name, _ in models.changed()]
    assert names[0] == "en/head"
    assert len(names) == 3  # the word, and the length of the text
    assert models.changed() == []


def test_a_restored_chunk_replaces_what_was_there() -> None:
    models = SentimentModels()
    teach(models, "blorp", "en", -1.0)
    early = dict(models.changed())
    estimate = models.estimate_one("blorp", "en")
    for _ in range(5):
        teach(models, "blorp", "en", -1.0)
    for name, payload in early.items():
        models.restore(name, payload)
    assert models.estimate_one("blorp", "en") == estimate


@pytest.mark.parametrize(
    "name", ["", "en", "tlh/head", "en/100", "en/0A", "en/3", "en/-1", "en/０3", "en/003", "head/en", "x" * 500]
)
def test_an_unknown_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="expected a chunk name"):
        SentimentModels().restore(name, b"")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("en/00", [VERSION + 1, b"", b""], "expected version 3, got 4"),
        ("en/head", [VERSION + 1], "expected version 3, got 4"),
        ("en/00", [], "expected version 3, got nothing"),
        ("en/00", {"version": 1}, "not a chunk of version 3"),
        ("en/00", [VERSION, b"\x00"], "not a chunk of version 3"),
        ("en/00", [VERSION, b"\x00", b"123"], "four floats"),
        ("en/00", [VERSION, b"\x01\x00", bytes(32)], "four floats"),
        ("en/00", [VERSION, b"\x00\x00", bytes(32)], "four floats"),
        ("en/00", [VERSION, b"\x00", b"\x00\x00\xc0\x7f" * 4], "finite"),
        ("en/00", [VERSION, b"\x00", b"\x00\x00\x80\xbf" * 4], "finite"),
        ("en/head", [VERSION, [0.0, 0.0], [0.0, float("nan")], [0.0, 0.0], 1, [0, 0.0, 0.0, 0.0]], "finite"),
        ("en/head", [VERSION, [0.0, 0.0], [0.0, 0.0], [0.0, -1.0], 1, [0, 0.0, 0.0, 0.0]], "finite"),
        ("en/head", [VERSION, [0.0, 0.0], [0.0, 0.0], [0.0, 0.0], 1, [0, float("inf"), 0.0, 0.0]], "finite"),
        ("en/head", [VERSION, [0.0, 0.0], [0.0, 0.0], [0.0, 0.0], 1, [-1, 0.0, 0.0, 0.0]], "finite"),
        ("en/head", [VERSION, [0.0], [0.0, 0.0], [0.0, 0.0], 1, [0, 0.0, 0.0, 0.0]], "not a chunk of version 3"),
    ],
)
def test_a_damaged_or_foreign_payload_is_refused_and_changes_nothing(name: str, content: object, message: str) -> None:
    models = SentimentModels()
    before = models.estimate_one("blorp", "en")
    with pytest.raises(ValueError, match=f"sentiment state {name}: .*{message}"):
        models.restore(name, msgspec.msgpack.encode(content))
    assert models.estimate_one("blorp", "en") == before
    assert models.changed() == []


@given(st.binary(max_size=200), st.sampled_from(["en/head", "ja/00"]))
@example(b"\x91\xa1\x80", "en/head")  # a list of one string that is not UTF-8
@example(b"\x91" * 100_000, "en/head")  # nesting without end
def test_any_bytes_are_restored_or_refused_with_a_value_error(payload: bytes, name: str) -> None:
    try:
        SentimentModels().restore(name, payload)
    except ValueError as error:
        assert str(error).startswith("sentiment state")  # noqa: PT017 - either outcome is right, silence is not
