"""What the kinds of one event are to each other: one fire is told once.

While an episode of a kind is open, those of the kinds that it blocks are its facets: they neither escalate nor end by
themselves, are told when they become part of it, share its incident and end with it.
"""

from __future__ import annotations

from typing import Final

from pipeline.engine.episodes.episode import Episode, Episodes, EpisodeTransition, resolve, transition
from pipeline.engine.episodes.kinds import KIND_SPECS
from schemas.alert import Kind

FACETS: Final[dict[Kind, tuple[Kind, ...]]] = {
    kind: tuple(other for other, spec in KIND_SPECS.items() if kind in spec.blocked_by) for kind in KIND_SPECS
}
"""By kind the kinds that it blocks."""

Told = list[tuple[Kind, EpisodeTransition]]
"""Transitions of facets."""


def open_facets(episodes: Episodes, kind: Kind) -> dict[Kind, Episode]:
    """The open episodes of the kinds that this kind blocks."""
    return {facet: episodes[facet] for facet in FACETS[kind] if episodes[facet].is_open}


def joined_incident(episodes: Episodes, kind: Kind) -> str:
    """The incident that an episode of this kind joins when it opens: that of its first open facet; "" without one."""
    return next((facet.incident or facet.id for facet in open_facets(episodes, kind).values()), "")


def related(episodes: Episodes, kind: Kind) -> tuple[str, ...]:
    """Ids of the open facets of this kind."""
    return tuple(facet.id for facet in open_facets(episodes, kind).values())


def fold(episodes: Episodes, kind: Kind, bucket: int) -> Told:
    """Make the open facets part of the episode of this kind that has just opened."""
    whole = episodes[kind]
    told: Told = []
    for name, facet in open_facets(episodes, kind).items():
        facet.incident = whole.incident
        told.append((name, transition(facet, "updated", bucket, (whole.id,))))
    return told


def end_facets(episodes: Episodes, kind: Kind, bucket: int) -> Told:
    """End the open facets of this kind, whose episode has just been resolved."""
    whole = episodes[kind].last_id
    return [(name, resolve(facet, bucket, (whole,))) for name, facet in open_facets(episodes, kind).items()]
