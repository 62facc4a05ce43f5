"""How often a crisis is given its cause, and its texts their emotions: python -m studies.causes [--weibo DIR] ...

The situations of `tests/data/causes` are ours, written as people write: a half for development, by which the lists were
read over, and a half held out, written before the lists. One writer wrote both and the lists, so even the held-out half
flatters. `--weibo` and `--stocknet` ask about dated events of these sets (`dated.csv`), labelled by us from what is
known of them, odd rows for development, even ones held out; and about three days of each month of StockNet's brands,
every other brand held out. Those texts are nobody's who knew the lists: they are the measure. Their
held-out half was printed once before weights of general words ("price", "data") were lowered by the development half.

Negative mentions are those that the sentiment model without labels estimates. How often a written text is told is
drawn by a hash: 1, 1, 1, 2, 5 or 20 times.

`--fit` prints the confidence's coefficients, fitted on all that is for development: with a drawn part of the lists'
phrases taken away, because people find words that no list has, of a drawn part of the texts, and with the texts of a
harmless surge among every other.
"""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from time import process_time
from typing import Final, NamedTuple
from zlib import crc32

import click
import msgspec
import numpy as np

from detectors.sentiment import SentimentModels, language_of
from detectors.topics.causes import CAUSES, UNKNOWN, Cause, Evidence, cause_by, cause_of, evidence_of, likeliest
from detectors.topics.emotions import EMOTIONS, emotions_of, shares_of
from detectors.topics.told import Told
from schemas.text import normalised

DEVELOPMENT: Final = "development"
HELD_OUT: Final = "held_out"
BENIGN: Final = "benign"
NONE: Final = "none"
COPIES: Final = (1, 1, 1, 2, 5, 20)
BINS: Final = (0.0, 0.25, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
_FULL: Final = ("en", "zh", "ja")
_LANGUAGE_OF_SET: Final = {"weibo": "zh", "stocknet": "en"}
DILUTIONS: Final = (3, 10)
"""Everyday texts for each text of a crisis."""
REAL_WEIGHT: Final = 5
"""How often a dated crisis is asked for where the confidence is fitted: nobody wrote it with the lists in mind."""
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


def dated_situations(labels: Path, source: str, folder: Path) -> list[Situation]:
    """The labelled crises and harmless bursts of a set: what is told of the brand from the onset, for so many days."""
    models = SentimentModels()
    mentions = _mentions(folder)
    found = []
    for row in csv.DictReader(labels.read_text("utf-8").splitlines()):
        if row["source"] == source:
            onset = datetime.fromisoformat(row["onset"])
            told = _told_between(models, mentions[row["brand"]], onset, onset + timedelta(days=int(row["days"])))
            found.append(Situation(_LANGUAGE_OF_SET[source], row["cause"], told, ()))
    return found


def everyday(folder: Path, half: str, least_texts: int = 6) -> list[Situation]:
    """Three days in the middle of each month where so many texts are told of a brand: mostly no crisis.

    Every other brand is held out.
    """
    models = SentimentModels()
    found = []
    for _, mentions in sorted(_mentions(folder).items())[half == HELD_OUT :: 2]:
        for month in range(1, 13):
            begin = datetime(2014, month, 15, tzinfo=UTC)
            told = _told_between(models, mentions, begin, begin + timedelta(days=3))
            if len(told) >= least_texts:
                found.append(Situation("en", BENIGN, told, ()))
    return found


def _mentions(folder: Path) -> dict[str, list[tuple[datetime, str, str]]]:
    """Time, text and language of the mentions of each brand."""
    found: dict[str, list[tuple[datetime, str, str]]] = {}
    with gzip.open(folder / "mentions.jsonl.gz") as lines:
        for line in lines:
            each = msgspec.json.decode(line)
            said = (datetime.fromisoformat(each["event_time"]), each["text"], each["lang"])
            found.setdefault(each["brand"], []).append(said)
    return found


def _told_between(
    models: SentimentModels, mentions: Iterable[tuple[datetime, str, str]], begin: datetime, end: datetime
) -> tuple[Told, ...]:
    counts = Counter((normalised(text), language) for moment, text, language in mentions if begin <= moment < end)
    return tuple(
        Told(text, language_of(text, language), count, count * models.estimate_one(text, language)[0])
        for (text, language), count in counts.items()
    )


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


def report_harder(title: str, half: _Half, say: Callable[[str], None], rounds: int = 20) -> None:
    """Prints the same of situations made harder: fewer phrases known, or everyday texts of StockNet among the texts."""
    crises = [each for each in half.full if each.cause != BENIGN]
    generator = np.random.default_rng(0)
    fewer = [
        (each.cause, cause_by(_with_fewer_phrases(each.told, salt)).name) for salt in range(rounds) for each in crises
    ]
    _report_harder(f"{title}, {KEPT_TENTHS}0% of the phrases known", fewer, say)
    quiet = [told for each in half.quiet for told in each.told]
    for times in DILUTIONS if quiet else ():
        diluted = []
        for each in crises * rounds:
            if each.language == "en":
                among = generator.integers(len(quiet), size=times * len(each.told)).tolist()
                surge = {told.text: told for told in (*each.told, *(quiet[place] for place in among))}
                diluted.append((each.cause, cause_of([*surge.values()]).name))
        _report_harder(f"{title} en among {times} times as many everyday texts", diluted, say)


def _report_harder(title: str, answers: Sequence[tuple[str, str]], say: Callable[[str], None]) -> None:
    named = [(wanted, said) for wanted, said in answers if said != UNKNOWN]
    right = sum(wanted == said for wanted, said in named)
    say(f"{title}: named {_share(len(named), len(answers))}, of these {_share(right, len(named))} right")


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


def calibration(asked: Sequence[Situation]) -> Iterator[str]:
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
        name: {
            words: weight for words, weight in by_words.items() if crc32(f"{salt}{words}".encode()) % 10 < KEPT_TENTHS
        }
        for name, by_words in evidence.terms.items()
    }
    texts = {name: sum(by_words.values()) for name, by_words in terms.items()}
    texts["none"] = sum(evidence.texts.values()) - sum(texts.values())
    tellers = {name: min(evidence.tellers.get(name, 0), len(by_words)) for name, by_words in terms.items()}
    return Evidence(texts, tellers, terms)


