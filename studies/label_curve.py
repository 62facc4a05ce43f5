"""How good the sentiment models are by number of labels: python -m studies.label_curve FILES [--seeds N] [--folds N].

The labelled texts of a language are shuffled by each seed and cut into folds. For each fold a model learns, in that
order, from the others and answers the fold: after no label, 500, 1,000, 2,000 and 5,000, as far as there are so many.
Printed are the mean AUC of P(negative), negative against all other texts, and its spread over folds and over seeds:
the spread over folds says how few texts a fold has, the one over seeds how much the order of labels matters.

Tried so on GoEmotions and left out, for no gain or a loss: VADER's rules for capitals, exclamation and question marks
(-0.001 to 0.001), negation over three or four words (-0.001 to -0.004), complaints weighed 1.2 to 2 times (-0.002 to
0.002, and worse against praise), praise before a complaint taken for irony (-0.006 to 0.001); naive Bayes as one more
feature, weights that decay, character n-grams, words in triples or with a gap, words marked as negated, a mean of both
regressions (-0.005 to 0.001); steps of 0.15 to 1 and epsilons of 0.01 to 1 (at best 0.002 after 500 labels, lost after
2,000). What helped after 2,000 labels: traits 0.003, stems of four letters instead of five 0.001, 2^16 buckets 0.002.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import click
import numpy as np

from detectors.sentiment import LANGUAGES, SentimentModels, language_of
from pipeline.evaluation.sentiment import LabelledText, auc, read_labelled
from schemas.text import normalised

LABELS: Final = (0, 500, 1_000, 2_000, 5_000)


def areas(taught: Sequence[LabelledText], asked: Sequence[LabelledText]) -> Iterator[tuple[int, float]]:
    """The numbers of labels that the taught texts allow, each with the AUC of the asked ones after so many."""
    models = SentimentModels()
    targets = np.array([text.is_negative for text in asked])
    learned = 0
    for labels in LABELS:
        if labels > len(taught):
            return
        for text in taught[learned:labels]:
            models.learn_one(text.text, text.lang, negative=text.is_negative, positive=text.is_positive)
        learned = labels
        yield labels, auc(targets, np.array([models.negative_probability(text.text, text.lang) for text in asked]))


def curve(texts: Sequence[LabelledText], seeds: int, folds: int) -> dict[int, np.ndarray]:
    """The AUC by number of labels, of each seed (rows) and fold (columns)."""
    found: dict[int, list[float]] = {}
    for seed in range(seeds):
        order = np.random.default_rng(seed).permutation(len(texts)).tolist()
        for fold in range(folds):
            asked = [texts[place] for place in order[fold::folds]]
            taught = [texts[place] for number, place in enumerate(order) if number % folds != fold]
            for labels, area in areas(taught, asked):
                found.setdefault(labels, []).append(area)
    return {labels: np.array(values).reshape(seeds, folds) for labels, values in found.items()}


@click.command()
@click.argument("files", nargs=-1, required=True)
@click.option("--seeds", type=click.IntRange(1), default=5, show_default=True)
@click.option("--folds", type=click.IntRange(2), default=6, show_default=True)
def main(files: tuple[str, ...], seeds: int, folds: int) -> None:
    """Print a line for each language of labelled FILES (see `tocsin evaluate sentiment`) and number of labels."""
    texts = read_labelled(files)
    print("language   texts  labels  AUC neg/rest  sd of folds  sd of seeds")
    for language in LANGUAGES:
        own = [text for text in texts if language_of(normalised(text.text), text.lang) == language]
        if len(own) < folds:
            continue
        for labels, found in curve(own, seeds, folds).items():
            print(
                f"{language:8} {len(own):7,} {labels:7,} {found.mean():13.3f} {found.std(axis=1).mean():12.3f}"
                f" {found.mean(axis=1).std():12.3f}"
            )


if __name__ == "__main__":
    main()
