"""What people have said about an episode so far."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import msgspec

from schemas.feedback import Feedback


class Standing(msgspec.Struct, frozen=True):
    """Who acts, the last label, and every answer; all in the order of its time.

    Attributes:
        acknowledged: the first acknowledgement, None where nobody acts yet.
        also: who else has acknowledged.
        label: the last label, None where nobody has judged.
        answers: the brand's own answers.
        steps: playbook steps that are done, by their id.
        all: everything that was said.
    """

    acknowledged: Feedback | None = None
    also: tuple[str, ...] = ()
    label: Feedback | None = None
    answers: tuple[Feedback, ...] = ()
    steps: dict[str, Feedback] = {}
    all: tuple[Feedback, ...] = ()

    @property
    def is_in_work(self) -> bool:
        """Whether somebody has acknowledged or answered."""
        return self.acknowledged is not None or bool(self.answers)


def standings(said: Iterable[Feedback]) -> dict[str, Standing]:
    """By episode what has been said.

    Args:
        said: in the order of its time.
    """
    by_episode: dict[str, list[Feedback]] = defaultdict(list)
    for one in said:
        by_episode[one.episode_id].append(one)
    return {episode: _standing(found) for episode, found in by_episode.items()}


def _standing(said: list[Feedback]) -> Standing:
    acknowledged = [one for one in said if one.kind == "acknowledged"]
    names = dict.fromkeys(one.author for one in acknowledged)
    return Standing(
        acknowledged=acknowledged[0] if acknowledged else None,
        also=tuple(names)[1:],
        label=next((one for one in reversed(said) if one.kind == "label"), None),
        answers=tuple(one for one in said if one.kind == "answer"),
        steps={one.step: one for one in said if one.step},
        all=tuple(said),
    )
