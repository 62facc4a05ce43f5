"""Evidence as lines for a terminal: what is known and worth a line, in the language that is asked for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from pipeline.cli.alert_text import alert_lines
from pipeline.cli.main import tocsin
from pipeline.engine.alerts import evidence_text, headline
from pipeline.engine.alerts.evidence_text import LANGUAGES, evidence_lines
from pipeline.kafka import alerts as alerts_topic
from pipeline.kafka.alerts import AlertRecord
from schemas.alert import encode_alert
from schemas.evidence import Amplifier, Cause, Coordination, Evidence, Part, Spread, Term, Trigger
from tests.pipeline.cli.test_alert_text import example
from tests.schemas.test_alert import evidence

NOW = datetime(2026, 3, 1, 12, 35, tzinfo=UTC)
TRIGGER = Trigger(
    id="7",
    excerpt="It caught fire",
    event_time=NOW - timedelta(minutes=30),
    mentions=1423,
    share=0.41,
    reason="reposts",
    platform="weibo",
    author="witness",
    followers=9000,
    url="https://weibo.example/7",
)
FULL = Evidence(
    terms=(
        Term(text="caught fire", mentions=9.0, share=0.5, negative_share=0.9),
        Term(text="召回", mentions=4.0, share=0.2, negative_share=1.0),
    ),
    cause=Cause(name="safety", confidence=0.85),
    triggers=(TRIGGER,),
    amplifiers=(Amplifier(author="meridian", platform="news.example", audience=480_000, posts=2),),
    spread=Spread(
        platforms=(
            Part(name="weibo", mentions=70, share=0.7, usual_share=0.3),
            Part(name="reddit", mentions=5, share=0.05, usual_share=0.0, first_seen=NOW - timedelta(days=1)),
            Part(name="x", mentions=25, share=0.25, usual_share=0.7),
        )
    ),
    emotions={"anger": 0.6, "fear": 0.3, "mockery": 0.05},
    coordination=Coordination(
        copies=40, share=0.4, top_ten_share=0.62, burst_share=0.31, young_share=0.25, nameless_share=0.55
    ),
)


def test_all_that_is_known_is_a_line_each_in_every_language() -> None:
    assert {language: evidence_lines(FULL, language, NOW) for language in LANGUAGES} == {
        "en": [
            "about: caught fire, 召回",
            "likely cause: safety (85 %)",
            (
                'trigger: "It caught fire" (weibo, witness, 9,000 followers, 12:05 UTC), '
                "1,423 mentions, 41 % of all since the onset, https://weibo.example/7"
            ),
            "loudest: meridian (news.example, 480,000)",
            "spread: weibo 70 % (usually 30 %), reddit 5 % (new since 2026-02-28 12:35 UTC)",
            "feelings: anger 60 %, fear 30 %",
            "copies without a repost's mark: 40 %",
            "of mentions with an author, ten wrote 62 %",
            "within ten seconds of many others: 31 %",
            "of accounts of known age, younger than 30 days: 25 %",
            "without an author: 55 %",
        ],
        "zh": [
            "关键词：caught fire, 召回",
            "可能原因：安全（85 %）",
            (
                '引爆帖："It caught fire" (weibo, witness, 9,000 粉丝, 12:05 UTC), '
                "1,423 条提及，占爆发以来的 41 %, https://weibo.example/7"
            ),
            "主要扩散者：meridian (news.example, 480,000)",
            "传播：weibo 70 %（平时 30 %）, reddit 5 %（2026-02-28 12:35 UTC 起新出现）",
            "情绪：愤怒 60 %, 恐惧 30 %",
            "无转发标记的复制内容：40 %",
            "注明作者的提及中，前十位作者占 62 %",
            "十秒内集中出现：31 %",
            "已知注册时间的账号中，不足 30 天：25 %",
            "未注明作者：55 %",
        ],
        "ja": [
            "話題：caught fire, 召回",
            "推定原因：安全（85 %）",
            (
                '発端の投稿："It caught fire" (weibo, witness, フォロワー 9,000, 12:05 UTC), '
                "言及 1,423 件、開始以降の 41 %, https://weibo.example/7"
            ),
            "主な拡散者：meridian (news.example, 480,000)",
            "広がり：weibo 70 %（通常 30 %）, reddit 5 %（2026-02-28 12:35 UTC から新たに）",
            "感情：怒り 60 %, 不安 30 %",
            "リポスト表示のない複製：40 %",
            "投稿者が分かる言及のうち上位10人：62 %",
            "10秒以内に集中した投稿：31 %",
            "開設日が分かるアカウントのうち30日未満：25 %",
            "投稿者不明：55 %",
        ],
    }


def test_nothing_is_said_of_what_is_not_known() -> None:
    assert [evidence_lines(Evidence(), language, NOW) for language in LANGUAGES] == [[], [], []]


@pytest.mark.parametrize(
    "unsure",
    [
        {"cause": Cause(name="unknown", confidence=0.1)},
        {"cause": Cause(name="other", confidence=0.9)},
        {"emotions": {"anger": 0.09}},
        {
            "coordination": Coordination(
                copies=19, share=0.19, top_ten_share=0.29, burst_share=0.19, young_share=0.19, nameless_share=0.49
            )
        },
        {"spread": Spread()},
        {"spread": Spread(languages=(Part(name="en", mentions=9, share=1.0),))},
        {"spread": Spread(languages=(Part(name="en", mentions=9, share=0.39, usual_share=0.3),))},
        {"spread": Spread(platforms=(Part(name="x", mentions=1, share=0.004, usual_share=0.0, first_seen=NOW),))},
    ],
)
def test_what_is_unsure_or_small_is_not_worth_a_line(unsure: dict[str, Any]) -> None:
    assert evidence_lines(Evidence(**unsure), "en", NOW) == []


def test_a_trigger_that_nobody_repeats_is_shown_without_a_share_and_one_that_was_not_seen_without_its_author() -> None:
    loud = msgspec.structs.replace(TRIGGER, mentions=1, url=None)
    assert evidence_lines(Evidence(triggers=(loud,)), "en", NOW) == [
        'trigger: "It caught fire" (weibo, witness, 9,000 followers, 12:05 UTC)'
    ]
    unseen = msgspec.structs.replace(TRIGGER, platform=None, author=None, followers=None, url=None)
    assert evidence_lines(Evidence(triggers=(unseen,)), "en", NOW) == [
        'trigger: "It caught fire" (12:05 UTC), 1,423 mentions, 41 % of all since the onset'
    ]


def test_causes_and_emotions_of_a_later_version_keep_their_own_name() -> None:
    newer = Evidence(cause=Cause(name="weather", confidence=0.7), emotions={"envy": 0.5})
    assert evidence_lines(newer, "zh", NOW) == ["可能原因：weather（70 %）", "情绪：envy 50 %"]


def test_every_language_has_the_same_labels_with_as_many_places_and_headlines_have_the_same_languages() -> None:
    english = evidence_text._LABELS["en"]
    for labels in evidence_text._LABELS.values():
        assert {name: words.count("{}") for name, words in labels.items()} == {
            name: words.count("{}") for name, words in english.items()
        }
    assert LANGUAGES == headline.LANGUAGES


@given(evidence, st.sampled_from(LANGUAGES))
def test_any_evidence_is_a_few_short_lines_without_a_command_for_the_terminal(drawn: Evidence, language: str) -> None:
    lines = evidence_lines(drawn, language, NOW)
    assert len(lines) <= 7
    for line in lines:
        line.encode()
        assert len(line) < 800
        assert not any(ord(character) < 32 or 0x7F <= ord(character) < 0xA0 for character in line)


# ---- tocsin alerts --lang -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_alerts_are_shown_in_the_language_that_is_asked_for(monkeypatch: pytest.MonkeyPatch, language: str) -> None:
    alert = example("chinese-surge-evidence")
    records = [AlertRecord("alerts[0]@0", encode_alert(alert), alert)]
    monkeypatch.setattr(alerts_topic, "read_alerts", lambda _: records)
    found = CliRunner().invoke(tocsin, ["alerts", "--lang", language], catch_exceptions=False)
    assert found.stdout.splitlines() == alert_lines(alert, language)
    assert found.stdout.splitlines()[1] == f"  {headline.headline(alert, language)}"
    without = CliRunner().invoke(tocsin, ["alerts"], catch_exceptions=False)
    assert without.stdout.splitlines()[1] == f"  {alert.headline}"


def test_a_language_that_is_not_there_is_refused_with_those_that_are() -> None:
    found = CliRunner().invoke(tocsin, ["alerts", "--lang", "tlh"])
    assert found.exit_code == 2
    assert "'en', 'zh', 'ja'" in found.stderr
