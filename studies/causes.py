"""How often a crisis is given its cause, and its texts their emotions: python -m studies.causes [--weibo DIR].

The situations are ours, written as people write: `tests/data/causes` has a half for development, by which the lists were
read over, and a half held out, written before the lists and not looked at since. Their writer wrote the lists too, so even the
held-out half flatters. With `--weibo` the dated crises of the Weibo set are asked for too, labelled by us from what is
known of them; odd rows are development, even ones held out.

Negative mentions are those that the sentiment model without labels estimates; how often a text is told is drawn by a
hash: 1, 1, 1, 2, 5 or 20 times. `--fit` prints the confidence's coefficients, fitted on the development half and Weibo's, with a
drawn part of the lists' phrases taken away (people find words that no list has), of a drawn part of the texts, and with
the texts of a harmless surge among every other.
"""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Final, NamedTuple
from zlib import crc32

import click
import msgspec
import numpy as np

from detectors.sentiment import SentimentModels, language_of
from detectors.topics.causes import CAUSES, UNKNOWN, Cause, Evidence, Traits, cause_of, evidence_of, likeliest
from detectors.topics.emotions import EMOTIONS, emotions_of, shares_of
from detectors.topics.told import Told
from schemas.text import normalised

BENIGN: Final = "benign"
NONE: Final = "none"
COPIES: Final = (1, 1, 1, 2, 5, 20)
BINS: Final = (0.0, 0.25, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
WEIBO_DAYS: Final = 3
KEPT_TENTHS: Final = 3
"""Phrases that are kept where the confidence is fitted."""
_EMOTION_BY_MARK: Final = {"a": "anger", "f": "fear", "d": "disgust", "s": "sadness", "m": "mockery", "-": NONE}


class Situation(NamedTuple):
    """A surge with its cause ("benign" where it is no crisis), and the emotion that each of its texts shows."""

    language: str
    cause: str
    told: tuple[Told, ...]
    emotions: tuple[str, ...]


def situations(folder: Path) -> Iterator[Situation]:
    """The situations of the files <language>.txt of a folder."""
    models = SentimentModels()
    for path in sorted(folder.glob("*.txt")):
        for block in path.read_text("utf-8").split("== ")[1:]:
            cause, *lines = block.splitlines()
            texts = [line.partition(" ")[2] for line in lines if line]
            told = tuple(as_told(models, text, path.stem) for text in texts)
            yield Situation(path.stem, cause, told, tuple(_EMOTION_BY_MARK[line[0]] for line in lines if line))


def as_told(models: SentimentModels, text: str, language: str) -> Told:
    """A text with a drawn number of mentions, negative as the model estimates."""
    mentions = COPIES[crc32(text.encode()) % len(COPIES)]
    negative, _ = models.estimate_one(text, language)
    return Told(text, language_of(normalised(text), language), mentions, mentions * negative)


def weibo_situations(labels: Path, folder: Path) -> list[Situation]:
    """The labelled crises and harmless bursts of the Weibo set: the topics of the first three days."""
    models = SentimentModels()
    with gzip.open(folder / "mentions.jsonl.gz") as lines:
        mentions = [msgspec.json.decode(line) for line in lines]
    found = []
    for row in csv.DictReader(labels.read_text("utf-8").splitlines()):
        onset = datetime.fromisoformat(row["onset"])
        end = onset + timedelta(days=WEIBO_DAYS)
        texts = {
            each["text"]: None
            for each in mentions
            if each["brand"] == row["brand"] and onset <= datetime.fromisoformat(each["event_time"]) < end
        }
        told = tuple(as_told(models, text, "zh")._replace(mentions=1.0) for text in texts)
        found.append(Situation("zh", row["cause"], told, ()))
    return found


def is_right(wanted: str, said: Cause) -> bool:
    return said.name == wanted


def report(title: str, asked: Sequence[Situation], say: Callable[[str], None]) -> None:
    """Prints how many crises are named, how many rightly, and how many harmless surges are taken for a crisis."""
    crises = [each for each in asked if each.cause != BENIGN]
    answers = [(each, cause_of(each.told)) for each in asked]
    named = [(each, said) for each, said in answers if said.name != UNKNOWN and each.cause != BENIGN]
    right = sum(is_right(each.cause, said) for each, said in named)
    likely = sum(likeliest(evidence_of(each.told).texts)[0] == each.cause for each in crises)
    harmless = [said for each, said in answers if each.cause == BENIGN]
    mistaken = [said for said in harmless if said.name not in (UNKNOWN, "other")]
    say(
        f"{title}: named {len(named)} of {len(crises)} crises ({_share(len(named), len(crises))}), rightly {right} "
        f"({_share(right, len(named))}); the likeliest cause is right in {likely} ({_share(likely, len(crises))}); "
        f"of {len(harmless)} harmless surges {len(mistaken)} get a cause"
    )


def wrong_answers(asked: Iterable[Situation]) -> Iterator[str]:
    for each in asked:
        said = cause_of(each.told)
        if said.name != each.cause and not (each.cause == BENIGN and said.name in (UNKNOWN, "other")):
            first, _ = likeliest(evidence_of(each.told).texts)
            beginning = each.told[0].text[:40] if each.told else "(no text)"
            yield (
                f"  {each.language} {each.cause} -> {said.name} {said.confidence:.2f} (likeliest {first}) "
                f"{', '.join(said.terms)} | {beginning}"
            )


def confusion(asked: Iterable[Situation]) -> Iterator[str]:
    """A line a true cause: what it was called, how often."""
    called: dict[str, Counter[str]] = {}
    for each in asked:
        called.setdefault(each.cause, Counter())[cause_of(each.told).name] += 1
    for cause in (*CAUSES, BENIGN):
        if cause in called:
            yield f"  {cause}: " + ", ".join(f"{name} {count}" for name, count in called[cause].most_common())


def calibration(asked: Iterable[Situation]) -> Iterator[str]:
    """A line a bin of confidence: how many surges have it and how many of their likeliest causes are right."""
    pairs = []
    for each in asked:
        said = cause_of(each.told)
        name = likeliest(evidence_of(each.told).texts)[0] if said.name == UNKNOWN else said.name
        pairs.append((said.confidence, name == each.cause))
    for low, high in pairwise(BINS):
        inside = [hit for confidence, hit in pairs if low <= confidence < high or confidence == high == 1.0]
        if inside:
            yield f"  {low:.2f} to {high:.2f}: {len(inside)} surges, {_share(sum(inside), len(inside))} right"
    brier = float(np.mean([(confidence - hit) ** 2 for confidence, hit in pairs]))
    yield f"  Brier score {brier:.3f}"


def emotion_report(title: str, asked: Sequence[Situation], say: Callable[[str], None]) -> None:
    """Prints the macro-F1 of the emotion of single texts, and how often that of a whole surge is right."""
    pairs = []
    dominant = []
    for each in asked:
        if each.cause == BENIGN:
            continue
        pairs += [
            (wanted, _dominant(shares_of(told.text, told.language)))
            for told, wanted in zip(each.told, each.emotions, strict=True)
        ]
        counts = Counter(emotion for emotion in each.emotions if emotion != NONE).most_common()
        shares = emotions_of(each.told)
        if counts and shares:
            most = {emotion for emotion, count in counts if count == counts[0][1]}
            dominant.append(_dominant(shares) in most)
    shown = [(wanted, said) for wanted, said in pairs if wanted != NONE]
    heard = [(wanted, said) for wanted, said in shown if said != NONE]
    by_emotion = {emotion: _f1(pairs, emotion) for emotion in EMOTIONS}
    say(
        f"{title}: {len(shown)} texts with an emotion, {_share(len(heard), len(shown))} heard, of these "
        f"{_share(sum(wanted == said for wanted, said in heard), len(heard))} right; macro-F1 "
        f"{np.mean(list(by_emotion.values())):.2f} ("
        + ", ".join(f"{emotion} {value:.2f}" for emotion, value in by_emotion.items())
        + f"); dominant emotion of a surge right in {sum(dominant)} of {len(dominant)}"
    )


def _f1(pairs: Sequence[tuple[str, str]], emotion: str) -> float:
    both = sum(wanted == said == emotion for wanted, said in pairs)
    either = sum(wanted == emotion for wanted, _ in pairs) + sum(said == emotion for _, said in pairs)
    return 2.0 * both / either if either else 0.0


def _dominant(shares: Mapping[str, float]) -> str:
    return max(shares, key=lambda emotion: (shares[emotion], emotion)) if shares else NONE


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else "-"


def fitted(asked: Sequence[Situation], draws: int) -> np.ndarray:
    """Intercept and coefficients of lead, evidence and share, by regularised logistic regression."""
    rows: list[tuple[float, ...]] = []
    right: list[bool] = []
    generator = np.random.default_rng(0)
    for _ in range(draws):
        salt = int(generator.integers(1 << 30))
        for each in asked:
            part = generator.choice((0.15, 0.4, 1.0))
            kept = [told for told in each.told if generator.random() < part]
            if generator.random() < 0.5:
                harmless = [other for other in asked if other.cause == BENIGN and other.language == each.language]
                kept += harmless[int(generator.integers(len(harmless)))].told
            name, traits = likeliest(_with_fewer_phrases(kept, salt).texts)
            rows.append((1.0, *traits))
            right.append(name == each.cause)
    return _logistic_regression(np.array(rows), np.array(right, float))


def _with_fewer_phrases(told: Sequence[Told], salt: int) -> Evidence:
    """The evidence where a drawn part of the phrases is unknown: their weight becomes that of nothing said."""
    evidence = evidence_of(told)
    terms = {
        name: {words: weight for words, weight in by_words.items() if crc32(f"{salt}{words}".encode()) % 10 < KEPT_TENTHS}
        for name, by_words in evidence.terms.items()
    }
    texts = {name: sum(by_words.values()) for name, by_words in terms.items()}
    texts["none"] = sum(evidence.texts.values()) - sum(texts.values())
    return Evidence(texts, evidence.tellers, terms)


def _logistic_regression(rows: np.ndarray, right: np.ndarray, ridge: float = 1.0) -> np.ndarray:
    weights = np.zeros(rows.shape[1])
    for _ in range(50):
        probabilities = 1.0 / (1.0 + np.exp(-rows @ weights))
        gradient = rows.T @ (right - probabilities) - ridge * weights
        curvature = (rows * (probabilities * (1.0 - probabilities))[:, None]).T @ rows + ridge * np.eye(len(weights))
        weights += np.linalg.solve(curvature, gradient)
    return weights


def cost(asked: Sequence[Situation], texts: int = 200, rounds: int = 40) -> Iterator[str]:
    """Milliseconds for so many distinct texts, a line a function."""
    by_language: dict[str, list[Told]] = {}
    for each in asked:
        by_language.setdefault(each.language, []).extend(each.told)
    for language, told in sorted(by_language.items()):
        if len(told) < texts:
            continue
        for read in (cause_of, emotions_of):
            times = []
            for number in range(rounds):
                surge = [each._replace(text=f"{each.text} {number}") for each in told[:texts]]  # not yet normalised
                begin = perf_counter()
                read(surge)
                times.append(1e3 * (perf_counter() - begin))
            yield f"  {language} {read.__name__}: median {np.median(times):.1f} ms, p95 {np.percentile(times, 95):.1f} ms"


@click.command()
@click.option("--data", type=click.Path(path_type=Path, exists=True), default=Path("tests/data/causes"))
@click.option("--weibo", type=click.Path(path_type=Path, exists=True), help="Folder of the Weibo set.")
@click.option("--half", type=click.Choice(["development", "held_out"]), multiple=True)
@click.option("--fit", is_flag=True, help="Print the confidence's coefficients, fitted on the development half.")
@click.option("--wrong", is_flag=True, help="Print each answer that is wrong.")
def main(data: Path, weibo: Path | None, half: tuple[str, ...], fit: bool, wrong: bool) -> None:
    """Print how well causes and emotions are told."""
    dated = weibo_situations(data / "weibo.csv", weibo) if weibo else []
    for name in half or ("development", "held_out"):
        asked = list(situations(data / name))
        for language in dict.fromkeys(each.language for each in asked):
            report(f"{name} {language}", [each for each in asked if each.language == language], click.echo)
        full = [each for each in asked if each.language in ("en", "zh", "ja")]
        report(f"{name} en, zh, ja", full, click.echo)
        for line in (*confusion(full), *calibration(full)):
            click.echo(line)
        real = dated[name == "held_out" :: 2]
        if real:
            report(f"{name} Weibo", real, click.echo)
        if wrong:
            for line in wrong_answers([*asked, *real]):
                click.echo(line)
        for language in dict.fromkeys(each.language for each in asked):
            emotion_report(f"{name} {language} emotions", [each for each in asked if each.language == language], click.echo)
        if fit and name == "development":
            click.echo(f"fitted: {np.round(fitted([*full, *real], 40), 2).tolist()}")
        for line in cost(asked):
            click.echo(line)


if __name__ == "__main__":
    main()
