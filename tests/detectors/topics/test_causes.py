"""The cause of a crisis is told from many texts, never from one; what is harmless or denied has none."""

from __future__ import annotations

from math import inf, nan
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.topics.causes import CAUSES, LEAST_TEXTS, MOST_TERMS, MOST_TEXTS, SURE, UNKNOWN, cause_of
from detectors.topics.told import Told
from studies.causes import BENIGN, situations

DATA = Path(__file__).parents[2] / "data" / "causes"


def told(*texts: str, language: str = "en", mentions: float = 1.0, negatives: float = 1.0) -> list[Told]:
    return [Told(text, language, mentions, negatives) for text in texts]


FIRE = ("the charger caught fire in my hand", "my house burned, the thing exploded", "when is the recall??")
WORDS = st.sampled_from([
    "recall", "caught fire", "down again", "data breach", "rude staff", "no", "price hike", "racist", "love", "lol",
    "泄露", "崩了", "没有", "起火", "値上げ", "不良品", "ない", "w", "kaputt", "$spy", "🤡", "'", "not",
    "\ud800", "\x00",
])  # fmt: skip
TEXTS = st.one_of(st.lists(WORDS, max_size=12).map(" ".join), st.text(max_size=300))
NUMBERS = st.one_of(st.floats(0.0, 1e4), st.floats(), st.sampled_from([nan, inf, -inf, -1.0]))
TOLD = st.builds(
    Told, TEXTS, st.sampled_from(["en", "zh", "ja", "de", "fr", "es", "pt", "other", "", "../en"]), NUMBERS, NUMBERS
)


@pytest.mark.parametrize(
    ("language", "texts", "cause"),
    [
        ("en", FIRE, "safety"),
        ("en", ("is the app down", "servers are down again", "can't log in since 9"), "service_outage"),
        ("en", ("they raised the price again", "hidden fees everywhere", "no refunds??"), "price_or_policy"),
        ("zh", ("充电宝起火了", "又自燃了", "赶紧召回"), "safety"),
        ("zh", ("我的信息被泄露了", "用户数据在暗网", "黑客干的"), "data_breach"),
        ("ja", ("買ってすぐ壊れた", "不良品だった", "電源が入らない"), "product_failure"),
        ("ja", ("店員の態度が悪い", "店長に暴言吐かれた"), "employee_behaviour"),
        ("de", ("die app ist down", "störung seit stunden", "kein netz"), "service_outage"),
        ("fr", ("fuite de données", "mes mots de passe volés", "hackers"), "data_breach"),
        ("es", ("publicidad engañosa", "mintieron", "es una estafa"), "false_claim"),
        ("pt", ("comercial racista", "machista e de mau gosto", "boicote"), "insensitive_content"),
    ],
)
def test_texts_that_speak_of_one_cause_name_it(language, texts, cause):
    found = cause_of(told(*texts, language=language))
    assert found.name == cause
    assert SURE <= found.confidence <= 1.0


@pytest.mark.parametrize("half", ["development", "held_out"])
def test_nine_of_ten_written_crises_get_their_cause_and_one_harmless_surge_of_six_at_most_gets_any(half):
    asked = list(situations(DATA / half))
    answers = [(each.cause, cause_of(each.told).name) for each in asked]
    crises = [cause == said for cause, said in answers if cause != BENIGN]
    harmless = [said not in (UNKNOWN, "other") for cause, said in answers if cause == BENIGN]
    assert sum(crises) >= 0.9 * len(crises)
    assert sum(harmless) <= len(harmless) / 6


def test_the_terms_are_phrases_of_the_texts_the_heaviest_first():
    found = cause_of(told(*FIRE, "another one caught fire"))
    assert found.terms[0] == "caught fire"
    assert len(found.terms) <= MOST_TERMS
    assert all(any(term in text for text in (*FIRE, "another one caught fire")) for term in found.terms)


def test_one_story_names_no_cause_however_often_it_is_told():
    assert LEAST_TEXTS > 1
    assert cause_of(told(FIRE[0], mentions=10_000.0, negatives=10_000.0)).name == UNKNOWN


def test_a_story_told_a_thousand_times_does_not_outvote_many_texts():
    loud = told("rude staff, the manager insulted me", mentions=1_000.0, negatives=1_000.0)
    many = told(*(f"{number} servers are down again, can't log in" for number in range(12)))
    assert cause_of([*loud, *many]).name == "service_outage"


@pytest.mark.parametrize(
    ("language", "texts"),
    [
        ("en", ("no data breach at all", "it was not hacked", "there was no leak of passwords")),
        ("zh", ("没有泄露", "并非数据泄露", "没有被盗号")),
        ("ja", ("流出していない", "個人情報は漏れていない", "不正アクセスはなかった")),
    ],
)
def test_what_is_denied_names_no_cause(language, texts):
    assert cause_of(told(*texts, language=language)).name == UNKNOWN


def test_praise_and_launches_name_no_cause():
    texts = ("congrats on the launch", "love it, best phone", "preordered, can't wait", "gorgeous colour")
    assert cause_of(told(*texts, negatives=0.0)).name == UNKNOWN


def test_negative_texts_weigh_more_than_others():
    outage = ("servers down", "can't log in", "error 503")
    calm = told(*outage, negatives=0.0) + told(*FIRE)
    angry = told(*outage) + told(*FIRE, negatives=0.0)
    assert cause_of(calm).name == "safety"
    assert cause_of(angry).name == "service_outage"


def test_a_ticker_is_no_word():
    assert cause_of(told("$SPY up", "watch $SPY", "$SPY and $HACK")).confidence == 0.0


def test_languages_without_a_list_and_no_texts_name_no_cause():
    assert cause_of([]).name == UNKNOWN
    assert cause_of(told("взломали", "утечка", language="other")) == cause_of([])


@given(st.lists(TOLD, max_size=12), st.randoms())
@settings(max_examples=200, deadline=None)
def test_the_order_of_the_texts_does_not_matter_and_the_answer_is_bounded(surge, random):
    found = cause_of(surge)
    shuffled = list(surge)
    random.shuffle(shuffled)
    assert cause_of(shuffled) == found
    assert found.name in (*CAUSES, UNKNOWN)
    assert 0.0 <= found.confidence <= 1.0
    assert (found.name == UNKNOWN) <= (not found.terms)
    assert len(found.terms) <= MOST_TERMS
    assert all(len(term) <= 280 for term in found.terms)


def test_only_so_many_texts_are_read_the_heaviest():
    noise = told(*(f"{number} servers are down again" for number in range(5 * MOST_TEXTS)), negatives=0.0)
    heavy = told(*(f"{number} the charger caught fire" for number in range(MOST_TEXTS)), mentions=20.0, negatives=20.0)
    assert cause_of([*noise, *heavy]) == cause_of(heavy)
