"""What the messages say around an alert's own words, in English, Chinese and Japanese."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from schemas.alert import Kind, Severity, Transition
from schemas.evidence import Trend


class Wording(msgspec.Struct, frozen=True, kw_only=True):
    """The words of one language.

    `over` stands for the severity of what has ended. It `lasted` from the onset until it was resolved, and had `calmed`
    down when it was last above the release level.
    """

    title: str
    title_over: str
    category: str
    severities: Mapping[Severity, str]
    over: str
    kinds: Mapping[Kind, str]
    transitions: Mapping[Transition, str]
    members: str
    changed: str
    changes: Mapping[str, str]
    joined: str
    parted: str
    since_onset: str
    trends: Mapping[Trend, str]
    more_negative: str
    reach: str
    lasted: str
    calmed: str
    halved: str
    tone_back: str
    hours: str
    minutes: str
    owner: str
    owner_by: str
    playbook: str
    deputies: str
    spokesperson: str
    legal_reviewer: str
    inform: str
    channel: str
    steps: str
    similar: str
    waited: str
    more: str
    test: str


WORDINGS: Final[Mapping[str, Wording]] = MappingProxyType(
    {
        "en": Wording(
            title="{severity} {kind} {transition}: {subject}",
            title_over="{severity} {kind}: {subject}",
            category="category {}",
            severities={"info": "INFO", "warning": "WARNING", "critical": "CRITICAL"},
            over="RESOLVED",
            kinds={
                "crisis": "crisis",
                "sentiment_shift": "sentiment shift",
                "volume_surge": "volume surge",
                "high_reach_post": "high-reach post",
            },
            transitions={"opened": "opened", "updated": "updated", "escalated": "escalated", "resolved": "resolved"},
            members="brands: {}",
            changed="new: {}",
            changes={
                "answer": "the brand has answered",
                "backfired": "more negative since the answer",
                "cause": "another likely cause",
                "joined": "part of a crisis now",
                "news": "first news judged negative",
                "platform": "spread to another platform",
                "term": "another top term",
                "trigger": "another trigger",
                "unanswered": "nobody acted in time",
                "volume": "mentions doubled",
            },
            joined=", ",
            parted="; ",
            since_onset="since the onset: at most {peak} per hour (from {time}), {trend}",
            trends={"falling": "falling", "rising": "still rising", "steady": "steady"},
            more_negative="{} more negative than usual",
            reach="reach {}",
            lasted="lasted {}",
            calmed="calmed down after {}",
            halved="mentions halved {} after the peak",
            tone_back="tone back to usual {} after the peak",
            hours="{} h",
            minutes="{} min",
            owner="owner: {}",
            owner_by="owner: {}, act by {}",
            playbook="playbook: {}",
            deputies="deputies: {}",
            spokesperson="spokesperson: {}",
            legal_reviewer="legal review: {}",
            inform="also to be told: {}",
            channel="the team meets in {}",
            steps="steps: {}",
            similar="like {brand} on {date}: lasted {duration}, at most {peak} per hour",
            waited="{} waiting alerts",
            more="and {} more",
            test="TEST, nothing has happened: ",
        ),
        "zh": Wording(
            title="【{severity}】{kind}{transition}：{subject}",
            title_over="【{severity}】{kind}：{subject}",
            category="行业 {}",
            severities={"info": "提示", "warning": "警告", "critical": "严重"},
            over="已结束",
            kinds={
                "crisis": "舆情危机",
                "sentiment_shift": "口碑转差",
                "volume_surge": "讨论量激增",
                "high_reach_post": "高影响力负面帖",
            },
            transitions={"opened": "（新）", "updated": "（更新）", "escalated": "（升级）", "resolved": "（结束）"},
            members="品牌：{}",
            changed="新变化：{}",
            changes={
                "answer": "品牌已回应",
                "backfired": "回应后负面增多",
                "cause": "可能原因有变",
                "joined": "已成为危机的一部分",
                "news": "首篇判为负面的新闻",
                "platform": "扩散到其他平台",
                "term": "首要关键词有变",
                "trigger": "引爆帖有变",
                "unanswered": "无人按时处理",
                "volume": "提及量翻倍",
            },
            joined="、",
            parted="；",
            since_onset="爆发以来：每小时最多 {peak} 条（{time} 起），{trend}",
            trends={"falling": "正在回落", "rising": "仍在上升", "steady": "保持平稳"},
            more_negative="负面比平时多 {} 条",
            reach="触达 {} 人次",
            lasted="持续 {}",
            calmed="{} 后平息",
            halved="峰值后 {} 提及量减半",
            tone_back="峰值后 {} 口碑恢复正常",
            hours="{} 小时",
            minutes="{} 分钟",
            owner="负责人：{}",
            owner_by="负责人：{}，请在 {} 前处理",
            playbook="应对手册：{}",
            deputies="副手：{}",
            spokesperson="发言人：{}",
            legal_reviewer="法务审核：{}",
            inform="还需通知：{}",
            channel="团队沟通渠道：{}",
            steps="步骤：{}",
            similar="类似 {date} 的 {brand}：持续 {duration}，每小时最多 {peak} 条",
            waited="{} 条待发提醒",
            more="另有 {} 条",
            test="测试，没有发生任何事件：",
        ),
        "ja": Wording(
            title="【{severity}】{kind}{transition}：{subject}",
            title_over="【{severity}】{kind}：{subject}",
            category="業界 {}",
            severities={"info": "情報", "warning": "警告", "critical": "重大"},
            over="収束",
            kinds={
                "crisis": "炎上",
                "sentiment_shift": "評判の悪化",
                "volume_surge": "言及の急増",
                "high_reach_post": "影響力の大きい否定的な投稿",
            },
            transitions={
                "opened": "（発生）",
                "updated": "（続報）",
                "escalated": "（深刻化）",
                "resolved": "（収束）",
            },
            members="ブランド：{}",
            changed="新たな動き：{}",
            changes={
                "answer": "ブランドが回答",
                "backfired": "回答後に否定的な言及が増加",
                "cause": "推定原因の変化",
                "joined": "炎上の一部と判定",
                "news": "否定的と判定された最初の報道",
                "platform": "別のプラットフォームに拡散",
                "term": "主な話題の変化",
                "trigger": "発端の投稿の変化",
                "unanswered": "期限までに対応なし",
                "volume": "言及が倍増",
            },
            joined="、",
            parted="。",
            since_onset="開始以降：1 時間に最多 {peak} 件（{time} から）、{trend}",
            trends={"falling": "減少中", "rising": "増加中", "steady": "横ばい"},
            more_negative="否定的な言及は通常より {} 件多い",
            reach="リーチ {}",
            lasted="継続 {}",
            calmed="{} で沈静化",
            halved="ピークの {} 後に言及が半減",
            tone_back="ピークの {} 後に評判が通常に戻る",
            hours="{} 時間",
            minutes="{} 分",
            owner="担当：{}",
            owner_by="担当：{}、{} までに対応",
            playbook="対応手順書：{}",
            deputies="代理：{}",
            spokesperson="広報担当：{}",
            legal_reviewer="法務確認：{}",
            inform="ほかの連絡先：{}",
            channel="チームの連絡場所：{}",
            steps="手順：{}",
            similar="類似の事例：{brand}（{date}）、継続 {duration}、1 時間に最多 {peak} 件",
            waited="保留中のアラート {} 件",
            more="ほか {} 件",
            test="テスト送信（何も起きていません）：",
        ),
    }
)
