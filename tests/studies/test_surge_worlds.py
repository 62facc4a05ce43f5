"""The worlds that the volume channel is chosen on: labelled as NAB does, the same for a seed. No figure is tested."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from pipeline.config.model import DetectionConfig
from pipeline.evaluation.counts import surge_scores
from pipeline.evaluation.simulated import alarm_rule
from studies import count_worlds, surge_worlds
from tests.studies.test_surge_ablation import counts


@pytest.mark.parametrize("name", ["plain", "sharp"])
def test_a_law_gives_counts_with_two_to_four_windows_and_repeats_itself(name):
    one, same = count_worlds.draw(name, 2, 3), count_worlds.draw(name, 2, 3)
    np.testing.assert_array_equal(one.counts, same.counts)
    assert one.counts.shape == (count_worlds.ROWS, 2)
    assert (one.counts >= 0.0).all()
    for labelled in one.labels:
        number = len(labelled.windows)
        assert 2 <= number <= 4
        for first, last in labelled.windows:
            assert count_worlds.PROBATION < first < last < count_worlds.ROWS
            assert last - first == pytest.approx(0.1 * count_worlds.ROWS / number, abs=2)


def test_windows_stay_apart_inside_the_series_and_hold_their_onset():
    assert count_worlds.windows_of([]) == ()
    onsets = [10, 500, 560, 995]
    windows = count_worlds.windows_of(onsets, 1000)
    assert windows[0][0] == 0
    assert windows[-1][1] == 999
    for (first, last), onset in zip(windows, onsets, strict=True):
        assert first <= onset <= last
    assert all(before[1] < after[0] for before, after in itertools.pairwise(windows))


def test_a_world_is_left_out_of_the_choice_of_its_rate():
    # The first rate is best for the first world alone, the second for the others.
    assert surge_worlds.left_out(np.array([[90.0, 10.0, 10.0], [50.0, 60.0, 70.0]])) == pytest.approx(60.0)


@pytest.mark.slow
def test_a_variant_has_a_row_for_each_rate_and_the_files_score_as_shipped(monkeypatch):
    monkeypatch.setattr(surge_worlds, "RATES", (24.0, 40.0))
    files = [counts(12, seed) for seed in range(3)]
    worlds = [count_worlds.draw(name, 1, 1) for name in ("plain", "sharp")]
    worlds += [count_worlds.read_world(name, 1, 1) for name in ("ordinary", "rough")]
    choice = surge_worlds.Choice(worlds, files)
    rule = alarm_rule(DetectionConfig(), "volume_surge")
    rows = [row.strip("| ").split(" | ") for row in choice.rows(surge_worlds.VARIANTS[0], rule)]
    assert [row[1] for row in rows] == ["24", "40", "left out"]
    threshold = float(rows[0][2])
    dense = [surge_scores(one) for one in files]
    labels = [one.labels for one in files if one.labels is not None]
    assert float(rows[0][5]) == pytest.approx(surge_worlds.score_at(dense, labels, rule.at(threshold)), abs=1.0)
