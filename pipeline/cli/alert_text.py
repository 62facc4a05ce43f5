"""An alert as text: a few short lines that a person on duty understands without a dashboard."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from rich.text import Text

from pipeline.cli.alert_wordings import LINES, authors_in, duration_in, mentions_in
from pipeline.engine.alerts.evidence_text import evidence_lines, similar_line
from pipeline.engine.alerts.headline import headline
from pipeline.notify.wordings import WORDINGS
from pipeline.wording import counted, percent
from schemas.alert import MAX_LINK_CHARACTERS, Alert, Member, Suppressed
from schemas.evidence import Evidence, Post
from schemas.text import printable

SEVERITY_STYLES: Final = {"critical": "bold red", "warning": "bold yellow", "info": "bold cyan"}
_RESOLVED_STYLE: Final = "bold green"
_EXCERPT_CHARACTERS: Final = 120
_ALIKE_CHARACTERS: Final = 60
_MAX_MEMBERS: Final = 8
_LEAST_SHARE: Final = 0.005
"""Of a score: a part with less is not worth a word."""


def alert_lines(alert: Alert, language: str = "") -> list[str]:
    """The alert as a few lines of plain text, safe for a terminal.

    Untrusted text (excerpts, names of authors and platforms) is made printable and shortened.

    Args:
        alert: of any age.
        language: one of evidence_text.LANGUAGES; "" leaves the headline in its own, all else is English then.
    """
    sentence = headline(alert, language) if language else alert.headline
    language = language or "en"
    say = LINES[language]
    lines = [_headline(alert, language), *([f"  {printable(sentence, 500)}"] if sentence else [])]
    lines += [f"  {say[change]}" for change in alert.changes if change in _RESPONSES]
    lines.append("  " + _numbers(alert, language))
    if alert.members:
        lines.append("  " + _members(alert.members, say))
    if alert.category_episode_id:
        lines.append("  " + say["beyond_category"].format(alert.category))
    lines += [f"  {link}" for link in _links(alert, say)]
    if alert.suppressed:
        lines.append("  " + _suppressed(alert.suppressed, language))
    if alert.transition == "resolved":
        return lines
    story = "" if alert.evidence.triggers else _story(alert.evidence, alert.detected_time, language)
    about = evidence_lines(alert.evidence, language, alert.detected_time)
    about += [similar_line(one, language) for one in alert.evidence.similar[:1]]
    reasons, unlisted = _reasons(alert, say), _unlisted(alert.evidence, language)
    lines += [f"  {words}" for words in (reasons, unlisted, story, *about) if words]
    if alert.playbook:
        playbook = [say["owner"].format(printable(alert.playbook.owner, 100))]
        if alert.playbook.respond_by:
            playbook.append(say["act_by"].format(_when(alert.playbook.respond_by)))
        if alert.playbook.link:
            playbook.append(printable(alert.playbook.link, 300))
        lines.append("  " + ", ".join(playbook))
    if "hub" in alert.links:
        lines.append(f"  {printable(alert.links['hub'], MAX_LINK_CHARACTERS)}")
    return lines


def alert_renderable(alert: Alert, language: str = "") -> Text:
    """The same lines with colours for a terminal."""
    first, *rest = alert_lines(alert, language)
    style = _RESOLVED_STYLE if alert.transition == "resolved" else SEVERITY_STYLES[alert.severity]
    return Text("\n").join([Text(first, style), *(Text(line) for line in rest)])


def _headline(alert: Alert, language: str) -> str:
    # A resolved critical episode is good news and must not read as a bad one.
    wording, say = WORDINGS[language], LINES[language]
    is_over = alert.transition == "resolved"
    level = wording.over if is_over else wording.severities[alert.severity]
    transition = "" if is_over else f" {wording.transitions[alert.transition]}"
    subject = say["category"].format(alert.brand) if alert.scope == "category" else alert.brand
    signs = say["first_signs"].format(_when(alert.onset_time, alert.detected_time))
    return f"{level} {wording.kinds[alert.kind]}{transition}: {subject}, {_when(alert.detected_time)} ({signs})"


_RESPONSES: Final = ("answer", "backfired", "unanswered")
"""Changes that are said in a line of their own: nothing else in the alert shows them."""


def _numbers(alert: Alert, language: str) -> str:
    seen, usual = alert.observed, alert.expected
    return LINES[language]["numbers"].format(
        mentions=mentions_in(f"{seen.mentions:,.0f}", language),
        window=duration_in(round((alert.window.end - alert.window.start).total_seconds() / 60), language),
        lower=_count(usual.lower),
        upper=_count(usual.upper),
        share=percent(seen.negative_share),
        usual=percent(usual.negative_share),
        score=f"{alert.score.value + 0.0:.1f}",
        threshold=f"{alert.score.threshold:.1f}",
    )


def _reasons(alert: Alert, say: Mapping[str, str]) -> str:
    total = sum(max(part, 0.0) for part in alert.contributions.values())
    parts = []
    if total > 0:
        ordered = sorted(alert.contributions.items(), key=lambda item: -item[1])
        named = [(say.get(name, name.replace("_", " ")), part / total) for name, part in ordered]
        shares = [f"{percent(share)} {printable(name, 40)}" for name, share in named if share >= _LEAST_SHARE]
        parts.append(say["because"].format(", ".join(shares)))
    if alert.evidence.posts and not alert.evidence.triggers:
        parts.append(_post(alert.evidence.posts[0]))
    return "; ".join(parts)


def _links(alert: Alert, say: Mapping[str, str]) -> list[str]:
    """What other episodes it belongs to."""
    if alert.related_episode_ids:
        return [say["one_event"].format(", ".join(say["episode"].format(one) for one in alert.related_episode_ids))]
    if alert.parent_episode_id and alert.incident_id not in {None, alert.episode_id}:
        return [say["going_on"].format(alert.parent_episode_id)]
    return []


def _members(members: tuple[Member, ...], say: Mapping[str, str]) -> str:
    shown = ", ".join(f"{member.brand} {member.score:.1f}" for member in members[:_MAX_MEMBERS])
    left = len(members) - _MAX_MEMBERS
    return say["members"].format(say["more"].format(shown, left) if left > 0 else shown)


def _suppressed(suppressed: Suppressed, language: str) -> str:
    last, say = suppressed.recent[-1], LINES[language]
    return say["suppressed"].format(
        count=suppressed.count,
        when=_when(last.time),
        kind=WORDINGS[language].kinds[last.kind],
        score=f"{last.score:.1f}",
        reason=say["category_moved" if last.reason == "category" else last.reason],
    )


def _post(post: Post) -> str:
    source = [printable(post.platform, 40)]
    if post.author:
        source.append(printable(post.author, 60))
    if post.followers:
        source.append(counted(post.followers, "follower"))
    return f'"{printable(post.excerpt, _EXCERPT_CHARACTERS)}" ({", ".join(source)})'


def _unlisted(evidence: Evidence, language: str) -> str:
    """How many texts could hardly be read; empty where there were none."""
    count = evidence.languages.get("other", 0)
    return LINES[language]["unlisted"].format(mentions_in(f"{count:,}", language)) if count else ""


def _story(evidence: Evidence, now: datetime, language: str) -> str:
    """The most shared story of the window; empty where no post was shared."""
    if not evidence.stories or evidence.stories[0].mentions < 2:
        return ""
    story, say = evidence.stories[0], LINES[language]
    shown = evidence.posts[0] if evidence.posts else None
    is_shown = shown is not None and (
        shown.id == story.id or shown.excerpt[:_ALIKE_CHARACTERS] == story.excerpt[:_ALIKE_CHARACTERS]
    )
    excerpt = printable(story.excerpt, _EXCERPT_CHARACTERS)
    what = say["shown_story"] if is_shown else say["story"].format(excerpt)
    about = say["about"] if story.estimated else ""
    parts = [
        f"{what} {say['times'].format(about=about, count=f'{story.mentions:,}', when=_when(story.first_seen, now))}"
    ]
    if story.authors:
        parts.append(say["authors"].format(authors_in(f"{story.authors:,}", language)))
    if story.reach:
        parts.append(say["reach"].format(f"{story.reach:,}"))
    return ", ".join(parts)


def _when(moment: datetime, beside: datetime | None = None) -> str:
    """The moment in UTC; only the time of day where it is on the same day as `beside`."""
    moment = moment.astimezone(UTC)
    if beside is not None and beside.astimezone(UTC).date() == moment.date():
        return f"{moment:%H:%M}"
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _count(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 or number == int(number) else f"{number:.1f}"
