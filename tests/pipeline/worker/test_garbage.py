"""When the worker lets Python look for cycles."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref
from collections.abc import Iterator

import pytest

from pipeline.worker import garbage
from pipeline.worker.garbage import COLLECT_SECONDS, CycleCollector
from tests.fakes import Clock


class Knot:
    """Refers to itself, so that only the collector can free it."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def clock() -> Clock:
    return Clock(0.0)


@pytest.fixture
def reported() -> list[float]:
    return []


@pytest.fixture
def collector(clock: Clock, reported: list[float]) -> Iterator[CycleCollector]:
    """One that has taken over; the tests after it find Python's own rhythm again."""
    one = CycleCollector(reported.append, clock)
    one.take_over()
    yield one
    gc.unfreeze()
    gc.enable()


def knot() -> weakref.ref[Knot]:
    return weakref.ref(Knot())


def test_no_collection_starts_by_itself_however_many_containers_are_made(collector):
    lost = knot()
    kept: list[list[int]] = [[] for _ in range(200_000)]
    assert kept
    assert lost() is not None


def test_a_cycle_is_freed_when_it_is_time_and_the_pause_is_told(collector, clock, reported):
    lost = weakref.ref(Knot(), lambda _: setattr(clock, "now", clock.now + 0.25))  # freeing it takes a quarter second
    clock.now = COLLECT_SECONDS - 1.0
    collector.look()
    assert lost() is not None
    assert not reported
    clock.now = COLLECT_SECONDS
    collector.look()
    assert lost() is None
    assert reported == [0.25]


def test_the_next_collection_is_a_whole_period_after_the_last(collector, clock, reported):
    clock.now = COLLECT_SECONDS
    collector.look()
    clock.now = 2 * COLLECT_SECONDS - 1.0
    collector.look()
    assert len(reported) == 1


def test_an_error_that_makes_cycles_again_and_again_is_not_waited_for(collector, monkeypatch, reported):
    monkeypatch.setattr(garbage, "MAX_NEW", 10_000)
    first = knot()
    for _ in range(20_000):
        Knot()
    collector.look()
    assert first() is None
    assert len(reported) == 1


def test_what_the_imports_have_made_is_not_walked_again():
    told = (
        "import gc; from pipeline.worker.garbage import CycleCollector; CycleCollector(print).take_over(); "
        "print(gc.get_freeze_count() > 1000, gc.isenabled(), len(gc.get_objects()) < 1000)"
    )
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False", "True"]
