"""The sentiment models of one partition: one per language, with a word list as prior, learning from labels."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Final, TypeAlias

from detectors.sentiment import state
from detectors.sentiment.characters import CHINESE_NEGATION, JAPANESE_NEGATION, CharacterReader
from detectors.sentiment.drift import DriftState, update
from detectors.sentiment.hashing import Buckets
from detectors.sentiment.language import LANGUAGES, OTHER, language_of
from detectors.sentiment.lexicon import WordLists, weights, with_adjective_forms, word_lists
from detectors.sentiment.regression import HashedRegression, RegressionPair, logistic
from detectors.sentiment.words import WordReader
from schemas.text import normalised

# Logit of the prior polarity p: intercept + slope * p, rounded between fits on English, Chinese and Japanese labels.
# A text without a known word is negative with probability 0.21; one plainly bad word of weight -2 makes it more than
# one half.
NEGATIVE_PRIOR: Final = (-1.3, -3.2)
POSITIVE_PRIOR: Final = (-0.9, 3.2)
NEGATIVE_PRIORS: Final = {"en": (-1.55, -3.2)}
"""Of languages whose lists know so many bad words that a text with one of them is less often a complaint: on English
labels the mean probability is then within 0.03 of the share of negative texts, and no order of texts changes."""


@cache
def reader_of(language: str) -> WordReader | CharacterReader:
    """The reader of one language; built at first use and shared, because it has no visible state."""
    emoji = weights("emoji")
    if language == "zh":
        return CharacterReader(weights("zh/words"), emoji, negation=CHINESE_NEGATION, negates_before=True)
    if language == "ja":
        words = with_adjective_forms(weights("ja/words"))
        return CharacterReader(words, emoji, negation=JAPANESE_NEGATION, negates_before=False)
    return WordReader(WordLists({}) if language == OTHER else word_lists(language), emoji)


@lru_cache(maxsize=1024)
def _by_prior(prior: float, language: str) -> tuple[float, float]:
    """P(negative) and P(positive) of a model that has learned nothing; few priors are different."""
    intercept, slope = NEGATIVE_PRIORS.get(language, NEGATIVE_PRIOR)
    return (
        logistic(intercept + slope * prior),
        logistic(POSITIVE_PRIOR[0] + POSITIVE_PRIOR[1] * prior),
    )


Reading: TypeAlias = tuple[float, Buckets | None]
"""What was read in a text: its prior polarity, and its features if the model of its language had learned any label."""


class _LanguageModel:
    """The model of one language: two regressions on the same features, the drift test, and which chunks changed."""

    __slots__ = ("changed", "drift", "negative", "pair", "positive", "read")

    def __init__(self, language: str) -> None:
        self.read = reader_of(language).read
        self.negative = HashedRegression(*NEGATIVE_PRIORS.get(language, NEGATIVE_PRIOR))
        self.positive = HashedRegression(*POSITIVE_PRIOR)
        self.pair = RegressionPair(self.negative, self.positive)
        self.drift = DriftState()
        self.changed: set[int] = set()


class SentimentModels:
    """One online model per language of one partition.

    A model that has learned no label answers by its word list alone and takes no memory.
    """

    def __init__(self) -> None:
        self._models: dict[str, _LanguageModel] = {}
        self.drifts = dict.fromkeys(LANGUAGES, 0)
        """Drifts found since construction, by language; not part of the state."""

    def estimate_one(self, text: str, lang: str | None) -> tuple[float, float]:
        """P(negative) and P(positive) of a text, without learning. They need not sum to one: a text can be mixed.

        Args:
            text: as it came.
            lang: language tag as it came.
        """
        read = normalised(text)
        return self.estimate(read, language_of(read, lang))

    def negative_probability(self, text: str, lang: str | None) -> float:
        """P(negative) of a text as it came, 0..1, without learning; above 0.5 the text counts as negative."""
        return self.estimate_one(text, lang)[0]

    def learn_one(self, text: str, lang: str | None, *, negative: bool = False, positive: bool = False) -> None:
        """`learn` from a text and language tag as they came."""
        read = normalised(text)
        self.learn(read, language_of(read, lang), negative=negative, positive=positive)

    def estimate(self, text: str, language: str) -> tuple[float, float]:
        """`estimate_one` of a normalised text in one of LANGUAGES."""
        model = self._models.get(language)
        if model is None:
            return _by_prior(reader_of(language).read(text, with_features=False)[0], language)
        return model.pair.predict(*model.read(text, with_features=True))

    def read_many(self, texts: Sequence[str], language: str) -> list[Reading]:
        """What the language's model needs of texts to answer; nothing is answered yet.

        Args:
            texts: normalised.
            language: one of LANGUAGES.
        """
        return reader_of(language).read_many(texts, with_features=language in self._models)

    def estimate_read(self, text: str, reading: Reading, language: str) -> tuple[float, float]:
        """`estimate` of a text that was read before."""
        prior, buckets = reading
        model = self._models.get(language)
        if model is None:
            return _by_prior(prior, language)
        if buckets is None:  # the first label of the language has come in between
            prior, buckets = model.read(text, with_features=True)
        return model.pair.predict(prior, buckets)

    def learn(self, text: str, language: str, *, negative: bool = False, positive: bool = False) -> None:
        """Learn one label: whether a normalised text is negative, positive, or neither.

        Where drift is detected, the language's learning steps become as large as at the start again.
        """
        model = self._models.get(language)
        if model is None:
            model = self._models[language] = _LanguageModel(language)
        prior, buckets = model.read(text, with_features=True)
        error, _ = model.pair.learn(prior, buckets, first=negative, second=positive)
        model.changed.add(state.HEAD)
        model.changed.update((buckets // state.CHUNK_BUCKETS).tolist())
        if update(model.drift, error * error):
            self.drifts[language] += 1
            model.negative.reopen()
            model.positive.reopen()
            model.changed.update(range(state.CHUNKS))

    def changed(self) -> list[tuple[str, bytes]]:
        """State chunks changed since the last call, each under its name (such as "en/03"), in a fixed order.

        The last chunk returned under each name restores the models exactly. At most 257 chunks per language.
        """
        chunks = []
        for language in LANGUAGES:
            model = self._models.get(language)
            if model is not None:
                for index in sorted(model.changed):
                    payload = state.encode(index, model.negative, model.positive, model.drift)
                    chunks.append((state.chunk_name(language, index), payload))
                model.changed.clear()
        return chunks

    def restore(self, name: str, payload: bytes) -> None:
        """Restore one chunk.

        Raises:
            ValueError: this version of the models has written no such name or payload.
        """
        language, index = state.parse_name(name)
        model = self._models.get(language) or _LanguageModel(language)
        drift = state.decode(name, index, payload, model.negative, model.positive)
        if drift is not None:
            model.drift = drift
        model.changed.discard(index)
        self._models[language] = model
