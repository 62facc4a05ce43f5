"""What a closed bucket meant for each kind of episode of its brand, read from the engine's own state and rules."""

from __future__ import annotations

import math
from typing import Literal

import msgspec

from detectors.audience import AudienceReading
from detectors.base import Assessment, Explanation
from pipeline.engine.alerts.brand_alert import ClosedBucket
from pipeline.engine.episodes.budget import offset
from pipeline.engine.episodes.episode import Rule, reason_to_suppress
from pipeline.engine.episodes.kinds import KIND_SPECS
from pipeline.engine.episodes.rules import rules
from schemas.alert import KINDS, Kind, Severity

Outcome = Literal[
    "opened",
    "open",
    "resolved",
    "muted",
    "warming_up",
    "below_threshold",
    "told",
    "blocked",
    "cool_down",
    "budget",
    "category",
]
"""What came of a score: an episode opened, was open, or was resolved; or why none opened."""


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """What one bucket meant for one kind of episode. Bucket numbers are event time over the bucket's seconds.

    Attributes:
        outcome: what came of the score.
        score: of the bucket, as the engine held it against the threshold: after an episode, of what came since only.
        whole: of the bucket, by all that the windows hold.
        rule: the brand's, with the configured threshold.
        threshold: at which the open episode opened, or at which one would open now.
        severity: of the open episode; None while none is open.
        opened, onset, last_above: of the open episode; 0 while none is open.
        ended: bucket at whose close the last episode was resolved; 0 before the first.
        blocked_by: kinds whose open episode holds this kind back.
    """

    outcome: Outcome
    score: float
    whole: float
    rule: Rule
    threshold: float
    severity: Severity | None
    opened: int
    onset: int
    last_above: int
    ended: int
    blocked_by: tuple[Kind, ...]

    @property
    def raised_by(self) -> float:
        """What the alert budget has put on top of the configured threshold, in score units; infinite: nothing opens."""
        return self.threshold - self.rule.threshold if math.isfinite(self.rule.threshold) else 0.0

    @property
    def lacks_voices(self) -> bool:
        """Whether only too few voices keep an open episode from being critical: its score is high enough."""
        rule = self.rule
        return self.severity == rule.base_severity == "warning" and self.score >= rule.critical

    @property
    def cool_down_ends(self) -> int:
        """First bucket after the cool-down; 0 where there was no episode."""
        return self.ended + self.rule.cool_down_buckets if self.ended else 0


class Sight(msgspec.Struct, frozen=True, gc=False):
    """One closed bucket of one brand: what is said of it, and a verdict for each of KINDS, in that order."""

    bucket: int
    assessment: Assessment
    audience: AudienceReading
    verdicts: tuple[Verdict, ...]

    def verdict(self, kind: Kind) -> Verdict:
        """The verdict on one kind."""
        return self.verdicts[KINDS.index(kind)]

    def explain(self, kind: Kind) -> Explanation:
        """The score of one kind in a person's terms."""
        return explained(self.assessment, self.audience, kind)


def explained(assessment: Assessment, audience: AudienceReading, kind: Kind) -> Explanation:
    """The score of one kind in a person's terms."""
    found = assessment.explain("volume_surge")
    if KIND_SPECS[kind].counts:
        return assessment.explain(kind)
    window = assessment.bucket + 1 - audience.first if audience.first >= 0 else found.window_buckets
    return msgspec.structs.replace(found, window_buckets=window, parts=audience.parts)


def sight_of(closed: ClosedBucket) -> Sight:
    """What a bucket meant, asked right after its episodes were stepped (Engine's `observe`)."""
    found = rules(closed.config.detection)
    return Sight(
        closed.index, closed.assessment, closed.audience, tuple(_verdict(closed, kind, found[kind]) for kind in KINDS)
    )


def _verdict(closed: ClosedBucket, kind: Kind, rule: Rule) -> Verdict:
    episodes, index = closed.brand.episodes, closed.index
    episode = episodes[kind]
    score = episode.score
    threshold = rule.threshold
    if episode.is_open:
        threshold = episode.threshold
    elif episode.spending is not None:
        threshold += offset(episode.spending, rule.per_year, index)
    blocked_by = tuple(other for other in KIND_SPECS[kind].blocked_by if episodes[other].is_open)
    outcome: Outcome
    if episode.is_open:
        outcome = "opened" if episode.opened == index else "open"
    elif episode.last_id and episode.ended == index:
        outcome = "resolved"
    elif math.isinf(rule.threshold):
        outcome = "muted"
    elif not closed.assessment.is_warm and (KIND_SPECS[kind].counts or score < rule.threshold):
        outcome = "warming_up"
    elif score < rule.threshold:
        outcome = "told" if closed.score(kind) >= rule.threshold else "below_threshold"
    elif blocked_by:
        outcome = "blocked"
    else:
        # Nothing else is left: what the engine gives no other reason for, a common move of the category held back.
        outcome = reason_to_suppress(episode, rule, index, threshold, is_common=False) or "category"
    is_open = episode.is_open
    return Verdict(
        outcome,
        score,
        closed.score(kind),
        rule,
        threshold,
        episode.severity if is_open else None,
        episode.opened if is_open else 0,
        episode.onset if is_open else 0,
        episode.last_above if is_open else 0,
        episode.ended if episode.last_id else 0,
        blocked_by,
    )
