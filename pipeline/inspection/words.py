"""An explanation in words: what came of each score, and what held an episode back."""

from __future__ import annotations

import math
from typing import Final

from pipeline.engine.alerts.brand_alert import start_of
from pipeline.engine.episodes.budget import allowance
from pipeline.inspection.explanation import Explained, KindExplanation
from pipeline.inspection.verdicts import Outcome, Verdict
from schemas.alert import Alert
from schemas.observation import BUCKET_SECONDS


def standing_line(explained: Explained) -> str:
    """What the bucket in question is."""
    begin, end = start_of(explained.bucket), start_of(explained.bucket + 1)
    place = f"{explained.brand}, {begin:%Y-%m-%d %H:%M} to {end:%H:%M} UTC"
    match explained.standing:
        case "scored":
            return f"{place}: scored when the bucket closed"
        case "gap":
            return f"{place}: not scored, the whole feed was silent; episodes neither grow nor end in a gap"
        case "unseen":
            until = "" if explained.seen_until is None else f", at {explained.seen_until:%Y-%m-%d %H:%M}"
            return f"{place}: not scored, the input ends before that{until}"
    return f"{place}: not scored, nobody mentioned the brand and no episode was open, so nothing could fire"


def outcome_line(found: KindExplanation) -> str:
    """What came of the score of one kind, and why."""
    verdict = found.verdict
    rule = verdict.rule
    facts = {
        "against": f"score {verdict.score:.2f}, threshold {shown_threshold(verdict)}",
        "score": f"{verdict.score:.2f}",
        "whole": f"{verdict.whole:.2f}",
        "threshold": shown_threshold(verdict),
        "severity": verdict.severity or "",
        "opened": f"{start_of(verdict.opened + 1):%Y-%m-%d %H:%M}",
        "above": f"{start_of(verdict.last_above + 1):%H:%M}",
        "release": f"{rule.release:.2f}",
        "quiet": f"{rule.quiet_buckets * BUCKET_SECONDS // 60} min",
        "blocked_by": " and ".join(kind.replace("_", " ") for kind in verdict.blocked_by),
        "cool_down_ends": f"{start_of(verdict.cool_down_ends):%Y-%m-%d %H:%M}",
        "budget": budget_words(verdict),
    }
    voices = "; not critical for want of voices: too few people, or too few mentions of their own"
    words = _PART_OF if verdict.outcome == "open" and verdict.blocked_by else _OUTCOMES[verdict.outcome]
    return words.format(**facts) + (voices if verdict.lacks_voices else "")


_OUTCOMES: Final[dict[Outcome, str]] = {
    "opened": "fired here, {severity}: {against}",
    "open": "was open already, {severity}, since {opened}; last at or above the release level {release} at {above} "
    "({against})",
    "resolved": "ended here, after {quiet} below the release level {release} ({against})",
    "muted": "could not fire: the configuration mutes this kind (score {score})",
    "warming_up": "could not fire: the brand was still warming up, and scores meant nothing",
    "below_threshold": "did not fire: the score {score} is below the threshold {threshold}",
    "told": "did not fire: an episode that has ended told of most of it (score {whole}); what came since scores "
    "{score}, threshold {threshold}",
    "blocked": "held back by the open {blocked_by}: {against}",
    "cool_down": "held back by the cool-down until {cool_down_ends}: {against}",
    "budget": "held back by the alert budget ({budget}): {against}",
    "category": "held back: the whole category moved alike, which is an episode of the category ({against})",
}


_PART_OF: Final = (
    "was open already, {severity}, since {opened}; part of the open {blocked_by}, with which it ends ({against})"
)


def shown_threshold(verdict: Verdict) -> str:
    """The threshold, with what the budget has put on top."""
    if math.isinf(verdict.rule.threshold):
        return "none"
    if math.isinf(verdict.threshold):
        return f"{verdict.rule.threshold:.2f}, and the alert budget lets nothing open"
    raised = verdict.raised_by
    return f"{verdict.threshold:.2f}" + (f" ({raised:.2f} of it by the alert budget)" if raised > 5e-3 else "")


def budget_words(verdict: Verdict) -> str:
    """The alert budget of one kind: what is allowed, and what it has raised."""
    if not verdict.rule.per_year:
        return "no alert budget"
    raised = "nothing may open" if math.isinf(verdict.threshold) else f"threshold raised by {verdict.raised_by:.2f}"
    return f"{verdict.rule.per_year:g} a year, {allowance(verdict.rule.per_year):g} at once; {raised}"


def cool_down_words(verdict: Verdict) -> str:
    """The cool-down of one kind: until when, or none."""
    if not verdict.ended:
        return "no episode before"
    ended, until = start_of(verdict.ended + 1), start_of(verdict.cool_down_ends)
    return f"last ended {ended:%Y-%m-%d %H:%M}, cool-down to {until:%H:%M}"


def neighbour_lines(found: KindExplanation) -> list[str]:
    """The alerts of this kind before and after."""
    lines = []
    if found.before is not None:
        lines.append(f"before: {_alert(found.before)}")
    if found.after is not None:
        lines.append(f"after: {_alert(found.after)}")
    return lines


def _alert(alert: Alert) -> str:
    return f"{alert.transition} {alert.severity} at {alert.detected_time:%Y-%m-%d %H:%M}, score {alert.score.value:.1f}"
