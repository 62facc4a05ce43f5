"""Moves that the brands of a category have in common: one episode of the category instead of one of every brand.

When a brand's score would open an episode, the other brands of its category in this partition are looked at, as each
stands by its last bucket. If enough of them are moved themselves, the brand is asked again against its own normal
times their common move (detectors.category): beyond it, it rings as ever; else the category's own episode opens, with
the same hysteresis, quiet time, cool-down and budget. Nothing is decided later than it would be for a brand alone.
"""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Final, Protocol

import msgspec

from detectors.brand.model import Assessment, BrandModel
from detectors.category import common_move, move_of, score_beyond
from pipeline.engine.buckets.open_bucket import PostRecord
from pipeline.engine.episodes.episode import Episode, Rule, Suppressed, close, step
from pipeline.engine.state import CategoryRecord
from schemas.alert import KINDS, Kind, Transition

MOVED_SHARE: Final = 0.25
"""Of a brand's threshold: from there on it counts as moved. Scores are in deviations above the brand's own ordinary
daily maximum: that several brands are moved in the same hour is rare by chance."""
QUORUM_SHARE: Final = 0.25
LEAST_QUORUM: Final = 2
"""So many of the others, and so large a share of them, must be moved for a move to be common."""
LEAST_OTHERS: Final = 3
"""Brands of the category, beside the one in question, that must have been heard of lately."""
RECENT_BUCKETS: Final = 12
"""An hour: a brand not heard of for longer says nothing about now."""
WINDOW: Final = 3
"""Index of the window that a category's counts are summed over: 1 hour."""


class Member(Protocol):
    """What is read of a brand of a category; `model`, `episodes` and posts only after `wake`."""

    name: str
    model: BrandModel
    episodes: list[Episode]
    negative_posts: list[PostRecord]
    top_posts: list[PostRecord]

    @property
    def last_bucket(self) -> int: ...
    @property
    def is_warm(self) -> bool: ...
    @property
    def is_watched(self) -> bool: ...
    def wake(self) -> None: ...
    def read_episodes(self) -> list[Episode]: ...


class Category:
    """One category in one partition.

    Attributes:
        name: the slug.
        episodes: the category's own, in the order of KINDS.
        peaks: by kind the greatest score of each member since the open episode opened.
        members: brands of it that have been heard of in this partition, by name: a sum over them must not depend on
            the order in which they came.
    """

    __slots__ = ("episodes", "members", "name", "peaks")

    def __init__(self, name: str) -> None:
        self.name = name
        self.episodes = [Episode() for _ in KINDS]
        self.peaks: list[dict[str, float]] = [{} for _ in KINDS]
        self.members: list[Member] = []

    def join(self, member: Member) -> None:
        """A brand of the category has been heard of for the first time."""
        insort(self.members, member, key=attrgetter("name"))

    def leave(self, member: Member) -> None:
        """A brand of the category has been forgotten."""
        self.members.remove(member)

    @property
    def is_open(self) -> bool:
        """True while an episode of the category is open."""
        return any(episode.is_open for episode in self.episodes)

    def active(self, index: int) -> Iterator[Member]:
        """Members that are warm and were heard of lately."""
        for member in self.members:
            if member.last_bucket > index - RECENT_BUCKETS and member.is_warm:
                member.wake()
                yield member

    def is_common(self, member: Member, kind: Kind, rule: Rule, assessment: Assessment) -> bool:
        """Whether what would open an episode of this member is what the others do too.

        Args:
            member: whose bucket has just been learned.
            kind: of the episode that would open.
            rule: the member's.
            assessment: of that bucket.
        """
        place = KINDS.index(kind)
        others = [other for other in self.active(assessment.bucket) if other is not member]
        if len(others) < LEAST_OTHERS:
            return False
        own = common_rule(rule)
        level = own.release if self.episodes[place].is_open else own.threshold
        moved = [other for other in others if other.episodes[place].score >= level]
        if len(moved) < quorum(len(others)):
            return False
        common = common_move([move_of(other.model) for other in moved])
        return score_beyond(member.model, assessment, common, kind) < rule.threshold

    def step(
        self, kind: Kind, rule: Rule, index: int, now: dict[str, float] | None = None
    ) -> Transition | Suppressed | None:
        """Let the common score of a bucket act on the category's episode of this kind.

        Args:
            kind: of the episode.
            rule: a brand's, of which the category takes its share.
            index: the bucket.
            now: scores that are newer than those in the members' episodes.
        """
        place = KINDS.index(kind)
        scores = {member.name: member.episodes[place].score for member in self.active(index)} | (now or {})
        episode = self.episodes[place]
        transition = step(
            episode,
            common_rule(rule),
            brand=f"category/{self.name}",  # no brand has a slash
            kind=kind,
            bucket=index,
            score=_common_score(list(scores.values())),
            window_buckets=RECENT_BUCKETS,
            may_open=place == 0 or not self.episodes[0].is_open,
        )
        if episode.is_open:
            peaks = self.peaks[place]
            for name, score in scores.items():
                peaks[name] = max(score, peaks.get(name, score))
        return transition

    def close(self, kind: Kind, index: int) -> None:
        """Forget a resolved episode but for what its successor needs. Call after its alert was made."""
        place = KINDS.index(kind)
        close(self.episodes[place], index)
        self.peaks[place] = {}

    def pass_unobserved(self) -> None:
        """A bucket of a hole in the feed neither feeds nor ends an episode."""
        for episode in self.episodes:
            episode.last_loud += 1

    def record(self) -> CategoryRecord:
        """The state."""
        return CategoryRecord(episodes=self.episodes, peaks=self.peaks)

    def restore(self, record: CategoryRecord) -> None:
        """Take over a predecessor's state."""
        self.episodes = record.episodes
        self.peaks = record.peaks


def quorum(others: int) -> int:
    """Of so many other brands, how many must be moved."""
    return max(math.ceil(others * QUORUM_SHARE), LEAST_QUORUM)


def _common_score(scores: list[float]) -> float:
    """The score that a quorum, and one more, reach or pass; 0 where there are too few brands to say."""
    if len(scores) <= LEAST_OTHERS:
        return 0.0
    return sorted(scores, reverse=True)[quorum(len(scores) - 1)]


def common_rule(rule: Rule) -> Rule:
    """The rule of a category's episodes, from that of a brand's."""
    return msgspec.structs.replace(
        rule,
        threshold=rule.threshold * MOVED_SHARE,
        release=rule.release * MOVED_SHARE,
    )


def posts_of(members: Sequence[Member], kind: Kind) -> list[PostRecord]:
    """The posts that speak for a kind of episode, of all members."""
    return [post for one in members for post in (one.top_posts if kind == "volume_surge" else one.negative_posts)]
