"""An episode led through a series of scores, one per bucket."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pipeline.engine.episodes.episode import Episode, EpisodeTransition, Opening, Rule, SuppressedOpening, step


def steps(
    episode: Episode, rule: Rule, scores: Iterable[float], *, may_open: bool = True, is_common: bool = False
) -> Iterator[EpisodeTransition | SuppressedOpening | None]:
    """What each bucket brings."""
    for bucket, score in enumerate(scores):
        yield step(
            episode,
            rule,
            brand="acme",
            bucket=bucket,
            score=score,
            opening=lambda: Opening(bucket, bucket, bucket),  # noqa: B023 - asked for before the next bucket
            may_open=may_open,
            is_common=is_common,
        )
