"""Earlier episodes: those that a new one resembles come first, and only so many are kept."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.engine.episodes.past import (
    REMEMBERED,
    SHOWN,
    TERM_BYTES,
    PastEpisode,
    kept_term,
    most_similar,
    remembered,
)

RECALL = PastEpisode("a", "acme", "crisis", "critical", 10, 20, "product_failure", ("recall", "battery"))
STRIKE = PastEpisode("b", "acme", "crisis", "warning", 30, 40, "employee_behaviour", ("strike",))
TONE = PastEpisode("c", "acme", "sentiment_shift", "warning", 50, 60)
OTHERS = PastEpisode("d", "bolt", "crisis", "critical", 70, 80, "product_failure", ("recall",))
UNLIKE = PastEpisode("e", "bolt", "crisis", "critical", 90, 95, "data_breach", ("leak",))


def ids(cause: str = "", terms: tuple[str, ...] = (), past: tuple[PastEpisode, ...] = (RECALL, STRIKE, TONE)) -> str:
    return "".join(one.id for one in most_similar(past, brand="acme", kind="crisis", cause=cause, terms=terms))


def test_what_has_terms_or_the_cause_in_common_comes_first():
    assert ids(terms=("recall", "fire")) == "abc"
    assert ids(cause="employee_behaviour") == "bac"
    assert ids(cause="employee_behaviour", terms=("recall", "fire")) == "bac"


def test_without_anything_in_common_the_same_kind_the_graver_and_the_later_come_first():
    assert ids() == "abc"


def test_of_another_brand_only_what_has_something_in_common_is_shown():
    past = (RECALL, OTHERS, UNLIKE)
    assert ids(past=past) == "a"
    assert ids(past=past, terms=("recall",)) == "ad"


def test_an_unsure_cause_is_nothing_in_common():
    unsure = (PastEpisode("x", "bolt", "crisis", "warning", 1, 2), STRIKE)
    assert ids(past=unsure) == "b"


def test_an_episode_that_brand_and_category_remember_is_shown_once():
    assert ids(past=(RECALL, STRIKE, RECALL), terms=("recall",)) == "ab"


@given(st.lists(st.integers(0, 100), max_size=20))
def test_the_last_ones_are_kept(ends):
    past: tuple[PastEpisode, ...] = ()
    episodes = [PastEpisode(f"{n}", "acme", "crisis", "warning", 0, end) for n, end in enumerate(ends)]
    for episode in episodes:
        past = remembered(past, episode)
    assert list(past) == episodes[-REMEMBERED:]
    found = most_similar(past, brand="acme", kind="crisis", cause="", terms=())
    assert len(found) == min(len(past), SHOWN)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_long_term_is_kept_by_its_first_characters(term):
    kept = kept_term(term)
    assert term.startswith(kept)
    assert len(kept.encode()) <= TERM_BYTES
    assert kept == term or len(kept.encode()) > TERM_BYTES - 4
