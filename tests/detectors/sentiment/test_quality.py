"""Floors under the ranking quality on labelled texts that lie beside the checkout."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from benchmarks.sentiment import Row, learn, negative_auc, read_rows
from detectors.sentiment import SentimentModels

DATA = Path(__file__).parents[3] / ".." / "shared" / "data" / "sentiment"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"labelled texts are not at {DATA}")


@cache
def rows(name: str) -> list[Row]:
    return read_rows(DATA / f"{name}.csv")


@pytest.mark.parametrize(
    ("name", "against_positive", "against_rest"),
    [("en_goemotions", 0.87, 0.785), ("zh_asap_sample", 0.87, 0.84), ("ja_chabsa", 0.92, 0.91)],
)
def test_the_prior_alone_ranks_complaints_above_the_rest(
    name: str, against_positive: float, against_rest: float
) -> None:
    assert negative_auc(SentimentModels(), rows(name), against="positive") >= against_positive
    assert negative_auc(SentimentModels(), rows(name), against="rest") >= against_rest


@pytest.mark.parametrize(
    ("name", "labels", "floor"), [("en_goemotions", 1_500, 0.825), ("ja_chabsa", 200, 0.93), ("ja_chabsa", 845, 0.95)]
)
def test_labels_lift_the_held_out_half(name: str, labels: int, floor: float) -> None:
    half = len(rows(name)) // 2
    held_out = rows(name)[half:]
    models = SentimentModels()
    learn(models, rows(name)[: min(labels, half)])
    learned = negative_auc(models, held_out, against="rest")
    assert learned >= floor
    assert learned > negative_auc(SentimentModels(), held_out, against="rest")
