"""The broker dies, is away, stands still, or is one of three."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

from kafka.errors import KafkaError

from pipeline.errors import BrokerError
from pipeline.kafka.clients import admin, topic_name
from pipeline.kafka.local import LocalKafka
from tests.torture.trial import PARTITIONS, Trial


def kill(trial: Trial) -> None:
    """kill -9 in mid-stream; it comes back after a moment."""
    _gone(trial, 0, 5)


def away(trial: Trial) -> None:
    """kill -9, and twenty seconds without a broker: less than a worker waits for one."""
    _gone(trial, 20, 20)


def _gone(trial: Trial, least: float, most: float) -> None:
    trial.begin(2)
    for _ in trial.each_round():
        trial.pause(1, 5)
        trial.node.kill()
        trial.pause(least, most)
        trial.node.start(owned=True)
        trial.watch.fault()
        trial.await_recovery()


def paused(trial: Trial) -> None:
    """SIGSTOP for ten seconds, as a disk that does not answer; a worker that is stopped meanwhile ends in time."""
    trial.begin(2)
    for _ in trial.each_round():
        trial.pause(1, 4)
        process = trial.node.status().pid
        assert process is not None
        os.kill(process, signal.SIGSTOP)
        try:
            time.sleep(5)
            name = trial.dice.choice(trial.workers.running)
            trial.workers.stop(name)
            time.sleep(5)
        finally:
            os.kill(process, signal.SIGCONT)
        trial.watch.fault()
        trial.workers.start(name)
        trial.await_recovery()


def leader_lost(trial: Trial) -> None:
    """Three brokers, three replicas: the one that leads partition 0 of the state is killed, and comes back."""
    trial.begin(2)
    for _ in trial.each_round():
        trial.pause(1, 4)
        leader = _leader(trial)
        leader.kill()
        trial.watch.fault()
        trial.await_recovery()
        trial.pause(0, 3)
        leader.start()
        trial.workers.await_condition(lambda: _in_sync(trial), 90, "three replicas in sync again")


def _describe(trial: Trial) -> list[dict[str, Any]]:
    topic = topic_name(trial.settings, "brand-state")
    with admin(trial.settings) as client:
        return list(client.describe_topics([topic])[0]["partitions"])


def _leader(trial: Trial) -> LocalKafka:
    found = next(one["leader_id"] for one in _describe(trial) if one["partition_index"] == 0)
    return trial.cluster.nodes[int(found) - 1]


def _in_sync(trial: Trial) -> bool:
    try:
        return sum(len(one["isr_nodes"]) for one in _describe(trial)) == 3 * PARTITIONS
    except (BrokerError, KafkaError):
        return False
