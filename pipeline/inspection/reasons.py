"""Why an episode differs between two configurations: what decided, in causes and in words."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Final, Literal

import msgspec

from pipeline.inspection.verdicts import Outcome, Sight
from schemas.alert import Kind
from schemas.observation import BUCKET_SECONDS

Change = Literal["gained", "lost", "earlier", "later", "severity", "end"]
"""What the second configuration does to an episode of the first; `end`: it is resolved at another time."""
Cause = Literal[
    "score",
    "volume",
    "negativity",
    "threshold",
    "critical",
    "release",
    "quiet",
    "budget",
    "cool_down",
    "blocked",
    "muted",
    "told",
    "voices",
    "warming_up",
    "category",
    "unseen",
    "other",
]

SAME: Final = 5e-4
"""Scores and thresholds that differ by less are shown alike, and are the same here."""


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What one configuration said of a brand's bucket, for one kind of episode.

    Attributes:
        outcome: what came of the score.
        score, threshold: threshold as the alert budget had it.
        configured: threshold without the budget.
        critical, release: levels of the rule.
        window_minutes: of the window that gave the score.
        parts: contributions to the score by all that the windows hold.
        quiet_minutes: below the release level after which an episode ends.
        lacks_voices: only too few voices keep the open episode from being critical.
    """

    outcome: Outcome
    score: float
    threshold: float
    configured: float
    critical: float
    release: float
    window_minutes: int
    parts: dict[str, float]
    quiet_minutes: int
    lacks_voices: bool


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """Why an episode differs.

    Attributes:
        causes: what differs, the decisive one first.
        text: the same in words.
        time: end of the bucket that decides.
        a, b: what either configuration said there; None where it had nothing to say.
    """

    causes: tuple[Cause, ...]
    text: str
    time: datetime
    a: Reading | None = None
    b: Reading | None = None


def reading_of(sight: Sight | None, kind: Kind) -> Reading | None:
    """What a closed bucket meant for one kind of episode; None where none was closed."""
    if sight is None:
        return None
    verdict, explanation = sight.verdict(kind), sight.explain(kind)
    return Reading(
        outcome=verdict.outcome,
        score=round(verdict.score, 4),
        threshold=round(verdict.threshold, 4),
        configured=round(verdict.rule.threshold, 4),
        critical=round(verdict.rule.critical, 4),
        release=round(verdict.rule.release, 4),
        window_minutes=explanation.window_buckets * BUCKET_SECONDS // 60,
        parts={name: round(part, 4) for name, part in explanation.parts.items()},
        quiet_minutes=verdict.rule.quiet_buckets * BUCKET_SECONDS // 60,
        lacks_voices=verdict.lacks_voices,
    )


Why = tuple[tuple[Cause, ...], str]
"""Causes, and the same in words."""

_HELD_BACK: Final[dict[Outcome, tuple[Cause, str]]] = {
    "opened": ("other", "{two} has one episode where {one} has two: it was open already"),
    "open": ("other", "{two} has one episode where {one} has two: it was open already"),
    "resolved": ("other", "{two} resolved an earlier episode in this very bucket"),
    "muted": ("muted", "{two} mutes this kind"),
    "warming_up": ("warming_up", "{two} was still warming up"),
    "told": ("told", "an episode that had ended in {two} has told of it ({against} for what came since)"),
    "blocked": ("blocked", "held back in {two}: a crisis was open ({against})"),
    "cool_down": ("cool_down", "held back in {two} by the cool-down ({against})"),
    "category": ("category", "held back in {two}: the whole category moved ({against})"),
    "budget": ("budget", "held back in {two}: the alert budget has raised the threshold from {configured}; {against}"),
}


def why(change: Change, fired: Reading | None, other: Reading | None, names: tuple[str, str]) -> Why:
    """Why one side did something to an episode and the other did not.

    Args:
        change: what differs.
        fired: what the side that did it said there.
        other: what the other one said.
        names: of the two.
    """
    one, two = names
    if fired is None or other is None:
        return ("unseen",), f"{two if fired else one} closed no bucket of the brand then"
    if change == "severity":
        return _why_less_grave(fired, other, names)
    if change == "end":
        return _why_longer(fired, other, names)
    return _why_silent(fired, other, names)


def _why_silent(fired: Reading, other: Reading, names: tuple[str, str]) -> Why:
    """Why one side opened an episode where the other did not."""
    one, two = names
    if other.outcome in _HELD_BACK:
        cause, text = _HELD_BACK[other.outcome]
        return (cause,), text.format(one=one, two=two, against=_against(other), configured=f"{other.configured:.2f}")
    causes: list[Cause] = []
    if abs(fired.threshold - other.threshold) > SAME:
        causes.append("threshold")
    if abs(fired.score - other.score) > SAME:
        causes.append("score")
        changed = {name: abs(part - other.parts.get(name, 0.0)) for name, part in fired.parts.items()}
        causes.append("volume" if changed.get("volume", 0.0) > changed.get("negativity", 0.0) else "negativity")
    return tuple(causes) or ("other",), f"{one}: {_against(fired)}; {two}: {_against(other)}{_parts(fired, other)}"


def _why_less_grave(fired: Reading, other: Reading, names: tuple[str, str]) -> Why:
    """Why one side called an episode critical and the other did not."""
    one, two = names
    causes: list[Cause] = []
    if other.lacks_voices:
        causes.append("voices")
    if abs(fired.critical - other.critical) > SAME:
        causes.append("critical")
    if abs(fired.score - other.score) > SAME:
        causes.append("score")
    text = (
        f"{one}: score {fired.score:.2f}, critical from {fired.critical:.2f}; "
        f"{two}: score {other.score:.2f}, critical from {other.critical:.2f}"
    )
    return tuple(causes) or ("other",), text


def _why_longer(ended: Reading, other: Reading, names: tuple[str, str]) -> Why:
    """Why one side resolved an episode where the other did not yet."""
    one, two = names
    causes: list[Cause] = []
    if abs(ended.release - other.release) > SAME:
        causes.append("release")
    if ended.quiet_minutes != other.quiet_minutes:
        causes.append("quiet")
    if abs(ended.score - other.score) > SAME:
        causes.append("score")
    text = "; ".join(
        f"{name}: {side.quiet_minutes} min below {side.release:.2f} end it, score {side.score:.2f}"
        for name, side in ((one, ended), (two, other))
    )
    return tuple(causes) or ("other",), text


def _against(reading: Reading) -> str:
    if math.isinf(reading.threshold):
        return f"score {reading.score:.2f}, and nothing more may open"
    sign = ">=" if reading.score >= reading.threshold else "<"
    return f"score {reading.score:.2f} {sign} threshold {reading.threshold:.2f}"


def _parts(fired: Reading, other: Reading) -> str:
    """What the scores are made of, where they differ."""
    if abs(fired.score - other.score) <= SAME:
        return ""
    shown = ", ".join(
        f"{name} {fired.parts.get(name, 0.0):.2f} against {other.parts.get(name, 0.0):.2f}" for name in fired.parts
    )
    return f" ({shown})"
