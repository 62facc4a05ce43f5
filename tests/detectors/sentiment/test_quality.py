"""Floors under the ranking quality on labelled texts: a few hundred rows; docs/sentiment.md has the figures of all."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from benchmarks.sentiment import Row, learn, negative_auc, read_rows
from detectors.sentiment import SentimentModels

DATA = Path(__file__).parents[2] / "data" / "sentiment"


@cache
def rows(name: str) -> list[Row]:
    return read_rows(DATA / f"{name}.csv")


@pytest.mark.parametrize(
    ("name", "against_positive", "against_rest"),
    [("en_goemotions", 0.92, 0.855), ("zh_asap_sample", 0.9, 0.85), ("ja_chabsa", 0.95, 0.91)],
)
def test_the_prior_alone_ranks_complaints_above_the_rest(
    name: str, against_positive: float, against_rest: float
) -> None:
    assert negative_auc(SentimentModels(), rows(name), against="positive") >= against_positive
    assert negative_auc(SentimentModels(), rows(name), against="rest") >= against_rest


@pytest.mark.parametrize(("name", "floor"), [("en_goemotions", 0.87), ("ja_chabsa", 0.905)])
def test_labels_lift_the_held_out_half(name: str, floor: float) -> None:
    half = len(rows(name)) // 2
    held_out = rows(name)[half:]
    models = SentimentModels()
    learn(models, rows(name)[:half])
    learned = negative_auc(models, held_out, against="rest")
    assert learned >= floor
    assert learned > negative_auc(SentimentModels(), held_out, against="rest")
