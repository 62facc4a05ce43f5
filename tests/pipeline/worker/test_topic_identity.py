"""A topic that was created again is told from the one of before, by its id or, without one, by its leader epochs."""

from __future__ import annotations

import pytest

from pipeline.kafka.existing_topics import Existing
from pipeline.worker.topic_identity import recreated


def topic(identity: str = "", epochs: tuple[int, ...] = (3, 0)) -> Existing:
    return Existing(len(epochs), 1, id=identity, leader_epochs=epochs)


def test_another_id_is_another_topic_and_the_line_has_both_and_the_way_on() -> None:
    why = recreated("p-mentions", topic("old"), topic("new"))
    assert why is not None
    assert why.startswith("p-mentions: expected the topic old, got new: the topic was deleted and created again")
    assert "docs/delivery.md" in why
    assert "\n" not in why


@pytest.mark.parametrize(
    "seen",
    [topic("old"), topic("old", (0, 0)), topic("old", (9, 9)), topic("old", (3, 0, 0))],
    ids=["as before", "epochs do not matter where ids do", "new leaders", "more partitions"],
)
def test_the_same_id_is_the_same_topic_whatever_became_of_it(seen: Existing) -> None:
    assert recreated("mentions", topic("old"), seen) is None


@pytest.mark.parametrize(("known", "seen"), [("", ""), ("old", ""), ("", "new")])
def test_without_ids_a_leader_epoch_that_falls_is_another_topic(known: str, seen: str) -> None:
    why = recreated("mentions", topic(known, (3, 0)), topic(seen, (0, 0)))
    assert why is not None
    assert "expected a leader epoch of at least [0]: 3, got 0" in why
    assert recreated("mentions", topic(known, (3, 0)), topic(seen, (3, 1))) is None


def test_a_broker_that_gives_neither_accuses_nobody() -> None:
    assert recreated("mentions", topic("", (3, 0)), topic("", (-1, -1))) is None
