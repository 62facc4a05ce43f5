"""The ablation leaves the detector as it was, and what it switches off is off. Its figures are not tested."""

from __future__ import annotations

import importlib
import math
import xml.etree.ElementTree as ET
from typing import Any

import click
import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.evaluation import simulated
from pipeline.evaluation.scoring.outcomes import Estimate
from pipeline.evaluation.simulated import WorldRun, crisis_rule
from pipeline.simulation.worlds import ordinary
from studies import ablation, detection_plots, smallest_crisis


def constants() -> dict[tuple[str, str], Any]:
    """Every constant that a variant may set otherwise."""
    names = {name for variant in ablation.VARIANTS for name in variant.constants}
    names |= {("pipeline.simulation.worlds.ordinary", "SIZES")}
    names |= {("pipeline.evaluation.simulated", name) for name in ("FleetModel", "open_stream")}
    return {name: getattr(importlib.import_module(name[0]), name[1]) for name in names}


def short_run(variant: ablation.Variant) -> WorldRun:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(simulated, "WARM_UP_DAYS", 3)
        with ablation.applied(variant):
            return simulated.run_world("rough", sizes=("S", "M"), brands=3, days=1, seed=1, kinds=("sudden",))


def test_after_a_variant_every_constant_is_what_it_was():
    before = constants()
    for variant in ablation.VARIANTS:
        with ablation.applied(variant):
            for (module, name), value in variant.constants.items():
                assert getattr(importlib.import_module(module), name) is value, variant.name
        after = constants()
        assert [name for name, value in before.items() if after[name] is not value] == [], variant.name


def test_constants_are_restored_when_a_run_fails():
    before = constants()
    with pytest.raises(KeyError), ablation.applied(ablation.VARIANTS[1]):
        raise KeyError
    assert all(constants()[name] is value for name, value in before.items())


def test_a_constant_that_no_longer_exists_is_an_error_and_leaves_the_others_alone():
    before = constants()
    gone = ablation.Variant(
        "gone",
        {
            ("pipeline.evaluation.vectorised.model", "VOLUME_CAP"): 1.0,
            ("pipeline.evaluation.vectorised.model", "NO_SUCH_CONSTANT"): 1.0,
        },
    )
    with pytest.raises(AttributeError, match="NO_SUCH_CONSTANT"), ablation.applied(gone):
        pass
    assert all(constants()[name] is value for name, value in before.items())


@pytest.mark.slow
def test_the_shipped_variant_scores_as_the_detector_does_and_every_other_one_differently_on_the_same_counts():
    shipped = short_run(ablation.VARIANTS[0])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(simulated, "WARM_UP_DAYS", 3)
        plain = simulated.run_world("rough", sizes=("S", "M"), brands=3, days=1, seed=1, kinds=("sudden",))
    np.testing.assert_array_equal(shipped.crisis, plain.crisis)
    # Four days teach the pooled tail nothing, shift no level, and hold no tiny brand.
    slow = ("pooled tail off", "release of the level off", "two negatives, tiny brands too")
    for variant in ablation.VARIANTS[1:]:
        if variant.name in slow:
            continue
        run = short_run(variant)
        np.testing.assert_array_equal(run.mentions, shipped.mentions)
        ours, theirs = (np.concatenate([r.crisis, *(stage.scores for stage in r.staged)]) for r in (run, shipped))
        assert not np.array_equal(ours, theirs), variant.name


def test_the_oracle_knows_the_first_family_of_worlds_only():
    oracle = next(variant for variant in ablation.VARIANTS if variant.is_oracle)
    with ablation.applied(oracle), pytest.raises(TypeError, match="regimes"):
        simulated.run_world("regimes", sizes=("S",), brands=2, days=1, seed=1, kinds=())


def run_of(daily_maxima: NDArray[np.float32]) -> WorldRun:
    """A run with one peak a day in the middle of it: (days, brands)."""
    days, brands = daily_maxima.shape
    crisis = np.zeros(((28 + days) * 288, brands), np.float32)
    crisis[28 * 288 + 144 :: 288] = daily_maxima
    nothing = np.zeros_like(crisis)
    return WorldRun("ordinary", np.repeat(["S"], brands), days, crisis, nothing, nothing, nothing, [])


