"""Our scoring of the Numenta Anomaly Benchmark follows its rules."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pipeline.evaluation.scoring.nab import PROFILES, Labelled, alarm_starts, best_threshold, leave_one_out, score

REFERENCE = json.loads((Path(__file__).parents[3] / "data" / "nab" / "reference.json").read_bytes())
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


def test_scores_are_those_of_the_reference_scorer_on_the_labelled_data():
    """Random alarms on the benchmark's five series, dense and sparse, scored by another implementation of its rules."""
    series = [Labelled(one["rows"], tuple(map(tuple, one["windows"]))) for one in REFERENCE["series"]]
    for case in REFERENCE["cases"]:
        alarms = [rings(labelled, *rows) for labelled, rows in zip(series, case["alarms"], strict=True)]
        for profile, expected in case["scores"].items():
            found = score(alarms, series, PROFILES[profile])
            assert found.score == pytest.approx(expected["score"], abs=1e-9), (case["share"], profile)
            told = {name: getattr(found, name) for name in ("windows", "hit", "false_rows")}
            assert told == {name: expected[name] for name in told}, (case["share"], profile)
