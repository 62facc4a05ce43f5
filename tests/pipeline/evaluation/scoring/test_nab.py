"""Our scoring of the Numenta Anomaly Benchmark follows its rules."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from pipeline.evaluation.scoring.nab import PROFILES, Labelled, alarm_starts, best_threshold, leave_one_out, score

DATA = Path(__file__).parents[5] / "shared" / "data" / "nab"
SERIES = [Labelled(4000, ((1000, 1399), (3000, 3199))), Labelled(2000, ((900, 1099),))]
STANDARD = PROFILES["standard"]


def rings(labelled: Labelled, *rows: int) -> np.ndarray:
    alarms = np.zeros(labelled.rows, bool)
    alarms[list(rows)] = True
    return alarms


@pytest.mark.parametrize("profile", PROFILES)
def test_never_ringing_is_0_and_ringing_at_every_first_row_is_100(profile):
    silent = [rings(labelled) for labelled in SERIES]
    perfect = [rings(labelled, *(first for first, _ in labelled.windows)) for labelled in SERIES]
    assert score(silent, SERIES, PROFILES[profile]).score == 0.0
    assert score(perfect, SERIES, PROFILES[profile]).score == pytest.approx(100.0)


def test_an_earlier_alarm_is_worth_more_and_a_second_one_nothing():
    early, late = ([rings(SERIES[0], row), rings(SERIES[1])] for row in (1010, 1300))
    both = [rings(SERIES[0], 1010, 1300), rings(SERIES[1])]
    assert score(early, SERIES, STANDARD).score > score(late, SERIES, STANDARD).score
    assert score(both, SERIES, STANDARD) == score(early, SERIES, STANDARD)


def test_a_false_row_costs_more_far_from_a_window_than_just_after_one():
    hit = rings(SERIES[0], 1000)
    near, far = ([hit | rings(SERIES[0], row), rings(SERIES[1])] for row in (1400, 2900))
    assert score(far, SERIES, STANDARD).score < score(near, SERIES, STANDARD).score
    assert score(far, SERIES, STANDARD).false_rows == 1


def test_probation_never_counts():
    noisy = [rings(SERIES[0], 0, 100, 599), rings(SERIES[1], 299)]
    assert score(noisy, SERIES, STANDARD).score == 0.0


def test_a_series_of_another_length_is_refused():
    with pytest.raises(ValueError, match="expected 4000 rows, got 7"):
        score([np.zeros(7, bool), rings(SERIES[1])], SERIES, STANDARD)


def test_leaving_one_out_does_not_use_the_series_own_best_setting():
    """Each series is perfect under another setting, so what suits the other one fails."""
    first = [rings(SERIES[0], 1000, 3000), rings(SERIES[1])]
    second = [rings(SERIES[0]), rings(SERIES[1], 900)]
    place, best = best_threshold([first, second], SERIES, STANDARD)
    assert place == 0
    assert best.score == pytest.approx(200 / 3)
    assert leave_one_out([first, second], SERIES, STANDARD).score == 0.0


def test_alarm_starts_hit_a_window_once_and_a_day_apart():
    labelled = Labelled(4000, ((1000, 1399),))
    found = alarm_starts([rings(labelled, 1200, 1210, 2500, 2700)], [labelled], [[1199]])
    assert (found.windows, found.hit, found.false) == (1, 1, 1)
    assert found.f1 == pytest.approx(2 / 3)
    assert found.strict_hit == 1
    assert found.strict_f1 == pytest.approx(2 / 3)
    late = alarm_starts([rings(labelled, 1300)], [labelled], [[1199]])
    assert (late.hit, late.strict_hit) == (1, 0)


def reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("nab_score", DATA / "nab_score.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.skipif(not (DATA / "nab_score.py").is_file(), reason="the shared NAB data are not beside the checkout")
@pytest.mark.parametrize("seed", range(5))
def test_scores_are_those_of_the_reference_scorer_on_the_labelled_data(seed, monkeypatch):
    """Random alarms, dense and sparse, scored by both."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    nab_score = reference()
    rng = np.random.default_rng(seed)
    theirs, ours, alarms = [], [], []
    for name, entry in sorted(json.loads((DATA / "labels.json").read_text(encoding="utf-8")).items()):
        lines = (DATA / name).read_text(encoding="utf-8").splitlines()[1:]
        times = [nab_score.parse_time(line.split(",")[0]) for line in lines]
        row_of = {moment: row for row, moment in reversed(list(enumerate(times)))}
        windows = [tuple(row_of[nab_score.parse_time(moment)] for moment in pair) for pair in entry["windows"]]
        own = rng.random(len(times)) < 10.0 ** -(1 + seed)
        theirs.append(nab_score.Series(name, times, own.astype(float), windows))
        ours.append(Labelled(len(times), tuple(windows)))
        alarms.append(own)
    for profile, weights in PROFILES.items():
        expected = nab_score.score(theirs, nab_score.PROFILES[profile], 1.0)
        found = score(alarms, ours, weights)
        assert found.score == pytest.approx(expected.score, abs=1e-9)
        assert (found.windows, found.hit, found.false_rows) == (expected.windows, expected.hit, expected.false_rows)
