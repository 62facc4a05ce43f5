"""An alert as a message to people: short for phones, long for chats and mail, in the language of the target."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from typing import Final, Literal

import msgspec

from pipeline.engine.alerts.evidence_text import evidence_lines
from pipeline.engine.alerts.headline import headline, language_of
from pipeline.notify.duty import duty, steps
from pipeline.notify.harmless import harmless
from pipeline.notify.wordings import WORDINGS, Wording
from pipeline.wording import time_of_day
from schemas.alert import Alert
from schemas.evidence import Evidence, Recovery, Similar, SinceOnset
from schemas.text import printable

SHORT_CHARACTERS: Final = 240
"""Of title and text together in the short form."""
LONG_CHARACTERS: Final = 1_800
"""Of title and text together in the long form: Discord takes 2,000."""
HUB_LINK: Final = "hub"
_LINK_CHARACTERS: Final = 300
_SHOWN_LINKS: Final = 3
_HEADLINE_CHARACTERS: Final = 500
_LINE_CHARACTERS: Final = 320
_MIN_HEADLINE: Final = 60
"""A short message without room for so much of the headline goes without its link."""
_SHOWN_WAITING: Final = 10
_SHOWN_MEMBERS: Final = 8

Form = Literal["short", "long"]


class Style(msgspec.Struct, frozen=True, kw_only=True):
    """How a target wants its messages. `language` "alert" is that of the alert's own headline."""

    language: str = "alert"
    form: Form = "long"
    hub_url: str | None = None

    def link(self, alert: Alert) -> str:
        """The page of the alert's episode: on our hub, else the alert's own link of that name; "" without either."""
        if self.hub_url:
            return f"{self.hub_url.rstrip('/')}/episodes/{alert.episode_id}"
        return alert.links.get(HUB_LINK, "")

    def language_for(self, alert: Alert) -> str:
        """The language of a message about it."""
        return language_of(alert) if self.language == "alert" else self.language


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A message: a title, the headline in one sentence, the text of one or more lines that begins with it."""

    title: str
    sentence: str
    text: str
    link: str = ""


def message(alert: Alert, style: Style) -> Message:
    """An alert as a message. Nothing that a post says can call somebody, become a link or grow the message."""
    language = style.language_for(alert)
    words = WORDINGS[language]
    title = title_of(alert, words)
    own = style.language == "alert" and alert.headline
    sentence = harmless(alert.headline if own else headline(alert, language), _HEADLINE_CHARACTERS)
    text = _short(alert, title, sentence, style) if style.form == "short" else _long(alert, title, sentence, style)
    return Message(title=title, sentence=sentence, text=text, link=style.link(alert))


def waiting_message(alerts: Sequence[Alert], style: Style) -> Message:
    """Several alerts that had to wait as one message, one line each; there is at least one."""
    language = style.language_for(alerts[0])
    words = WORDINGS[language]
    title = words.waited.format(len(alerts))
    shown = [message(alert, msgspec.structs.replace(style, language=language)) for alert in alerts[:_SHOWN_WAITING]]
    if style.form == "short":
        sentence = _cut(words.parted.join(one.title for one in shown), SHORT_CHARACTERS - len(title) - 1)
        return Message(title=title, sentence=sentence, text=sentence)
    lines = [f"- {one.sentence}" + (f" {one.link}" if one.link else "") for one in shown]
    left = len(alerts) - len(shown)
    lines += [words.more.format(left)] if left else []
    return Message(title=title, sentence=shown[0].sentence, text=_fitted((), lines, (), LONG_CHARACTERS - len(title)))


def marked_as_test(told: Message, language: str) -> Message:
    """A message that says first that it is a test."""
    mark = WORDINGS[language].test
    return Message(title=mark + told.title, sentence=mark + told.sentence, text=mark + told.text, link=told.link)


def title_of(alert: Alert, words: Wording) -> str:
    """What has happened to whom, in a few words."""
    over = alert.transition == "resolved"
    return (words.title_over if over else words.title).format(
        severity=words.over if over else words.severities[alert.severity],
        kind=words.kinds[alert.kind],
        transition=words.transitions[alert.transition],
        subject=words.category.format(alert.brand) if alert.scope == "category" else alert.brand,
    )


def _short(alert: Alert, title: str, sentence: str, style: Style) -> str:
    owner = duty(alert, WORDINGS[style.language_for(alert)])[:1]
    for tail in ([*owner, style.link(alert)], owner, []):
        ending = "".join(f" {part}" for part in tail if part)
        room = SHORT_CHARACTERS - len(title) - 1 - len(ending)
        if room >= min(_MIN_HEADLINE, len(sentence)):
            return _cut(sentence, room) + ending
    return _cut(sentence, SHORT_CHARACTERS - len(title) - 1)


def _long(alert: Alert, title: str, sentence: str, style: Style) -> str:
    language = style.language_for(alert)
    words = WORDINGS[language]
    first, last = [sentence], [*duty(alert, words), style.link(alert), *_links(alert)]
    if alert.members:
        named = [member.brand for member in alert.members[:_SHOWN_MEMBERS]]
        left = len(alert.members) - len(named)
        first.append(words.members.format(words.joined.join([*named, *([words.more.format(left)] if left else [])])))
    if alert.changes:
        told = [words.changes.get(one) or harmless(one, 40) for one in alert.changes]
        first.append(words.changed.format(words.joined.join(told)))
    if alert.recovery is not None:
        first.append(_recovery(alert, alert.recovery, words))
    about = []
    if alert.transition != "resolved":
        about = [_since_onset(alert.since_onset, alert, words)] if alert.since_onset else []
        known = evidence_lines(_without_addresses(alert.evidence), language, alert.detected_time)
        about += [harmless(line, _LINE_CHARACTERS) for line in known]
        about += [_similar(one, words) for one in alert.evidence.similar[:1]]
        about += steps(alert, words)
    return _fitted(first, about, [line for line in last if line], LONG_CHARACTERS - len(title) - 1)


def _since_onset(whole: SinceOnset, alert: Alert, words: Wording) -> str:
    peak = words.since_onset.format(
        peak=f"{whole.peak_per_hour:,}",
        time=time_of_day(whole.peak_time, alert.detected_time),
        trend=words.trends[whole.trend],
    )
    parts = [peak]
    if whole.excess_negatives >= 1:
        parts.append(words.more_negative.format(f"{whole.excess_negatives:,.0f}"))
    if whole.reach:
        parts.append(words.reach.format(f"{whole.reach:,}"))
    return words.parted.join(parts)


def _similar(past: Similar, words: Wording) -> str:
    return words.similar.format(
        brand=past.brand,
        date=f"{past.onset_time.astimezone(UTC):%Y-%m-%d}",
        duration=_duration(past.duration_minutes, words),
        peak=f"{past.peak_per_hour:,}",
    )


def _recovery(alert: Alert, recovery: Recovery, words: Wording) -> str:
    whole = round((alert.detected_time - alert.onset_time).total_seconds() / 60)
    parts = [
        words.lasted.format(_duration(whole, words)),
        words.calmed.format(_duration(recovery.duration_minutes, words)),
    ]
    if recovery.half_life_minutes is not None:
        parts.append(words.halved.format(_duration(recovery.half_life_minutes, words)))
    if recovery.share_back_minutes is not None:
        parts.append(words.tone_back.format(_duration(recovery.share_back_minutes, words)))
    return words.parted.join(parts)


def _duration(minutes: int, words: Wording) -> str:
    hours, rest = divmod(max(minutes, 0), 60)
    parts = [words.hours.format(hours)] if hours else []
    return " ".join([*parts, *([words.minutes.format(rest)] if rest or not hours else [])])


def _links(alert: Alert) -> list[str]:
    """Where else to look, by the operator's own templates, in which what a post says is percent-encoded."""
    others = {name: address for name, address in alert.links.items() if name != HUB_LINK}
    short = [f"{name}: {printable(address, _LINK_CHARACTERS)}" for name, address in others.items()]
    return [line for line in short if len(line) < _LINK_CHARACTERS][:_SHOWN_LINKS]


def _without_addresses(evidence: Evidence) -> Evidence:
    """The evidence without the addresses of posts: the hub shows them to who asks for them."""
    triggers = tuple(msgspec.structs.replace(trigger, url=None) for trigger in evidence.triggers[:1])
    return msgspec.structs.replace(evidence, triggers=triggers)


def _fitted(first: Sequence[str], about: Sequence[str], last: Sequence[str], limit: int) -> str:
    """All lines where they fit; else without the last of what it is about."""
    for kept in range(len(about), -1, -1):
        text = "\n".join([*first, *about[:kept], *last])
        if len(text) <= limit:
            return text
    return _cut("\n".join([*first, *last]), limit)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: max(limit - 1, 0)].rstrip() + "…"
