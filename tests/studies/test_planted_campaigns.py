"""A planted campaign opens nothing by default, as many people do, and no copies make a crisis critical."""

from __future__ import annotations

import random

import pytest

from studies.planted_campaigns import KINDS, Copies, Found, Town, campaign, own_text, table

SECOND = 1 / 60
"""In minutes."""


@pytest.fixture(scope="module")
def towns() -> dict[Copies, Town]:
    """Brands with forty mentions a day."""
    return {copies: Town("S", 6, 5, copies, seed=7) for copies in ("count", "story")}


def test_nine_identical_complaints_within_a_second_open_no_crisis(towns: dict[Copies, Town]) -> None:
    assert towns["story"].plant("exact", 9, SECOND) == Found(6, opened=0, critical=0)
    assert towns["count"].plant("exact", 9, SECOND) == Found(6, opened=6, critical=0)


@pytest.mark.parametrize("kind", ["people", "reposts", "marked"])
def test_nine_different_people_weigh_as_much_as_where_each_mention_counts(kind, towns: dict[Copies, Town]) -> None:
    """Complaints of their own, or reposts that name their post or say what they are."""
    found = [town.plant(kind, 9, SECOND) for town in towns.values()]
    assert found[0] == found[1]
    assert found[0].opened == 6


@pytest.mark.parametrize("copies", ["count", "story"])
@pytest.mark.parametrize("kind", ["exact", "address"])
def test_copies_lift_no_severity_however_many(kind, copies: Copies, towns: dict[Copies, Town]) -> None:
    assert towns[copies].plant(kind, 300, 10).critical == 0


def test_thirty_people_are_critical_with_copies_or_without(towns: dict[Copies, Town]) -> None:
    assert towns["story"].plant("people", 30, 10).critical == 6


def test_the_table_has_every_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studies.planted_campaigns.RATES", {"S": 2.0})
    monkeypatch.setattr("studies.planted_campaigns.MINUTES", (10,))
    rows = list(table(1, 3, seed=1, counts=(10,)))
    assert [row[2] for row in rows] == 2 * list(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_campaign_has_as_many_mentions_as_accounts(kind) -> None:
    said = campaign(kind, 12, 60.0, "acme", 0.0, random.Random(1))
    assert len({value for _, _, value in said}) == (0 if kind == "none" else 12)
    assert all(0.0 <= at <= 60.0 for at, _, _ in said)
    assert own_text(random.Random(1)) != own_text(random.Random(2))
