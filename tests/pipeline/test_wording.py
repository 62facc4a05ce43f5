"""Things are counted in the words that people use."""

from __future__ import annotations

import pytest

from pipeline.wording import counted


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0, "0 alerts"), (1, "1 alert"), (1.0, "1 alert"), (2, "2 alerts"), (12345, "12,345 alerts"), (0.4, "0.4 alerts")],
)
def test_one_thing_is_one_and_all_other_numbers_are_many(number, shown):
    assert counted(number, "alert") == shown


def test_a_plural_may_be_another_word():
    assert [counted(number, "crisis", "crises") for number in (1, 2)] == ["1 crisis", "2 crises"]
