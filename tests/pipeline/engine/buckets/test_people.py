"""Distinct authors: exact while few, within their error beyond, the same whatever the order or the parts."""

from __future__ import annotations

import random
from collections.abc import Iterable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engine.buckets.ids import author_hash
from pipeline.engine.buckets.people import REGISTERS, SAMPLE, People


def seen(authors: Iterable[int]) -> People:
    people = People()
    for author in authors:
        people.see(author_hash(f"author-{author}"))
    return people


@given(st.lists(st.integers(0, SAMPLE - 1), max_size=300))
def test_a_few_are_counted_exactly(authors: list[int]) -> None:
    assert seen(authors).count() == len(set(authors))


@pytest.mark.parametrize("count", [65, 100, 178, 300, 1200, 20_000])
def test_many_are_estimated_within_13_per_cent(count: int) -> None:
    """Twice the standard error of 256 registers."""
    assert seen(range(count)).count() == pytest.approx(count, rel=0.13)


@given(st.lists(st.integers(0, 200), max_size=400), st.lists(st.integers(100, 300), max_size=400))
def test_parts_added_are_the_whole(one: list[int], other: list[int]) -> None:
    whole, added = seen([*one, *other]), seen(one)
    added.add(seen(other))
    assert added.count() == pytest.approx(whole.count(), rel=1e-9)
    assert len(added.sample) <= SAMPLE
    if added.registers and whole.registers:
        # Either sample is the authors with the smallest hashes, counted from their first mention.
        both = added.sample.keys() & whole.sample.keys()
        assert {author: added.sample[author] for author in both} == {author: whole.sample[author] for author in both}


@pytest.mark.parametrize(("people", "mentions"), [(1, 800), (7, 800), (60, 1600), (800, 800), (1500, 3000)])
def test_of_a_sample_the_authors_of_all_are_estimated(people: int, mentions: int) -> None:
    """One in eight is read; whoever wrote once among these stands for more of the kind."""
    read = [n % people for n in random.Random(1).sample(range(mentions), mentions // 8)]
    assert seen(read).estimate(mentions, mentions - len(read)) == pytest.approx(people, rel=0.35)


@given(st.lists(st.integers(0, 10**9), max_size=300), st.integers(0, 10_000))
def test_an_estimate_is_never_more_than_the_mentions_nor_less_than_was_seen(authors: list[int], unread: int) -> None:
    people = seen(authors)
    estimate = people.estimate(len(authors) + unread, unread)
    assert min(people.count(), len(authors)) <= estimate + 1e-9
    assert estimate <= len(authors) + unread


@given(st.lists(st.integers(0, 10**9), max_size=300))
def test_people_survive_their_encoding(authors: list[int]) -> None:
    people = seen(authors)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(people), type=People) == people
    assert len(people.registers) in {0, REGISTERS}


def test_registers_of_older_states_are_joined_with_new_ones() -> None:
    """64 registers: what has more is folded."""
    old = People(registers=bytearray(64), below=-1)
    for author in range(300):
        old.see(author_hash(f"author-{author}"))
    old.add(seen(range(200, 500)))
    assert len(old.registers) == 64
    assert old.count() == pytest.approx(500, rel=0.3)
