"""Scores into episodes, by the rules of the live worker, for whole series at once."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]


class AlarmRule(NamedTuple):
    """When an episode opens and ends, in score units and buckets; the release level is at most the threshold."""

    threshold: float
    release: float
    quiet_buckets: int
    cool_down_buckets: int

    def at(self, threshold: float) -> AlarmRule:
        """The same rule at another threshold; the release level keeps its ratio."""
        return self._replace(threshold=threshold, release=self.release / self.threshold * threshold)


class Span(NamedTuple):
    """Buckets [start, end] of an episode; `end` is the bucket that resolved it, or the last of the series."""

    start: int
    end: int


def episodes(scores: Array, rule: AlarmRule) -> list[Span]:
    """Episodes of one series.

    Opened by a score of at least the threshold; resolved once no score has reached the release level for the quiet
    time; after that none opens for the cool-down.

    Args:
        scores: one for every bucket; NaN never fires.
        rule: threshold, release and times.
    """
    above_release = np.flatnonzero(scores >= rule.release)
    firing = above_release[scores[above_release] >= rule.threshold]
    quiet = max(rule.quiet_buckets, 1)
    # Buckets above release after which the next one comes too late to keep an episode open.
    breaks = above_release[np.flatnonzero(np.diff(above_release) > quiet)]
    last = int(above_release[-1]) if above_release.size else 0
    found: list[Span] = []
    earliest = 0
    while True:
        place = int(np.searchsorted(firing, earliest))
        if place == firing.size:
            return found
        start = int(firing[place])
        at = int(np.searchsorted(breaks, start))
        last_above = int(breaks[at]) if at < breaks.size else last
        end = last_above + quiet
        if end >= len(scores):
            found.append(Span(start, len(scores) - 1))
            return found
        found.append(Span(start, end))
        earliest = max(end + 1, end + rule.cool_down_buckets)


def episode_starts(
    scores: Array, threshold: float, release: float, quiet_buckets: int, cool_down_buckets: int
) -> list[NDArray[np.int64]]:
    """First buckets of every brand's episodes.

    Args:
        scores: (buckets, brands).
        threshold: score that opens an episode.
        release: score below which an episode is quiet; at most the threshold.
        quiet_buckets: the configuration's quiet_minutes, in buckets.
        cool_down_buckets: the configuration's cool_down_minutes, in buckets.
    """
    rule = AlarmRule(threshold, release, quiet_buckets, cool_down_buckets)
    return [
        np.array([span.start for span in episodes(column, rule)], np.int64) for column in np.ascontiguousarray(scores.T)
    ]
