"""A headline is one sentence that says it all, in three languages, whatever the alert has."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engine.alerts.headline import LANGUAGES, headline
from schemas.alert import KINDS, TRANSITIONS, Alert, Expected, Observed, ScoreReading, Window
from schemas.evidence import Evidence, SinceOnset, Term
from tests.schemas.test_alert import alerts

ONSET = datetime(2026, 3, 1, 9, 55, tzinfo=UTC)
NOW = datetime(2026, 3, 1, 12, 35, tzinfo=UTC)
TERMS = ("caught fire", "recall", "battery", "never shown")


def whole(**changes: Any) -> SinceOnset:
    known: dict[str, Any] = {
        "mentions": 1423,
        "negatives": 968.0,
        "expected": 237.2,
        "excess_negatives": 940.0,
        "reach": 0,
        "fold": 6.0,
        "peak_per_hour": 700,
        "peak_time": ONSET,
        "trend": "rising",
    }
    return SinceOnset(**(known | changes))


def alert(**changes: Any) -> Alert:
    known: dict[str, Any] = {
        "version": 1,
        "id": "0" * 12,
        "episode_id": "1" * 12,
        "transition": "opened",
        "kind": "crisis",
        "severity": "critical",
        "brand": "acme",
        "onset_time": ONSET,
        "detected_time": NOW,
        "window": Window(start=NOW - timedelta(minutes=30), end=NOW),
        "score": ScoreReading(value=9.0, threshold=4.0, unit=""),
        "observed": Observed(mentions=412.0, negatives=309.0, negative_share=0.75),
        "expected": Expected(value=90.5, lower=61.0, upper=128.0, negative_share=0.125),
        "contributions": {},
        "evidence": Evidence(
            terms=tuple(Term(text=text, mentions=9.0, share=0.5, negative_share=0.9) for text in TERMS)
        ),
        "config_hash": "2" * 12,
        "detector": "x",
        "since_onset": whole(),
    }
    return Alert(**(known | changes))


def test_a_crisis_is_told_in_one_sentence_of_each_language() -> None:
    names = {"en": "Acme", "zh": "顶点", "ja": "アクメ"}
    assert {language: headline(alert(), language, names) for language in LANGUAGES} == {
        "en": "Crisis about Acme: 1,423 mentions since 09:55 UTC, 6.0x the usual, 68 % negative (usually 12 %), "
        "most likely about “caught fire”, “recall”, “battery”.",
        "zh": "顶点 舆情危机：自 09:55 UTC 起 1,423 条提及，为平时的 6.0 倍，负面占 68 %（平时 12 %），"
        "很可能与“caught fire”、“recall”、“battery”有关。",
        "ja": "アクメ で炎上：09:55 UTC 以降 1,423 件の言及、通常の 6.0 倍、否定的なもの 68 %（通常 12 %）、"
        "主な話題は「caught fire」「recall」「battery」とみられる。",
    }


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_words_of_its_own_and_says_so_when_it_is_over(kind: Any, language: str) -> None:
    told = {transition: headline(alert(kind=kind, transition=transition), language) for transition in TRANSITIONS}
    assert told["opened"] == told["updated"] == told["escalated"] != told["resolved"]
    assert {"en": " is over: ", "zh": "已结束：", "ja": "（収束）："}[language] in told["resolved"]
    others = {headline(alert(kind=other), language) for other in KINDS if other != kind}
    assert told["opened"] not in others
    assert told["opened"].count("acme") == 1


@pytest.mark.parametrize(
    ("mentions", "expected", "shown"),
    [
        (1, 10.0, "0.1x"),
        (14, 10.0, "1.4x"),
        (99, 10.0, "9.9x"),
        (100, 10.0, "10x"),
        (990, 10.0, "99x"),
        (991, 10.0, "more than 99x"),
        (5, 0.0, "more than 99x"),
        (0, 0.0, "0.0x"),
    ],
)
def test_how_many_times_the_usual_it_is_has_no_more_digits_than_are_known(
    mentions: int, expected: float, shown: str
) -> None:
    since = whole(mentions=mentions, negatives=0.0, expected=expected)
    assert f" {shown} the usual" in headline(alert(since_onset=since), "en")


def test_more_than_can_be_said_is_said_in_each_language() -> None:
    since = whole(expected=0.0)
    told = [headline(alert(since_onset=since), language) for language in LANGUAGES]
    for sentence, shown in zip(
        told, ("more than 99x the usual", "为平时的 99 倍以上，", "通常の 99 倍超、"), strict=True
    ):
        assert shown in sentence


def test_a_single_mention_is_one_and_an_estimate_of_negatives_is_never_more_than_all() -> None:
    told = headline(alert(since_onset=whole(mentions=1, negatives=3.0)), "en")
    assert ": 1 mention since" in told
    assert "100 % negative" in told


def test_without_counts_since_the_onset_those_of_the_window_are_told() -> None:
    told = headline(alert(since_onset=None), "en")
    assert "412 mentions since 12:05 UTC, 4.6x the usual, 75 % negative" in told


def test_an_onset_of_another_day_has_its_date_and_another_time_zone_changes_nothing() -> None:
    late = alert(detected_time=NOW + timedelta(days=1))
    assert "since 2026-03-01 09:55 UTC" in headline(late, "en")
    elsewhere = alert(onset_time=datetime.fromisoformat("2026-03-01T18:55:00+09:00"))
    assert headline(elsewhere, "ja") == headline(alert(), "ja")


@pytest.mark.parametrize(
    ("language", "names", "shown"),
    [
        ("zh", {"en": "Acme", "zh": "顶点"}, "顶点"),
        ("ja", {"en": "Acme", "zh": "顶点"}, "acme"),
        ("de", {"en": "Acme", "de": "Gipfel"}, "Acme"),
        ("", {}, "acme"),
        ("en", {"en": "A\x1b[31m\u202ecme\n"}, "A\N{REPLACEMENT CHARACTER}[31m\N{REPLACEMENT CHARACTER}cme"),
    ],
)
def test_a_brand_has_its_name_in_the_language_of_the_sentence_or_else_its_slug(
    language: str, names: dict[str, str], shown: str
) -> None:
    assert shown in headline(alert(), language, names)


def test_without_terms_nothing_is_said_of_what_it_is_about() -> None:
    told = [headline(alert(evidence=Evidence()), language) for language in LANGUAGES]
    assert not any(word in sentence for sentence in told for word in ("about “", "有关", "話題"))
    assert [sentence[-1] for sentence in told] == [".", "。", "。"]


@given(alerts, st.sampled_from([*LANGUAGES, "de", ""]))
def test_any_alert_of_the_contract_has_a_headline_and_braces_in_its_words_are_words(
    drawn: Alert, language: str
) -> None:
    assert headline(drawn, language)
    term = Term(text="{0} {brand} {what.__class__} %s", mentions=1.0, share=1.0, negative_share=1.0)
    evidence = msgspec.structs.replace(drawn.evidence, terms=(term,))
    assert term.text in headline(msgspec.structs.replace(drawn, evidence=evidence), language)
