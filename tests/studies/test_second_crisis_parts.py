"""Second crises with and without a first one."""

from __future__ import annotations

import pytest

from studies import second_crisis_parts
from studies.second_crisis_parts import PARTS, lost_by_part


def test_what_all_parts_together_make_up_for_is_all_that_a_first_crisis_cost(monkeypatch):
    monkeypatch.setattr(second_crisis_parts, "WARM_UP_DAYS", 8)
    whole = {name for names in PARTS.values() for name in names}
    monkeypatch.setattr(
        second_crisis_parts,
        "PARTS",
        {"all": (*whole, "peak", "credit", "strange_first", "strange_last", "last_extreme", "calm", "set_aside")},
    )
    (row,) = lost_by_part("rough", "weak", 4, brands=60, seed=3, parts=("all",), sizes=("S",))
    assert row.crises == 40
    assert 0 < row.lost <= row.without
    assert row.after >= row.without - row.lost
    assert row.mended["all"] == row.lost


def test_crises_too_close_for_counts_of_their_own_are_refused():
    with pytest.raises(ValueError, match="at least 2 days"):
        lost_by_part("rough", "weak", 1, brands=3, seed=3)
