"""The fast readers give what plain ones give, bit by bit, for texts of every script."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.sentiment import LANGUAGES, SentimentModels
from detectors.sentiment.characters import CHINESE_NEGATION, JAPANESE_NEGATION, Negation
from detectors.sentiment.lexicon import weights, with_adjective_forms, word_lists
from detectors.sentiment.models import NEGATIVE_PRIOR, NEGATIVE_PRIORS, POSITIVE_PRIOR, reader_of
from schemas.text import normalised
from tests.detectors.sentiment import plain_reader


def word_entries(language: str) -> list[str]:
    """Words of every list of a language, phrases too, some of them with punctuation."""
    lists = word_lists(language)
    entries = [
        *lists.words,
        *(stem + "xyz" for stem in lists.stems),
        *lists.boosters,
        *lists.negators,
        *lists.fillers,
        *lists.turns,
        "xyz",
        "don’t",
        "However,",
    ]
    entries += [word + mark for word, mark in zip(lists.words, ",.!;:…—", strict=False)]
    return entries + 20 * [" ".join(phrase) for phrase in lists.phrases]


ENTRIES = {
    **{language: word_entries(language) for language in LANGUAGES if language not in {"zh", "ja", "other"}},
    "zh": [*weights("zh/words"), "不是很", "没有", "谈不上想象中想象中", "毫无任何", "特别", "別"],
    "ja": [*with_adjective_forms(weights("ja/words")), "ない", "じゃない", "くはなかった", "できません", "ず"],
    "other": ["на", "очень", "최악", "ไม่ดี"],
}
ODD = [
    *weights("emoji"),
    ":)", ":(", "<3", "❤️", "👩‍👩‍👧", "🇯🇵", "👍🏽", "\u200d", "\ufe0f", "\u202e", "\ud83d", "\ude21", "\ud800",
    "𠀀", "\U0010ffff",
    "ＧＯＯＤ", "ｶｯｺｲｲ", "！", "　", "\u3000好", "ﷺ", "İ", "ß", "\x00", "&amp;", "&#x1F621;", "&lt;3", "&",
    "https://t.example/好", "http://", "www.good.example", "@terrible", "@好吃", "http", "@", "#fail",
    "#WorstServiceEver", "#notgoodatall", "#boycottblorp", "#blorpfail", "#firefoxes", "#IsIt", ":(((", ":-))", "=]]",
    ":()", "Don't", "’",
    "x" * 41, "的", "な", "\n", "\t",
]  # fmt: skip


def texts(language: str) -> st.SearchStrategy[str]:
    """Texts of all that can matter to the reader of one language, glued or parted by blanks, up to past the limit."""
    piece = st.one_of(
        st.sampled_from(ENTRIES[language]),
        st.sampled_from(ENTRIES[language]),
        st.sampled_from(ODD),
        st.sampled_from(ENTRIES[language]).map(str.upper),
        st.text(max_size=4),
        st.text(st.characters(min_codepoint=0x3040, max_codepoint=0x9FFF), max_size=6),
    )
    pieces = st.lists(piece, max_size=80)
    return st.one_of(
        pieces.map(" ".join),
        pieces.map("".join),
        st.lists(st.sampled_from(ENTRIES[language]), min_size=40, max_size=90).map("".join),
        st.text(max_size=400),
        st.text(st.characters(exclude_categories=()), max_size=300),  # lone surrogates too
    )


@pytest.mark.parametrize("language", LANGUAGES)
@settings(max_examples=80)
@given(data=st.data())
def test_a_text_is_read_as_the_rules_say(language: str, data: st.DataObject) -> None:
    text = data.draw(texts(language))
    expected_prior, expected_buckets = plain_reader.read(text, language)
    prior, buckets = reader_of(language).read(normalised(text), with_features=True)
    assert prior == expected_prior
    assert sorted(int(bucket) for bucket in buckets) == sorted(expected_buckets)
    assert reader_of(language).read(normalised(text), with_features=False)[0] == prior


@pytest.mark.parametrize("language", LANGUAGES)
@settings(max_examples=20)
@given(data=st.data())
def test_a_model_answers_as_the_rules_say_before_and_after_labels(language: str, data: st.DataObject) -> None:
    text = data.draw(texts(language))
    models = SentimentModels()
    prior, buckets = plain_reader.read(text, language)
    assert models.estimate(normalised(text), language) == (
        plain_reader.probability(prior, set(), *NEGATIVE_PRIORS.get(language, NEGATIVE_PRIOR), plain_reader.NO_WEIGHTS),
        plain_reader.probability(prior, set(), *POSITIVE_PRIOR, plain_reader.NO_WEIGHTS),
    )
    for label in data.draw(st.lists(st.sampled_from([-1.0, 0.0, 1.0]), min_size=1, max_size=4)):
        learned = normalised(data.draw(st.one_of(st.just(text), texts(language))))
        models.learn(learned, language, negative=label < 0.0, positive=label > 0.0)
        model = models._models[language]
        assert models.estimate(normalised(text), language) == tuple(
            plain_reader.probability(prior, buckets, regression.intercept, regression.prior_weight, regression.weights)
            for regression in (model.negative, model.positive)
        )


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_text_read_after_many_others_is_read_as_before(language: str) -> None:
    texts_read = [" ".join(ENTRIES[language][n : n + 5]) + str(n) for n in range(0, 3_000, 3)]
    before = [plain_reader.read(text, language) for text in texts_read[::50]]
    for text in texts_read:
        reader_of(language).read(normalised(text), with_features=True)
    after = [reader_of(language).read(normalised(text), with_features=True) for text in texts_read[::50]]
    assert [(prior, sorted(map(int, buckets))) for prior, buckets in after] == [
        (prior, sorted(buckets)) for prior, buckets in before
    ]


@pytest.mark.parametrize(("language", "negation"), [("zh", CHINESE_NEGATION), ("ja", JAPANESE_NEGATION)])
@given(data=st.data())
def test_a_negation_has_a_sign_and_stands_beside_its_word_with_one_of_the_characters(
    language: str, negation: Negation, data: st.DataObject
) -> None:
    """What the fast reader asks first, so that most words need no search for a negation."""
    text = data.draw(st.from_regex(negation.pattern))
    match = negation.pattern.search(text)
    assert match
    assert negation.sign.search(match[0])
    assert match[0][-1 if language == "zh" else 0] in negation.beside
