"""The text material is complete in every language, and diverse."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.simulation.stream.phrases import CAUSES, LANGUAGES, TONES, phrasebook
from pipeline.simulation.stream.population import CATEGORIES


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_enough_templates_for_every_purpose(language):
    """At least 60 everyday templates over three tones, and for each cause triggers, posts and headlines."""
    book = phrasebook(language)
    assert sum(len(book.topics["ordinary"][tone]) for tone in TONES) >= 60
    for cause in CAUSES:
        topic = book.topics[cause]
        assert len(topic["trigger"]) >= 2
        assert len(topic["negative"]) >= 8
        assert len(topic["neutral"]) >= 3
        assert len(topic["news"]) >= 3
        assert topic["positive"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_slot_has_a_pool_and_every_category_its_products(language):
    """No template can meet an unknown slot."""
    book = phrasebook(language)
    assert set(book.products) == set(CATEGORIES)
    pools = book.pools("home", ("Name",))
    for topic in book.topics.values():
        for templates in topic.values():
            for template in templates:
                assert set(template.slots) <= set(pools)


@given(
    language=st.sampled_from(LANGUAGES),
    topic=st.sampled_from(["ordinary", "reply", "launch", "praise", "giveaway", "meme", *CAUSES]),
    tone=st.sampled_from(TONES),
    draw=st.integers(0, 2**62),
    style=st.integers(0, 2**62),
)
def test_any_draw_gives_one_text_and_always_the_same(language, topic, tone, draw, style):
    """A post is a function of its draws, never empty, with no slot left open."""
    book = phrasebook(language)
    pools = book.pools("food", ("Name",), 3)
    text = book.post(topic, tone, pools, draw, style)
    assert text == book.post(topic, tone, pools, draw, style)
    assert text.strip()
    assert "{" not in text


@given(language=st.sampled_from(LANGUAGES), draw=st.integers(0, 2**62), text=st.text(min_size=30, max_size=200))
def test_a_near_copy_keeps_most_of_the_text(language, draw, text):
    """More than half of the original stands in the copy, which is not the original."""
    copy = phrasebook(language).near_copy(text, draw)
    assert copy != text
    assert text[: len(text) * 55 // 100] in copy


@given(product=st.integers(0, 100))
def test_a_story_about_one_product_names_no_other(product):
    """A fixed product fills every slot."""
    book = phrasebook("en")
    assert len(book.pools("bank", ("Name",), product)["p"]) == 1
