"""Partitions that are added while a worker runs end it, before it judges a brand in two halves."""

from __future__ import annotations

import asyncio

import pytest

from pipeline.config.model import Config
from pipeline.engine.engine import Engine
from pipeline.errors import PartitionsChangedError
from pipeline.worker.growth import LOOK_SECONDS, watch_partitions
from tests.fakes import Clock, run_virtual
from tests.pipeline.mention_streams import mention, record
from tests.pipeline.worker.fake_partition import make_partition


def test_another_number_of_partitions_is_said_with_the_way_on() -> None:
    clock = Clock()
    answers = [None, 0, 4, 4, 8]
    with pytest.raises(PartitionsChangedError, match=r"expected 4 partitions.* got 8: .*`tocsin migrate partitions`"):
        run_virtual(watch_partitions("mentions", 4, lambda: answers.pop(0)), clock)
    assert not answers
    assert clock() >= 4 * LOOK_SECONDS


def test_a_partition_that_did_not_exist_at_the_start_is_never_opened() -> None:
    """A rebalance may hand it over before anybody has looked: its state topic has no such partition."""
    partition = make_partition(4, partitions=4)
    with pytest.raises(PartitionsChangedError, match="got 5"):
        asyncio.run(partition.open())


def test_state_of_another_number_of_partitions_is_refused() -> None:
    """Even where every topic was grown alike, so that nothing else shows it."""
    before = Engine(1, Config(), partitions=4)
    before.process([record(0, mention())])
    state = before.snapshot()
    with pytest.raises(PartitionsChangedError, match="expected 4 partitions, for which the state was made, got 8"):
        Engine(1, Config(), partitions=8).restore(state)
    again = Engine(1, Config(), partitions=4)
    again.restore(state)
    assert again.next_offset == 1


def test_state_from_before_the_number_was_kept_is_taken_and_then_knows_it() -> None:
    old = Engine(1, Config())
    old.process([record(0, mention())])
    engine = Engine(1, Config(), partitions=4)
    engine.restore(old.snapshot())
    engine.process([record(1, mention(id="2"))])
    with pytest.raises(PartitionsChangedError):
        Engine(1, Config(), partitions=8).restore(engine.snapshot())
