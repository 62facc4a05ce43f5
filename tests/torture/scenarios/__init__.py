"""Every scenario, in the order in which they are run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from tests.torture.scenarios import brokers, group, kills, log, state, topics


class Scenario(msgspec.Struct, frozen=True):
    """A scenario's name is also that of its topics and group."""

    name: str
    rounds: int
    """How often by default."""
    play: Callable[[Any], None]
    nodes: int = 1


SCENARIOS: Final = (
    Scenario("kill-one", 100, kills.one),
    Scenario("kill-one-of-three", 25, kills.one_of_three),
    Scenario("kill-all", 12, kills.everyone),
    Scenario("kill-at-moments", 36, kills.at_moments),
    Scenario("rebalance-1-3-1", 5, group.up_and_down),
    Scenario("rolling-static", 3, group.rolling),
    Scenario("rolling-dynamic", 3, group.rolling_without_static_membership),
    Scenario("zombie", 3, group.zombie),
    Scenario("broker-kill", 5, brokers.kill),
    Scenario("broker-away-20-s", 1, brokers.away),
    Scenario("broker-paused-10-s", 2, brokers.paused),
    Scenario("leader-lost-of-three", 4, brokers.leader_lost, nodes=3),
    Scenario("topic-refuses", 2, topics.refuses),
    Scenario("alerts-topic-deleted", 1, topics.alerts_deleted),
    Scenario("compaction", 6, state.compaction),
    Scenario("state-unreadable", 2, state.unreadable),
    Scenario("state-deleted", 1, state.deleted),
    Scenario("transactional-mentions", 6, log.transactional),
    Scenario("disorder-and-poison", 4, log.disorder),
    Scenario("clock-leaps", 4, log.clock_leaps),
)
