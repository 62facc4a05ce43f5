"""The study of the volume channel sees what the shipped channel sees. Its figures are not tested."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.brand import baseline
from detectors.brand.surge import SURGE_PRIOR
from pipeline.config.model import DetectionConfig
from pipeline.evaluation.counts import CountSeries, surge_scores
from pipeline.evaluation.scoring import nab
from pipeline.evaluation.simulated import FIRST_BUCKET, WARM_UP_DAYS, alarm_rule
from pipeline.evaluation.vectorised.model import FleetModel
from pipeline.simulation.worlds.ordinary import FleetStream
from studies import surge_ablation as study

DAY = 288
SHIPPED = study.VARIANTS[0]


def counts(days: int, seed: int, *, gap: int = 0) -> CountSeries:
    """A series with bursts, a gap in the middle, and a labelled window around each burst."""
    rng = np.random.default_rng(seed)
    rows = days * DAY
    buckets = FIRST_BUCKET + np.arange(rows)
    buckets[rows // 2 :] += gap
    values = rng.poisson(6.0, rows).astype(np.float64)
    windows = []
    for start in range(4 * DAY, rows - DAY, 2 * DAY):
        values[start : start + 12] *= 5.0
        windows.append((start - 30, start + 60))
    names = [str(bucket) for bucket in buckets]
    return CountSeries(f"{seed}.csv", names, names, buckets, values, nab.Labelled(rows, tuple(windows)), ())


def shipped_scores(seen: study.Seen) -> NDArray[np.float64]:
    assert SHIPPED.prior == SURGE_PRIOR
    return study.scored(study.evidence_of(SHIPPED, seen), seen, SURGE_PRIOR)


@pytest.mark.parametrize("gap", [0, 40])
def test_the_shipped_variant_scores_a_series_as_the_volume_channel_does(gap):
    one = counts(8, 1, gap=gap)
    expected = surge_scores(one)
    assert expected.max() > 3.0
    np.testing.assert_allclose(shipped_scores(study.seen_of(one.buckets, one.values)), expected, atol=1e-4)


def test_the_shipped_variant_scores_a_fleet_as_the_fleet_model_does(monkeypatch):
    monkeypatch.setattr(study, "WARM_UP_DAYS", 2)
    seen, sizes = study.seen_of_fleet("rough", brands=2, days=3, seed=4)
    stream = FleetStream("rough", study.SIZES, 2, days=5, shift_day=5, seed=4)
    rng, sampler, model = np.random.default_rng([4, 1]), stream.sampler(), FleetModel(6)
    rows = itertools.chain.from_iterable(sampler.draw(stream.next_day(), rng)[0] for _ in range(5))
    expected = np.array([model.step(FIRST_BUCKET + row, n, np.zeros(6)).surge for row, n in enumerate(rows)])
    assert sizes.tolist() == ["S", "S", "M", "M", "L", "L"]
    assert expected.max() > 1.0
    np.testing.assert_allclose(np.array([shipped_scores(own) for own in seen]).T, expected, atol=1e-4)


def test_every_other_variant_says_something_else():
    one = counts(8, 2)
    seen = study.seen_of(one.buckets, one.values // 6)
    shipped = shipped_scores(seen)
    # Another rule, another model, a prior that needs a fleet: not another score of what was seen here.
    same = ("cool-down of 6 h", "no season", "as shipped, prior measured as for those below")
    for variant in study.VARIANTS[1:]:
        found = study.scored(study.evidence_of(variant, seen), seen, variant.prior or SURGE_PRIOR)
        assert np.array_equal(found, shipped) == (variant.name in same), variant.name


def test_without_season_nothing_of_the_hours_is_learned_and_afterwards_it_is_again():
    rates = baseline.HOUR_RATE, baseline.DAY_RATE
    hours = np.arange(20 * DAY) // 12 % 24
    buckets = FIRST_BUCKET + np.arange(20 * DAY)
    values = np.where(hours < 12, 20.0, 60.0)
    with study.learning(season=False):
        flat = study.seen_of(buckets, values)
    assert rates == (baseline.HOUR_RATE, baseline.DAY_RATE)
    with study.learning(season=True):
        seasonal = study.seen_of(buckets, values)
    assert flat.surprise[-DAY:].mean() > 1.5 * seasonal.surprise[-DAY:].mean()


def test_at_the_threshold_of_a_rate_about_so_many_surges_open():
    rows = (WARM_UP_DAYS + 100) * DAY
    rng = np.random.default_rng(1)
    scores = []
    for _ in range(40):
        own = np.zeros(rows)
        own[144::DAY] = rng.exponential(1.0, rows // DAY)
        scores.append(own)
    rule = alarm_rule(DetectionConfig(), "volume_surge")
    threshold = study.threshold_at(scores, rule, 18.0)
    # A day passes t with probability exp(-t); days next to one that rang are in its cool-down.
    assert threshold == pytest.approx(np.log(365.0 / 18.0), abs=0.2)


def test_the_prior_is_that_of_the_daily_maxima_by_size():
    rng = np.random.default_rng(2)
    sizes = np.repeat(study.SIZES, 20)
    evidence = []
    for place in range(60):
        own = np.zeros((WARM_UP_DAYS + 200, DAY))
        own[:, 100] = rng.normal(5.0 + place // 20, 0.5, len(own))
        evidence.append(own.ravel())
    prior = study.own_prior(evidence, sizes)
    assert prior.mean == pytest.approx((5.0, 6.0, 7.0), abs=0.05)
    assert prior.deviation == pytest.approx((0.5,) * 3, abs=0.05)


def test_perturbed_files_keep_labels_that_are_true_and_repeat_themselves():
    series = [counts(12, seed) for seed in range(5)]
    sets = study.perturbed(series, 1)
    assert len(sets) == 19
    for name, again in study.perturbed(series, 1).items():
        for one, same, plain in zip(sets[name], again, series, strict=True):
            np.testing.assert_array_equal(one.values, same.values)
            assert one.labels is not None
            assert one.labels.rows == len(one.values) == len(one.buckets)
            assert (np.diff(one.buckets) == 1).all()
            if name.startswith("a random"):
                assert plain.labels is not None
                for first, last in one.labels.windows:
                    shift = int(one.buckets[0] - plain.buckets[0])
                    assert (first + shift, last + shift) in plain.labels.windows
            else:
                assert one.labels == plain.labels


@pytest.mark.slow
def test_a_row_has_the_score_of_alarms_at_the_rate_and_on_the_files(monkeypatch):
    monkeypatch.setattr(study, "perturbed", lambda series, _: {"again": series})
    monkeypatch.setattr(study, "WARM_UP_DAYS", 3)
    small = study.Study([counts(12, seed) for seed in range(5)], brands=2, days=14, seed=1)
    cells = small.row(SHIPPED, alarm_rule(DetectionConfig(), "volume_surge"), 18.0).strip("| ").split(" | ")
    assert len(cells) == study.HEAD.splitlines()[1].count("---")
    fixed, best, left_out = map(float, cells[2:5])
    assert 50.0 < fixed <= best <= 100.0
    assert left_out <= best
