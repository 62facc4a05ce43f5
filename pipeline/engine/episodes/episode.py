"""The life of an episode: opened, escalated, resolved; at most one open per brand and kind.

Pure: a step takes the state of one kind and what the last bucket says, and returns the transition, if any. An episode
stays open until its score has been below the release level for the quiet time (hysteresis), and after it no new one
opens for the cool-down. What would open but for the cool-down, the alert budget or a move of the whole category is
suppressed: see pipeline.engine.episodes.suppression.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from pipeline.engine.episodes.budget import Spending, offset, spend
from pipeline.engine.episodes.suppression import Suppression
from schemas.alert import KINDS, Kind, Severity, SuppressionReason, Transition
from schemas.observation import BUCKETS_PER_DAY

FLARE_UP_BUCKETS: Final = 3 * BUCKETS_PER_DAY
"""An episode that opens within three days of the end of the last one of its kind is its flare-up."""


class Episode(msgspec.Struct, array_like=True, kw_only=True, gc=False):
    """State of one kind of episode of one brand. Bucket numbers are event time over the bucket's seconds.

    `id` is empty while no episode is open; `last_id` and `ended` are those of the last resolved one; `last_above` is
    the last bucket at or above the release level; `threshold` is the one at which the open one opened, what the budget
    had put on top included. `spending` and `suppression` are None until something opened or was suppressed: most
    brands never need them.
    """

    id: str = ""
    parent_id: str = ""
    onset: int = 0
    opened: int = 0
    severity: Severity = "info"
    last_above: int = 0
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
        return not self.id and score < rule.threshold and (self.suppression is None or self.suppression.last_above < 0)


Episodes = dict[Kind, Episode]
"""The episodes of one brand or category: one of every kind."""


def new_episodes() -> Episodes:
    """No episode open, of any kind."""
    return {kind: Episode() for kind in KINDS}


def stored_episodes(episodes: Episodes) -> list[Episode]:
    """The episodes as the state keeps them: in the order of KINDS, without names."""
    return list(episodes.values())


def restored_episodes(stored: Iterable[Episode]) -> Episodes:
    """The episodes of a state record; kinds that are newer than the record begin without one."""
    return new_episodes() | dict(zip(KINDS, stored, strict=False))


class Rule(msgspec.Struct, frozen=True):
    """When episodes of one kind open, escalate and end, in score units and buckets; `per_year` is the alert budget."""

    kind: Kind
    threshold: float
    release: float
    critical: float
    quiet_buckets: int
    cool_down_buckets: int
    base_severity: Severity
    per_year: float = 0.0

    @property
    def may_open(self) -> bool:
        """False where the kind is muted: no score reaches the threshold."""
        return self.threshold < math.inf


class EpisodeTransition(msgspec.Struct, frozen=True, kw_only=True):
    """A transition that an episode has made, with all that its alert tells of the episode.

    Attributes:
        name: opened, escalated or resolved.
        bucket: at whose close it happened.
        episode_id, parent_id: of the episode and of the one that it is a flare-up of, or "".
        severity: after the transition.
        onset, opened: buckets.
        threshold: at which it opened.
        score: of the bucket.
    """

    name: Transition
    bucket: int
    episode_id: str
    parent_id: str
    severity: Severity
    onset: int
    opened: int
    threshold: float
    score: float

    @property
    def alert_id(self) -> str:
        """The same 32 hexadecimal digits for the same transition, after any crash or replay."""
        content = f"tocsin/alert/1|{self.episode_id}|{self.name}|{self.bucket}"
        return hashlib.sha256(content.encode()).hexdigest()[:32]


class SuppressedOpening(msgspec.Struct, frozen=True):
    """An episode would have opened, for the first time in this stretch, and did not."""

    reason: SuppressionReason


def step(
    episode: Episode,
    rule: Rule,
    *,
    brand: str,
    bucket: int,
    score: float,
    onset: Callable[[], int],
    may_open: bool,
    is_common: bool = False,
) -> EpisodeTransition | SuppressedOpening | None:
    """Let one closed bucket act on the episode; returns the transition it makes, or the opening that was suppressed.

    Args:
        episode: state of this brand and kind; changed in place.
        rule: of the kind, which is part of the episode's identity: when to open, escalate and end.
        brand: whose episode; part of the episode's identity.
        bucket: the closed bucket.
        score: its score of this kind.
        onset: gives the first bucket of the excess; asked only where an episode opens.
        may_open: False holds a new episode back (one that blocks it is open, or scores mean nothing yet).
        is_common: the whole category moves alike, so this is no episode of the brand.
    """
    episode.score = score
    if not episode.id:
        return _step_closed(
            episode,
            rule,
            brand=brand,
            bucket=bucket,
            onset=onset,
            may_open=may_open,
            is_common=is_common,
        )
    if score >= rule.release:
        episode.last_above = bucket
    if episode.severity != "critical" and _is_critical(rule, score):
        episode.severity = "critical"
        return _transition(episode, "escalated", bucket)
    if bucket - episode.last_above >= rule.quiet_buckets:
        resolved = _transition(episode, "resolved", bucket)
        episode.last_id, episode.ended = episode.id, bucket
        episode.id = episode.parent_id = ""
        return resolved
    return None


def _step_closed(
    episode: Episode,
    rule: Rule,
    *,
    brand: str,
    bucket: int,
    onset: Callable[[], int],
    may_open: bool,
    is_common: bool,
) -> EpisodeTransition | SuppressedOpening | None:
    """`step` of a kind without an open episode."""
    score, suppression = episode.score, episode.suppression
    if score < rule.threshold or not may_open:
        if suppression is not None:
            suppression.follow(bucket=bucket, is_above=score >= rule.release, quiet=rule.quiet_buckets)
        return None
    threshold = rule.threshold
    if episode.spending is not None:
        threshold += offset(episode.spending, rule.per_year, bucket)
    reason = _reason_to_suppress(episode, rule, bucket, threshold, is_common=is_common)
    if reason:
        if suppression is None:
            suppression = episode.suppression = Suppression()
        is_new = suppression.hold(
            reason, bucket=bucket, score=score, quiet=rule.quiet_buckets, cool_down=rule.cool_down_buckets
        )
        return SuppressedOpening(reason) if is_new else None
    if suppression is not None:
        suppression.opened()
    if episode.spending is None:
        episode.spending = Spending()
    spend(episode.spending, rule.per_year, bucket)
    episode.threshold = threshold
    is_flare_up = episode.last_id and bucket - episode.ended <= FLARE_UP_BUCKETS
    episode.parent_id = episode.last_id if is_flare_up else ""
    episode.id = episode_id(brand, rule.kind, bucket)
    episode.onset = onset()
    episode.opened = episode.last_above = bucket
    episode.severity = "critical" if _is_critical(rule, score) else rule.base_severity
    return _transition(episode, "opened", bucket)


def _reason_to_suppress(
    episode: Episode, rule: Rule, bucket: int, threshold: float, *, is_common: bool
) -> SuppressionReason | None:
    """Why an episode whose score passes the configured threshold does not open; None where it does."""
    if episode.last_id and bucket - episode.ended < rule.cool_down_buckets:
        return "cool_down"
    if is_common:
        return "category"
    return "budget" if episode.score < threshold else None


def episode_id(brand: str, kind: Kind, bucket: int) -> str:
    """The same 24 hexadecimal digits for the same opening, after any crash or replay."""
    return hashlib.sha256(f"tocsin/episode/1|{brand}|{kind}|{bucket}".encode()).hexdigest()[:24]


def _transition(episode: Episode, name: Transition, bucket: int) -> EpisodeTransition:
    return EpisodeTransition(
        name=name,
        bucket=bucket,
        episode_id=episode.id,
        parent_id=episode.parent_id,
        severity=episode.severity,
        onset=episode.onset,
        opened=episode.opened,
        threshold=episode.threshold,
        score=episode.score,
    )


def _is_critical(rule: Rule, score: float) -> bool:
    return rule.base_severity == "warning" and score >= rule.critical
