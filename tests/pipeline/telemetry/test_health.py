"""When a worker is alive, and when it is ready."""

from __future__ import annotations

import msgspec

from pipeline.telemetry.health import HEARTBEAT_LIMIT_SECONDS, Health
from tests.fakes import Clock


def test_a_new_worker_is_alive_and_not_ready() -> None:
    """Starting is not a failure, and no work is promised yet."""
    health = Health(Clock())
    assert health.alive().ok
    assert not health.readiness().ok
    assert health.readiness().why == "starting"


def test_a_loop_that_does_not_turn_is_unhealthy_until_it_turns_again() -> None:
    """At the limit all is well, past it not; a heartbeat heals it."""
    clock = Clock()
    health = Health(clock)
    health.ready([0])
    clock.now += HEARTBEAT_LIMIT_SECONDS
    assert health.alive().ok
    clock.now += 1
    assert not health.alive().ok
    assert not health.readiness().ok
    assert "has not turned" in health.alive().why
    health.heartbeat()
    assert health.alive().ok
    assert health.readiness().ok


def test_work_that_stands_still_is_unhealthy_although_the_loop_turns() -> None:
    """The reason is told, a heartbeat does not heal it, going on does."""
    health = Health(Clock())
    health.ready([0])
    health.stalled("mentions[0]: none folded in for 61 s")
    health.heartbeat()
    assert health.alive().why == health.readiness().why == "mentions[0]: none folded in for 61 s"
    assert not health.alive().ok
    health.stalled(None)
    assert health.alive().ok
    assert health.readiness().ok


def test_readiness_follows_the_assignment() -> None:
    """Ready with the partitions named, suspended with the reason, ready again; stand-by is ready with none."""
    health = Health(Clock())
    health.ready({2, 0})
    assert health.readiness().partitions == health.alive().partitions == (0, 2)
    health.broker_away("no broker answers")
    assert health.readiness().partitions == (0, 2)
    health.broker_away(None)
    health.not_ready("rebalance")
    assert health.alive().ok
    assert health.alive().partitions == ()
    report = health.readiness()
    assert (report.ok, report.why, report.partitions) == (False, "rebalance", ())
    health.ready([])
    assert health.readiness().ok


def test_the_first_failure_stays() -> None:
    """A failed worker is neither alive nor ready whatever comes after, and names the first cause."""
    health = Health(Clock())
    health.fail("fenced by another worker")
    health.fail("stopped")
    health.heartbeat()
    health.ready([0])
    assert not health.alive().ok
    assert health.readiness().why == "fenced by another worker"


def test_the_answer_is_one_line_of_json() -> None:
    """Text of an exception with a line break in it does not break the line."""
    health = Health(Clock())
    health.fail("first\nsecond")
    line = health.alive().line()
    assert line.count(b"\n") == 1
    assert msgspec.json.decode(line)["why"] == "first\nsecond"


def test_a_broker_that_does_not_answer_is_not_ready_and_alive_whatever_else_is_the_matter() -> None:
    """The reason is told before any other, and is gone when it answers."""
    health = Health(Clock())
    health.ready([0])
    health.broker_away("got none in 8 s")
    assert (health.readiness().ok, health.readiness().why) == (False, "got none in 8 s")
    assert health.alive().ok
    health.broker_away(None)
    assert health.readiness().partitions == (0,)
