"""What people have said about an episode so far."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import msgspec

from schemas.feedback import Feedback


class Standing(msgspec.Struct, frozen=True):
    """The last word of each kind, and every answer; all in the order of its time.

    Attributes:
        acknowledged: the last acknowledgement, None where nobody acts yet.
        label: the last label, None where nobody has judged.
        answers: the brand's own answers.
        steps: playbook steps that are done, by their id.
        all: everything that was said.
    """

    acknowledged: Feedback | None = None
    label: Feedback | None = None
    answers: tuple[Feedback, ...] = ()
    steps: dict[str, Feedback] = {}
    all: tuple[Feedback, ...] = ()


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
    last = {one.kind: one for one in said}
    return Standing(
        acknowledged=last.get("acknowledged"),
        label=last.get("label"),
        answers=tuple(one for one in said if one.kind == "answer"),
        steps={one.step: one for one in said if one.step},
        all=tuple(said),
    )
