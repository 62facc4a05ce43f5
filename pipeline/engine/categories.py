"""Moves that the brands of a category have in common: one episode of the category instead of one of every brand.

When a brand's score would open an episode, the other brands of its category in this partition are looked at, as each
stands by its last bucket. If enough of them are moved themselves, the brand is asked again against its own normal
times their common move (detectors.category): beyond it, its own episode opens as ever; else the category's own episode
opens, with the same hysteresis, quiet time, cool-down and budget. Nothing is decided later than it would be for a
brand alone.
"""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Iterator
from operator import attrgetter
from typing import Final

import msgspec

from detectors.base import Assessment
from detectors.category import common_move, move_of, score_beyond
from pipeline.engine.brands.brand import Brand
from pipeline.engine.episodes.episode import (
    EpisodeTransition,
    Opening,
    Rule,
    SuppressedOpening,
    new_episodes,
    restored_episodes,
    step,
    stored_episodes,
)
from pipeline.engine.episodes.facets import end_facets, fold, joined_incident, related
from pipeline.engine.episodes.kinds import KIND_SPECS, KindSpec
from pipeline.engine.episodes.past import PastEpisode
from pipeline.engine.state import CategoryRecord
from schemas.alert import KINDS, Kind

MOVED_SHARE: Final = 0.25
"""Of a brand's threshold: from there on it counts as moved. Scores are in deviations above the brand's own ordinary
daily maximum: that several brands are moved in the same hour is rare by chance."""
QUORUM_SHARE: Final = 0.25
MIN_QUORUM: Final = 2
"""So many of the others, and so large a share of them, must be moved for a move to be common."""
MIN_OTHERS: Final = 3
"""Brands of the category, beside the one in question, that must have been mentioned lately."""
RECENT_BUCKETS: Final = 12
"""An hour: a brand not mentioned for longer says nothing about now."""
WINDOW: Final = 3
"""Index of the window that a category's counts are summed over: 1 hour."""


class CategoryTransition(msgspec.Struct, frozen=True):
    """A transition of a category's episode, and the greatest score of each brand since it opened."""

    transition: EpisodeTransition
    peaks: dict[str, float]


