"""The table of a partition's phases: what leads where, and what no move can bring about."""

from __future__ import annotations

import asyncio
from itertools import product

import pytest

from pipeline.worker.phase import TRANSITIONS, IllegalMoveError, Life, Move, Phase


def after(*moves: Move) -> Life:
    life = Life()
    for move in moves:
        life.move(move)
    return life


def test_a_partition_that_is_left_never_comes_back() -> None:
    assert {following for (phase, _), following in TRANSITIONS.items() if phase is Phase.LEFT} == {Phase.LEFT}
    assert all((phase, Move.LEAVE) in TRANSITIONS for phase in Phase)


def test_once_withdrawn_only_the_group_gives_the_partition_back() -> None:
    """The end of the worker in the middle of a rebalance suspends again; that allows no other last checkpoint."""
    ways_out = {move for (phase, move), to in TRANSITIONS.items() if phase is Phase.WITHDRAWN and to is not phase}
    assert ways_out == {Move.RESUME, Move.LEAVE}
    withdrawn = after(Move.OPENED, Move.SUSPEND, Move.WITHDRAW, Move.SUSPEND)
    assert not withdrawn.may_write(last=True)


def test_only_a_running_partition_writes_and_a_suspended_one_for_the_last_time() -> None:
    allowed = set()
    for phase, last in product(Phase, (False, True)):
        life = Life()
        life.phase = phase
        if life.may_write(last=last):
            allowed.add((phase, last))
    assert allowed == {(Phase.RUNNING, False), (Phase.RUNNING, True), (Phase.SUSPENDED, True)}


@pytest.mark.parametrize(
    ("moves", "phase"),
    [
        ([Move.SUSPEND, Move.OPENED], Phase.WITHDRAWN),
        ([Move.SUSPEND, Move.WITHDRAW, Move.OPENED, Move.RESUME], Phase.RUNNING),
        ([Move.SUSPEND, Move.RESUME, Move.OPENED], Phase.RUNNING),
        ([Move.LEAVE, Move.OPENED], Phase.LEFT),
    ],
    ids=["loaded too late for a last checkpoint", "and it stays ours", "the rebalance ends first", "it has gone"],
)
def test_a_rebalance_while_the_state_is_loaded(moves: list[Move], phase: Phase) -> None:
    assert after(*moves).phase is phase


@pytest.mark.parametrize(("phase", "move"), sorted(set(product(Phase, Move)) - set(TRANSITIONS), key=str))
def test_what_is_not_in_the_table_is_refused_and_changes_nothing(phase: Phase, move: Move) -> None:
    life = Life()
    life.phase = phase
    with pytest.raises(IllegalMoveError, match=f"{phase.name} cannot {move.name}"):
        life.move(move)
    assert life.phase is phase


def test_whoever_waits_for_a_phase_is_woken_by_it_and_by_no_other() -> None:
    async def run() -> None:
        life = after(Move.OPENED, Move.SUSPEND)
        waiting = asyncio.create_task(life.until(Phase.RUNNING, Phase.LEFT))
        for move, woken in ((Move.WITHDRAW, False), (Move.RESUME, True)):
            await asyncio.sleep(0)
            life.move(move)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert waiting.done() == woken

    asyncio.run(run())
