"""What the lines of an alert on a terminal say around its own words, in English, Chinese and Japanese."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_ENGLISH: Final[Mapping[str, str]] = MappingProxyType(
    {
        "first_signs": "first signs from {}",
        "category": "category {}",
        "numbers": "the last {window}: {mentions}, {lower} to {upper} expected; {share} negative, {usual} usual; "
        "score {score}, threshold {threshold}",
        "beyond_category": "beyond a common move of the category {}",
        "because": "because of {}",
        "one_event": "one event with {}",
        "episode": "episode {}",
        "going_on": "the same fire as episode {}, going on",
        "members": "brands by score: {}",
        "more": "{} and {} more",
        "suppressed": "suppressed since the last alert: {count}; the last {when}, {kind}, score {score}, {reason}",
        "budget": "alert budget used up",
        "category_moved": "whole category moved",
        "cool_down": "cool-down",
        "unlisted": "{} in languages without a word list: read by emoji alone",
        "shown_story": "most shared is this post:",
        "story": 'most shared: "{}",',
        "times": "{about}{count} times since {when}",
        "about": "about ",
        "authors": "by {}",
        "reach": "reach {}",
        "owner": "owner {}",
        "act_by": "act by {}",
        "answer": "the brand has answered",
        "backfired": "after the answer the negative mentions rose beyond expectation",
        "unanswered": "nobody has acknowledged or answered in time",
        "volume": "volume",
        "negativity": "negativity",
        "common_move": "common move",
        "audience": "audience",
        "news": "news",
    }
)
LINES: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "en": _ENGLISH,
        "zh": MappingProxyType(
            {
                "first_signs": "最早迹象 {}",
                "category": "品类 {}",
                "numbers": "最近 {window}：{mentions}，预期 {lower} 至 {upper}；负面占 {share}，平时 {usual}；"
                "得分 {score}，阈值 {threshold}",
                "beyond_category": "超出品类 {} 的共同波动",
                "because": "原因构成：{}",
                "one_event": "同一事件：{}",
                "episode": "事件 {}",
                "going_on": "事件 {} 的延续",
                "members": "各品牌得分：{}",
                "more": "{} 及另外 {} 个",
                "suppressed": "上次警报以来被抑制 {count} 次；最近一次 {when}，{kind}，得分 {score}，{reason}",
                "budget": "警报额度已用完",
                "category_moved": "整个品类同时波动",
                "cool_down": "冷却期",
                "unlisted": "{} 的语言没有词表，仅凭表情符号判断",
                "shown_story": "传播最多的是这条：",
                "story": "传播最多：“{}”，",
                "times": "自 {when} 起{about} {count} 次",
                "about": "约",
                "authors": "{}",
                "reach": "触达 {}",
                "owner": "负责人 {}",
                "act_by": "请在 {} 前处理",
                "answer": "品牌已公开回应",
                "backfired": "回应之后负面提及的增长超出预期",
                "unanswered": "无人按时确认或回应",
                "volume": "提及量",
                "negativity": "负面",
                "common_move": "共同波动",
                "audience": "受众",
                "news": "新闻",
            }
        ),
        "ja": MappingProxyType(
            {
                "first_signs": "最初の兆候 {}",
                "category": "カテゴリー {}",
                "numbers": "直近 {window}：{mentions}、予測 {lower} ～ {upper}。否定的 {share}、通常 {usual}。"
                "スコア {score}、しきい値 {threshold}",
                "beyond_category": "カテゴリー {} 全体の動きを超えている",
                "because": "内訳：{}",
                "one_event": "同じ出来事：{}",
                "episode": "事案 {}",
                "going_on": "事案 {} の続き",
                "members": "ブランド別スコア：{}",
                "more": "{} ほか {} 件",
                "suppressed": "前回の警報以降に抑制 {count} 件。最後は {when}、{kind}、スコア {score}、{reason}",
                "budget": "警報の予算切れ",
                "category_moved": "カテゴリー全体の動き",
                "cool_down": "クールダウン",
                "unlisted": "{} は語彙リストのない言語のため絵文字のみで判定",
                "shown_story": "最も共有されたのはこの投稿：",
                "story": "最も共有された投稿：「{}」、",
                "times": "{when} 以降{about} {count} 回",
                "about": "約",
                "authors": "{}",
                "reach": "リーチ {}",
                "owner": "担当 {}",
                "act_by": "{} までに対応",
                "answer": "ブランドが公に回答した",
                "backfired": "回答のあと否定的な言及が予測を超えて増えた",
                "unanswered": "期限までに誰も確認も回答もしていない",
                "volume": "言及数",
                "negativity": "否定的な言及",
                "common_move": "共通の動き",
                "audience": "影響力",
                "news": "報道",
            }
        ),
    }
)


def mentions_in(count: str, language: str) -> str:
    """A number of mentions."""
    return {"zh": f"{count} 条提及", "ja": f"{count} 件の言及"}.get(language) or (
        "1 mention" if count == "1" else f"{count} mentions"
    )


def authors_in(count: str, language: str) -> str:
    """A number of authors."""
    return {"zh": f"{count} 位作者", "ja": f"投稿者 {count} 人"}.get(language) or (
        "1 author" if count == "1" else f"{count} authors"
    )


def duration_in(minutes: int, language: str) -> str:
    """A time in hours and minutes."""
    hours, rest = divmod(minutes, 60)
    hour, minute = {"zh": ("{} 小时", "{} 分钟"), "ja": ("{} 時間", "{} 分")}.get(language, ("{} h", "{} min"))
    parts = [hour.format(hours)] if hours else []
    return " ".join([*parts, minute.format(rest)] if rest or not parts else parts)
