"""Is a topic still the one that the checkpoints speak of? A topic that was created again has its name and no more.

A checkpoint says "everything below offset 5,414 is in the state". In a topic that was deleted and created again these
are other mentions, which would be passed over: with a lag of zero, in silence. A topic's id tells the two apart. Where
the broker gives none (before 2.8), the leader epochs do while a worker runs, for they begin anew; at its start only a
topic that is shorter than the checkpoint says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import structlog

from pipeline.errors import StateError
from pipeline.kafka.existing_topics import Existing
from pipeline.worker.context import TopicNames

_READ: Final = ("mentions", "brand-state")
"""What is read from them must be what the checkpoint speaks of; of the others only what is gone is missed."""
WAY_ON: Final = 'docs/delivery.md, "When a topic was created again", says how to go on'

logger = structlog.get_logger("tocsin.worker")


def check_topics(remembered: Mapping[str, str], current: Mapping[str, str], topics: TopicNames, partition: int) -> None:
    """Hold the topics that a checkpoint was written for against those that are there.

    Of another topic for alerts, dead letters, activity or feedback there is a line in the log: what was written before
    is gone with the one of before, and what follows is whole; feedback is read from the new one's beginning.

    Args:
        remembered: ids by name in the catalogue, as the checkpoint has them; those that are missing are not compared.
        current: the same, as the broker gives them.
        topics: full names.
        partition: whose checkpoint it is.

    Raises:
        StateError: mentions or brand-state were created again.
    """
    for name, full in topics.by_name().items():
        was, now = remembered.get(name), current.get(name)
        if not was or not now or was == now:
            continue
        if name in _READ:
            raise StateError(
                f"{full}[{partition}]: expected the topic {was}, as the checkpoint in {topics.state} says, got {now}: "
                f"the topic was created again, and its records would be passed over or taken for others; {WAY_ON}"
            )
        logger.error(
            "a topic was created again: what was written to it before is gone, what follows is whole",
            topic=full,
            partition=partition,
            expected_id=was,
            id=now,
        )


def recreated(name: str, known: Existing, seen: Existing) -> str | None:
    """Why the topic that is seen cannot be the one that is known, None where it can.

    Args:
        name: full name of both.
        known: as it was when the worker started.
        seen: as it is now.
    """
    if known.id and seen.id:
        if known.id == seen.id:
            return None
        what = f"the topic {known.id}, got {seen.id}"
    else:
        fallen = [
            f"[{number}]: {was}, got {now}"
            for number, (was, now) in enumerate(zip(known.leader_epochs, seen.leader_epochs, strict=False))
            if 0 <= now < was
        ]
        if not fallen:
            return None
        what = f"a leader epoch of at least {fallen[0]}"
    return (
        f"{name}: expected {what}: the topic was deleted and created again while the worker ran, and its checkpoints "
        f"speak of the one of before; {WAY_ON}"
    )
