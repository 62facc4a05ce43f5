"""An alert in one sentence, in English, Chinese or Japanese: what, how much against normal, since when, about what."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from pipeline.wording import percent, time_of_day
from schemas.alert import Alert, Kind
from schemas.text import printable

LANGUAGES: Final = ("en", "zh", "ja")
SHOWN_TERMS: Final = 3
NO_NAMES: Final[Mapping[str, str]] = MappingProxyType({})
MOST_FOLD: Final = 99.0


class _Wording(msgspec.Struct, frozen=True):
    """The parts of the sentence of one language; `over` is `what` of an episode that has ended, `times` the fold."""

    kinds: Mapping[Kind, str]
    over: str
    whole: str
    about: str
    quoted: str
    joined: str
    times: str
    beyond: str


_WORDINGS: Final[Mapping[str, _Wording]] = MappingProxyType(
    {
        "en": _Wording(
            kinds={
                "crisis": "Crisis about {brand}",
                "sentiment_shift": "The tone about {brand} has turned",
                "volume_surge": "Surge of attention for {brand}",
                "high_reach_post": "Negative post of great reach about {brand}",
            },
            over="{} is over",
            whole="{what}: {mentions} since {since}, {fold} the usual, {share} negative (usually {usual}){about}.",
            about=", most likely about {terms}",
            quoted="“{}”",
            joined=", ",
            times="{}x",
            beyond="more than {}x",
        ),
        "zh": _Wording(
            kinds={
                "crisis": "{brand} 舆情危机",
                "sentiment_shift": "{brand} 口碑转差",
                "volume_surge": "{brand} 讨论量激增",
                "high_reach_post": "{brand} 遭遇高影响力负面帖",
            },
            over="{}已结束",
            whole="{what}：自 {since} 起 {mentions}，为平时的 {fold}，负面占 {share}（平时 {usual}）{about}。",
            about="，很可能与{terms}有关",
            quoted="“{}”",
            joined="、",
            times="{} 倍",
            beyond="{} 倍以上",
        ),
        "ja": _Wording(
            kinds={
                "crisis": "{brand} で炎上",
                "sentiment_shift": "{brand} の評判が悪化",
                "volume_surge": "{brand} への言及が急増",
                "high_reach_post": "{brand} への影響力の大きい否定的な投稿",
            },
            over="{}（収束）",
            whole="{what}：{since} 以降 {mentions}、通常の {fold}、否定的なもの {share}（通常 {usual}）{about}。",
            about="、主な話題は{terms}とみられる",
            quoted="「{}」",
            joined="",
            times="{} 倍",
            beyond="{} 倍超",
        ),
    }
)


def headline(alert: Alert, language: str, names: Mapping[str, str] = NO_NAMES) -> str:
    """The alert in one sentence.

    Args:
        alert: with all its other fields.
        language: one of LANGUAGES; any other gives English.
        names: what people call the brand, by language; its slug stands for a name that is not there.
    """
    language = language if language in _WORDINGS else "en"
    wording = _WORDINGS[language]
    whole = alert.since_onset
    mentions = _counted(alert)
    negatives = alert.observed.negatives if whole is None else whole.negatives
    expected = alert.expected.value if whole is None else whole.expected
    since = alert.window.start if whole is None else alert.onset_time
    quoted = [wording.quoted.format(term.text) for term in alert.evidence.terms[:SHOWN_TERMS]]
    what = wording.kinds[alert.kind].format(brand=printable(names.get(language, alert.brand), 64))
    return wording.whole.format(
        what=wording.over.format(what) if alert.transition == "resolved" else what,
        mentions=_mentions(mentions, language),
        since=time_of_day(since, alert.detected_time),
        fold=_fold(mentions / max(expected, 0.01), wording),
        share=percent(min(negatives / mentions, 1.0) if mentions else 0.0),
        usual=percent(alert.expected.negative_share),
        about=wording.about.format(terms=wording.joined.join(quoted)) if quoted else "",
    )


def language_of(alert: Alert) -> str:
    """The language that an alert's own headline is written in, one of LANGUAGES; English where that is not seen."""
    return next((one for one in LANGUAGES if _mentions(_counted(alert), one) in alert.headline), LANGUAGES[0])


def _counted(alert: Alert) -> float:
    """The mentions that the headline counts."""
    whole = alert.since_onset
    return float(alert.observed.mentions) if whole is None else float(whole.mentions)


def _mentions(count: float, language: str) -> str:
    shown = f"{count:,.0f}"
    if language == "zh":
        return f"{shown} 条提及"
    if language == "ja":
        return f"{shown} 件の言及"
    return "1 mention" if shown == "1" else f"{shown} mentions"


def _fold(fold: float, wording: _Wording) -> str:
    if fold > MOST_FOLD:
        return wording.beyond.format(f"{MOST_FOLD:.0f}")
    return wording.times.format(f"{fold:.0f}" if fold >= 9.95 else f"{fold:.1f}")
