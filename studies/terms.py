"""Whether the terms of a surge name what was planted in it: python -m studies.terms [--tuning] [--examples].

Surges of studies.topic_worlds, 10 to 500 mentions, half of them ordinary talk and half of each copies, against a
background of 400, 48 or no ordinary texts. Of each language:

- found: every key word of the crisis stands in one of the ten terms;
- phrase: one term has the whole phrase by which most tell it;
- clean: of the terms shown, those that crisis texts carry more often than ordinary ones.
"""

from __future__ import annotations

import sys
from time import process_time
from typing import Final

import click

from detectors.topics.terms import terms
from detectors.topics.told import Told
from detectors.topics.usual import Usual
from schemas.text import normalised
from studies.topic_worlds import TALKS, Surge, surge

SIZES: Final = (10, 20, 50, 100, 200, 500)
BACKGROUNDS: Final = (400, 48, 0)


def learned(language: str, texts: list[str]) -> Usual:
    usual = Usual()
    for text in texts:
        usual.learn(text, language)
    return usual


class Tally:
    """What was found in the surges of one language, size or background."""

    def __init__(self) -> None:
        self.surges = self.found = self.phrases = self.shown = self.clean = 0

    def add(self, one: Surge, words: list[str]) -> None:
        self.surges += 1
        self.found += all(any(key in word for word in words) for key in one.keys)
        self.phrases += any(one.phrase in word for word in words)
        self.shown += len(words)
        for word in words:
            plain = word.removeprefix("#")
            carried = [told for told in one.told if plain in normalised(told.text)]
            crisis = sum(told.text in one.crisis_texts for told in carried)
            self.clean += 2 * crisis > len(carried)

    def __str__(self) -> str:
        return (
            f"{self.surges:5d} surges  found {self.found / self.surges:6.1%}  phrase {self.phrases / self.surges:6.1%}"
            f"  clean {self.clean / max(self.shown, 1):6.1%} of {self.shown / self.surges:4.1f} terms"
        )


def planted(*, held_out: bool, seeds: int) -> None:
    for background in BACKGROUNDS:
        for language, talks in TALKS.items():
            sizes = {size: Tally() for size in SIZES}
            every = Tally()
            for crisis in range(len(talks[held_out].crises)):
                for size in SIZES:
                    for seed in range(seeds):
                        one = surge(
                            language,
                            held_out=held_out,
                            crisis=crisis,
                            mentions=size,
                            background=background,
                            seed=seed + 1000 * held_out,
                        )
                        words = [term.text for term in terms(one.told, learned(language, one.background))]
                        sizes[size].add(one, words)
                        every.add(one, words)
            smallest = "  ".join(f"{size}: {tally.found / tally.surges:.0%}" for size, tally in sizes.items())
            print(f"background {background:3d}  {language}  {every}  by size {smallest}")


def cost(seeds: int) -> None:
    """Milliseconds of processor for 200 distinct texts of about 150 characters, 50 without blanks."""
    for language in TALKS:
        taken = []
        for seed in range(seeds + 1):
            one = surge(language, held_out=True, crisis=0, mentions=4000, background=400, seed=seed)
            pairs = zip(one.told[0:400:2], one.told[1:400:2], strict=True)
            told = [Told(f"{a.text} {b.text}", language, a.mentions, a.negatives) for a, b in pairs]
            usual = learned(language, one.background)
            start = process_time()
            terms(told, usual, leave_out=("Acme", "acme corp", "アクメ"))
            taken.append(1000 * (process_time() - start))
        del taken[0]  # reads the lists
        taken.sort()
        p50, p95 = taken[len(taken) // 2], taken[int(0.95 * len(taken))]
        print(f"cost  {language}  200 texts: p50 {p50:.1f} ms, p95 {p95:.1f} ms")


@click.command(help=__doc__)
@click.option("--seeds", default=4, show_default=True)
@click.option("--tuning", is_flag=True, help="The crises, sentences and seeds on which constants were chosen.")
@click.option("--examples", is_flag=True, help="Print the terms of one surge per crisis.")
def main(seeds: int, *, tuning: bool, examples: bool) -> None:
    if examples:
        for language, talks in TALKS.items():
            for crisis in range(len(talks[not tuning].crises)):
                one = surge(language, held_out=not tuning, crisis=crisis, mentions=100, background=400, seed=1)
                print(one.phrase, "->", [(t.text, t.z) for t in terms(one.told, learned(language, one.background))])
        return
    planted(held_out=not tuning, seeds=seeds)
    cost(20)


if __name__ == "__main__":
    sys.exit(main())
