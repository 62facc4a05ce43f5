"""A model that begins to be wrong is noticed, by River's own test, and learns again as it did at the beginning."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from river import drift

from detectors.sentiment import LANGUAGES, SentimentModels
from detectors.sentiment.drift import MIN_LABELS, THRESHOLD, TOLERATED, DriftState, update
from detectors.sentiment.regression import HashedRegression
from tests.detectors.sentiment.labels import teach

BEFORE = 3_000
AFTER = 600
SLANG = "sick"


@given(st.integers(0, 2**32 - 1), st.floats(0, 0.5), st.floats(0.3, 1.0))
def test_the_recursion_is_rivers_page_hinkley_test(seed: int, low: float, high: float) -> None:
    rng = np.random.default_rng(seed)
    errors = np.concatenate([rng.uniform(0, low, 200), rng.uniform(0, high, 400)]).tolist()
    state = DriftState()
    river = drift.PageHinkley(min_instances=MIN_LABELS, delta=TOLERATED, threshold=THRESHOLD, alpha=1.0, mode="up")
    for error in errors:
        river.update(error)
        assert update(state, error) == river.drift_detected


def labelled(flips_at: int, total: int) -> Iterator[tuple[str, str, float]]:
    """Half of the texts hang on one word, which first is bad and later praise."""
    rng = np.random.default_rng(5)
    words = np.array([f"w{number}" for number in range(300)])
    for number in range(total):
        text = " ".join(rng.choice(words, 6))
        if rng.random() < 0.5:
            yield f"{text} {SLANG}", "en", -1.0 if number < flips_at else 1.0
        else:
            yield text, "en", float(rng.choice([-1.0, 0.0, 1.0]))


def wrong_after_the_flip(models: SentimentModels) -> int:
    wrong = 0
    for number, (text, lang, sentiment) in enumerate(labelled(BEFORE, BEFORE + AFTER)):
        if number >= BEFORE and SLANG in text:
            wrong += models.negative_probability(text, lang) > 0.5
        teach(models, text, lang, sentiment)
    return wrong


def test_a_word_that_changes_its_meaning_is_a_drift_of_its_language_alone() -> None:
    models = SentimentModels()
    stream = list(labelled(BEFORE, BEFORE + AFTER))
    for sample in stream[:BEFORE]:
        teach(models, *sample)
    assert models.drifts == dict.fromkeys(LANGUAGES, 0)
    for sample in stream[BEFORE:]:
        teach(models, *sample)
    assert models.drifts == dict.fromkeys(LANGUAGES, 0) | {"en": 1}


def test_reopened_steps_unlearn_a_word_sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    reopened = wrong_after_the_flip(SentimentModels())
    monkeypatch.setattr(HashedRegression, "reopen", lambda self: None)
    assert reopened < 0.8 * wrong_after_the_flip(SentimentModels())


def test_a_drift_is_found_at_the_same_label_after_a_restore() -> None:
    models, log = SentimentModels(), dict[str, bytes]()
    for number, sample in enumerate(labelled(BEFORE, BEFORE + AFTER)):
        if number % 500 == 0:
            log |= dict(models.changed())
            twin = SentimentModels()
            for name, payload in log.items():
                twin.restore(name, payload)
            twin.drifts = models.drifts
            models = twin
        teach(models, *sample)
    whole = SentimentModels()
    for sample in labelled(BEFORE, BEFORE + AFTER):
        teach(whole, *sample)
    assert models.drifts == whole.drifts
    log |= dict(models.changed())
    assert log == dict(whole.changed())
