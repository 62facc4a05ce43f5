"""Quality of the sentiment models: how well they rank texts and estimate shares, before and after learning."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, Final
from zlib import crc32

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.sentiment import LANGUAGES, SentimentModels, language_of
from pipeline.errors import TocsinError
from pipeline.evaluation.scoring.outcomes import REPEATS
from pipeline.files.mentions import lines, open_text
from pipeline.files.tables import Table
from schemas.mention import decode_mention
from schemas.rejection import Rejected
from schemas.text import normalised

Array = NDArray[np.float64]

LABELS: Final = (0, 200, 2_000)
"""Numbers of labelled texts that the models learn from before they are measured; where there are fewer, all."""
BUCKETS: Final = 400
BUCKET_TEXTS: Final = (10, 50)
"""Minimum and maximum number of texts in a drawn bucket."""
BUCKET_HOURS: Final = (1, 6, 24)
SENTIMENT: Final = {"neg": -1.0, "neu": 0.0, "pos": 1.0}
_SEED: Final = 20261105
_MIN_HELD_OUT: Final = 10
"""Minimum of held-out texts of each side, or of buckets, for a figure to be given."""


class LabelledText(msgspec.Struct, frozen=True):
    """One text whose sentiment is known; `event_time` is in Unix seconds, None where the file has none."""

    text: str
    lang: str | None
    sentiment: float
    event_time: float | None = None

    @property
    def is_negative(self) -> bool:
        """Labelled as negative."""
        return self.sentiment <= -0.25

    @property
    def is_positive(self) -> bool:
        """Labelled as positive."""
        return self.sentiment >= 0.25


class Interval(msgspec.Struct, frozen=True):
    """A figure with its 95 % percentile bootstrap interval."""

    value: float
    low: float
    high: float


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One scorer on the held-out texts of one language; None where the texts do not allow the figure.

    Attributes:
        language: model that reads the texts.
        scorer: "Tocsin" or a control.
        labels: texts learned from.
        held_out, negatives: texts measured on.
        positive_negative: AUC of negative against positive texts.
        negative_rest: AUC of negative against all other texts.
        brier: mean squared error of P(negative).
        bias: mean P(negative) less the true share.
        share_drawn: correlation of estimated and true negative share over drawn buckets.
        share_in_time: the same over buckets of event time, by hours.
        microseconds: CPU time per text.
        learn_microseconds: CPU time per label learned.
    """

    language: str
    scorer: str
    labels: int
    held_out: int
    negatives: int
    positive_negative: Interval | None
    negative_rest: Interval | None
    brier: Interval
    bias: float
    share_drawn: Interval | None
    share_in_time: dict[str, Interval]
    microseconds: float | None = None
    learn_microseconds: float | None = None


class Measured(msgspec.Struct):
    """The rows of one language, and the shares of its drawn buckets for a plot, sorted by the true one."""

    rows: list[Row]
    true_shares: list[float]
    estimated_shares: dict[str, list[float]]


def read_labelled(files: Sequence[str]) -> list[LabelledText]:
    """Labelled texts of CSV files (lang,text,label) and of mentions in JSON lines, in the order of the files.

    Mentions without a `sentiment` are ignored.

    Raises:
        TocsinError: a file cannot be read, a line is no labelled text, or there is none at all.
    """
    texts: list[LabelledText] = []
    for file in files:
        texts.extend(_read_csv(file) if file.endswith((".csv", ".csv.gz")) else _read_mentions(file))
    if not texts:
        raise TocsinError(
            f"{', '.join(files)}: expected labelled texts, got none; mentions count where they carry `sentiment`"
        )
    return texts


def _read_csv(file: str) -> Iterable[LabelledText]:
    with open_text(file) as stream, io.TextIOWrapper(stream, "utf-8-sig", newline="") as text:
        try:
            table = Table(text, file)
            missing = {"lang", "text", "label"} - set(table.columns())
            if missing:
                raise TocsinError(
                    f"{file}:1: expected columns lang,text,label, got {','.join(table.fieldnames or ()) or 'nothing'}"
                )
            for row in table:
                if row["label"] not in SENTIMENT:
                    raise TocsinError(
                        f"{file}:{table.line_num}: expected label neg, neu or pos, got {row['label']!r:.40}"
                    )
                yield LabelledText(row["text"], row["lang"] or None, SENTIMENT[row["label"]])
        except (UnicodeDecodeError, csv.Error, EOFError, OSError) as error:
            raise TocsinError(f"{file}: expected CSV in UTF-8: {error}") from None


