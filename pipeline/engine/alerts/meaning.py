"""What an alert's score is held against, in one sentence."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from pipeline.config.model import DetectionConfig
from schemas.alert import Kind

_CHANCE: Final = r"the brand would reach (?P<threshold>[-\d.]+) by chance (?P<rate>.+)\."
_SENTENCES: Final = (
    ("crisis", re.compile(rf"If its mentions and their negative share had gone on as usual, {_CHANCE}")),
    ("volume_surge", re.compile(rf"If as much had been said as usual, {_CHANCE}")),
    ("high_reach_post", re.compile(rf"If its negative posts had reached as many people as usual, {_CHANCE}")),
    (
        "sentiment_shift",
        re.compile(r"If as many of its mentions had .* (?P<threshold>[-\d.]+) by so many (?P<rate>.+)\."),
    ),
)
_RATES: Final = (
    ("once", re.compile(r"once a year")),
    ("often", re.compile(r"([\d.e+-]+) times a year")),
    ("seldom", re.compile(r"once in ([\d.e+-]+) years")),
    ("shift", re.compile(r"deviations of its daily maxima()")),
)
_TOLD: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "zh": {
            "crisis": "若提及量及其负面占比一如往常，{reached}。",
            "volume_surge": "若提及量一如往常，{reached}。",
            "high_reach_post": "若负面帖子触达的人数一如往常，{reached}。",
            "sentiment_shift": "若负面提及的占比一如往常，{reached}。",
            "once": "该品牌平均每年会偶然达到 {threshold} 一次",
            "often": "该品牌平均每年会偶然达到 {threshold} 共 {rate} 次",
            "seldom": "该品牌平均每 {rate} 年会偶然达到 {threshold} 一次",
            "shift": "该品牌在平常的一天会达到 0；达到 {threshold} 表示比其每日最大值高出这么多个偏差",
        },
        "ja": {
            "crisis": "言及の数とその否定的な割合が普段どおりなら、{reached}。",
            "volume_surge": "言及の数が普段どおりなら、{reached}。",
            "high_reach_post": "否定的な投稿の届いた人数が普段どおりなら、{reached}。",
            "sentiment_shift": "否定的な言及の割合が普段どおりなら、{reached}。",
            "once": "このブランドが偶然 {threshold} に達するのは年に 1 回です",
            "often": "このブランドが偶然 {threshold} に達するのは年に {rate} 回です",
            "seldom": "このブランドが偶然 {threshold} に達するのは {rate} 年に 1 回です",
            "shift": "このブランドは平常の日に 0 に達します。{threshold} は日ごとの最大値からのそれだけの偏差です",
        },
    }
)


def meaning(kind: Kind, threshold: float, detection: DetectionConfig) -> str:
    """The null hypothesis of a kind of episode, and how often its threshold is reached where that holds.

    Args:
        kind: of the episode.
        threshold: as the configuration gives it.
        detection: of the brand.
    """
    reached = f"the brand would reach {threshold:.2f} by chance"
    if kind == "crisis":
        rate = often(detection.false_alarms_per_brand_year)
        return f"If its mentions and their negative share had gone on as usual, {reached} {rate}."
    if kind == "volume_surge":
        rate = often(detection.volume_surges_per_brand_year)
        return f"If as much had been said as usual, {reached} {rate}."
    if kind == "high_reach_post":
        rate = often(detection.high_reach_posts_per_brand_year)
        return f"If its negative posts had reached as many people as usual, {reached} {rate}."
    return (
        f"If as many of its mentions had been negative as usual, the brand would reach 0 on an ordinary day, and "
        f"{threshold:.2f} by so many deviations of its daily maxima."
    )


def often(per_year: float) -> str:
    """A rate per year in words."""
    if per_year == 1.0:
        return "once a year"
    return f"{per_year:g} times a year" if per_year > 1.0 else f"once in {1.0 / per_year:.3g} years"


def meaning_in(sentence: str, language: str) -> str:
    """The sentence of `meaning`, as an alert carries it, in another language; itself where that is not known.

    Its own numbers are taken over: an alert says what held for it, whatever is configured now.

    Args:
        sentence: in English.
        language: such as "zh".
    """
    words = _TOLD.get(language)
    for kind, shape in _SENTENCES if words else ():
        if words and (found := shape.fullmatch(sentence)):
            for name, rate in _RATES:
                if often_told := rate.fullmatch(found["rate"]):
                    reached = words[name].format(threshold=found["threshold"], rate="".join(often_told.groups()))
                    return words[kind].format(reached=reached)
    return sentence
