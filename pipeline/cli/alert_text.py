"""An alert as text: a few short lines that a person on duty understands without a dashboard."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from rich.text import Text

from pipeline.engine.alerts.evidence_text import evidence_lines, similar_line
from pipeline.engine.alerts.headline import headline
from pipeline.wording import counted, percent
from schemas.alert import MAX_LINK_CHARACTERS, Alert, Kind, Member, Suppressed
from schemas.evidence import Evidence, Post
from schemas.text import printable

SEVERITY_STYLES: Final = {"critical": "bold red", "warning": "bold yellow", "info": "bold cyan"}
_RESOLVED_STYLE: Final = "bold green"
_EXCERPT_CHARACTERS: Final = 120
_ALIKE_CHARACTERS: Final = 60
_MAX_MEMBERS: Final = 8


def alert_lines(alert: Alert, language: str = "") -> list[str]:
    """The alert as a few lines of plain text, safe for a terminal.

    Untrusted text (excerpts, names of authors and platforms) is made printable and shortened.

    Args:
        alert: of any age.
        language: one of evidence_text.LANGUAGES, of the headline and the evidence; "" leaves the headline in its own.
    """
    sentence = headline(alert, language) if language else alert.headline
    lines = [_headline(alert), *([f"  {printable(sentence, 500)}"] if sentence else [])]
    lines += [f"  {told}" for told in _changes(alert)]
    lines.append("  " + _numbers(alert))
    if alert.members:
        lines.append("  " + _members(alert.members))
    if alert.category_episode_id:
        lines.append(f"  beyond a common move of the category {alert.category}")
    lines += [f"  {link}" for link in _links(alert)]
    if alert.suppressed:
        lines.append("  " + _suppressed(alert.suppressed))
    if alert.transition == "resolved":
        return lines
    story = "" if alert.evidence.triggers else _story(alert.evidence, alert.detected_time)
    about = evidence_lines(alert.evidence, language or "en", alert.detected_time)
    about += [similar_line(one, language or "en") for one in alert.evidence.similar[:1]]
    lines += [f"  {words}" for words in (_reasons(alert), _unlisted(alert.evidence), story, *about) if words]
    if alert.playbook:
        playbook = f"owner {printable(alert.playbook.owner, 100)}"
        if alert.playbook.respond_by:
            playbook += f", act by {_when(alert.playbook.respond_by)}"
        if alert.playbook.link:
            playbook += f", {printable(alert.playbook.link, 300)}"
        lines.append("  " + playbook)
    if "hub" in alert.links:
        lines.append(f"  {printable(alert.links['hub'], MAX_LINK_CHARACTERS)}")
    return lines


def alert_renderable(alert: Alert, language: str = "") -> Text:
    """The same lines with colours for a terminal."""
    first, *rest = alert_lines(alert, language)
    style = _RESOLVED_STYLE if alert.transition == "resolved" else SEVERITY_STYLES[alert.severity]
    return Text("\n").join([Text(first, style), *(Text(line) for line in rest)])


def _headline(alert: Alert) -> str:
    # A resolved critical episode is good news and must not read as a bad one.
    level = "RESOLVED" if alert.transition == "resolved" else alert.severity.upper()
    transition = "" if alert.transition == "resolved" else f" {alert.transition}"
    subject = f"category {alert.brand}" if alert.scope == "category" else alert.brand
    return (
        f"{level} {_words(alert.kind)}{transition}: {subject}, {_when(alert.detected_time)} "
        f"(first signs from {_when(alert.onset_time, alert.detected_time)})"
    )


_CHANGES: Final = {
    "answer": "the brand has answered",
    "backfired": "after the answer the negative mentions rose beyond expectation",
    "unanswered": "nobody has acknowledged or answered in time",
}


def _changes(alert: Alert) -> list[str]:
    """What the alert says of the response, in words."""
    return [_CHANGES[change] for change in alert.changes if change in _CHANGES]


def _numbers(alert: Alert) -> str:
    seen, usual = alert.observed, alert.expected
    window = _duration(round((alert.window.end - alert.window.start).total_seconds() / 60))
    return (
        f"{counted(seen.mentions, 'mention')} in {window}, {_count(usual.lower)} to {_count(usual.upper)} expected; "
        f"{percent(seen.negative_share)} negative, {percent(usual.negative_share)} usual; "
        f"score {alert.score.value + 0.0:.1f}, threshold {alert.score.threshold:.1f}"
    )


def _reasons(alert: Alert) -> str:
    total = sum(max(part, 0.0) for part in alert.contributions.values())
    parts = []
    if total > 0:
        ordered = sorted(alert.contributions.items(), key=lambda item: -item[1])
        named = [(name.replace("_", " "), part / total) for name, part in ordered if part / total >= 0.005]
        shares = [f"{percent(share)} {printable(name, 40)}" for name, share in named]
        parts.append("because of " + ", ".join(shares))
    if alert.evidence.posts and not alert.evidence.triggers:
        parts.append(_post(alert.evidence.posts[0]))
    return "; ".join(parts)


def _links(alert: Alert) -> list[str]:
    """What other episodes it belongs to."""
    if alert.related_episode_ids:
        return ["one event with " + ", ".join(f"episode {episode}" for episode in alert.related_episode_ids)]
    if alert.parent_episode_id and alert.incident_id not in {None, alert.episode_id}:
        return [f"the same fire as episode {alert.parent_episode_id}, going on"]
    return []


def _members(members: tuple[Member, ...]) -> str:
    shown = ", ".join(f"{member.brand} {member.score:.1f}" for member in members[:_MAX_MEMBERS])
    left = len(members) - _MAX_MEMBERS
    return f"brands by score: {shown}" + (f" and {left} more" if left > 0 else "")


def _suppressed(suppressed: Suppressed) -> str:
    last = suppressed.recent[-1]
    reason = {"budget": "alert budget used up", "category": "whole category moved", "cool_down": "cool-down"}
    return (
        f"suppressed since the last alert: {suppressed.count}; the last {_when(last.time)}, {_words(last.kind)}, "
        f"score {last.score:.1f}, {reason[last.reason]}"
    )


def _post(post: Post) -> str:
    source = [printable(post.platform, 40)]
    if post.author:
        source.append(printable(post.author, 60))
    if post.followers:
        source.append(counted(post.followers, "follower"))
    return f'"{printable(post.excerpt, _EXCERPT_CHARACTERS)}" ({", ".join(source)})'


def _unlisted(evidence: Evidence) -> str:
    """How many texts could hardly be read; empty where there were none."""
    count = evidence.languages.get("other", 0)
    return f"{counted(count, 'mention')} in languages without a word list: read by emoji alone" if count else ""


def _story(evidence: Evidence, now: datetime) -> str:
    """The most shared story of the window; empty where no post was shared."""
    if not evidence.stories or evidence.stories[0].mentions < 2:
        return ""
    story = evidence.stories[0]
    shown = evidence.posts[0] if evidence.posts else None
    is_shown = shown is not None and (
        shown.id == story.id or shown.excerpt[:_ALIKE_CHARACTERS] == story.excerpt[:_ALIKE_CHARACTERS]
    )
    excerpt = printable(story.excerpt, _EXCERPT_CHARACTERS)
    what = "most shared is this post:" if is_shown else f'most shared: "{excerpt}",'
    about = "about " if story.estimated else ""
    parts = [f"{what} {about}{story.mentions:,} times since {_when(story.first_seen, now)}"]
    if story.authors:
        parts.append(f"by {counted(story.authors, 'author')}")
    if story.reach:
        parts.append(f"reach {story.reach:,}")
    return ", ".join(parts)


def _when(moment: datetime, beside: datetime | None = None) -> str:
    """The moment in UTC; only the time of day where it is on the same day as `beside`."""
    moment = moment.astimezone(UTC)
    if beside is not None and beside.astimezone(UTC).date() == moment.date():
        return f"{moment:%H:%M}"
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _duration(minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    if not hours:
        return f"{rest} min"
    return f"{hours} h {rest} min" if rest else f"{hours} h"


def _count(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 or number == int(number) else f"{number:.1f}"


def _words(kind: Kind) -> str:
    """A kind of alert as people read it."""
    return kind.replace("_", " ")
