"""Ranking quality and cost of the sentiment models on labelled texts.

    python benchmarks/sentiment.py DATA_DIR

DATA_DIR holds CSV files with the columns lang, text and label (neg, neu, pos). Quality is ROC-AUC of P(negative):
negative against positive rows, and negative against all others. The rows are put in the order of a hash; the second
half is held out, the models learn the first 0, 200, 2,000 rows of the first half. Cost is CPU time, best of five.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from zlib import crc32

import click

from detectors.sentiment import SentimentModels

LABELS = (0, 200, 2_000)

Row = tuple[str, str, str]


def read_rows(path: Path) -> list[Row]:
    """Language, text and label of each row, in an order that depends on the texts alone."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = [(row["lang"], row["text"], row["label"]) for row in csv.DictReader(file)]
    return sorted(rows, key=lambda row: (crc32(row[1].encode()), row[1]))


def auc(targets: Sequence[bool], scores: Sequence[float]) -> float:
    """Area under the ROC curve: how often a target outranks another row; ties count half."""
    order = sorted(range(len(scores)), key=scores.__getitem__)
    bounds = [0, *(i for i in range(1, len(order)) if scores[order[i - 1]] != scores[order[i]]), len(order)]
    rank_sum = sum(
        (start + stop + 1) / 2 * sum(targets[i] for i in order[start:stop]) for start, stop in pairwise(bounds)
    )
    hits = sum(targets)
    return (rank_sum - hits * (hits + 1) / 2) / (hits * (len(targets) - hits))


def negative_auc(models: SentimentModels, rows: Sequence[Row], *, against: str) -> float:
    """AUC of P(negative): negative rows against "positive" ones or against the "rest"."""
    chosen = [row for row in rows if against == "rest" or row[2] != "neu"]
    return auc([row[2] == "neg" for row in chosen], [models.negative_probability(row[1], row[0]) for row in chosen])


def microseconds(work: Callable[[], object], texts: int) -> float:
    """CPU microseconds per text, best of five."""
    best = float("inf")
    for _ in range(5):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return 1e6 * best / texts


def learn(models: SentimentModels, rows: Sequence[Row]) -> None:
    for lang, text, label in rows:
        models.learn_one(text, lang, negative=label == "neg", positive=label == "pos")


def learn_afresh(rows: Sequence[Row]) -> None:
    learn(SentimentModels(), rows)


def estimate(models: SentimentModels, rows: Sequence[Row]) -> None:
    for lang, text, _ in rows:
        models.estimate_one(text, lang)


@click.command()
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(directory: Path) -> None:
    """Print one line for each file of DIRECTORY and number of labels."""
    print("file                      labels  held out  AUC neg/pos  neg/rest  estimate us  learn us  state kB")
    for path in sorted(directory.glob("*.csv")):
        rows = read_rows(path)
        print(f"{path.stem:24} prior on all {negative_auc(SentimentModels(), rows, against='positive'):.3f}"
              f" {negative_auc(SentimentModels(), rows, against='rest'):.3f} ({len(rows):,} rows)")  # fmt: skip
        half = len(rows) // 2
        taught, held_out = rows[:half], rows[half:]
        for labels in sorted({min(labels, half) for labels in LABELS}):
            models = SentimentModels()
            learn(models, taught[:labels])
            state = sum(len(payload) for _, payload in models.changed())
            estimate_cost = microseconds(partial(estimate, models, held_out), len(held_out))
            learn_cost = microseconds(partial(learn_afresh, taught), half)
            print(
                f"{path.stem:24} {labels:7,} {len(held_out):9,}"
                f" {negative_auc(models, held_out, against='positive'):12.3f}"
                f" {negative_auc(models, held_out, against='rest'):9.3f} {estimate_cost:12.1f} {learn_cost:9.1f}"
                f" {state / 1000:9.1f}"
            )


if __name__ == "__main__":
    main()