def test_the_threshold_of_a_rate_is_that_of_the_law_of_the_daily_maxima_on_any_scale():
    # An exponential tail: a day passes t with probability exp(-t).
    maxima = np.random.default_rng(1).exponential(1.0, (200, 100)).astype(np.float32)
    expected = math.log(365.0)
    assert ablation.threshold_at(run_of(maxima), np.arange(100), 1.0) == pytest.approx(expected, abs=0.2)
    assert ablation.threshold_at(run_of(10 * maxima), np.arange(100), 1.0) == pytest.approx(10 * expected, abs=2.0)


def test_at_the_threshold_of_a_rate_about_so_many_episodes_open():
    maxima = np.random.default_rng(2).exponential(1.0, (200, 100)).astype(np.float32)
    run, places = run_of(maxima), np.arange(100)
    rule = crisis_rule(1.0).at(ablation.threshold_at(run, places, 4.0))
    assert ablation.episodes_per_year(run, places, rule) == pytest.approx(4.0, rel=0.25)


def test_scores_that_never_rise_have_no_threshold():
    assert math.isnan(ablation.threshold_at(run_of(np.zeros((30, 5), np.float32)), np.arange(5), 1.0))


def test_a_larger_brand_needs_more_negatives_and_more_of_them_where_they_come_slower(monkeypatch):
    monkeypatch.setattr(smallest_crisis, "WARM_UP_DAYS", 14)
    small, large = (smallest_crisis.smallest(rate, brands=12, seed=1) for rate in (5.0, 300.0))
    for found in (small, large):
        assert 0 < found[1].half <= found[1].nine_of_ten
        assert found[1].half <= found[3].half
    assert small[1].half < large[1].half


def test_a_drawn_crisis_is_an_svg_that_stands_alone_and_is_the_same_each_time(monkeypatch):
    monkeypatch.setattr(detection_plots, "WARM_UP_DAYS", 4)
    drawn = detection_plots.scene("sudden")
    assert drawn == detection_plots.scene("sudden")
    root = ET.fromstring(drawn)
    assert root.find("{http://www.w3.org/2000/svg}style") is not None
    assert len(drawn.encode()) < 100_000


def test_the_plot_of_kept_promises_has_a_point_for_each_world_size_and_rate():
    one = [Estimate(rate, rate * 0.8, rate * 1.2, 10, 10) for rate in simulated.RATES]
    drawn = detection_plots.kept({(world, size): one for world in ("calm", "rough") for size in "SML"})
    assert len(ET.fromstring(drawn).findall(".//{http://www.w3.org/2000/svg}circle")) == 2 * 3 * 3


def test_false_alarms_are_drawn_from_the_report_of_an_evaluation(tmp_path):
    realised = Estimate(1.0, 0.5, 1.5, 10, 10)
    cell = simulated.CellReport(
        world="calm",
        size="S",
        brands=2,
        days=56,
        false_alarms=[simulated.RateRow(rate, 3.0, realised) for rate in simulated.RATES],
        surges=simulated.RateRow(18.0, 2.0, realised),
        crises={},
        benign=None,
        fortnight=realised,
        surge_hours=0.0,
    )
    report = tmp_path / "simulated.json"
    report.write_bytes(msgspec.json.encode({"results": {"cells": [cell]}}))
    assert detection_plots.false_alarms(report) == {("calm", "S"): [realised] * 3}
    report.write_text("{}")
    with pytest.raises(click.ClickException, match=r"expected simulated\.json"):
        detection_plots.false_alarms(report)


def test_tiny_brands_are_tiny():
    with ablation.applied(ablation.VARIANTS[0]):
        rates = ordinary.FleetStream("ordinary", ("T",), 50, days=1, shift_day=1, seed=1).rate
    assert rates.min() >= 0.02
    assert rates.max() <= 0.6
