"""Labels move the models, by River's own recursion, and in the same way in every process."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import linear_model, optim

from detectors.sentiment import SentimentModels
from detectors.sentiment.hashing import BUCKETS, character_buckets, word_buckets, word_parts
from detectors.sentiment.models import NEGATIVE_PRIOR, NEGATIVE_PRIORS, POSITIVE_PRIOR, reader_of
from detectors.sentiment.regression import (
    EPSILON,
    INTERCEPT_RATE,
    LEARNING_RATE,
    HashedRegression,
    RegressionPair,
    logistic,
)
from detectors.sentiment.traits import traits
from schemas.text import normalised
from tests.detectors.sentiment.labels import teach

TEXTS = {
    "en": ("a new blorp", "a quiet day", "blorp"),
    "zh": ("又见霍莱姆事件", "今天天气晴", "霍莱姆"),
    "ja": ("またホレム事件", "今日は月曜日", "ホレム"),
    "other": ("снова блорп сегодня", "обычный день на работе", "блорп"),
}

samples = st.lists(
    st.tuples(
        st.floats(-1, 1),
        st.lists(st.integers(0, BUCKETS - 1), unique=True, max_size=12),
        st.booleans(),
    ),
    max_size=30,
)


@settings(max_examples=50)
@given(samples)
def test_the_recursion_is_rivers_logistic_regression_with_adagrad(
    stream: list[tuple[float, list[int], bool]],
) -> None:
    intercept, prior_weight = NEGATIVE_PRIOR
    ours = HashedRegression(intercept, prior_weight)
    river = linear_model.LogisticRegression(
        optimizer=optim.AdaGrad(LEARNING_RATE, EPSILON), intercept_init=intercept, intercept_lr=INTERCEPT_RATE
    )
    river._weights["prior"] = prior_weight  # River has no public way to start a weight elsewhere than the others
    for prior, buckets, target in stream:
        value = 1.0 / np.sqrt(len(buckets)) if buckets else 0.0
        features = {"prior": prior} | dict.fromkeys(buckets, value)
        indices = np.array(buckets, np.intp)
        # 32-bit weights against River's 64-bit ones.
        assert ours.predict(prior, indices) == pytest.approx(river.predict_proba_one(features)[True], abs=2e-5)
        ours.learn(prior, indices, target=target)
        river.learn_one(features, target)
    assert ours.prior_weight == pytest.approx(river.weights["prior"], abs=2e-4)
    assert ours.intercept == pytest.approx(river.intercept, abs=1e-5)
    for bucket, weight in river.weights.items():
        if bucket != "prior":
            assert ours.weights[bucket] == pytest.approx(weight, abs=2e-4)


@settings(max_examples=50)
@given(samples, st.data())
def test_two_regressions_learn_side_by_side_what_each_learns_alone(
    stream: list[tuple[float, list[int], bool]], data: st.DataObject
) -> None:
    """To the last bit, reopened steps included."""
    alone = HashedRegression(*NEGATIVE_PRIOR), HashedRegression(*POSITIVE_PRIOR)
    paired = HashedRegression(*NEGATIVE_PRIOR), HashedRegression(*POSITIVE_PRIOR)
    pair = RegressionPair(*paired)
    for prior, buckets, target in stream:
        indices, other = np.array(buckets, np.intp), data.draw(st.booleans())
        assert pair.predict(prior, indices) == tuple(one.predict(prior, indices) for one in alone)
        errors = pair.learn(prior, indices, first=target, second=other)
        assert errors == (
            alone[0].learn(prior, indices, target=target),
            alone[1].learn(prior, indices, target=other),
        )
        if data.draw(st.integers(0, 9)) == 0:
            for one in (*alone, *paired):
                one.reopen()
    for one, twin in zip(alone, paired, strict=True):
        for name in ("intercept", "labels", "prior_square", "prior_weight"):
            assert getattr(one, name) == getattr(twin, name)
        assert one.weights.tobytes() == twin.weights.tobytes()
        assert one.squares.tobytes() == twin.squares.tobytes()


@pytest.mark.parametrize("lang", ["en", "zh", "ja", "other"])
@given(texts=st.lists(st.text(max_size=100) | st.sampled_from([*TEXTS["zh"], *TEXTS["ja"], *TEXTS["en"]]), max_size=9))
def test_many_texts_are_read_as_each_of_them(lang: str, texts: list[str]) -> None:
    for with_features in (False, True):
        found = reader_of(lang).read_many(texts, with_features=with_features)
        expected = [reader_of(lang).read(text, with_features=with_features) for text in texts]
        assert [prior for prior, _ in found] == [prior for prior, _ in expected]
        for (_, buckets), (_, wanted) in zip(found, expected, strict=True):
            assert (buckets is None) if not with_features else (buckets is not None and set(buckets) == set(wanted))


def test_a_text_read_before_the_first_label_is_answered_with_it() -> None:
    """As if it were read after it."""
    models, twin = SentimentModels(), SentimentModels()
    (reading,) = models.read_many(["又见霍莱姆事件"], "zh")
    for one in (models, twin):
        for _ in range(20):
            teach(one, "霍莱姆", "zh", -1.0)
    assert models.estimate_read("又见霍莱姆事件", reading, "zh") == twin.estimate_one("又见霍莱姆事件", "zh")


@pytest.mark.parametrize("lang", ["en", "zh", "ja", "other"])
@given(text=st.text(max_size=100))
def test_without_labels_the_model_is_its_prior(lang: str, text: str) -> None:
    prior, _ = reader_of(lang).read(normalised(text), with_features=False)
    intercept, slope = NEGATIVE_PRIORS.get(lang, NEGATIVE_PRIOR)
    assert SentimentModels().estimate(normalised(text), lang) == (
        logistic(intercept + slope * prior),
        logistic(POSITIVE_PRIOR[0] + POSITIVE_PRIOR[1] * prior),
    )


@pytest.mark.parametrize("lang", list(TEXTS))
def test_labels_of_one_language_leave_the_others_at_their_prior(lang: str) -> None:
    models = SentimentModels()
    teach(models, TEXTS[lang][0], lang, -1.0)
    for other, texts in TEXTS.items():
        unchanged = models.estimate_one(texts[0], other) == SentimentModels().estimate_one(texts[0], other)
        assert unchanged == (other != lang)


@pytest.mark.parametrize("lang", list(TEXTS))
def test_a_word_unknown_to_the_prior_becomes_negative_after_labels(lang: str) -> None:
    bad, plain, word = TEXTS[lang]
    models = SentimentModels()
    assert models.negative_probability(word, lang) < 0.5
    for _ in range(30):
        teach(models, bad, lang, -0.8)
        teach(models, plain, lang, 0.0)
    assert models.negative_probability(word, lang) > 0.5
    assert models.negative_probability(plain, lang) < 0.5


def test_a_word_unknown_to_the_prior_becomes_positive_after_labels() -> None:
    models = SentimentModels()
    for _ in range(30):
        teach(models, "so very blorp today", "en", 0.9)
        teach(models, "a day at the office", "en", 0.0)
    negative, positive = models.estimate_one("blorp", "en")
    assert positive > 0.5 > negative


@pytest.mark.parametrize(("negative", "positive"), [(True, False), (False, True), (False, False), (True, True)])
def test_a_label_moves_each_class_by_itself(negative: bool, positive: bool) -> None:
    models = SentimentModels()
    before = models.estimate_one("blorp", "en")
    models.learn_one("blorp", "en", negative=negative, positive=positive)
    after = models.estimate_one("blorp", "en")
    assert (after[0] > before[0], after[1] > before[1]) == (negative, positive)


def test_estimating_teaches_nothing() -> None:
    models = SentimentModels()
    teach(models, "the blorp", "en", -1.0)
    models.changed()
    before = models.estimate_one("the blorp again", "en")
    for _ in range(10):
        models.estimate_one("the blorp is bad", "en")
    assert models.estimate_one("the blorp again", "en") == before
    assert models.changed() == []


def test_buckets_are_the_pinned_ones() -> None:
    assert word_parts("blorp") == (59133, 11766, 18400)
    assert sorted(word_buckets([word_parts("bad"), word_parts("day")], [7]).tolist()) == [7, 17745, 52535, 55385]
    assert sorted(traits("bad! :(", [1, 2])) == [19625, 50752, 51259, 53774]
    assert word_parts("complaint").stem == word_parts("complaining").stem != word_parts("complaint").first
    assert sorted(character_buckets("最悪\ud800").tolist()) == [2935, 11437, 20982, 52909, 56953]


@given(st.text(max_size=300))
def test_buckets_are_distinct_and_within_bounds(text: str) -> None:
    for lang in TEXTS:
        _, buckets = reader_of(lang).read(text, with_features=True)
        assert len(set(buckets.tolist())) == len(buckets) <= 215
        assert all(0 <= bucket < BUCKETS for bucket in buckets.tolist())


def test_another_process_with_another_hash_seed_learns_the_same_bits() -> None:
    program = """
from detectors.sentiment import SentimentModels
models = SentimentModels()
labelled = [("what a scam", "en", -1.0), ("最悪だ", "ja", -1.0), ("很好吃", None, 1.0), ("так", "ru", 0.5)]
for text, lang, sentiment in labelled:
    for _ in range(5):
        models.learn_one(text, lang, negative=sentiment < 0, positive=sentiment > 0)
print(models.estimate_one("what a scam this is", "en"), models.changed())
"""
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
            env={"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