def _logistic_regression(rows: np.ndarray, right: np.ndarray, ridge: float = 1.0) -> np.ndarray:
    weights = np.zeros(rows.shape[1])
    for _ in range(50):
        probabilities = 1.0 / (1.0 + np.exp(-rows @ weights))
        gradient = rows.T @ (right - probabilities) - ridge * weights
        curvature = (rows * (probabilities * (1.0 - probabilities))[:, None]).T @ rows + ridge * np.eye(len(weights))
        weights += np.linalg.solve(curvature, gradient)
    return weights


def cost(asked: Sequence[Situation], texts: int = 200, rounds: int = 40) -> Iterator[str]:
    """Milliseconds of CPU time for so many distinct texts, a line a function."""
    by_language: dict[str, list[Told]] = {}
    for each in asked:
        by_language.setdefault(each.language, []).extend(each.told)
    for language, told in sorted(by_language.items()):
        many = (told * (texts // len(told) + 1))[:texts]
        for read in (cause_of, emotions_of):
            times = []
            for number in range(rounds):
                surge = [
                    each._replace(text=f"{each.text} {number} {place}") for place, each in enumerate(many)
                ]  # not yet normalised
                begin = process_time()
                read(surge)
                times.append(1e3 * (process_time() - begin))
            middle, high = np.percentile(times, [50, 95])
            yield f"  {language} {read.__name__}: median {middle:.1f} ms, p95 {high:.1f} ms"


class _Half(NamedTuple):
    """What is asked about: the written situations, the dated surges of each set, and quiet days."""

    written: list[Situation]
    dated: dict[str, list[Situation]]
    quiet: list[Situation]

    @property
    def real(self) -> list[Situation]:
        return [surge for surges in self.dated.values() for surge in surges]

    @property
    def full(self) -> list[Situation]:
        """Those in the languages whose lists are long."""
        return [each for each in self.written if each.language in _FULL]


def _half(name: str, data: Path, sets: Mapping[str, Path]) -> _Half:
    dated = {
        source: dated_situations(data / "dated.csv", source, folder)[name == HELD_OUT :: 2]
        for source, folder in sets.items()
    }
    quiet = everyday(sets["stocknet"], name) if "stocknet" in sets else []
    return _Half(list(situations(data / name)), dated, quiet)


def _print_half(name: str, half: _Half, say: Callable[[str], None]) -> None:
    languages = dict.fromkeys(each.language for each in half.written)
    for language in languages:
        report(f"{name} {language}", [each for each in half.written if each.language == language], say)
    report(f"{name} {', '.join(_FULL)}", half.full, say)
    for line in (*confusion(half.full), *calibration(half.full)):
        say(line)
    for source, surges in half.dated.items():
        report(f"{name} {source}", surges, say)
    report(f"{name} StockNet, days in the middle of a month", half.quiet, say)
    for line in calibration(half.real) if half.real else ():
        say(line)
    report_harder(name, half, say)
    for language in languages:
        emotion_report(f"{name} {language} emotions", [each for each in half.written if each.language == language], say)
    for line in cost(half.written):
        say(line)


@click.command()
@click.option("--data", type=click.Path(path_type=Path, exists=True), default=Path("tests/data/causes"))
@click.option("--weibo", type=click.Path(path_type=Path, exists=True), help="Folder of the Weibo set.")
@click.option("--stocknet", type=click.Path(path_type=Path, exists=True), help="Folder of the StockNet set.")
@click.option("--fit", is_flag=True, help="Only print the confidence's coefficients, fitted on the development half.")
@click.option("--wrong", is_flag=True, help="Print each answer that is wrong.")
def main(data: Path, weibo: Path | None, stocknet: Path | None, fit: bool, wrong: bool) -> None:
    """Print how well causes and emotions are told."""
    sets = {name: folder for name, folder in (("weibo", weibo), ("stocknet", stocknet)) if folder}
    if fit:
        half = _half(DEVELOPMENT, data, sets)
        surges = [*half.full, *half.real * REAL_WEIGHT, *half.quiet]
        click.echo(np.round(fitted(surges, 40), 2).tolist())
        return
    for name in (DEVELOPMENT, HELD_OUT):
        half = _half(name, data, sets)
        _print_half(name, half, click.echo)
        for line in wrong_answers([*half.written, *half.real]) if wrong else ():
            click.echo(line)


if __name__ == "__main__":
    main()
