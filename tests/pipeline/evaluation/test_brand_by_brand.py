"""Detectors of the registry over many brands: the fleet's own scores, copies that go their own way, one table."""

from __future__ import annotations

import json

import numpy as np
import pytest

from detectors.registry import DEFAULT
from pipeline.cli.main import main
from pipeline.evaluation import simulated
from pipeline.evaluation.brand_by_brand import BrandByBrand
from pipeline.evaluation.simulated import FIRST_BUCKET
from pipeline.evaluation.vectorised.model import FleetModel

GAUSSIAN = "river: anomaly.GaussianScorer(grace_period=144)"


def counts(seed: int, buckets: int, brands: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    mentions = rng.poisson(np.array([0.5, 8.0, 100.0])[:brands], (buckets, brands))
    return mentions.astype(float), rng.binomial(mentions, 0.15).astype(float)


def run(*arguments: str) -> int | str | None:
    """The exit code of `tocsin evaluate simulated`."""
    with pytest.raises(SystemExit) as left:
        main(["evaluate", "simulated", *arguments])
    return left.value.code


def test_the_default_detector_gives_the_scores_of_the_fleet():
    mentions, negatives = counts(1, 4 * 288)
    fleet, brands = FleetModel(3), BrandByBrand(DEFAULT, 3)
    for row in range(len(mentions)):
        expected = fleet.step(FIRST_BUCKET + row, mentions[row], negatives[row])
        found = brands.step(FIRST_BUCKET + row, mentions[row], negatives[row])
        np.testing.assert_allclose(np.array(found), np.array(expected), rtol=1e-9, atol=1e-9)
    assert np.array(found).any()


@pytest.mark.parametrize("name", ["ewma", GAUSSIAN])
def test_a_copy_goes_its_own_way_from_the_same_state(name):
    mentions, negatives = counts(2, 3 * 288)
    brands = BrandByBrand(name, 3)
    for row in range(len(mentions)):
        brands.step(FIRST_BUCKET + row, mentions[row], negatives[row])
    copy, last = brands.copy(), FIRST_BUCKET + len(mentions)
    crisis = copy.step(last, mentions[0] + 300.0, negatives[0] + 250.0)
    assert (crisis.crisis > 3.0).all()
    calm = brands.step(last, mentions[0], negatives[0])
    assert (calm.crisis < 3.0).all()


def test_detectors_side_by_side_at_one_tolerated_rate(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(simulated, "WARM_UP_DAYS", 7)
    arguments = ["--brands", "2", "--days", "14", "--sizes", "M", "--out", str(tmp_path)]
    names = ["--detector", DEFAULT, "--detector", "ewma"]
    assert run(*names, *arguments) == 0
    shown = capsys.readouterr().out
    assert "Detectors at 1 tolerated false alarm per brand-year" in shown
    assert "daily-maxima/4" in shown
    assert "ewma/1" in shown
    cells = json.loads((tmp_path / "detectors.json").read_text())["results"]["cells"]
    assert [cell["detector"] for cell in cells] == ["daily-maxima/4", "ewma/1"]
    assert all(cell["cell"]["crises"]["sudden"]["recall"]["value"] > 0.0 for cell in cells)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--detector", "ewmaa"], "--detector: must be one of daily-maxima, ewma or begin with 'river:'; did you mean"),
        (["--detector", "ewma", "--peer-brands", "4"], "--detector and --peer-brands: expected one of them, got both"),
    ],
)
def test_a_detector_that_is_none_is_a_usage_error(arguments, message, capsys):
    assert run(*arguments) == 2
    assert message in capsys.readouterr().err
