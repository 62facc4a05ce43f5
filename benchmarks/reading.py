"""CPU time of a text, by language, with and without learned labels: python -m benchmarks.reading [CHECKOUT].

The texts are those of benchmarks.throughput (few phrases, each with several words of the lists), of the simulation, and
labelled ones where they lie beside this checkout. With another checkout both read them in turn, each in a process of
its own, and the ratios tell what a change brought: machines and hours differ, ratios of one run hold.

The answers of both are compared too, bit by bit.
"""

from __future__ import annotations

import csv
import hashlib
import json
import random
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Self

from detectors.sentiment import SentimentModels
from schemas import text as schemas_text

normalised = getattr(schemas_text, "normalised", str)  # an older checkout has none

Texts = dict[str, tuple[str, list[str]]]
"""Name of a set of texts to its language and the texts."""

ROOT = Path(__file__).parents[1]
LABELLED = ROOT.parent / "shared" / "data" / "sentiment"
ROUNDS = 5
TEXTS = 2_000
LABELS = 200
BATCH = 64
"""Texts read at once, as the engine does with a fetched run of records."""
COLUMNS = ("no labels", "learned", "many, no labels", "many, learned", "learn")


def texts() -> Texts:
    """The sets of texts, at most `TEXTS` each."""
    # Imported here: a process that only reads them is run with another checkout, which may know other modules.
    from benchmarks import throughput  # noqa: PLC0415
    from pipeline.simulation import demo_stream  # noqa: PLC0415

    found: dict[str, tuple[str, list[str]]] = {}

    def add(name: str, lang: str | None, text: str) -> None:
        if lang in {"en", "zh", "ja"}:
            kept = found.setdefault(f"{name}, {lang}", (lang, []))[1]
            if len(kept) < TEXTS:
                kept.append(text)

    for _, value in throughput.mentions(3 * TEXTS, brands=10, kind="mixed"):
        document = json.loads(value)
        add("load", document["lang"], document["text"])
    for batch in islice(demo_stream(seed=1).batches(), 100):
        for line in batch.lines:
            document = json.loads(line)
            add("simulated", document.get("lang"), document["text"])
    for path in sorted(LABELLED.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                add("labelled", row["lang"], row["text"])
    return found


def microseconds(sets: Texts) -> dict[str, tuple[float, ...]]:
    """CPU per text of each set, once, in the order of `COLUMNS`."""
    return {name: _once(*found) for name, found in sets.items()}


def _once(lang: str, found: list[str]) -> tuple[float, ...]:
    plain, taught = SentimentModels(), SentimentModels()
    _learn(taught, lang, found[:LABELS])
    return (
        _cost(lambda: [plain.estimate_one(text, lang) for text in found], len(found)),
        _cost(lambda: [taught.estimate_one(text, lang) for text in found], len(found)),
        _cost(lambda: _estimate_many(plain, lang, found), len(found)),
        _cost(lambda: _estimate_many(taught, lang, found), len(found)),
        _cost(partial(_learn, SentimentModels(), lang, found[:LABELS]), len(found[:LABELS])),
    )


def _cost(work: Callable[[], object], count: int) -> float:
    began = time.process_time()
    work()
    return 1e6 * (time.process_time() - began) / count


def _estimate_many(models: SentimentModels, lang: str, found: list[str]) -> list[tuple[float, float]]:
    if not hasattr(models, "read_many"):  # an older checkout
        return [models.estimate_one(text, lang) for text in found]
    answered = []
    for start in range(0, len(found), BATCH):
        batch = list(map(normalised, found[start : start + BATCH]))
        readings = models.read_many(batch, lang)
        answered += [models.estimate_read(*read, lang) for read in zip(batch, readings, strict=True)]
    return answered


def _learn(models: SentimentModels, lang: str, found: list[str]) -> None:
    for number, text in enumerate(found):
        models.learn_one(text, lang, negative=number % 3 == 0, positive=number % 3 == 2)


def answers(sets: Texts) -> dict[str, str]:
    """A digest of all that the models of each set answer and hold while they learn every fourth text."""
    return {name: _digest(*found) for name, found in sets.items()}


def _digest(lang: str, found: list[str]) -> str:
    digest = hashlib.sha256()
    plain, taught = SentimentModels(), SentimentModels()
    chosen = random.Random(1)
    for text in found:
        digest.update(struct.pack("<4d", *plain.estimate_one(text, lang), *taught.estimate_one(text, lang)))
        if not chosen.randrange(4):
            label = chosen.choice((-1.0, 0.0, 1.0))
            taught.learn_one(text, lang, negative=label < 0.0, positive=label > 0.0)
    for answer in (*_estimate_many(plain, lang, found), *_estimate_many(taught, lang, found)):
        digest.update(struct.pack("<2d", *answer))
    digest.update(repr(taught.changed()).encode())
    return digest.hexdigest()


def serve() -> None:
    """Read the sets from standard input; answer each further line, "time" or "answers", with one line of JSON."""
    sets: Texts = {name: (lang, found) for name, (lang, found) in json.loads(sys.stdin.readline()).items()}
    for line in sys.stdin:
        work = answers if line.strip() == "answers" else microseconds
        print(json.dumps(work(sets)), flush=True)


class _Reader:
    """A process that reads the texts by the code of one checkout."""

    def __init__(self, checkout: Path, sets: Texts) -> None:
        self._process = subprocess.Popen(
            ["env", f"PYTHONPATH={checkout}", sys.executable, __file__, "--serve"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._send(json.dumps(sets))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def _send(self, line: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def ask(self, what: str) -> dict[str, object]:
        assert self._process.stdout
        self._send(what)
        answer: dict[str, object] = json.loads(self._process.stdout.readline())
        return answer


def main(other: Path | None = None) -> None:
    """Print the table: this checkout, and the other one and the ratio where one is given."""
    sets = texts()
    checkouts = [ROOT] if other is None else [ROOT, other.resolve()]
    best: list[dict[str, list[float]]] = [{} for _ in checkouts]
    with ExitStack() as stack:
        readers = [stack.enter_context(_Reader(checkout, sets)) for checkout in checkouts]
        if len({json.dumps(reader.ask("answers")) for reader in readers}) > 1:
            print("the two checkouts give DIFFERENT ANSWERS")
        for number in range(ROUNDS):
            for place in sorted(range(len(readers)), reverse=bool(number % 2)):
                for name, costs in readers[place].ask("time").items():
                    assert isinstance(costs, list)
                    best[place][name] = list(map(min, costs, best[place].get(name, costs)))
    print(f"reading a text: CPU us, best of {ROUNDS}" + (f"; in brackets as a share of {other}" if other else ""))
    print(f"  {'':16}{'texts':>7}{'letters':>9}" + "".join(f"{column:>17}" for column in COLUMNS))
    for name, (_, found) in sets.items():
        figures = [f"{cost:.1f}" for cost in best[0][name]]
        if other is not None:
            figures = [
                f"{figure} ({cost / before:.2f})"
                for figure, cost, before in zip(figures, best[0][name], best[1][name], strict=True)
            ]
        letters = sum(map(len, found)) / len(found)
        print(f"  {name:16}{len(found):>7,}{letters:>9.0f}" + "".join(f"{figure:>17}" for figure in figures))


if __name__ == "__main__":
    if sys.argv[1:] == ["--serve"]:
        serve()
    else:
        main(*map(Path, sys.argv[1:]))
