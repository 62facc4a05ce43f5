"""The short form of `make torture`, on the session's broker: kills at random and at the moments that matter."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.kafka.local import LocalKafka
from tests.torture.faulty_worker import MOMENTS
from tests.torture.scenarios import kills
from tests.torture.trial import Cluster, Trial

pytestmark = [pytest.mark.integration, pytest.mark.slow]

SEED = 11


@pytest.mark.parametrize(("play", "rounds"), [(kills.one, 3), (kills.at_moments, len(MOMENTS))])
def test_whenever_a_worker_is_killed_nothing_is_lost_doubled_or_different(
    local_kafka: LocalKafka, tmp_path: Path, play, rounds
):
    trial = Trial(f"torture-{play.__name__.replace('_', '-')}", SEED, rounds, Cluster([local_kafka]), tmp_path)
    try:
        play(trial)
        verdict = trial.verdict()
    finally:
        trial.close()
    assert verdict.holds, verdict.text
    assert not trial.workers.exits
