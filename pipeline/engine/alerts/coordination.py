"""What an alert says of who speaks: a crowd, a few, or a campaign."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pipeline.engine.buckets.authorship import Authorship
from pipeline.engine.buckets.surge import Surge
from schemas.evidence import Coordination

LEAST_TOLD: Final = 20
"""Mentions from which on a share of them is told."""
LEAST_CROWD: Final = 50
"""The same for that of ten authors: of fewer mentions they are as a rule most."""


def coordination_of(surges: Sequence[Surge]) -> Coordination:
    """How much of some surges together looks made.

    Args:
        surges: one or more.
    """
    copies = sum(surge.copies for surge in surges)
    everybody = Authorship()
    for surge in surges:
        everybody.gather(surge.authorship)
    named = everybody.named
    # A surge that began before mentions were counted so has more on its platforms; names past the most are in neither.
    total = max(sum(sum(surge.platforms.values()) for surge in surges), everybody.mentions)
    return Coordination(
        copies=copies,
        share=round(min(copies / max(total, 1), 1.0), 4),
        top_ten_share=_share(everybody.loudest(), named, LEAST_CROWD),
        burst_share=_share(sum(surge.bursts for surge in surges), sum(surge.timed for surge in surges)),
        young_share=_share(everybody.young, everybody.dated),
        nameless_share=_share(everybody.mentions - named, everybody.mentions) if named else None,
    )


def _share(part: int, whole: int, least: int = LEAST_TOLD) -> float | None:
    return round(part / whole, 4) if whole >= least else None
