"""Compositions as configurations write them: one form for all spellings, one clear line for what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.composition.detector import RiverDetector
from detectors.composition.notation import CLASSES, MAX_CHARACTERS, CompositionError, parse
from detectors.registry import RIVER_EXAMPLES, UnknownDetectorError, entry

TREES = "anomaly.HalfSpaceTrees(n_trees=5, height=5, window_size=288, seed=1)"


@pytest.mark.parametrize(
    ("written", "text", "label"),
    [
        ("anomaly.GaussianScorer", "anomaly.GaussianScorer()", "GaussianScorer"),
        (" anomaly.GaussianScorer( grace_period = 9 ) ", "anomaly.GaussianScorer(grace_period=9)", "GaussianScorer"),
        (
            f"preprocessing.MinMaxScaler|{TREES}",
            f"preprocessing.MinMaxScaler() | {TREES}",
            "MinMaxScaler|HalfSpaceTrees",
        ),
        (
            "anomaly.QuantileFilter(anomaly.GaussianScorer, 0.9)",
            "anomaly.QuantileFilter(anomaly_detector=anomaly.GaussianScorer(), q=0.9)",
            "QuantileFilter(GaussianScorer)",
        ),
        (
            "anomaly.ThresholdFilter(threshold=1, anomaly_detector=anomaly.GaussianScorer())",
            "anomaly.ThresholdFilter(anomaly_detector=anomaly.GaussianScorer(), threshold=1.0)",
            "ThresholdFilter(GaussianScorer)",
        ),
        (
            f'compose.Select("volume", "reach") | preprocessing.MinMaxScaler() | {TREES}',
            f"compose.Select('volume', 'reach') | preprocessing.MinMaxScaler() | {TREES}",
            "Select|MinMaxScaler|HalfSpaceTrees",
        ),
    ],
)
def test_every_spelling_has_one_form(written, text, label):
    found = parse(written)
    assert (found.text, found.label) == (text, label)
    assert parse(text) == found


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("", "expected a composition of 1 to 500 characters, got 0"),
        ("a" * (MAX_CHARACTERS + 1), "expected a composition of 1 to 500 characters, got 501"),
        ("anomaly.GaussianScorer(", "check brackets and quotes"),
        ("anomaly.GausianScorer()", "did you mean anomaly.GaussianScorer?"),
        ("anomaly.LocalOutlierFactor()", "expected a class of River's whose state can be stored"),
        ("__import__('os').system('true')", "it may be one of anomaly.GaussianScorer, anomaly.HalfSpaceTrees"),
        ("(lambda: 1)()", "expected a class of River's"),
        ("anomaly.GaussianScorer(grace_perod=1)", "got grace_perod; did you mean grace_period?"),
        ("anomaly.GaussianScorer(window_size=1, window_size=2)", "at most once, got window_size"),
        ("anomaly.GaussianScorer(1, window_size=2)", "expected each of its parameters at most once, got window_size"),
        ("anomaly.GaussianScorer(1, 2, 3)", "expected at most 2 parameters, got 3"),
        ("anomaly.GaussianScorer(**{'grace_period': 1})", "expected each of its parameters at most once, got None"),
        ("anomaly.GaussianScorer(grace_period=1.5)", "grace_period: expected int, got 1.5"),
        ("anomaly.GaussianScorer(grace_period=True)", "grace_period: expected int, got True"),
        ("anomaly.GaussianScorer(grace_period=print('x'))", "grace_period: expected int, got print('x')"),
        ("preprocessing.MinMaxScaler()", "as the last step, got preprocessing.MinMaxScaler"),
        ("anomaly.GaussianScorer() | anomaly.GaussianScorer()", "expected a detector as the last step only"),
        (TREES, "expected preprocessing.MinMaxScaler() before anomaly.HalfSpaceTrees"),
        ("preprocessing.MinMaxScaler() | anomaly.HalfSpaceTrees()", "expected a seed"),
        ("preprocessing.MinMaxScaler() | anomaly.HalfSpaceTrees(seed=1)", "at most 8192 numbers per brand, got 15"),
        ("preprocessing.MinMaxScaler() | anomaly.HalfSpaceTrees(height=40, seed=1)", "height 1 to 12, got 10 of 40"),
        ("anomaly.GaussianScorer(window_size=100000)", "got 300009; take fewer or lower trees, or a shorter window"),
        ("anomaly.QuantileFilter(anomaly.GaussianScorer())", "expected q"),
        ("anomaly.QuantileFilter(q=0.9)", "expected a detector in brackets"),
        ("anomaly.QuantileFilter(anomaly.GaussianScorer(), q=2.0)", "expected parameters that River takes"),
        ("anomaly.ThresholdFilter(anomaly.GaussianScorer())", "expected threshold"),
        (
            "anomaly.ThresholdFilter(anomaly.GaussianScorer(), threshold=0.9, protect_anomaly_detector=False)",
            "without it River's filter learns nothing at all",
        ),
        ("anomaly.PredictiveAnomalyDetection()", "expected warmup_period of 1 or more"),
        (
            "anomaly.PredictiveAnomalyDetection(anomaly.GaussianScorer(), warmup_period=9)",
            "expected linear_model.LinearRegression as the last step",
        ),
        (
            "anomaly.QuantileFilter(preprocessing.StandardScaler() | anomaly.GaussianScorer(), q=0.9)",
            "expected a composition that River can run",
        ),
        ("compose.Select(volume) | preprocessing.MinMaxScaler() | " + TREES, "expected names of features in quotes"),
        ("compose.Select('volum') | preprocessing.MinMaxScaler() | " + TREES, "expected some of volume, expected"),
    ],
)
def test_what_cannot_be_run_or_stored_is_refused_in_one_line(written, message):
    with pytest.raises(CompositionError) as caught:
        RiverDetector.check(written)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.text(max_size=60) | st.lists(st.sampled_from([*CLASSES, "(", ")", "|", ",", "=", "1", "'x'"])).map("".join))
def test_any_text_is_a_composition_or_a_clear_refusal(text):
    try:
        found = parse(text)
    except CompositionError:
        return
    assert parse(found.text).text == found.text


def test_entries_differ_by_their_parameters_and_not_by_their_spelling():
    one = entry("river:anomaly.GaussianScorer")
    assert one == entry("river:anomaly.GaussianScorer")
    assert entry("river: anomaly.GaussianScorer()").key == one.key
    other = entry("river: anomaly.GaussianScorer(grace_period=1)")
    assert other.key != one.key
    assert other.label == one.label == "river:GaussianScorer/1"
    assert all(entry(entry(name).name).key == entry(name).key for name in RIVER_EXAMPLES)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("daily-maxma", "did you mean 'daily-maxima'?"),
        ("rivr: anomaly.GaussianScorer()", "begin with 'river:'"),
        ("river: anomaly.GausianScorer()", "did you mean anomaly.GaussianScorer?"),
        ("", "must be one of daily-maxima, ewma"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest_known_one(name, message):
    with pytest.raises(UnknownDetectorError) as caught:
        entry(name)
    assert message in str(caught.value)
