"""The life of an episode: opened, escalated, resolved; at most one open per brand and kind.

Pure: a step takes the state of one kind and what the last bucket says, and returns the transition, if any. An episode
stays open until its score has been below the release level for the quiet time (hysteresis). In the cool-down after it
no new one opens; or, of a kind whose rule says so, a new one is the same fire going on: it opens in the same incident,
and stays open for a cool-down at least, so that there is one reopening in that time at most.
What would open but for the cool-down, the alert budget or a move of the whole category is suppressed: see
pipeline.engine.episodes.suppression. What the kinds of one event are to each other: pipeline.engine.episodes.facets.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from detectors.aftermath import Smoulder
from detectors.audience import AudienceState
from detectors.normal import Normal
from pipeline.engine.episodes.budget import Spending, offset, spend
from pipeline.engine.episodes.response import Response
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
    brands never need them. `incident` is the event that the open episode, or else the last one, is part of; `earliest`
    and `latest` are the ends of the onset's interval; `normal` is the brand's at the onset, None while none is open;
    `smoulder` is what the last one had left when it was resolved, None where nothing was; `audience` is what the kind
    that is scored by single posts has learned of the brand, None where there was no post to learn from; `response` is
    what people have done about the open one, None where nobody has said anything.
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
    incident: str = ""
    earliest: int = 0
    latest: int = 0
    normal: Normal | None = None
    smoulder: Smoulder | None = None
    audience: AudienceState | None = None
    response: Response | None = None

    @property
    def is_open(self) -> bool:
        return bool(self.id)

    def stays_quiet(self, score: float, rule: Rule) -> bool:
        """True where `step` would do no more than note the score: nearly always, and cheaper to ask."""
        return not self.id and score < rule.threshold and (self.suppression is None or self.suppression.last_above < 0)


_FIRST_KINDS: Final = 3
_UNTOUCHED: Final = Episode()

Episodes = dict[Kind, Episode]
"""The episodes of one brand or category: one of every kind."""


def new_episodes() -> Episodes:
    """No episode open, of any kind."""
    return {kind: Episode() for kind in KINDS}


def stored_episodes(episodes: Episodes) -> list[Episode]:
    """The episodes as the state keeps them: in the order of KINDS, without names."""
    return list(episodes.values())


def stored_for_brand(episodes: Episodes) -> list[Episode]:
    """The same without the last ones of which nothing is known: most brands have none of the kinds that came later."""
    stored = stored_episodes(episodes)
    while len(stored) > _FIRST_KINDS and stored[-1] == _UNTOUCHED:
        del stored[-1]
    return stored


def restored_episodes(stored: Iterable[Episode]) -> Episodes:
    """The episodes of a state record; kinds that are newer than the record begin without one."""
    return new_episodes() | dict(zip(KINDS, stored, strict=False))


class Rule(msgspec.Struct, frozen=True):
    """When episodes of one kind open, escalate and end, in score units and buckets.

    `per_year` is the alert budget. `flares_up` says that an episode within the cool-down opens, as the last one going
    on; else it is suppressed.
    """

    kind: Kind
    threshold: float
    release: float
    critical: float
    quiet_buckets: int
    cool_down_buckets: int
    base_severity: Severity
    per_year: float = 0.0
    flares_up: bool = False

    @property
    def may_open(self) -> bool:
        """False where the kind is muted: no score reaches the threshold."""
        return self.threshold < math.inf


class Opening(msgspec.Struct, frozen=True):
    """What is known of an episode when it opens.

    Attributes:
        onset: the bucket in which it began.
        earliest, latest: the first and last bucket in which it may have begun.
        normal: what the brand normally had then.
        incident: the event that it is part of; "" where it is one of its own.
    """

    onset: int
    earliest: int
    latest: int
    normal: Normal | None = None
    incident: str = ""


class EpisodeTransition(msgspec.Struct, frozen=True, kw_only=True):
    """A transition that an episode has made, with all that its alert tells of the episode.

    Attributes:
        name: opened, updated, escalated or resolved.
        bucket: at whose close it happened.
        episode_id, parent_id: of the episode and of the one that it is a flare-up of, or "".
        severity: after the transition.
        onset, opened: buckets.
        threshold: at which it opened.
        score: of the bucket.
        incident_id: of the event that it is part of: the episode's own, or that of another kind or of the parent.
        related: ids of the other open episodes of that event.
        earliest, latest: the first and last bucket in which it may have begun; -1 where that is not known.
        normal: what the brand normally had at the onset; None where that is not known.
        last_above: last bucket at or above the release level.
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
    incident_id: str = ""
    related: tuple[str, ...] = ()
    earliest: int = -1
    latest: int = -1
    normal: Normal | None = None
    last_above: int = -1

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
    opening: Callable[[], Opening],
    may_open: bool,
    is_common: bool = False,
) -> EpisodeTransition | SuppressedOpening | None:
    """Let one closed bucket act on the episode; returns the transition it makes, or the opening that was suppressed.

    Args:
        episode: state of this brand and kind; changed in place.
        rule: of the kind, which is part of the episode's identity: when to open, escalate and end.
        brand: what stands for the brand in the episode's identity (pipeline.engine.placement).
        bucket: the closed bucket.
        score: its score of this kind.
        opening: gives what is known of a new episode; asked only where one opens.
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
            opening=opening,
            may_open=may_open,
            is_common=is_common,
        )
    if score >= rule.release:
        episode.last_above = bucket
    if episode.severity != "critical" and _is_critical(rule, score):
        episode.severity = "critical"
        return transition(episode, "escalated", bucket)
    return resolve(episode, bucket) if _may_end(episode, rule, bucket) else None


def _may_end(episode: Episode, rule: Rule, bucket: int) -> bool:
    """Whether an open episode has been quiet for long enough.

    One that opened within the cool-down of the last one stays open for as long as a cool-down, whatever it does: a fire
    that flickers is told once, with updates, and not as an episode every few hours.
    """
    if bucket - episode.last_above < rule.quiet_buckets:
        return False
    is_reopened = bool(episode.last_id) and episode.opened - episode.ended < rule.cool_down_buckets
    return not is_reopened or bucket - episode.opened >= rule.cool_down_buckets


def resolve(episode: Episode, bucket: int, related: tuple[str, ...] = ()) -> EpisodeTransition:
    """End an open episode; `related` are other episodes of the same event."""
    resolved = transition(episode, "resolved", bucket, related)
    episode.last_id, episode.ended = episode.id, bucket
    episode.id = episode.parent_id = ""
    episode.normal = episode.response = None
    return resolved


def _step_closed(
    episode: Episode,
    rule: Rule,
    *,
    brand: str,
    bucket: int,
    opening: Callable[[], Opening],
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
    reason = reason_to_suppress(episode, rule, bucket, threshold, is_common=is_common)
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
    since = bucket - episode.ended
    episode.parent_id = episode.last_id if since <= FLARE_UP_BUCKETS else ""
    known = opening()
    going_on = (episode.incident or episode.last_id) if episode.last_id and since < rule.cool_down_buckets else ""
    episode.id = episode_id(brand, rule.kind, bucket)
    episode.incident = known.incident or going_on or episode.id
    episode.onset, episode.earliest, episode.latest = known.onset, known.earliest, known.latest
    episode.normal = known.normal
    episode.opened = episode.last_above = bucket
    episode.severity = "critical" if _is_critical(rule, score) else rule.base_severity
    return transition(episode, "opened", bucket)


def reason_to_suppress(
    episode: Episode, rule: Rule, bucket: int, threshold: float, *, is_common: bool
) -> SuppressionReason | None:
    """Why an episode whose score passes the configured threshold does not open; None where it does."""
    if not rule.flares_up and episode.last_id and bucket - episode.ended < rule.cool_down_buckets:
        return "cool_down"
    if is_common:
        return "category"
    return "budget" if episode.score < threshold else None


def episode_id(brand: str, kind: Kind, bucket: int) -> str:
    """The same 24 hexadecimal digits for the same opening, after any crash or replay."""
    return hashlib.sha256(f"tocsin/episode/1|{brand}|{kind}|{bucket}".encode()).hexdigest()[:24]


def transition(episode: Episode, name: Transition, bucket: int, related: tuple[str, ...] = ()) -> EpisodeTransition:
    """What an open episode tells of itself in this bucket."""
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
        incident_id=episode.incident or episode.id,
        related=related,
        earliest=episode.earliest if episode.latest else -1,
        latest=episode.latest or -1,
        normal=episode.normal,
        last_above=episode.last_above,
    )


def _is_critical(rule: Rule, score: float) -> bool:
    return rule.base_severity == "warning" and score >= rule.critical
