"""Evidence of volume alone: every window must speak, one brand or many alike, and its threshold is a rate."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.brand.surge import SURGE_WINDOWS, SURGES_AT_THRESHOLD, surge_evidence, surge_evidences, surge_threshold
from detectors.brand.window_lengths import WINDOWS

SURPRISES = st.lists(st.floats(0.0, 1e4), min_size=len(WINDOWS), max_size=len(WINDOWS))


@given(st.lists(SURPRISES, min_size=1, max_size=5))
def test_many_brands_have_the_evidence_of_each(brands):
    together = surge_evidences(np.array(brands).T)
    np.testing.assert_allclose(together, [surge_evidence(one)[0] for one in brands], rtol=1e-12)


@given(SURPRISES, st.sampled_from(SURGE_WINDOWS), st.floats(0.1, 1e3))
def test_more_surprise_in_any_of_its_windows_is_more_evidence(surprises, window, more):
    louder = [s + more if w == window else s for w, s in enumerate(surprises)]
    assert surge_evidence(louder)[0] > surge_evidence(surprises)[0]


def test_what_only_one_window_says_counts_a_third():
    alone, all_three = [0.0] * len(WINDOWS), [0.0] * len(WINDOWS)
    alone[SURGE_WINDOWS[1]] = 18.0
    for w in SURGE_WINDOWS:
        all_three[w] = 18.0
    evidence, window = surge_evidence(alone)
    assert evidence == pytest.approx(6.0)
    assert window == SURGE_WINDOWS[1]
    assert surge_evidence(all_three)[0] == pytest.approx(18.0)


def test_the_threshold_is_the_measured_one_at_every_measured_rate():
    for rate, threshold in SURGES_AT_THRESHOLD:
        assert surge_threshold(rate) == pytest.approx(threshold)


@given(st.floats(0.01, 200.0), st.floats(1.01, 10.0))
def test_fewer_tolerated_surges_never_lower_the_threshold(rate, factor):
    assert surge_threshold(rate) >= surge_threshold(rate * factor) >= 0.5


@pytest.mark.parametrize("rate", [0.0, -1.0, math.nan])
def test_a_rate_that_is_none_is_refused(rate):
    with pytest.raises(ValueError, match="expected a rate > 0"):
        surge_threshold(rate)
