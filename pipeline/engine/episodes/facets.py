"""What the kinds of one event are to each other: one fire is told once.

While an episode of a kind is open, those of the kinds that it blocks are its facets: they neither escalate nor end by
themselves, are told when they become part of it, share its incident and end with it.
"""

from __future__ import annotations

from typing import Final

from pipeline.engine.episodes.episode import (
    FLARE_UP_BUCKETS,
    Episode,
    Episodes,
    EpisodeTransition,
    resolve,
    transition,
)
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


def joined_incident(episodes: Episodes, kind: Kind, bucket: int) -> str:
    """The incident that an episode of this kind joins when it opens; "" without one.

    That of its first open facet, or of the last episode that announced it.
    """
    known = [*open_facets(episodes, kind).values(), *_announced_by(episodes, kind, bucket)]
    return next((one.incident or one.id or one.last_id for one in known), "")


def related(episodes: Episodes, kind: Kind, bucket: int) -> tuple[str, ...]:
    """Ids of the open facets of this kind, and of the ended episodes that announced it."""
    facets = [facet.id for facet in open_facets(episodes, kind).values()]
    incident = episodes[kind].incident
    return (*facets, *(one.last_id for one in _announced_by(episodes, kind, bucket) if one.incident == incident))


def _announced_by(episodes: Episodes, kind: Kind, bucket: int) -> list[Episode]:
    """The episodes that ended within FLARE_UP_BUCKETS of the opening of this kind, and that it is taken to follow."""
    opened = episodes[kind].opened if episodes[kind].is_open else bucket
    return [
        episodes[facet]
        for facet in FACETS[kind]
        if KIND_SPECS[facet].announces
        and not episodes[facet].is_open
        and episodes[facet].last_id
        and 0 <= opened - episodes[facet].ended <= FLARE_UP_BUCKETS
    ]


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
