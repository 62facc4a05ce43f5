"""An episode led through a series of scores, one a bucket."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pipeline.engine.episodes.episode import Episode, Rule, Suppressed, close, step
from schemas.alert import Transition


def steps(
    episode: Episode, rule: Rule, scores: Iterable[float], *, may_open: bool = True, is_common: bool = False
) -> Iterator[Transition | Suppressed | None]:
    """What each bucket brings; a resolved episode is closed, as the engine does after its alert."""
    for bucket, score in enumerate(scores):
        transition = step(
            episode,
            rule,
            brand="acme",
            kind="crisis",
            bucket=bucket,
            score=score,
            window_buckets=1,
            may_open=may_open,
            is_common=is_common,
        )
        if transition == "resolved":
            close(episode, bucket)
        yield transition
