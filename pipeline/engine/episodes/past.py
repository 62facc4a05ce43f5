"""Episodes that have ended, as they are remembered: what a new one may resemble."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from schemas.alert import SEVERITIES, Kind, Severity

REMEMBERED: Final = 6
"""Ended episodes of a brand that are kept, and of a category."""
SHOWN: Final = 3
KEPT_TERMS: Final = 5
TERM_BYTES: Final = 48
"""Of a kept term, UTF-8: a longer one is kept by its first characters."""


class PastEpisode(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One ended episode.

    Attributes:
        id, brand, kind, severity: of the episode, the severity at its gravest.
        onset, ended: buckets: the first of the excess, and at whose close it was resolved.
        cause: its name; "" where it was unsure.
        terms: as the last alert showed them, the first ones first.
        mentions: since the onset.
        peak_per_hour: of them, in its greatest hour.
    """

    id: str
    brand: str
    kind: Kind
    severity: Severity
    onset: int
    ended: int
    cause: str = ""
    terms: tuple[str, ...] = ()
    mentions: int = 0
    peak_per_hour: int = 0


def remembered(past: tuple[PastEpisode, ...], ended: PastEpisode) -> tuple[PastEpisode, ...]:
    """The past with one more; the oldest is forgotten."""
    return (*past, ended)[-REMEMBERED:]


def most_similar(
    past: Iterable[PastEpisode], *, brand: str, kind: Kind, cause: str, terms: Iterable[str]
) -> list[PastEpisode]:
    """The ended episodes that are most like a new one, the most similar first, at most SHOWN.

    Terms that both have count one each, the same cause two; then the brand's own before those of its category, the same
    kind, the graver, the later. Of another brand only one that has a term or the cause in common.

    Args:
        past: of the brand and of its category.
        brand: of the new one.
        kind: the same.
        cause: the same; "" where it is unsure.
        terms: the same.
    """
    said = {kept_term(term) for term in terms}

    def likeness(one: PastEpisode) -> int:
        return len(said.intersection(one.terms)) + (2 if cause and one.cause == cause else 0)

    by_id = {one.id: one for one in past}
    found = [one for one in by_id.values() if one.brand == brand or likeness(one)]
    found.sort(
        key=lambda one: (
            likeness(one),
            one.brand == brand,
            one.kind == kind,
            SEVERITIES.index(one.severity),
            one.ended,
            one.id,
        ),
        reverse=True,
    )
    return found[:SHOWN]


def kept_term(term: str) -> str:
    """A term as it is kept."""
    return term.encode()[:TERM_BYTES].decode(errors="ignore")
