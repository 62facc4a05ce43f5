"""The life of an episode: opened, escalated, resolved; at most one open per brand and kind.

Pure: a step takes the state of one kind and what the last bucket says, and returns the transition, if any. An episode
stays open until its score has been below the release level for the quiet time (hysteresis), and after it no new one
opens for the cool-down. What would open but for the cool-down, the alert budget or a move of the whole category is
suppressed: see pipeline.engine.episodes.suppression.
"""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from pipeline.engine.episodes.budget import Spending, offset, spend
from pipeline.engine.episodes.suppression import Suppression
from schemas.alert import Kind, Severity, SuppressionReason, Transition

FLARE_UP_BUCKETS: Final = 3 * 288
"""An episode that opens within three days of the last one of its kind is its flare-up."""


class Episode(msgspec.Struct, array_like=True, kw_only=True, gc=False):
    """State of one kind of episode of one brand. Bucket numbers are event time over the bucket's seconds.

    `id` is empty while no episode is open; `last_id` and `ended` are those of the last resolved one; `threshold` is the
    one at which the open one opened, what the budget had put on top included. `spending` and `suppression` are None
    until something opened or was held back: most brands never need them.
    """

    id: str = ""
    parent_id: str = ""
    onset: int = 0
    opened: int = 0
    severity: Severity = "info"
    last_loud: int = 0
    score: float = 0.0
    last_id: str = ""
    ended: int = 0
    threshold: float = 0.0
    spending: Spending | None = None
    suppression: Suppression | None = None

    @property
    def is_open(self) -> bool:
        return bool(self.id)

    def stays_quiet(self, score: float, rule: Rule) -> bool:
        """True where `step` would do no more than note the score: nearly always, and cheaper to ask."""
        return not self.id and score < rule.threshold and (self.suppression is None or self.suppression.last_loud < 0)


class Rule(msgspec.Struct, frozen=True):
    """When episodes of one kind open, escalate and end, in score units and buckets; `per_year` is the alert budget."""

    threshold: float
    release: float
    critical: float
    quiet_buckets: int
    cool_down_buckets: int
    base_severity: Severity
    per_year: float = 0.0


class Suppressed(msgspec.Struct, frozen=True):
    """An episode would have opened, for the first time in this stretch, and did not."""

    reason: SuppressionReason


def step(
    episode: Episode,
    rule: Rule,
    *,
    brand: str,
    kind: Kind,
    bucket: int,
    score: float,
    window_buckets: int,
    may_open: bool,
    is_common: bool = False,
) -> Transition | Suppressed | None:
    """Let one closed bucket act on the episode; returns the transition it makes, or the one that was suppressed.

    Args:
        episode: state of this brand and kind; changed in place.
        rule: when to open, escalate and end.
        brand: whose episode; part of the episode's identity.
        kind: which kind; part of the episode's identity.
        bucket: the closed bucket.
        score: its score of this kind.
        window_buckets: length of the window that gave the score: the onset is its beginning.
        may_open: False holds a new episode back (a greater one is open).
        is_common: the whole category moves alike, so this is no episode of the brand.
    """
    episode.score = score
    if not episode.is_open:
        suppression = episode.suppression
        if score < rule.threshold or not may_open:
            if suppression is not None:
                suppression.follow(bucket=bucket, loud=score >= rule.release, quiet=rule.quiet_buckets)
            return None
        threshold = rule.threshold
        if episode.spending is not None:
            threshold += offset(episode.spending, rule.per_year, bucket)
        reason: SuppressionReason | None = None
        if episode.last_id and bucket - episode.ended < rule.cool_down_buckets:
            reason = "cool_down"
        elif is_common:
            reason = "category"
        elif score < threshold:
            reason = "budget"
        if reason:
            if suppression is None:
                suppression = episode.suppression = Suppression()
            is_new = suppression.hold(
                reason, bucket=bucket, score=score, quiet=rule.quiet_buckets, cool_down=rule.cool_down_buckets
            )
            return Suppressed(reason) if is_new else None
        if suppression is not None:
            suppression.opened()
        if episode.spending is None:
            episode.spending = Spending()
        spend(episode.spending, rule.per_year, bucket)
        episode.threshold = threshold
        flare_up = episode.last_id and bucket - episode.ended <= FLARE_UP_BUCKETS
        episode.parent_id = episode.last_id if flare_up else ""
        episode.id = episode_id(brand, kind, bucket)
        episode.onset = bucket + 1 - window_buckets
        episode.opened = episode.last_loud = bucket
        episode.severity = "critical" if _is_critical(rule, score) else rule.base_severity
        return "opened"
    if score >= rule.release:
        episode.last_loud = bucket
    if episode.severity != "critical" and _is_critical(rule, score):
        episode.severity = "critical"
        return "escalated"
    if bucket - episode.last_loud >= rule.quiet_buckets:
        return "resolved"
    return None


def close(episode: Episode, bucket: int) -> None:
    """Forget a resolved episode but for what its successor needs. Call after its alert was made."""
    episode.last_id = episode.id
    episode.ended = bucket
    episode.id = episode.parent_id = ""


def episode_id(brand: str, kind: Kind, bucket: int) -> str:
    """The same 24 hexadecimal digits for the same onset, after any crash or replay."""
    return hashlib.sha256(f"tocsin/episode/1|{brand}|{kind}|{bucket}".encode()).hexdigest()[:24]


def alert_id(episode: str, transition: Transition, bucket: int) -> str:
    """The same 32 hexadecimal digits for the same transition, after any crash or replay."""
    return hashlib.sha256(f"tocsin/alert/1|{episode}|{transition}|{bucket}".encode()).hexdigest()[:32]


def _is_critical(rule: Rule, score: float) -> bool:
    return rule.base_severity == "warning" and score >= rule.critical