def _read_mentions(file: str) -> Iterable[LabelledText]:
    for number, line in enumerate(lines(file), start=1):
        try:
            mention = decode_mention(line)
        except Rejected as rejected:
            raise TocsinError(f"{file}:{number}: expected a mention: {rejected}") from None
        if mention.sentiment is not None:
            at = mention.event_time
            seconds = at.timestamp() if isinstance(at, datetime) else float(at)
            yield LabelledText(mention.text, mention.lang, mention.sentiment, seconds)


def measure(texts: Sequence[LabelledText], on_step: Callable[[str], None] = lambda _: None) -> dict[str, Measured]:
    """The figures of every language of the texts: Tocsin after 0, 200 and 2,000 labels, and the controls.

    One half of the texts is learned from, the other half is measured on. Texts with a time are halved in order of
    time, so that nothing is learned from what comes later; texts without one by a hash of the text.

    Args:
        texts: labelled texts; the same text twice counts once where it has no time.
        on_step: called with the name of each step when it is done.
    """
    found = {}
    for language in LANGUAGES:
        own = [text for text in texts if language_of(normalised(text.text), text.lang) == language]
        if len(own) >= 2:
            found[language] = _measure_language(language, own, on_step)
    return found


def _measure_language(language: str, texts: list[LabelledText], on_step: Callable[[str], None]) -> Measured:
    taught, held_out = _halves(texts)
    rng = np.random.default_rng(_SEED)
    negative = np.array([text.is_negative for text in held_out])
    buckets = _drawn_buckets(negative, rng)
    measured = Measured([], [], {})
    if buckets:
        true = np.array([negative[bucket].mean() for bucket in buckets])
        order = np.argsort(true, kind="stable")
        measured.true_shares = true[order].tolist()
    for labels in sorted({min(labels, len(taught)) for labels in LABELS}):
        models = SentimentModels()
        began = time.process_time()
        for text in taught[:labels]:
            models.learn_one(text.text, text.lang, negative=text.is_negative, positive=text.is_positive)
        learned = time.process_time() - began
        cost = min(_scoring_seconds(models, held_out) for _ in range(3))
        scores = np.array([models.negative_probability(text.text, text.lang) for text in held_out])
        row = _row(language, "Tocsin", labels, held_out, scores, buckets)
        measured.rows.append(
            msgspec.structs.replace(
                row,
                microseconds=1e6 * cost / len(held_out),
                learn_microseconds=1e6 * learned / labels if labels else None,
            )
        )
        if buckets:
            estimated = np.array([(scores[bucket] > 0.5).mean() for bucket in buckets])
            measured.estimated_shares[f"{labels} labels"] = estimated[order].tolist()
        on_step(f"{language}, {labels} labels")
    base = float(np.mean([text.is_negative for text in taught]))
    controls = {
        "always the base rate": np.full(len(held_out), base),
        "constant 0": np.zeros(len(held_out)),
        "random": rng.random(len(held_out)),
    }
    for name, scores in controls.items():
        labels = len(taught) if name == "always the base rate" else 0
        measured.rows.append(_row(language, name, labels, held_out, scores, buckets))
    on_step(f"{language}, controls")
    return measured


def _halves(texts: list[LabelledText]) -> tuple[list[LabelledText], list[LabelledText]]:
    if all(text.event_time is not None for text in texts):
        ordered = sorted(texts, key=lambda text: text.event_time or 0.0)
    else:
        once = {text.text: text for text in texts}.values()
        ordered = sorted(once, key=lambda text: (crc32(text.text.encode("utf-8", "surrogatepass")), text.text))
    half = len(ordered) // 2
    return ordered[:half], ordered[half:]


def _scoring_seconds(models: SentimentModels, texts: Sequence[LabelledText]) -> float:
    began = time.process_time()
    for text in texts:
        models.estimate_one(text.text, text.lang)
    return time.process_time() - began


