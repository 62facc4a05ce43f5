"""The evidence of an alert as lines for a terminal or a chat, in English, Chinese or Japanese."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

from pipeline.engine.alerts.surge_evidence import UNSURE
from pipeline.wording import percent, time_of_day
from schemas.evidence import Coordination, Evidence, Part, Similar, Spread, Trigger
from schemas.text import printable

_SHOWN_TERMS: Final = 8
_SHOWN_AMPLIFIERS: Final = 3
_EXCERPT_CHARACTERS: Final = 120
_TELLING: Final = MappingProxyType({"copies": 0.2, "top_ten": 0.3, "bursts": 0.2, "young": 0.2, "nameless": 0.5})
"""Shares of a coordination that are worth a line, from how much on."""
_SHOWN_PARTS: Final = 4
_NEW_SHARE: Final = 0.01
"""Of the mentions: a new platform with less is not worth a line."""
_SHIFT: Final = 0.1
"""A platform or language is worth a line where its share is so much more than usual."""

_ENGLISH: Final = MappingProxyType(
    {
        "terms": "about: {}",
        "cause": "likely cause: {} ({})",
        "trigger": "trigger: {}",
        "told": "{} mentions, {} of all since the onset",
        "followers": "{} followers",
        "amplifiers": "loudest: {}",
        "spread": "spread: {}",
        "usually": "{} {} (usually {})",
        "new": "{} {} (new since {})",
        "news": "first news judged negative: {}",
        "emotions": "feelings: {}",
        "copies": "copies without a repost's mark: {}",
        "top_ten": "of mentions with an author, ten wrote {}",
        "bursts": "within ten seconds of many others: {}",
        "young": "of accounts of known age, younger than 30 days: {}",
        "nameless": "without an author: {}",
        "forecast": "forecast: {} that the next hour has more mentions",
        "similar": "like an earlier episode: {}",
        "product_failure": "product failure",
        "safety": "safety",
        "data_breach": "data breach",
        "false_claim": "false claim",
        "insensitive_content": "insensitive content",
        "employee_behaviour": "employee behaviour",
        "service_outage": "service outage",
        "price_or_policy": "price or policy",
        "other": "other",
        "anger": "anger",
        "fear": "fear",
        "disgust": "disgust",
        "sadness": "sadness",
        "mockery": "mockery",
    }
)
_LABELS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "en": _ENGLISH,
        "zh": MappingProxyType(
            {
                "terms": "关键词：{}",
                "cause": "可能原因：{}（{}）",
                "trigger": "引爆帖：{}",
                "told": "{} 条提及，占爆发以来的 {}",
                "followers": "{} 粉丝",
                "amplifiers": "主要扩散者：{}",
                "spread": "传播：{}",
                "usually": "{} {}（平时 {}）",
                "new": "{} {}（{} 起新出现）",
                "news": "首篇判为负面的新闻：{}",
                "emotions": "情绪：{}",
                "copies": "无转发标记的复制内容：{}",
                "top_ten": "注明作者的提及中，前十位作者占 {}",
                "bursts": "十秒内集中出现：{}",
                "young": "已知注册时间的账号中，不足 30 天：{}",
                "nameless": "未注明作者：{}",
                "forecast": "预测：下一小时提及增加的可能性为 {}",
                "similar": "类似的过往事件：{}",
                "product_failure": "产品故障",
                "safety": "安全",
                "data_breach": "数据泄露",
                "false_claim": "不实信息",
                "insensitive_content": "不当内容",
                "employee_behaviour": "员工行为",
                "service_outage": "服务中断",
                "price_or_policy": "价格或政策",
                "other": "其他",
                "anger": "愤怒",
                "fear": "恐惧",
                "disgust": "厌恶",
                "sadness": "悲伤",
                "mockery": "嘲讽",
            }
        ),
        "ja": MappingProxyType(
            {
                "terms": "話題：{}",
                "cause": "推定原因：{}（{}）",
                "trigger": "発端の投稿：{}",
                "told": "言及 {} 件、開始以降の {}",
                "followers": "フォロワー {}",
                "amplifiers": "主な拡散者：{}",
                "spread": "広がり：{}",
                "usually": "{} {}（通常 {}）",
                "new": "{} {}（{} から新たに）",
                "news": "否定的と判定された最初の報道：{}",
                "emotions": "感情：{}",
                "copies": "リポスト表示のない複製：{}",
                "top_ten": "投稿者が分かる言及のうち上位10人：{}",
                "bursts": "10秒以内に集中した投稿：{}",
                "young": "開設日が分かるアカウントのうち30日未満：{}",
                "nameless": "投稿者不明：{}",
                "forecast": "予測：次の1時間に言及が増える可能性 {}",
                "similar": "過去の類似事例：{}",
                "product_failure": "製品の不具合",
                "safety": "安全",
                "data_breach": "情報漏えい",
                "false_claim": "虚偽情報",
                "insensitive_content": "不適切な内容",
                "employee_behaviour": "従業員の行為",
                "service_outage": "サービス障害",
                "price_or_policy": "価格・規約",
                "other": "その他",
                "anger": "怒り",
                "fear": "不安",
                "disgust": "嫌悪",
                "sadness": "悲しみ",
                "mockery": "嘲笑",
            }
        ),
    }
)
LANGUAGES: Final = tuple(_LABELS)


def named(name: str, language: str) -> str:
    """A cause or a feeling as people call it; one that is not known as it is written.

    Args:
        name: as in `Evidence`.
        language: one of LANGUAGES.
    """
    return _LABELS[language].get(name, name.replace("_", " "))


def evidence_lines(evidence: Evidence, language: str, now: datetime) -> list[str]:
    """What is known since the onset, a line each; nothing for what is not known.

    Args:
        evidence: of an alert; its texts are untrusted and are made printable again.
        language: one of LANGUAGES.
        now: when the alert was detected.
    """
    labels = _LABELS[language]
    lines = []
    if evidence.terms:
        shown = [printable(term.text, 40) for term in evidence.terms[:_SHOWN_TERMS]]
        lines.append(labels["terms"].format(", ".join(shown)))
    cause = evidence.cause
    if cause is not None and cause.name not in UNSURE:
        name = labels.get(cause.name, printable(cause.name, 40))
        lines.append(labels["cause"].format(name, percent(cause.confidence)))
    if evidence.triggers:
        lines.append(labels["trigger"].format(_trigger(evidence.triggers[0], labels, now)))
    if evidence.amplifiers:
        loudest = [
            f"{printable(one.author, 40)} ({printable(one.platform, 40)}, {one.audience:,})"
            for one in evidence.amplifiers[:_SHOWN_AMPLIFIERS]
        ]
        lines.append(labels["amplifiers"].format(", ".join(loudest)))
    if evidence.spread is not None:
        moved = [_part(part, labels, now) for part in (*evidence.spread.platforms, *evidence.spread.languages)]
        told = [words for words in moved if words][:_SHOWN_PARTS]
        lines += [labels["spread"].format(", ".join(told))] if told else []
        lines += _news(evidence.spread, labels, now)
    if evidence.emotions:
        felt = sorted(evidence.emotions.items(), key=lambda item: (-item[1], item[0]))
        shown = [f"{labels.get(name, printable(name, 40))} {percent(share)}" for name, share in felt if share >= _SHIFT]
        lines += [labels["emotions"].format(", ".join(shown))] if shown else []
    if evidence.coordination is not None:
        lines += [labels[name].format(percent(share)) for name, share in telling(evidence.coordination)]
    if evidence.forecast is not None:
        lines.append(labels["forecast"].format(percent(evidence.forecast.growth_chance)))
    return lines


def telling(coordination: Coordination) -> list[tuple[str, float]]:
    """What does not look like a crowd, each with its share; nothing for an ordinary one."""
    shares = {
        "copies": coordination.share,
        "top_ten": coordination.top_ten_share,
        "bursts": coordination.burst_share,
        "young": coordination.young_share,
        "nameless": coordination.nameless_share,
    }
    return [(name, share) for name, share in shares.items() if share is not None and share >= _TELLING[name]]


def similar_line(earlier: Similar, language: str) -> str:
    """An earlier episode in one line: when, whose, how long, about what."""
    labels = _LABELS[language]
    cause = [labels.get(earlier.cause, printable(earlier.cause, 40))] if earlier.cause else []
    terms = [printable(term, 40) for term in (earlier.shared_terms or earlier.terms)[:3]]
    about = ", ".join([*cause, *terms])
    hours = f"{earlier.duration_minutes / 60:.0f} h"
    when = f"{earlier.onset_time:%Y-%m-%d} {printable(earlier.brand, 64)}, {hours}"
    return labels["similar"].format(f"{when} ({about})" if about else when)


def _trigger(trigger: Trigger, labels: Mapping[str, str], now: datetime) -> str:
    source = [printable(name, 60) for name in (trigger.platform, trigger.author) if name]
    if trigger.followers:
        source.append(labels["followers"].format(f"{trigger.followers:,}"))
    source.append(time_of_day(trigger.event_time, now))
    parts = [f'"{printable(trigger.excerpt, _EXCERPT_CHARACTERS)}" ({", ".join(source)})']
    if trigger.mentions > 1:
        parts.append(labels["told"].format(f"{trigger.mentions:,}", percent(trigger.share)))
    if trigger.url:
        parts.append(printable(trigger.url, 200))
    return ", ".join(parts)


def _news(spread: Spread, labels: Mapping[str, str], now: datetime) -> list[str]:
    item = spread.first_news
    if item is None:
        return []
    source = f"{printable(item.author or item.platform, 60)}, {time_of_day(item.event_time, now)}"
    return [labels["news"].format(f'"{printable(item.excerpt, _EXCERPT_CHARACTERS)}" ({source})')]


def _part(part: Part, labels: Mapping[str, str], now: datetime) -> str:
    """A place where more is told than usual, "" for any other."""
    name = printable(part.name, 40)
    if part.first_seen is not None and part.share >= _NEW_SHARE:
        return labels["new"].format(name, percent(part.share), time_of_day(part.first_seen, now))
    if part.usual_share is not None and part.share >= part.usual_share + _SHIFT:
        return labels["usually"].format(name, percent(part.share), percent(part.usual_share))
    return ""