class Category:
    """One category in one partition.

    Attributes:
        name: the slug.
        episodes: the category's own.
        peaks: by kind the greatest score of each member since the open episode opened.
        members: its brands that are known in this partition, by name: a sum over them must not depend on
            the order in which they came.
        past: the last episodes of its members that have ended.
    """

    __slots__ = ("episodes", "members", "name", "past", "peaks")

    def __init__(self, name: str) -> None:
        self.name = name
        self.episodes = new_episodes()
        self.peaks: dict[Kind, dict[str, float]] = {kind: {} for kind in KINDS}
        self.members: list[Brand] = []
        self.past: tuple[PastEpisode, ...] = ()

    def join(self, member: Brand) -> None:
        """A brand of the category has become known."""
        insort(self.members, member, key=attrgetter("name"))

    def leave(self, member: Brand) -> None:
        """A brand of the category has expired."""
        self.members.remove(member)

    @property
    def is_open(self) -> bool:
        """True while an episode of the category is open."""
        return any(episode.is_open for episode in self.episodes.values())

    def active(self, index: int) -> Iterator[Brand]:
        """Members that are warm and were mentioned lately, loaded."""
        for member in self.members:
            if member.last_bucket > index - RECENT_BUCKETS and member.is_warm:
                member.load()
                yield member

    def is_common(self, member: Brand, kind: Kind, rule: Rule, assessment: Assessment) -> bool:
        """Whether what would open an episode of this member is what the others do too.

        Args:
            member: whose bucket has just been learned.
            kind: of the episode that would open.
            rule: the member's.
            assessment: of that bucket.
        """
        others = [other for other in self.active(assessment.bucket) if other is not member]
        if len(others) < MIN_OTHERS:
            return False
        own = common_rule(rule)
        level = own.release if self.episodes[kind].is_open else own.threshold
        moved = [other for other in others if other.episodes[kind].score >= level]
        if len(moved) < quorum(len(others)):
            return False
        common = common_move([move_of(other.model) for other in moved])
        return score_beyond(member.model, assessment, common, kind) < rule.threshold

    def is_facet(self, spec: KindSpec) -> bool:
        """Whether an open episode of this kind is part of another one, and ends with it."""
        return any(self.episodes[kind].is_open for kind in spec.blocked_by)

    def step(
        self, kind: Kind, rule: Rule, index: int, now: dict[str, float] | None = None, *, identity: str
    ) -> list[tuple[Kind, CategoryTransition | SuppressedOpening]]:
        """Let the common score of a bucket act on the category's episode of this kind, and on its facets.

        Args:
            kind: of the episode.
            rule: a brand's, of which the category takes its share.
            index: the bucket.
            now: scores that are newer than those in the members' episodes.
            identity: what stands for the category in the ids of its episodes.
        """
        scores = {member.name: member.episodes[kind].score for member in self.active(index)} | (now or {})
        episode = self.episodes[kind]
        if episode.is_open and self.is_facet(KIND_SPECS[kind]):
            return []
        moved = step(
            episode,
            common_rule(rule),
            brand=identity,
            bucket=index,
            score=_common_score(list(scores.values())),
            opening=lambda: self._opening(kind, index),
            may_open=not self.is_facet(KIND_SPECS[kind]),
        )
        if episode.is_open or isinstance(moved, EpisodeTransition):
            peaks = self.peaks[kind]
            for name, score in scores.items():
                peaks[name] = max(score, peaks.get(name, score))
        if isinstance(moved, SuppressedOpening):
            return [(kind, moved)]
        return [] if moved is None else self._told(kind, moved, index)

    def _opening(self, kind: Kind, index: int) -> Opening:
        first = index + 1 - RECENT_BUCKETS
        return Opening(first, -1, -1, incident=joined_incident(self.episodes, kind, index))

    def _told(
        self, kind: Kind, made: EpisodeTransition, index: int
    ) -> list[tuple[Kind, CategoryTransition | SuppressedOpening]]:
        """A transition, and those of the facets that begin or end with it."""
        told = [(kind, msgspec.structs.replace(made, related=related(self.episodes, kind, index)))]
        if made.name == "opened":
            told += fold(self.episodes, kind, index)
        elif made.name == "resolved":
            told += end_facets(self.episodes, kind, index)
        found: list[tuple[Kind, CategoryTransition | SuppressedOpening]] = []
        for name, transition in told:
            found.append((name, CategoryTransition(transition, self.peaks[name])))
            if not self.episodes[name].is_open:
                self.peaks[name] = {}
        return found

    def pass_unobserved(self) -> None:
        """A bucket in a gap of the feed neither feeds nor ends an episode."""
        for episode in self.episodes.values():
            episode.last_above += 1

    def record(self) -> CategoryRecord:
        """The state."""
        return CategoryRecord(episodes=stored_episodes(self.episodes), peaks=list(self.peaks.values()), past=self.past)

    def restore(self, record: CategoryRecord) -> None:
        """Take over a predecessor's state."""
        self.episodes = restored_episodes(record.episodes)
        self.peaks |= dict(zip(KINDS, record.peaks, strict=False))
        self.past = record.past


def quorum(others: int) -> int:
    """Of so many other brands, how many must be moved."""
    return max(math.ceil(others * QUORUM_SHARE), MIN_QUORUM)


def _common_score(scores: list[float]) -> float:
    """The score that a quorum, and one more, reach or pass; 0 where there are too few brands to say."""
    if len(scores) <= MIN_OTHERS:
        return 0.0
    return sorted(scores, reverse=True)[quorum(len(scores) - 1)]


def common_rule(rule: Rule) -> Rule:
    """The rule of a category's episodes, from that of a brand's."""
    return msgspec.structs.replace(
        rule,
        threshold=rule.threshold * MOVED_SHARE,
        release=rule.release * MOVED_SHARE,
    )
