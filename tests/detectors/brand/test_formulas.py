"""The formulas as computed, without what an ordinary bucket does not need, are the formulas as written."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.base import StateVersionError
from detectors.brand.model import BOTH_FACTOR, VOLUME_CAP, ModelState, decode_state, joint_evidence
from detectors.brand.negativity import PRIOR_CORRELATION, BaseRate, correlation, learned_moments
from detectors.brand.tails import binomial_root, negative_binomial_root, surprise
from detectors.brand.volume import dispersion_after_silence, learned_dispersion
from detectors.brand.window_lengths import DECAY, WINDOWS
from detectors.brand.window_state import FIRST_ROWS, decayed, pack_rows, rows_of

counts = st.floats(0.01, 1e6)
dispersions = st.floats(1.0, 300.0)
rates = st.floats(1e-4, 0.08)
shares = st.floats(0.001, 0.999)


@given(dispersions, st.floats(-1e4, 1e4), counts, rates)
def test_the_dispersion_learns_residuals_cut_at_three_deviations(dispersion, residual, mean, rate):
    variance = mean + max(dispersion - 1.0, 0.02) * mean
    cut = min(residual**2, 9.0 * (variance + 0.25))
    expected = max(dispersion + rate * (cut / mean - dispersion), 1.0)
    assert learned_dispersion(dispersion, residual, mean, rate) == pytest.approx(expected, rel=1e-9)


@given(dispersions, st.floats(-1e4, 1e4), st.floats(-1e4, 1e4), counts, rates)
def test_silence_teaches_the_dispersion_residuals_cut_at_three_deviations(dispersion, first, last, mean, rate):
    limit = 3.0 * math.sqrt(mean + max(dispersion - 1.0, 0.02) * mean + 0.25)
    a, b = (min(max(x, -limit), limit) for x in (first, last))
    expected = max(dispersion + rate * ((a * a + a * b + b * b) / 3.0 / mean - dispersion), 1.0)
    assert dispersion_after_silence(dispersion, first, last, mean, rate) == pytest.approx(expected, rel=1e-9)


@given(st.floats(0.0, 50.0), st.floats(0.0, 500.0), st.floats(0.0, 1e5), st.floats(0.0, 1.0), shares, rates)
def test_the_correlation_learns_squares_cut_at_four_deviations(excess, pairs, n, share, p, rate):
    k, trust = n * share, 12.0
    moved = [excess * (1.0 - rate), pairs * (1.0 - rate)]
    if n > 1.5:
        variance = p * (1.0 - p)
        rho = correlation(excess, pairs, trust)
        square = min((k - n * p) ** 2, 16.0 * n * variance * (1.0 + (n - 1.0) * rho))
        weight = n * (n - 1.0) / (n * (1.0 + (n - 1.0) * PRIOR_CORRELATION)) ** 2
        moved[0] += rate * weight * (square / variance - n)
        moved[1] += rate * weight * n * (n - 1.0)
    assert learned_moments(excess, pairs, n, k, p, trust, rate) == pytest.approx(tuple(moved), rel=1e-9, abs=1e-9)


@given(counts, st.floats(0.0, 1.0))
def test_the_base_rate_learns_negatives_cut_at_three_deviations(mentions, share):
    rate = BaseRate()
    p, more = rate.value, max(mentions - 1.0, 0.0)
    usual = mentions * p
    cut = min(mentions * share, usual + 3.0 * math.sqrt(usual * (1.0 - p) * (1.0 + more * 0.05)) + 0.5)
    expected = rate.negative + cut / (1.0 + more * 0.3)
    rate.learn(mentions, mentions * share)
    # The prior is pulled at by as much as the decay takes.
    assert rate.negative == pytest.approx(expected, rel=1e-9)


@given(counts, st.floats(1.05, 20.0), st.floats(0.02, 100.0))
def test_the_negative_binomial_root_is_that_of_the_deviance(mean, ratio, over):
    count, shape = mean * ratio, mean / over
    half = count * math.log(count / mean) - (count + shape) * math.log((count + shape) / (mean + shape))
    root = negative_binomial_root(count, mean, over * mean)
    assert root == pytest.approx(math.sqrt(2.0 * half), rel=1e-6)
    assert negative_binomial_root(mean / ratio, mean, over * mean) < 0.0


@given(st.floats(0.01, 0.9), st.floats(1.05, 20.0), counts)
def test_the_binomial_root_is_that_of_the_deviance(p, ratio, trials):
    share = min(p * ratio, (1.0 + p) / 2.0)
    half = trials * (share * math.log(share / p) + (1.0 - share) * math.log((1.0 - share) / (1.0 - p)))
    assert binomial_root(share, trials, p) == pytest.approx(math.sqrt(2.0 * half), rel=1e-6)
    assert binomial_root(p / ratio, trials, p) < 0.0


def test_a_share_of_all_or_more_is_no_error():
    assert binomial_root(1.2, 10.0, 0.2) > binomial_root(0.9, 10.0, 0.2)


@given(st.floats(-8.0, 11.9))
def test_a_surprise_is_the_log_of_the_normal_tail(z):
    assert surprise(z) == pytest.approx(-math.log(0.5 * math.erfc(z / math.sqrt(2.0))), rel=1e-9, abs=1e-12)


@given(st.floats(0.0, 100.0), st.floats(0.0, 100.0))
def test_both_kinds_of_evidence_must_speak(s, q):
    assert joint_evidence(s, q) == min(min(s, VOLUME_CAP) + q, BOTH_FACTOR * min(s, q))


@given(st.lists(st.floats(0.0, 1e9), min_size=6 * len(WINDOWS), max_size=6 * len(WINDOWS)), st.integers(1, 2000))
def test_time_of_which_nothing_is_known_fades_the_sums_and_nothing_else(numbers, buckets):
    before = list(rows_of(pack_rows(*numbers)))
    after = list(rows_of(decayed(pack_rows(*numbers), buckets)))
    for decay, old, new in zip(DECAY, before, after, strict=True):
        assert new == (*(x * decay**buckets for x in old[:3]), *old[3:])


@pytest.mark.parametrize("field", ["windows", "hours", "days", "history"])
def test_a_packed_part_of_another_length_is_refused(field):
    state = ModelState()
    part = {"windows": state, "hours": state.baseline, "days": state.baseline, "history": state.maxima}[field]
    setattr(part, field, FIRST_ROWS[:8])
    with pytest.raises(StateVersionError, match=r"expected .*(bytes|packed)"):
        decode_state(msgspec.msgpack.encode(state))


def test_fresh_states_share_nothing_that_learning_changes():
    one, other = ModelState(), ModelState()
    one.baseline.hours[:8] = bytes(8)
    assert other.baseline.hours != one.baseline.hours
    assert msgspec.msgpack.encode(other) == msgspec.msgpack.encode(ModelState())
