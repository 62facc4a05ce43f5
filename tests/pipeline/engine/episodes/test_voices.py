"""A critical crisis has people behind it: a few voices, and more of them than on any day."""

from __future__ import annotations

import pytest

from pipeline.engine.episodes.voices import MIN_VOICES, NEVER_CRITICAL, Voices, enough_voices


@pytest.mark.parametrize(
    ("voices", "enough"),
    [
        (Voices(negatives=4, usual=0.1, silent=1, echoed=3, people=1), False),  # one author, four copies
        (Voices(negatives=9, usual=0.1, silent=4.8, echoed=0, people=9), False),  # one text of nine authors
        (Voices(negatives=20, usual=0.1, silent=0, echoed=0, people=2), False),  # two authors with much to say
        (Voices(negatives=12, usual=0.1, silent=0, echoed=0, people=12), True),
        (Voices(negatives=56, usual=1, silent=53, echoed=0, people=16), True),  # one text of 56 authors
        (Voices(negatives=1200, usual=6, silent=1189, echoed=0, people=16), True),  # a copied text of 1,200 authors
        (Voices(negatives=540, usual=40, silent=490, echoed=499, people=16), False),  # a robot at a large brand
        (Voices(negatives=540, usual=40, silent=0, echoed=0, people=16), True),
    ],
)
def test_copies_of_few_authors_are_not_enough(voices: Voices, enough: bool) -> None:
    assert enough_voices(voices) is enough


def test_as_many_as_are_asked_for_are_enough() -> None:
    least = NEVER_CRITICAL + 1
    assert enough_voices(Voices(negatives=least, usual=least - MIN_VOICES, silent=0, echoed=0, people=MIN_VOICES))
    assert not enough_voices(Voices(negatives=least, usual=6, silent=0, echoed=0, people=MIN_VOICES))
    assert not enough_voices(Voices(negatives=least, usual=0, silent=0, echoed=0, people=MIN_VOICES - 1))


def test_ten_are_never_critical() -> None:
    assert not enough_voices(Voices(negatives=10, usual=0, silent=0, echoed=0, people=10))
