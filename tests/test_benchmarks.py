"""The short form of the benchmarks: what they measure gives the right results. Times are not tested."""

from __future__ import annotations

import math

import pytest

from benchmarks import closing, live
from detectors.base import Snapshot, encode_state
from detectors.brand_model import BrandModel
from pipeline.config import Config
from pipeline.engine import Engine
from pipeline.records import Record
from schemas.alert import decode_alert


@pytest.mark.parametrize("rate", closing.RATES.values(), ids=closing.RATES)
def test_the_detector_alone_and_the_engine_close_the_same_buckets_with_the_same_scores(rate):
    brands = [closing.counts(rate, 3, seed) for seed in range(2)]
    engine = Engine(0, Config())
    closing.engine_seconds(closing.observations(brands), engine)
    assert engine.stats.buckets_closed >= sum(map(len, brands))
    for number, rows in enumerate(brands):
        model = BrandModel()
        found = list(closing.assessments(model, rows))
        assert len(found) == len(rows)
        assert any(assessment.is_warm for assessment in found)
        assert all(math.isfinite(assessment.crisis) for assessment in found)
        view = engine.brand_view(f"brand-{number}")
        assert view is not None
        if view.mentions:  # An episode that is open is visited in the silence after the last mention, too.
            # Silence is learned bucket by bucket there and hour by hour here, which is nearly the same.
            assert view.expected == pytest.approx(found[-1].expected_now, rel=1e-3)
            assert view.score == pytest.approx(max(found[-1].crisis, 0.0), rel=1e-2, abs=1e-2)
        assert len(encode_state(Snapshot(model.state, model.tail.state))) <= 4096


def test_the_load_of_the_latency_benchmark_brings_the_crises_that_it_waits_for(monkeypatch):
    """Every brand that is brought into a crisis opens one episode, in the bucket after its crisis began or in it."""
    monkeypatch.setattr(live, "HISTORY_BUCKETS", 400)
    monkeypatch.setattr(live, "WATCHED", 8)
    monkeypatch.setattr(live, "CRISES", 2)
    monkeypatch.setattr(live, "CRISIS_BUCKETS", 2)
    monkeypatch.setattr(live, "RATE", 20)
    monkeypatch.setattr(live, "LOUD", 5)
    begin = 1_767_225_600
    engine = Engine(0, Config())
    values = [(key, value) for _, key, value in live._history(begin)]
    times, load = [], []
    for at, _, key, value in live._live(begin + 400 * live.BUCKET):
        times.append(at)
        load.append((key, value))
    assert times == sorted(times)
    records = [Record(n, begin * 2000, key, value) for n, (key, value) in enumerate(values + load)]
    opened = [
        alert.brand
        for alert in map(decode_alert, (record.value or b"" for record in engine.process(records).alerts))
        if alert.transition == "opened" and alert.kind == "crisis"
    ]
    assert sorted(opened) == [f"watched-{n:04}" for n in range(4)]


def test_a_part_of_the_live_benchmark_that_does_not_exist_is_named():
    with pytest.raises(SystemExit, match="expected parts among workers, partitions, brands, latency, idle, got speed"):
        live.main(["speed"])