def _drawn_buckets(negative: NDArray[np.bool_], rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """Buckets of 10 to 50 texts whose true negative share varies from 0 to 0.8, drawn with replacement."""
    bad, rest = np.flatnonzero(negative), np.flatnonzero(~negative)
    if min(len(bad), len(rest)) < _MIN_HELD_OUT:
        return []
    buckets = []
    for _ in range(BUCKETS):
        size = int(rng.integers(BUCKET_TEXTS[0], BUCKET_TEXTS[1] + 1))
        bad_texts = int(rng.binomial(size, rng.uniform(0.0, 0.8)))
        buckets.append(np.concatenate([rng.choice(bad, bad_texts), rng.choice(rest, size - bad_texts)]))
    return buckets


def _time_buckets(texts: Sequence[LabelledText], hours: int) -> list[NDArray[np.int64]]:
    """Texts of the same hours, where there are enough of them; empty where a text has no time."""
    if any(text.event_time is None for text in texts):
        return []
    places = np.array([int((text.event_time or 0.0) // (3600 * hours)) for text in texts])
    groups = (np.array(list(group)) for _, group in groupby(range(len(texts)), key=places.__getitem__))
    return [group for group in groups if len(group) >= BUCKET_TEXTS[0]]


def _row(
    language: str,
    scorer: str,
    labels: int,
    texts: Sequence[LabelledText],
    scores: Array,
    buckets: Sequence[NDArray[np.int64]],
) -> Row:
    negative = np.array([text.is_negative for text in texts])
    decided = negative | np.array([text.is_positive for text in texts])
    judged = scores > 0.5 if scorer in {"Tocsin", "random"} else scores
    in_time = {
        f"{hours} h": found
        for hours in BUCKET_HOURS
        if (found := _share_correlation(judged, negative, _time_buckets(texts, hours)))
    }
    return Row(
        language=language,
        scorer=scorer,
        labels=labels,
        held_out=len(texts),
        negatives=int(negative.sum()),
        positive_negative=_auc_interval(negative[decided], scores[decided]),
        negative_rest=_auc_interval(negative, scores),
        brier=_bootstrap([(scores - negative) ** 2], lambda errors: float(errors.mean())),
        bias=float(scores.mean() - negative.mean()),
        share_drawn=_share_correlation(judged, negative, buckets),
        share_in_time=in_time,
    )


def auc(targets: NDArray[np.bool_], scores: NDArray[Any]) -> float:
    """Area under the ROC curve: how often a target outranks another; ties count half. NaN with one side alone."""
    positives = int(targets.sum())
    negatives = len(targets) - positives
    if not positives or not negatives:
        return float("nan")
    _, place, count = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2)[place]
    return float((ranks[targets].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def _auc_interval(targets: NDArray[np.bool_], scores: Array) -> Interval | None:
    if min(targets.sum(), (~targets).sum()) < _MIN_HELD_OUT:
        return None
    return _bootstrap([targets, scores], auc)


def _share_correlation(
    judged: NDArray[Any], negative: NDArray[np.bool_], buckets: Sequence[NDArray[np.int64]]
) -> Interval | None:
    """Pearson's correlation over buckets; 0 where the estimate never changes."""
    if len(buckets) < _MIN_HELD_OUT:
        return None
    true = np.array([negative[bucket].mean() for bucket in buckets])
    if np.ptp(true) == 0.0:
        return None
    estimated = np.array([judged[bucket].mean() for bucket in buckets])
    return _bootstrap([true, estimated], _correlation)


def _correlation(one: Array, other: Array) -> float:
    if np.ptp(one) < 1e-12 or np.ptp(other) < 1e-12:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])


def _bootstrap(columns: Sequence[NDArray[Any]], figure: Callable[..., float], repeats: int = REPEATS) -> Interval:
    """Percentile bootstrap over rows; a draw that has no figure (one side alone) is left out."""
    rng = np.random.default_rng(_SEED)
    length = len(columns[0])
    draws = []
    for _ in range(repeats):
        chosen = rng.integers(0, length, length)
        value = figure(*(column[chosen] for column in columns))
        if np.isfinite(value):
            draws.append(value)
    low, high = np.percentile(draws, (2.5, 97.5))
    return Interval(figure(*columns), float(low), float(high))
