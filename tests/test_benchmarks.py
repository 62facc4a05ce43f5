"""The short form of the benchmarks: what they measure gives the right results. Times are not tested."""

from __future__ import annotations

import math

import pytest

from benchmarks import closing
from detectors.base import Snapshot, encode_state
from detectors.brand_model import BrandModel
from pipeline.config import Config
from pipeline.engine import Engine


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
