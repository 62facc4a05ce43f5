"""A critical crisis has people behind it: a few voices, and more of them than on any day; copies are no voices."""

from __future__ import annotations

import pytest

from pipeline.engine.episodes.voices import MIN_VOICES, NEVER_CRITICAL, Voices, enough_voices


def heard(
    negatives: float, *, usual: float, people: int, silent: float = 0, echoed: float = 0, counted: float | None = None
) -> Voices:
    """Voices where each negative counts in the score, unless it is said how many do."""
    each = negatives if counted is None else counted
    return Voices(negatives=negatives, counted=each, usual=usual, silent=silent, echoed=echoed, people=people)


@pytest.mark.parametrize(
    ("voices", "enough"),
    [
        (heard(4, usual=0.1, silent=3, echoed=3, people=1), False),  # one author, four copies
        (heard(9, usual=0.1, silent=8, people=9), False),  # one text of nine authors
        (heard(20, usual=0.1, people=2), False),  # two authors with much to say
        (heard(12, usual=0.1, people=12), True),
        (heard(56, usual=1, silent=55, people=16), False),  # one text of 56 authors
        (heard(1200, usual=6, silent=1199, people=16), False),  # a copied text of 1,200 authors
        (heard(1220, usual=6, silent=1199, people=16), False),  # the copies drive the score, and others speak
        (heard(1220, usual=6, silent=1199, counted=24, people=16), True),  # the others drive it
        (heard(540, usual=40, silent=490, echoed=499, people=16), False),  # a robot at a large brand
        (heard(540, usual=40, people=16), True),
    ],
)
def test_copies_are_not_enough(voices: Voices, enough: bool) -> None:
    assert enough_voices(voices) is enough


@pytest.mark.parametrize("copies", [0, 1, 30, 1000, 100_000])
@pytest.mark.parametrize("counts_each", [False, True])
def test_no_number_of_copies_makes_a_severity_of_too_few_voices(copies: int, counts_each: bool) -> None:
    """At either value of `detection.copies`; ten people are too few, however often one of them is copied."""
    negatives = 10 + copies
    counted = negatives if counts_each else 12
    assert not enough_voices(heard(negatives, usual=0, silent=copies, counted=counted, people=16))


def test_as_many_as_are_asked_for_are_enough() -> None:
    least = NEVER_CRITICAL + 1
    assert enough_voices(heard(least, usual=least - MIN_VOICES, people=MIN_VOICES))
    assert not enough_voices(heard(least, usual=6, people=MIN_VOICES))
    assert not enough_voices(heard(least, usual=0, people=MIN_VOICES - 1))


def test_ten_are_never_critical() -> None:
    assert not enough_voices(heard(10, usual=0, people=10))
